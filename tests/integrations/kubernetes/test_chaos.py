"""Chaos against an API server with live controllers: each failure shows, and only chaos's own things go."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.commands.chaos import chaos, describe_context
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput, NotFound
from bot.settings import KubernetesSettings
from integrations.kubernetes.chaos import Chaos, looks_like_production
from integrations.kubernetes.chaos_workloads import FAILURES, LABEL, Failure, workloads
from integrations.kubernetes.client import KubernetesClient
from sandbox.kubernetes.server import KubernetesServer

NAMESPACE = "oncall-chaos"
SHOWS = {
    "pod-crash": "CrashLoopBackOff, last exit code 1",
    "image-pull": "Image",
    "oom": "OOMKilled, exit code 137",
    "failed-deployment": "ProgressDeadlineExceeded",
    "unavailable-service": "no endpoints, although a pod is ready",
}


@pytest.fixture
async def server() -> AsyncIterator[KubernetesServer]:
    started = await KubernetesServer(speed=40, tls=False).start()
    yield started
    await started.stop()


@pytest.fixture
def kubeconfig(server: KubernetesServer, tmp_path: Path) -> Path:
    return server.write_kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
async def client(kubeconfig: Path) -> AsyncIterator[KubernetesClient]:
    connected = await KubernetesClient.connect(KubernetesSettings(K8S_CONFIG_PATH=kubeconfig))
    yield connected
    await connected.close()


async def wait_gone(client: KubernetesClient, namespace: str = NAMESPACE) -> None:
    async with asyncio.timeout(10):
        try:
            while True:
                await client.get(ObjectRef(kind="Namespace", name=namespace))
                await asyncio.sleep(0.05)
        except NotFound:
            return


async def test_every_failure_shows_and_everything_is_cleaned_up(client: KubernetesClient) -> None:
    breaker = Chaos(client, poll_seconds=0.05)
    await breaker.prepare()
    await breaker.prepare()
    broken = [await breaker.break_one(failure, 15) for failure in FAILURES]
    seen = {item.failure.name: await breaker.wait_until_visible(item, 15) for item in broken}
    assert set(seen) == set(SHOWS)
    for name, expected in SHOWS.items():
        assert expected in seen[name]
    cleaned = await breaker.clean()
    assert cleaned.namespace_deleted
    assert len(cleaned.deleted) == 6
    await wait_gone(client)
    assert (await breaker.clean()).deleted == ()


@pytest.mark.parametrize("namespace", ["default", "kube-system", "demo"])
async def test_a_namespace_of_others_is_refused(client: KubernetesClient, namespace: str) -> None:
    breaker = Chaos(client, namespace)
    for work in (breaker.prepare, breaker.clean):
        with pytest.raises(InvalidInput, match=f"namespace {namespace} was not created by chaos"):
            await work()
    assert await client.list("Deployment", namespace, label_selector=f"{LABEL}=true") == []


async def test_what_others_put_into_the_namespace_stays(client: KubernetesClient) -> None:
    breaker = Chaos(client, poll_seconds=0.05)
    await breaker.prepare()
    await breaker.break_one(FAILURES[0], 15)
    await client.create("ConfigMap", NAMESPACE, {"metadata": {"name": "notes"}, "data": {"a": "b"}})
    cleaned = await breaker.clean()
    assert not cleaned.namespace_deleted
    assert cleaned.left == ("configmap/notes",)
    assert await client.get(ObjectRef(kind="ConfigMap", namespace=NAMESPACE, name="notes"))
    assert await client.list("Deployment", NAMESPACE) == []


async def test_a_failure_that_does_not_show_is_said_so(client: KubernetesClient) -> None:
    breaker = Chaos(client, poll_seconds=0.05)
    await breaker.prepare()
    broken = await breaker.break_one(FAILURES[0], 15)
    await client.delete(ObjectRef(kind="Deployment", namespace=NAMESPACE, name=broken.name))

    async def no_pods() -> bool:
        return not await client.list("Pod", NAMESPACE)

    async with asyncio.timeout(10):
        while not await no_pods():  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.05)
    assert await breaker.wait_until_visible(broken, 0.2) == ""


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_everything_is_labelled_small_and_from_public_images(failure: Failure) -> None:
    for body in workloads(failure, "x"):
        assert body["metadata"]["labels"][LABEL] == "true"
        assert "created-by" in str(body["metadata"]["annotations"])
        for container in body["spec"].get("template", {}).get("spec", {}).get("containers", []):
            assert container["image"].split(":")[0] in {"nginx", "busybox"}
            assert container["resources"]["limits"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prod-eu", True),
        ("gke_shop_production", True),
        ("https://k8s.live.example.com", True),
        ("PRD", True),
        ("product-dev", False),
        ("kind-oncall", False),
        ("delivery", False),
    ],
)
def test_names_of_production(name: str, expected: bool) -> None:
    assert looks_like_production("other", name) is expected


async def run(*arguments: str, **options: Any) -> Result:
    """Run the command in a thread: it has an event loop of its own, and the server needs this one."""
    return await asyncio.to_thread(CliRunner().invoke, chaos, list(arguments), **options)


async def test_the_command_breaks_prints_and_cleans(client: KubernetesClient, kubeconfig: Path) -> None:
    result = await run("5", "--kubeconfig", str(kubeconfig), "--yes", "--timeout", "20")
    assert result.exit_code == 0, result.output
    assert "Context sandbox (http://127.0.0.1" in result.output
    assert "5 unavailable-service" in result.output
    assert "no endpoints" in result.output
    result = await run("clean", "--kubeconfig", str(kubeconfig), "--yes")
    assert result.exit_code == 0, result.output
    assert "service/chaos-unavailable-service-" in result.output
    await wait_gone(client)


async def test_the_loop_ends_after_its_count_and_cleans_up(client: KubernetesClient, kubeconfig: Path) -> None:
    result = await run("loop", "--count", "2", "--interval", "0.1", "--kubeconfig", str(kubeconfig), "--yes")
    assert result.exit_code == 0, result.output
    assert "The namespace oncall-chaos is being deleted." in result.output
    await wait_gone(client)


def _hear_control_c() -> None:
    # A shell starts what runs in its background deaf to SIGINT, and this test's run may be such a thing.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def test_control_c_ends_the_loop_and_cleans_up(client: KubernetesClient, kubeconfig: Path) -> None:
    words = ["-m", "bot", "chaos", "loop", "--interval", "60", "--kubeconfig", str(kubeconfig), "--yes"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        preexec_fn=_hear_control_c,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            before = ""
            while "└" not in before:  # the table's last line: something is broken and the loop sleeps
                line = await process.stdout.readline()
                assert line, before
                before += line.decode()
            process.send_signal(signal.SIGINT)
            after = (await process.stdout.read()).decode()
            assert await process.wait() == 0, after
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "The namespace oncall-chaos is being deleted." in after
    await wait_gone(client)


async def test_nothing_happens_without_a_yes(client: KubernetesClient, kubeconfig: Path) -> None:
    result = await run("all", "--kubeconfig", str(kubeconfig), input="n\n")
    assert result.exit_code == 1
    assert "Break things there?" in result.output
    with pytest.raises(NotFound):
        await client.get(ObjectRef(kind="Namespace", name=NAMESPACE))


async def test_production_is_refused_even_with_a_yes(client: KubernetesClient, kubeconfig: Path) -> None:
    renamed = await asyncio.to_thread(kubeconfig.read_text)
    await asyncio.to_thread(kubeconfig.write_text, renamed.replace("sandbox", "prod-eu"))
    result = await run("1", "--kubeconfig", str(kubeconfig), "--yes")
    assert isinstance(result.exception, InvalidInput)
    assert "looks like production" in result.exception.message
    with pytest.raises(NotFound):
        await client.get(ObjectRef(kind="Namespace", name=NAMESPACE))


def test_the_context_that_is_shown_is_the_one_that_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config"
    path.write_text(
        "current-context: a\n"
        "contexts: [{name: a, context: {cluster: one}}, {name: b, context: {cluster: two}}]\n"
        "clusters: [{name: one, cluster: {server: 'https://one'}}, {name: two, cluster: {server: 'https://two'}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert describe_context(KubernetesSettings()) == ("a", "https://one")
    assert describe_context(KubernetesSettings(K8S_CONTEXT="b")) == ("b", "https://two")
    assert describe_context(KubernetesSettings(K8S_CONFIG_PATH=tmp_path / "none")) == ("(unknown)", "")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert describe_context(KubernetesSettings()) == ("(of the pod's own cluster)", "https://10.0.0.1")
