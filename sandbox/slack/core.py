"""The parts of a workspace, put together once and handed to every route."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from sandbox.slack.background import Background
from sandbox.slack.conversations import Membership
from sandbox.slack.deliveries import Deliveries
from sandbox.slack.faults import Faults
from sandbox.slack.file_store import FileStore
from sandbox.slack.interactions import Interactions
from sandbox.slack.messages import Messages
from sandbox.slack.pages import Pages
from sandbox.slack.people import PeopleDesk
from sandbox.slack.response_urls import ResponseURLs
from sandbox.slack.seed import Seed
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.state import JSON, State
from sandbox.slack.triggers import Triggers
from sandbox.slack.unread import Unread
from sandbox.slack.views import Views
from sandbox.traffic import TrafficLog

T = TypeVar("T")


class ScenarioRunner(Protocol):
    """Whoever can make something break. The workspace only lists and starts what it is given."""

    def list(self) -> "list[JSON]":
        """Return `{name, title, family, description}` of each scenario."""
        ...

    async def start(self, name: str, actor: str) -> str:
        """Start a scenario for the person `actor` (user id) and return its title. Raise KeyError when unknown."""
        ...


class Changes:
    """Wakes everybody who waits for something to become true, whenever anything happened."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def wait_for(self, predicate: Callable[[], T | None], timeout: float) -> T:  # noqa: ASYNC109 - a wait has a limit
        """Return the predicate's first truthy answer. Raise TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while not (answer := predicate()):
                await self._next()
        return answer

    def _next(self) -> "asyncio.Future[None]":
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        waiter.add_done_callback(self._waiters.discard)
        return waiter


class Core:
    """State, deliveries and services of one workspace. `base_url` is set when the server has its port."""

    def __init__(
        self,
        seed: Seed,
        traffic: TrafficLog,
        scenarios: ScenarioRunner | None,
        *,
        redelivery_seconds: float,
        refresh_seconds: float | None,
    ) -> None:
        self.base_url = ""
        self.traffic = traffic
        self.scenarios = scenarios
        self.faults = Faults()
        self.background = Background()
        self.changes = Changes()
        self.state = State(seed)
        self.sockets = SocketMode(
            traffic=traffic,
            faults=self.faults,
            background=self.background,
            changed=self.changes.notify,
            ack_seconds=redelivery_seconds,
            refresh_seconds=refresh_seconds,
        )
        self.deliveries = Deliveries(self.state, self.sockets)
        self.pages = Pages(self.background, traffic, self.changes.notify)
        self.unread = Unread(self.state)
        self.messages = Messages(self.state, self.deliveries, self.pages, self.unread, self.changes.notify)
        self.views = Views(self.state, self.pages, self.changes.notify)
        self.triggers = Triggers()
        self.response_urls = ResponseURLs(self.state, self.messages)
        self.membership = Membership(self)
        self.files = FileStore(self)
        self.interactions = Interactions(self)
        self.people = PeopleDesk(self)

    async def stop(self) -> None:
        await self.pages.stop()
        await self.sockets.stop()
        await self.background.stop()
