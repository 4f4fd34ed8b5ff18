"""The whole product over the sandbox: the real bot as a process of its own, reached through the real protocols."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.commands.demo import bot_environment, free_port, start_bot, stop_bot, wait_ready
from bot.domain.interaction import ActionId
from sandbox.world import World
from tests.waiting import wait_until

JSON = dict[str, Any]
CHANNEL = "incidents"
MANIFEST = Path(__file__).resolve().parents[2] / "manifest.yml"


@dataclass
class Stage:
    """The sandbox with a bot, and what a person does there."""

    world: World
    folder: Path
    database_url: str
    extra: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "bot.log"

    async def start_bot(self) -> None:
        self.port = self.port or free_port()
        self.environment = {
            **bot_environment(self.world.environment(self.port), self.folder, self.database_url),
            "AUDIT_KEY": "test",
            "WORKFLOW_DEAD_AFTER_SECONDS": "2",
            **self.extra,
        }
        self.process = await start_bot(self.environment, self.folder, self.log)
        await wait_ready(self.port, self.process, self.log)

    async def kill_bot(self) -> None:
        """End the bot the way a power cut does."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop_bot(self) -> None:
        if self.process is not None:
            await stop_bot(self.process)

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Run `oncall-agent` with the bot's settings and return its exit code and output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *arguments, cwd=self.folder, env=self.environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode()

    def person(self, name: str = "maya") -> Any:
        return self.world.slack.act_as(name)

    async def wait(self, find: Callable[[], Any], seconds: float = 30, what: str = "it") -> Any:
        async def probe() -> Any:
            return find()

        try:
            return await wait_until(probe, seconds, what)
        except AssertionError as error:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])
            raise AssertionError(f"{error}\nThe bot's log:\n{tail}") from None

    async def break_something(self, scenario: str) -> "Thread":
        """Start a scenario and return the thread that the bot opened under PagerDuty's card."""
        maya = self.person()
        before = {m["ts"] for m in maya.messages(CHANNEL)}
        await self.world.runner.start(scenario, maya.id)

        def answered() -> JSON | None:
            fresh = [m for m in maya.messages(CHANNEL) if m["ts"] not in before and m.get("reply_count")]
            return fresh[0] if fresh else None

        card = await self.wait(answered, 40, f"an answer to {scenario}")
        return Thread(self, card["ts"])

    async def audit_events(self, incident_id: str) -> list[JSON]:
        code, output = await self.run("audit", "export", "--format", "jsonl", "--incident", incident_id)
        assert code == 0, output
        return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


@dataclass
class Thread:
    """One incident's thread."""

    stage: Stage
    ts: str

    def replies(self, by: str = "Oncall Agent") -> list[JSON]:
        """Return the bot's messages in the thread, oldest first."""
        bot_user = self.stage.world.slack.app("oncall").bot_user_id
        return [m for m in self.stage.person().replies(CHANNEL, self.ts)[1:] if m.get("user") == bot_user]

    def text(self) -> str:
        return json.dumps(self.replies(), ensure_ascii=False)

    def with_button(self, action_id: str) -> list[JSON]:
        return [m for m in self.replies() if action_id in {e.get("action_id") for e in elements(m)}]

    def proposal_id(self) -> str:
        [message, *_] = self.with_button(ActionId.PROPOSAL_DETAILS)
        return next(str(e["value"]) for e in elements(message) if e.get("action_id") == ActionId.PROPOSAL_DETAILS)

    def incident_id(self) -> str:
        message = self.with_button(ActionId.EVIDENCE_DETAILS)[0]
        return next(str(e["value"]) for e in elements(message) if e.get("action_id") == ActionId.EVIDENCE_DETAILS)

    async def analysed(self, seconds: float = 30) -> JSON:
        """Return the message with the analysis once it is there."""

        def found() -> JSON | None:
            messages = self.with_button(ActionId.EVIDENCE_DETAILS)
            return messages[0] if messages else None

        message: JSON = await self.stage.wait(found, seconds, "the analysis")
        return message

    async def proposed(self) -> JSON:
        def found() -> JSON | None:
            messages = self.with_button(ActionId.APPROVE)
            return messages[0] if messages else None

        message: JSON = await self.stage.wait(found, 30, "a proposal")
        return message

    async def click(self, action_id: str, person: str = "maya") -> None:
        message = self.with_button(action_id)[0]
        await self.stage.person(person).click(CHANNEL, message["ts"], action_id)

    async def fixed(self) -> None:
        """Return when the bot offers to resolve: what was approved was carried out and verified."""
        await self.stage.wait(lambda: self.with_button(ActionId.RESOLVE), 90, "a verified fix")


def elements(message: JSON) -> list[JSON]:
    """Return the interactive elements of a message."""
    return [e for block in message.get("blocks", ()) for e in block.get("elements", ()) if isinstance(e, dict)]


@asynccontextmanager
async def open_stage(folder: Path, database_url: str, **extra: str) -> AsyncIterator[Stage]:
    async with World(manifest=MANIFEST) as world:
        stage = Stage(world, folder, database_url, extra)
        try:
            await stage.start_bot()
            yield stage
        finally:
            await stage.stop_bot()


def database_url(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return where a stage whose fixture's parameter is "sqlite" or "postgres" keeps its data."""
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'oncall.sqlite'}"
    return str(request.getfixturevalue("module_postgres_url"))


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One sandbox with one bot for the tests of a module, on each database."""
    folder = tmp_path_factory.mktemp("stage")
    async with open_stage(folder, database_url(request, folder)) as stage:
        yield stage
