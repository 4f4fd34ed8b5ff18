"""Evidence and diagnosis of the demo applications over the sandbox's API server."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner

from bot.commands.diagnose import diagnose as command
from bot.domain.evidence import EvidenceStatus, ProgressItem, ProgressState
from bot.domain.incident import Incident
from bot.ports.evidence import EvidenceSource
from bot.settings import KubernetesSettings
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.evidence import KubernetesEvidence
from integrations.kubernetes.reading import CHECKLIST
from sandbox.kubernetes.client import ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from sandbox.scenarios.applications import APPLICATIONS, NAMESPACE, break_application, install
from tests.integrations.kubernetes.test_resolve import incident

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(slots=True)
class World:
    server: KubernetesServer
    kubeconfig: Path
    settings: KubernetesSettings
    client: KubernetesClient
    source: KubernetesEvidence


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    server = await KubernetesServer(speed=25).start()
    path = server.write_kubeconfig(tmp_path_factory.mktemp("cluster") / "config")
    async with ClusterClient(server.url, server.admin_token, server.certificate_authority) as cluster:
        await install(cluster)
        for name in APPLICATIONS:
            await break_application(cluster, name)
    settings = KubernetesSettings(K8S_CONFIG_PATH=path, K8S_NAMESPACE=NAMESPACE)
    client = await KubernetesClient.connect(settings)
    yield World(server, path, settings, client, KubernetesEvidence(client, settings))
    await client.close()
    await server.stop()


async def about(world: World, name: str) -> Incident:
    alert = incident(f"{name} fails", labels={"namespace": NAMESPACE, "deployment": name})
    resolution = await world.source.resolve(alert)
    return alert.model_copy(update={"target": resolution.target})


@pytest.mark.parametrize("name", list(APPLICATIONS))
async def test_every_demo_application_is_diagnosed(world: World, name: str) -> None:
    expected = APPLICATIONS[name].expected
    items: list[ProgressItem] = []
    gathered = await world.source.gather(await about(world, name), items.append)
    assert gathered.diagnosis is not None
    found = [item for item in gathered.diagnosis.findings if item.root]
    if not expected.key:
        assert gathered.diagnosis.healthy, found
        return
    kind, _, object_name = expected.entity.partition("/")
    assert [(item.key, item.entity) for item in found] == [(expected.key, f"{kind}/{NAMESPACE}/{object_name}")]
    offered = [item.action for item in found[0].actions]
    assert offered[: len(expected.actions)] == list(expected.actions)


async def test_the_checklist_goes_through_its_states(world: World) -> None:
    items: list[ProgressItem] = []
    gathered = await world.source.gather(await about(world, "payment-service"), items.append)
    for spec in CHECKLIST:
        states = [item.state for item in items if item.key == f"kubernetes.{spec.key}"]
        assert states[:2] == [ProgressState.WAITING, ProgressState.RUNNING]
        assert len(states) == 3
    assert [item.id for item in gathered.evidence] == [f"E{n + 1}" for n in range(len(CHECKLIST))]
    logs = next(item for item in gathered.evidence if item.label == "Logs")
    assert logs.status is EvidenceStatus.OK
    assert any("No such file" in quote for quote in logs.quotes)
    pods = next(item for item in gathered.evidence if item.label == "Pods")
    assert {item["metadata"]["labels"]["app"] for item in pods.payload["items"]} == {"payment-service"}


async def test_a_service_name_alone_is_enough(world: World) -> None:
    resolution = await world.source.resolve(incident("Alert", service="Payment Service"))
    assert str(resolution.target) == f"Deployment/{NAMESPACE}/payment-service"
    unknown = await world.source.resolve(incident("DNS failures", service="Edge"))
    assert unknown.target is None


async def test_an_alert_about_a_node_is_answered_with_what_runs_on_it(world: World) -> None:
    node = next(item["metadata"]["name"] for item in await world.client.list("Node", None))
    alert = incident("KubeNodeNotReady", labels={"node": node, "pod": "kube-state-metrics-0"})
    resolution = await world.source.resolve(alert)
    assert str(resolution.target) == f"Node/{node}"
    gathered = await world.source.gather(alert.model_copy(update={"target": resolution.target}), lambda _: None)
    assert EvidenceStatus.ERROR not in {item.status for item in gathered.evidence}
    gone = await world.source.resolve(incident("KubeNodeNotReady", labels={"node": "retired-17"}))
    assert gone.target is None


async def test_a_source_that_is_refused_is_evidence_and_not_the_end(world: World, tmp_path: Path) -> None:
    token = world.server.token_for(NAMESPACE, "default")
    settings = world.settings.model_copy(
        update={"config_path": world.server.write_kubeconfig(tmp_path / "config", token)}
    )
    client = await KubernetesClient.connect(settings)
    source = KubernetesEvidence(client, settings)
    gathered = await source.gather(await about(world, "payment-service"), lambda _: None)
    await client.close()
    assert EvidenceStatus.ERROR in {item.status for item in gathered.evidence}
    assert "forbidden" in next(item.detail for item in gathered.evidence if item.label == "Pods").lower()
    assert gathered.diagnosis is not None
    assert not gathered.diagnosis.healthy


async def test_a_cluster_that_is_away_still_gives_an_answer(world: World) -> None:
    target = await about(world, "payment-service")
    away = await KubernetesServer(speed=25).start()
    settings = world.settings.model_copy(update={"config_path": away.write_kubeconfig(world.kubeconfig.with_name("x"))})
    await away.stop()
    client = await KubernetesClient.connect(settings)
    gathered = await KubernetesEvidence(client, settings).gather(target, lambda _: None)
    await client.close()
    pods = next(item for item in gathered.evidence if item.label == "Pods")
    assert pods.status is EvidenceStatus.ERROR


async def test_an_incident_without_target_says_so(world: World) -> None:
    gathered = await world.source.gather(incident(), lambda _: None)
    assert [item.status for item in gathered.evidence] == [EvidenceStatus.NO_DATA]


async def test_tools_are_bounded_and_never_raise(world: World) -> None:
    target = await about(world, "broken-database")
    gathered = await world.source.gather(target, lambda _: None)
    source: EvidenceSource = world.source
    tools = {tool.name: tool for tool in source.tools(target, gathered)}
    listed = await tools["list_evidence"].call({})
    assert listed[0]["id"] == "E1"
    assert (await tools["get_evidence"].call({"id": "E1"}))["label"] == "Workload"
    assert "error" in await tools["get_evidence"].call({"id": "E99"})
    pods = await tools["list_objects"].call({"kind": "pods"})
    name = next(item["name"] for item in pods if item["name"].startswith("broken-database"))
    logs = await tools["get_logs"].call({"pod": name, "container": "broken-database", "previous": True, "grep": "must"})
    assert any("POSTGRES_PASSWORD" in line for line in logs["lines"])
    assert [item["reason"] for item in await tools["get_events"].call({"kind": "Pod", "name": name})]
    history = await tools["rollout_history"].call({"name": "broken-database"})
    assert [item["revision"] for item in history] == [1, 2]
    changed = await tools["compare_revisions"].call({"name": "broken-database", "a": 1, "b": 2})
    assert "removed the variable POSTGRES_PASSWORD from broken-database" in changed["changes"]
    for arguments in ({"kind": "Secret", "name": "database-credentials"}, {"kind": "Namespace", "name": "kube-system"},
                      {"kind": "Pod", "name": "none"}, {"kind": "Pod"}, {"kind": 3, "name": "x"},
                      {"kind": "Pod", "name": "x", "namespace": "kube-system"}):  # fmt: skip
        assert "error" in await tools["get_object"].call(arguments)
    assert "kind" in await tools["get_object"].call({"kind": "Deployment", "name": "broken-database"})


async def test_two_waves_of_reads_cost_two_waves_of_latency(world: World) -> None:
    target = await about(world, "payment-service")
    await world.source.gather(target, lambda _: None)  # connections are open from here on
    world.server.faults.latency = 0.5
    try:
        started = time.perf_counter()
        await world.source.gather(target, lambda _: None)
        elapsed = time.perf_counter() - started
    finally:
        world.server.faults.latency = 0.0
    assert elapsed < 1.5 * 2 * 0.5


async def test_the_command_prints_and_exits_as_documented(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_CONFIG_PATH", str(world.kubeconfig))

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, command, list(arguments))
        return result.exit_code, result.output

    code, text = await run("-n", NAMESPACE)
    assert code == 1
    assert "crash.missing_config_file" in text
    code, text = await run("-n", NAMESPACE, "deployment/healthy-app")
    assert (code, text.strip().splitlines()[-1]) == (0, "Nothing is wrong.")
    code, text = await run("-n", NAMESPACE, "-o", "json", "svc/orphan-service")
    assert code == 1
    assert '"key": "svc.selector"' in text
    code, text = await run("-n", NAMESPACE, "deployment/nonsense")
    assert code == 2
    assert "not found" in text
