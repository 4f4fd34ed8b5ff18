"""What the workspace holds in memory: people, channels, messages, apps, views and files."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.slack import ids
from sandbox.slack.apps import InstalledApp
from sandbox.slack.errors import SlackError
from sandbox.slack.seed import Person, Seed

JSON = dict[str, Any]


@dataclass(slots=True)
class Channel:
    """A conversation with its messages in order of their ts. `user_ids` are the two ends of a direct message."""

    id: str
    name: str
    creator: str
    created: int
    is_private: bool = False
    user_ids: tuple[str, ...] = ()
    topic: str = ""
    purpose: str = ""
    is_archived: bool = False
    members: dict[str, None] = field(default_factory=dict)
    messages: dict[str, JSON] = field(default_factory=dict)
    threads: dict[str, list[str]] = field(default_factory=dict)
    ephemerals: dict[str, list[JSON]] = field(default_factory=dict)
    pins: list[JSON] = field(default_factory=list)
    bookmarks: dict[str, JSON] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Slack's `channel_type`: channel, group, im or mpim."""
        if self.user_ids:
            return "im" if len(self.user_ids) <= 2 else "mpim"
        return "group" if self.is_private else "channel"

    @property
    def scope_family(self) -> str:
        return {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}[self.kind]

    def message(self, ts: str) -> JSON:
        """Return the message, or raise `message_not_found`."""
        if (message := self.messages.get(ts)) is None:
            raise SlackError("message_not_found")
        return message

    def thread(self, ts: str) -> list[JSON]:
        """Return the parent and its replies, or raise `thread_not_found`."""
        parent = self.messages.get(ts)
        if parent is None:
            raise SlackError("thread_not_found")
        return [parent, *(self.messages[reply] for reply in self.threads.get(ts, ()))]

    def timeline(self) -> list[JSON]:
        """Return what the channel itself shows, oldest first: no replies unless they were broadcast."""
        return [m for m in self.messages.values() if is_top_level(m)]


def is_top_level(message: JSON) -> bool:
    thread = message.get("thread_ts")
    return thread is None or thread == message["ts"] or message.get("subtype") == "thread_broadcast"


@dataclass(slots=True)
class UserGroup:
    id: str
    handle: str
    name: str
    users: list[str]


class State:
    """The tables of one workspace and the look-ups every part needs. Nothing here sends anything."""

    def __init__(self, seed: Seed) -> None:
        self.team: JSON = {"id": seed.team_id, "name": seed.team_name, "domain": seed.domain}
        self.people: dict[str, Person] = {p.id: p for p in seed.people}
        self.apps: dict[str, InstalledApp] = {}
        self.apps_by_id: dict[str, InstalledApp] = {}
        self.bots: dict[str, InstalledApp] = {}
        self.app_users: dict[str, InstalledApp] = {}
        self.users: dict[str, JSON] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, UserGroup] = {}
        self.views: dict[str, JSON] = {}
        self.view_stacks: dict[str, list[str]] = {}
        self.homes: dict[tuple[str, str], JSON] = {}
        self.files: dict[str, JSON] = {}
        self.file_contents: dict[str, bytes] = {}
        self.timestamps = ids.Timestamps()
        self._fill(seed)

    @property
    def team_id(self) -> str:
        return str(self.team["id"])

    def channel(self, channel_id: str) -> Channel:
        """Return the channel, or raise `channel_not_found`."""
        if (channel := self.channels.get(channel_id)) is None:
            raise SlackError("channel_not_found")
        return channel

    def user(self, user_id: str) -> JSON:
        """Return Slack's user object, or raise `user_not_found`."""
        if (user := self.users.get(user_id)) is None:
            raise SlackError("user_not_found")
        return user

    def channel_named(self, name: str) -> Channel | None:
        wanted = name.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == wanted and not c.user_ids), None)

    def direct_message(self, user_ids: tuple[str, ...]) -> Channel:
        """Return the direct message between these users, opening it when there is none."""
        wanted = frozenset(user_ids)
        for channel in self.channels.values():
            if channel.user_ids and frozenset(channel.user_ids) == wanted:
                return channel
        group = len(user_ids) > 2
        return self.add_channel(ids.new_id("G" if group else "D"), "", user_ids[0], user_ids=user_ids, members=user_ids)

    def add_channel(
        self,
        channel_id: str,
        name: str,
        creator: str,
        *,
        is_private: bool = False,
        user_ids: tuple[str, ...] = (),
        members: tuple[str, ...] = (),
    ) -> Channel:
        channel = Channel(
            id=channel_id,
            name=name,
            creator=creator,
            created=int(float(self.timestamps.next())),
            is_private=is_private,
            user_ids=user_ids,
            members=dict.fromkeys(members),
        )
        self.channels[channel_id] = channel
        return channel

    def install(self, app: InstalledApp) -> None:
        self.apps[app.key] = app
        self.apps_by_id[app.app_id] = app
        self.bots[app.bot_id] = app
        self.app_users[app.bot_user_id] = app
        self.users[app.bot_user_id] = _bot_user(app)

    def _fill(self, seed: Seed) -> None:
        for person in seed.people:
            self.users[person.id] = _human(person, seed.team_id)
        for definition in seed.apps:
            self.install(InstalledApp.install(definition, seed.team_id))
        by_key = {p.key: p.id for p in seed.people}
        for planned in seed.channels:
            bots = tuple(self.apps[key].bot_user_id for key in planned.apps if key in self.apps)
            channel = self.add_channel(
                planned.id,
                planned.name,
                seed.people[0].id,
                is_private=planned.is_private,
                members=(*by_key.values(), *bots),
            )
            channel.topic, channel.purpose = planned.topic, planned.purpose
        for group in seed.groups:
            self.groups[group.id] = UserGroup(group.id, group.handle, group.name, [by_key[k] for k in group.people])


def _profile(real_name: str, display_name: str, title: str) -> JSON:
    first, _, last = real_name.partition(" ")
    return {
        "real_name": real_name,
        "real_name_normalized": real_name,
        "display_name": display_name,
        "display_name_normalized": display_name,
        "first_name": first,
        "last_name": last,
        "title": title,
        "status_text": "",
        "status_emoji": "",
    }


def _human(person: Person, team_id: str) -> JSON:
    profile = _profile(person.real_name, person.real_name.split()[0], person.title)
    profile["email"] = person.email
    return {
        "id": person.id,
        "team_id": team_id,
        "name": person.email.partition("@")[0],
        "real_name": person.real_name,
        "deleted": False,
        "color": person.color.removeprefix("#"),
        "tz": "Europe/Berlin",
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_restricted": False,
        "is_bot": False,
        "is_app_user": False,
        "updated": 1_760_000_000,
    }


def _bot_user(app: InstalledApp) -> JSON:
    profile = _profile(app.name, app.name, "")
    profile.update(api_app_id=app.app_id, bot_id=app.bot_id, always_active=True)
    return {
        "id": app.bot_user_id,
        "team_id": app.team_id,
        "name": app.definition.handle or app.name.lower().replace(" ", "-"),
        "real_name": app.name,
        "deleted": False,
        "color": "4a6572",
        "profile": profile,
        "is_bot": True,
        "is_app_user": False,
        "updated": 1_760_000_000,
    }
