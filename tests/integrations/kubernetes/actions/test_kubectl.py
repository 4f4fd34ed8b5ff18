"""The command that people are shown does what the action does: a real kubectl runs it."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.action import ActionRequest
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput, NotFound
from tests.integrations.kubernetes.actions.live_cluster import Live, live_shop
from tests.integrations.kubernetes.actions.test_least_permissions import prepare
from tests.integrations.kubernetes.actions.test_live import CASES, WEB, ask
from tests.integrations.kubernetes.actions.test_live_batch import repair

pytestmark = pytest.mark.kubectl
PLACES = ("/usr/lib/google-cloud-sdk/bin/kubectl.1.32", "/usr/local/bin/kubectl", "/usr/bin/kubectl")


@pytest.fixture(scope="module")
def kubectl() -> str:
    """A real kubectl; some machines have a dispatcher in its place, with a version string of its own."""
    for place in (*PLACES, shutil.which("kubectl") or ""):
        if place and Path(place).exists():
            found = subprocess.run([place, "version", "--client"], capture_output=True, text=True, check=False)
            if "Client Version: v1.3" in found.stdout and "dispatcher" not in found.stdout:
                return place
    pytest.skip("no real kubectl 1.30 or later on this machine")


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    # kubectl sends its token over TLS only.
    async with live_shop(tmp_path, tls=True) as shop:
        yield shop


async def paste(live: Live, kubectl: str, command: str) -> None:
    """Run a command line in a shell, as a person would."""
    environment = {"KUBECONFIG": str(live.folder / "kubeconfig"), "HOME": str(live.folder), "PATH": "/usr/bin:/bin"}
    line = re.sub(r"(^|\| )kubectl ", rf"\1{kubectl} ", command)
    process = await asyncio.create_subprocess_shell(
        line, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, f"{line}\n{output.decode()}"


@pytest.mark.parametrize("asked", [asked for asked, _ in CASES], ids=lambda asked: asked.action)
async def test_the_command_reaches_the_state_of_the_action(live: Live, kubectl: str, asked: ActionRequest) -> None:
    shown = await live.remediator.preview(asked)
    await paste(live, kubectl, shown.command)
    with pytest.raises(InvalidInput, match=r"is already as|is not overwritten"):
        await live.remediator.preview(asked)


async def test_the_commands_that_restart(live: Live, kubectl: str) -> None:
    before = (await live.get(WEB))["metadata"]["generation"]
    await paste(live, kubectl, (await live.remediator.preview(ask("rollout_restart", {}))).command)
    assert (await live.get(WEB))["metadata"]["generation"] == before + 1
    await live.available("web")
    await paste(live, kubectl, (await live.remediator.preview(ask("rollback", {"to_revision": 1}))).command)
    assert "annotations" not in (await live.get(WEB))["spec"]["template"]["metadata"]
    await live.available("web")
    running = await live.client.list("Pod", "shop", label_selector="app=web")
    name = next(pod["metadata"]["name"] for pod in running if not pod["metadata"].get("deletionTimestamp"))
    await paste(live, kubectl, (await live.remediator.preview(ask("delete_pod", {}, f"Pod/shop/{name}"))).command)
    with pytest.raises(NotFound):
        await live.client.get(ObjectRef(kind="Pod", namespace="shop", name=name))


@pytest.mark.parametrize("action", ["cordon", "suspend_cronjob", "hpa_bounds", "expand_pvc"])
async def test_the_commands_beyond_workloads_reach_the_state(live: Live, kubectl: str, action: str) -> None:
    asked = await prepare(live, action)
    await paste(live, kubectl, (await live.remediator.preview(asked)).command)
    with pytest.raises(InvalidInput, match=r"is already as"):
        await live.remediator.preview(asked)


@pytest.mark.parametrize("action", ["evict", "delete_pvc", "strip_finalizer"])
async def test_the_commands_that_let_something_go(live: Live, kubectl: str, action: str) -> None:
    asked = await prepare(live, action)
    await paste(live, kubectl, (await live.remediator.preview(asked)).command)

    async def gone() -> bool:
        found = await live.client.list(asked.target.kind, "shop")
        return all(item["metadata"]["name"] != asked.target.name for item in found)

    await live.until(gone)


async def test_the_command_that_drains(live: Live, kubectl: str) -> None:
    asked = await prepare(live, "drain")
    await paste(live, kubectl, (await live.remediator.preview(asked)).command)
    assert "0 pods are evicted" in (await live.remediator.preview(asked)).blast_radius


async def test_the_command_that_runs_a_job_again(live: Live, kubectl: str) -> None:
    if shutil.which("jq") is None:
        pytest.skip("no jq on this machine")
    asked = await prepare(live, "rerun_job")
    await repair(live)
    await paste(live, kubectl, (await live.remediator.preview(asked)).command)

    async def complete() -> bool:
        job = await live.client.get(ObjectRef(kind="Job", namespace="shop", name="import-rerun"))
        return bool((job.get("status") or {}).get("succeeded"))

    await live.until(complete)
