"""All actions against an API server with live controllers: rehearsed, carried out, verified, undone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.domain.action import ActionRequest
from bot.domain.entity import ObjectRef
from bot.errors import AuthenticationFailed, Conflict, InvalidInput
from bot.settings import KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from integrations.kubernetes.actions.contract import ACTION_ID
from integrations.kubernetes.client import MERGE_PATCH, STRATEGIC_MERGE_PATCH
from sandbox.kubernetes.client import ClusterClient
from tests.integrations.kubernetes.actions.live_cluster import CLUSTERS, SETTINGS, Live, deployment, live_shop

WEB = "Deployment/shop/web"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_shop(tmp_path) as shop:
        yield shop


@pytest.fixture(params=CLUSTERS)
async def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Live]:
    async with live_shop(tmp_path, cluster=request.param) as shop:
        yield shop


def ignore(line: str) -> None:
    """A report that nobody reads."""


def ask(action: str, params: dict[str, Any], target: str = WEB) -> ActionRequest:
    return ActionRequest(action=action, target=ObjectRef.parse(target), params=params)


CASES: list[tuple[ActionRequest, str]] = [
    (ask("scale", {"replicas": 3}), "replicas: 3"),
    (ask("scale", {"replicas": 0}), "replicas: 0"),
    (ask("set_image", {"container": "app", "image": "nginx:1.27-alpine"}), "image: nginx:1.27-alpine"),
    (ask("set_env", {"container": "app", "name": "MODE", "value": "fast"}), "value: fast"),
    (ask("set_env", {"container": "app", "name": "EMPTY", "value": ""}), "- name: EMPTY"),
    (
        ask(
            "set_env",
            {
                "container": "app",
                "name": "CONFIGURED",
                "value_from": {"source": "configmap", "name": "web-config", "key": "mode"},
            },
        ),
        "configMapKeyRef",
    ),
    (
        ask(
            "set_resources",
            {"container": "app", "limits": {"memory": "256Mi"}, "remove": ["requests.cpu"]},
        ),
        "memory: 256Mi",
    ),
    (ask("set_resources", {"container": "app", "limits": {"ephemeral-storage": "1Gi"}}), "ephemeral-storage: 1Gi"),
    (
        ask(
            "patch_service",
            {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "target_port": "http"}]},
            "Service/shop/web",
        ),
        "targetPort: http",
    ),
    (ask("set_probe", {"container": "app", "probe": "readiness", "port": "http", "path": "/"}), "readinessProbe:"),
    (ask("set_probe", {"container": "app", "probe": "liveness", "port": 80, "period_seconds": 5}), "tcpSocket:"),
    (ask("patch_configmap", {"key": "app.conf", "value": "a: 1\nb: 2\n"}, "ConfigMap/shop/web-config"), "app.conf: |"),
]


@pytest.mark.parametrize(("asked", "shown_line"), CASES, ids=lambda value: getattr(value, "action", None))
async def test_done_verified_and_undone(anywhere: Live, asked: ActionRequest, shown_line: str) -> None:
    live, asked = anywhere, anywhere.at(asked)
    before = await live.spec(str(asked.target))
    shown, applied, verification = await live.carry_out(asked, "ACT-1")
    added = [line[1:] for line in shown.diff.splitlines() if line.startswith("+")]
    assert any(shown_line in line for line in added)
    assert verification.passed, verification.summary
    assert verification.checks
    assert await live.spec(str(asked.target)) != before
    again = await live.remediator.apply(asked, shown, "ACT-1")
    assert (again.already_done, again.undo) == (True, applied.undo)
    assert applied.undo is not None
    _, undone, verification = await live.carry_out(applied.undo, "ACT-2")
    assert not undone.already_done
    assert verification.passed, verification.summary
    assert await live.spec(str(asked.target)) == before


async def test_a_restart_replaces_every_pod(anywhere: Live) -> None:
    live, namespace = anywhere, anywhere.namespace
    old = {pod["metadata"]["uid"] for pod in await live.client.list("Pod", namespace)}
    _, applied, verification = await live.carry_out(live.at(ask("rollout_restart", {})), "ACT-1")
    assert applied.undo is None
    assert verification.passed, verification.summary
    running = [pod for pod in await live.client.list("Pod", namespace) if not pod["metadata"].get("deletionTimestamp")]
    assert len(running) == 2
    assert not old & {pod["metadata"]["uid"] for pod in running}


async def test_a_crashing_revision_is_rolled_back_and_back_again(live: Live) -> None:
    crash = {"name": "app", "image": "busybox:1.36", "command": ["sh", "-c", "echo no; exit 1"]}
    patch = {"spec": {"template": {"spec": {"containers": [crash]}}}}
    await live.client.patch(ObjectRef.parse(WEB), patch, content_type=STRATEGIC_MERGE_PATCH)

    async def crashing() -> bool:
        pods = await live.client.list("Pod", "shop", label_selector="app=web")
        statuses = [status for pod in pods for status in (pod.get("status") or {}).get("containerStatuses") or []]
        return any(status.get("restartCount", 0) > 0 for status in statuses)

    await live.until(crashing)
    shown, applied, verification = await live.carry_out(ask("rollback", {"to_revision": 1}), "ACT-1")
    removed = [line[1:].strip() for line in shown.diff.splitlines() if line.startswith("-")]
    assert "- echo no; exit 1" in removed
    assert verification.passed, verification.summary
    assert applied.undo is not None
    assert applied.undo.params == {"to_revision": 2}
    undone = await live.remediator.apply(applied.undo, await live.remediator.preview(applied.undo), "ACT-2")
    container = (await live.get(WEB))["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "busybox:1.36"
    impatient = KubernetesSettings(**{**SETTINGS, "K8S_VERIFY_TIMEOUT_SECONDS": 0.5})
    failed = await KubernetesRemediator(live.client, impatient, poll_seconds=0.05).verify(applied.undo, undone, ignore)
    assert not failed.passed
    assert "not well" in failed.summary
    assert any(not check.passed for check in failed.checks)


@pytest.mark.parametrize("action", ["delete_pod", "evict"])
async def test_a_pod_is_replaced(anywhere: Live, action: str) -> None:
    live, namespace = anywhere, anywhere.namespace
    victim = (await live.client.list("Pod", namespace, label_selector="app=web"))[0]["metadata"]
    asked = live.at(ask(action, {}, f"Pod/shop/{victim['name']}"))
    shown, applied, verification = await live.carry_out(asked, "ACT-1")
    assert verification.passed, verification.summary
    assert "1 of 2 pods of ReplicaSet" in shown.blast_radius
    assert applied.undo is None
    pods = await live.client.list("Pod", namespace, label_selector="app=web")
    assert victim["uid"] not in {pod["metadata"]["uid"] for pod in pods}
    again = await live.remediator.apply(asked, shown, "ACT-1")
    assert again.already_done


async def test_a_deployment_whose_status_never_rests_is_still_written(live: Live) -> None:
    asked = live.remediator.validate(ask("set_env", {"container": "app", "name": "MODE", "value": "fast"}))
    shown = await live.remediator.preview(asked)
    for number in range(3):
        note = {"metadata": {"annotations": {"note": str(number)}}}
        await live.client.patch(asked.target, note, content_type=MERGE_PATCH)
    moved = await live.get(WEB)
    assert moved["metadata"]["resourceVersion"] != shown.precondition["resourceVersion"]
    applied = await live.remediator.apply(asked, shown, "ACT-1")
    assert not applied.already_done
    assert (await live.get(WEB))["metadata"]["annotations"][ACTION_ID] == "ACT-1"


async def test_two_appliers_at_the_same_time_have_one_effect(live: Live) -> None:
    asked = live.remediator.validate(ask("rollout_restart", {}))
    shown = await live.remediator.preview(asked)
    before = (await live.get(WEB))["metadata"]["generation"]
    both = await asyncio.gather(*(live.remediator.apply(asked, shown, "ACT-1") for _ in range(2)))
    assert sorted(applied.already_done for applied in both) == [False, True]
    assert (await live.get(WEB))["metadata"]["generation"] == before + 1


async def test_what_was_changed_or_created_again_is_a_conflict(live: Live) -> None:
    asked = live.remediator.validate(ask("set_image", {"container": "app", "image": "nginx:1.27-alpine"}))
    shown = await live.remediator.preview(asked)
    await live.client.patch(asked.target, {"spec": {"replicas": 3}}, content_type=MERGE_PATCH)
    with pytest.raises(Conflict, match="specification"):
        await live.remediator.apply(asked, shown, "ACT-1")
    await live.client.delete(asked.target)

    async def gone() -> bool:
        return not await live.client.list("Deployment", "shop")

    await live.until(gone)
    await live.client.create("Deployment", "shop", deployment("web"))
    with pytest.raises(Conflict, match="created again"):
        await live.remediator.apply(asked, shown, "ACT-1")


async def test_refusals_of_the_server_are_sentences(live: Live) -> None:
    metadata = {"name": "web", "namespace": "shop"}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 4}
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
    await live.client.create("HorizontalPodAutoscaler", "shop", body)
    with pytest.raises(InvalidInput, match="HorizontalPodAutoscaler web sets the replicas"):
        await live.remediator.preview(ask("scale", {"replicas": 3}))
    config = ObjectRef.parse("ConfigMap/shop/web-config")
    await live.client.patch(config, {"immutable": True}, content_type=MERGE_PATCH)
    with pytest.raises(InvalidInput, match="immutable"):
        await live.remediator.preview(ask("patch_configmap", {"key": "a", "value": "b"}, str(config)))


async def test_the_roles_of_deploy_rbac_suffice_and_bound_what_can_be_done(live: Live) -> None:
    rbac = Path(__file__).parents[4] / "deploy" / "rbac"
    plurals = {
        "Namespace": "/api/v1/namespaces",
        "ServiceAccount": "/api/v1/namespaces/oncall-agent/serviceaccounts",
        "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    }
    async with ClusterClient(live.server.url, live.server.admin_token) as admin:

        async def install(name: str) -> None:
            for document in yaml.safe_load_all((rbac / name).read_text()):
                await admin.request("POST", plurals[document["kind"]], document)

        for name in ("service-account.yaml", "reader.yaml"):
            await install(name)
        client = await live.connect(live.server.token_for("oncall-agent", "oncall-agent"))
        try:
            settings = KubernetesSettings(**SETTINGS)
            remediator = KubernetesRemediator(client, settings, poll_seconds=0.05)
            reader = KubernetesRemediator(client, KubernetesSettings())
            scale, restart = ask("scale", {"replicas": 3}), ask("rollout_restart", {})
            for asked in (scale, restart):
                shown = await reader.preview(asked)
                assert any("did not rehearse" in warning for warning in shown.warnings)
                assert shown.diff
            with pytest.raises(AuthenticationFailed):
                await remediator.preview(scale)
            await install("actions-reversible.yaml")
            shown = await remediator.preview(scale)
            verification = await remediator.verify(scale, await remediator.apply(scale, shown, "ACT-1"), ignore)
            assert verification.passed, verification.summary
            with pytest.raises(AuthenticationFailed):
                await remediator.preview(restart)
            await install("actions-disruptive.yaml")
            shown = await remediator.preview(restart)
            verification = await remediator.verify(restart, await remediator.apply(restart, shown, "ACT-2"), ignore)
            assert verification.passed, verification.summary
        finally:
            await client.close()
