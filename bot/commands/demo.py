"""`oncall-agent demo`: the whole product on this machine, without any account."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.errors import OncallError, Unavailable

if TYPE_CHECKING:
    from sandbox.world import World

_READY_SECONDS = 30.0
_LOOPBACK = "127.0.0.1"


@click.command()
@click.option("--port", default=0, show_default="a free one", help="Port of the chat page.")
@click.option("--host", default=_LOOPBACK, show_default=True, help="Address of the chat page.")
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
@click.option("--scripted-claude", is_flag=True, help="Let a scripted stand-in play Claude (no key, no internet).")
@click.option("--terminal", is_flag=True, help="Play one scenario here, without a browser.")
@click.option("--scenario", default="payment-service", show_default=True, help="The scenario of --terminal.")
def demo(port: int, host: str, no_browser: bool, scripted_claude: bool, terminal: bool, scenario: str) -> None:
    """Run a chat workspace, a PagerDuty, a cluster and the real bot on this machine, without any account."""
    if terminal:
        sys.exit(asyncio.run(_play(scenario, scripted_claude=scripted_claude)))
    try:
        asyncio.run(_show(host, port, open_page=not no_browser, scripted_claude=scripted_claude))
    except OSError as error:
        raise OncallError(
            f"The demo cannot listen on {host}:{port}: {error.strerror}.", next_step="Try another --port."
        ) from error


async def _play(scenario: str, *, scripted_claude: bool) -> int:
    from bot.commands.terminal import Play

    async with open_demo(scripted_claude=scripted_claude) as running:
        return await Play(running.world, scenario).run()


async def _show(host: str, port: int, *, open_page: bool, scripted_claude: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_demo(host=host, port=port, scripted_claude=scripted_claude) as running:
        _welcome(running, scripted_claude=scripted_claude)
        if open_page and _has_display():
            await asyncio.to_thread(webbrowser.open, running.world.slack.url)
        stopped = asyncio.ensure_future(stop.wait())
        died = asyncio.ensure_future(running.process.wait())
        await asyncio.wait({stopped, died}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (stopped, died):
            waiting.cancel()
        if not stop.is_set():
            raise Unavailable(f"The bot ended by itself. Its log: {running.log}", vendor="Oncall Agent")
        click.echo("\nStopping ...")


def _welcome(running: "Demo", *, scripted_claude: bool) -> None:
    if scripted_claude:
        analysis = "written by a scripted stand-in for Claude"
    elif os.environ.get("ANTHROPIC_API_KEY"):
        analysis = "written by Claude with your ANTHROPIC_API_KEY"
    else:
        analysis = "rule-based, because ANTHROPIC_API_KEY is not set"
    click.echo(f"\n  The workspace is open at {click.style(running.world.slack.url, bold=True)}\n")
    click.echo('  1. Choose "Break something" and a scenario.')
    click.echo("  2. Watch the thread under the alert in #incidents.")
    click.echo("  3. Approve what the bot proposes, and see it verified.\n")
    click.echo(f"  The analysis is {analysis}.")
    click.echo(f"  The bot's log: {running.log}")
    click.echo("  Ctrl-C stops everything.\n")


def _has_display() -> bool:
    # In a terminal without a display, webbrowser would start a text browser on top of this output.
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: the sandbox, the bot's process and its log."""

    world: "World"
    process: asyncio.subprocess.Process
    log: Path
    folder: Path
    api_url: str
    environment: dict[str, str]


@asynccontextmanager
async def open_demo(
    *, host: str = _LOOPBACK, port: int = 0, scripted_claude: bool = False, database_url: str | None = None
) -> AsyncIterator[Demo]:
    """Start the sandbox and the real bot against it, through its ordinary settings; stop both at the end.

    Raise Unavailable when the bot does not come up, OSError when the port is taken.
    """
    from bot.manifest import find_manifest
    from sandbox.world import World

    world = World(scripted_claude=scripted_claude, manifest=find_manifest())
    with tempfile.TemporaryDirectory(prefix="oncall-demo-") as name:
        folder = Path(name)
        await world.start(host, port)
        try:
            api_port = free_port()
            environment = bot_environment(world.environment(api_port), folder, database_url)
            log = folder / "bot.log"
            process = await start_bot(environment, folder, log)
            try:
                await wait_ready(api_port, process, log)
                yield Demo(world, process, log, folder, f"http://{_LOOPBACK}:{api_port}", environment)
            finally:
                await stop_bot(process)
        finally:
            await world.stop()


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def bot_environment(settings: dict[str, str], folder: Path, database_url: str | None = None) -> dict[str, str]:
    """Return the bot's whole environment: the demo's settings, and none of the person's but Claude's key."""
    from bot.settings import GROUPS

    ours = {field.alias for group in GROUPS.values() for field in group.model_fields.values()}
    keep = {
        key: value for key, value in os.environ.items() if key not in ours or key.startswith(("ANTHROPIC_", "CLAUDE_"))
    }
    return {
        **keep,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "DATABASE_URL": database_url or f"sqlite:///{folder / 'oncall.sqlite'}",
        "LOG_FORMAT": "text",
        **settings,
    }


async def start_bot(environment: dict[str, str], folder: Path, log: Path) -> asyncio.subprocess.Process:
    """Start `oncall-agent run` as a process of its own, in an empty folder so that no .env is read."""
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "run",
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


async def stop_bot(process: asyncio.subprocess.Process) -> None:
    """Ask the bot to stop, and insist after some seconds."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 8)
    except TimeoutError:
        process.kill()
        await process.wait()


async def wait_ready(api_port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    """Return when the bot says that it is ready. Raise Unavailable with the end of its log when it does not."""
    import aiohttp

    url = f"http://{_LOOPBACK}:{api_port}/readyz"
    async with aiohttp.ClientSession(trust_env=False) as session:
        for _ in range(int(_READY_SECONDS / 0.05)):
            if process.returncode is not None:
                break
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    text = await asyncio.to_thread(log.read_text, errors="replace")
    tail = "\n".join(text.splitlines()[-15:])
    raise Unavailable(f"The bot did not start. The end of its log:\n{tail}", vendor="Oncall Agent")
