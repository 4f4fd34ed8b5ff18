"""The workspace as others use it: start it, reach its apps, act as its people, stop it."""

from collections.abc import Callable
from typing import Any, Self, TypeVar

from aiohttp import web

from sandbox.serving import LOOPBACK, Serving
from sandbox.slack.api_server import APIServer
from sandbox.slack.apps import InstalledApp
from sandbox.slack.client_api.page_files import PageFiles
from sandbox.slack.client_api.routes import ClientAPI
from sandbox.slack.core import Core, ScenarioRunner
from sandbox.slack.driver import Driver
from sandbox.slack.faults import Faults
from sandbox.slack.seed import Person, Seed, default_seed
from sandbox.slack.state import JSON
from sandbox.traffic import TrafficLog

T = TypeVar("T")

MAX_BODY_BYTES = 64 * 1024 * 1024


class SlackWorkspace:
    """A Slack workspace on this machine.

    `redelivery_seconds` is how long an app has to acknowledge before an event is delivered again;
    `refresh_seconds` makes every Socket Mode connection ask to be renewed after that time (None: never on its own).
    """

    def __init__(
        self,
        seed: Seed | None = None,
        traffic: TrafficLog | None = None,
        scenarios: ScenarioRunner | None = None,
        redelivery_seconds: float = 3.0,
        refresh_seconds: float | None = None,
    ) -> None:
        self.traffic = traffic or TrafficLog()
        self.core = Core(
            seed or default_seed(),
            self.traffic,
            scenarios,
            redelivery_seconds=redelivery_seconds,
            refresh_seconds=refresh_seconds,
        )
        self._serving: Serving | None = None

    async def start(self, host: str = LOOPBACK, port: int = 0) -> None:
        """Serve on `host`; port 0 takes a free one. Raise OSError when the port is taken."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes(APIServer(self.core).routes())
        app.add_routes(ClientAPI(self.core).routes())
        app.add_routes(PageFiles(self.core).routes())
        self._serving = await Serving.start(app, host=host, port=port)
        self.core.base_url = self._serving.url

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close every connection and stop serving; stopping twice is no error."""
        await self.core.stop()
        if self._serving is not None:
            await self._serving.stop()
            self._serving = None

    @property
    def url(self) -> str:
        """Where the page is, without a trailing slash."""
        return self.core.base_url

    @property
    def api_url(self) -> str:
        """The base_url of Slack's SDKs, with the trailing slash they want."""
        return f"{self.core.base_url}/api/"

    @property
    def faults(self) -> Faults:
        return self.core.faults

    @property
    def people(self) -> dict[str, Person]:
        """The people by their short names: maya, jonas, robin."""
        return {person.key: person for person in self.core.state.people.values()}

    def app(self, key: str) -> InstalledApp:
        """Return an app by its short name ("oncall", "pagerduty"). Raise KeyError."""
        return self.core.state.apps[key]

    def channel_id(self, name: str) -> str:
        """Return a channel's id by its name, with or without #. Raise KeyError."""
        channel = self.core.state.channel_named(name)
        if channel is None:
            raise KeyError(name)
        return channel.id

    def group_id(self, handle: str) -> str:
        """Return a user group's id by its handle. Raise KeyError."""
        for group in self.core.state.groups.values():
            if group.handle == handle:
                return group.id
        raise KeyError(handle)

    def set_group(self, handle: str, people: list[str]) -> None:
        """Change who is in a user group (short names) and tell the apps."""
        group = self.core.state.groups[self.group_id(handle)]
        wanted = [self.people[key].id for key in people]
        added = [user for user in wanted if user not in group.users]
        removed = [user for user in group.users if user not in wanted]
        group.users = wanted
        self.core.deliveries.group_members_changed(group.id, added, removed)
        self.core.changes.notify()

    def act_as(self, person: str) -> Driver:
        """Return a driver for a person, by short name or user id. Raise KeyError."""
        found = self.people.get(person) or self.core.state.people[person]
        return Driver(self.core, found)

    def connections(self, key: str) -> int:
        """Return how many Socket Mode connections an app has open."""
        return self.core.sockets.connections(self.app(key))

    @property
    def acknowledged(self) -> int:
        """How many envelopes apps have acknowledged since the start."""
        return self.core.sockets.acknowledged

    def refresh_connections(self, key: str, reason: str = "refresh_requested") -> int:
        """Ask an app's connections to be renewed: `reason` is refresh_requested or warning."""
        return self.core.sockets.refresh(self.app(key), reason)

    def drop_connections(self, key: str) -> int:
        """Cut an app's connections as a broken network does."""
        return self.core.sockets.drop(self.app(key))

    def post_as(self, key: str, channel: str, text: str, **content: Any) -> JSON:
        """Post a message of an app by its short name without going over the wire, and return it.

        `channel` is an id or a name; `content` takes thread_ts, blocks, attachments and metadata, unchecked. This is
        how a benchmark reaches thousands of messages a second; what tests an app goes through its Web API instead.
        """
        place = self.core.state.channels.get(channel) or self.core.state.channel(self.channel_id(channel))
        return self.core.messages.post(place, self.core.messages.as_app(self.app(key)), text, **content)

    def announce(self, event: JSON) -> None:
        """Send an event to every open page, for instance `{"type": "scenario", "name", "state", "text"}`."""
        self.core.pages.publish(event)

    async def wait_for(self, predicate: Callable[[], T | None], timeout: float = 5.0) -> T:  # noqa: ASYNC109 - a wait has a limit
        """Return the predicate's first truthy answer; it is asked again whenever something happened.

        Raise TimeoutError after `timeout` seconds.
        """
        return await self.core.changes.wait_for(predicate, timeout)
