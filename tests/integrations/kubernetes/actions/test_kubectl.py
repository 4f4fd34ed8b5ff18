"""The command that people are shown does what the action does: a real kubectl runs it."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.action import ActionRequest
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput, NotFound
from tests.integrations.kubernetes.actions.live_cluster import Live, live_shop
from tests.integrations.kubernetes.actions.test_live import CASES, WEB, ask

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
    line = command.replace("kubectl", kubectl, 1)
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
