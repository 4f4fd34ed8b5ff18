"""The apps of a workspace: what their manifest declares and what they were given at installation."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import yaml

from sandbox.slack import ids

PAGERDUTY_APP_ID = "A1FKYAUUX"

ONCALL_SCOPES = (
    "app_mentions:read",
    "bookmarks:write",
    "channels:history",
    "channels:join",
    "channels:manage",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "groups:write",
    "im:history",
    "im:read",
    "im:write",
    "metadata.message:read",
    "pins:write",
    "reactions:read",
    "reactions:write",
    "usergroups:read",
    "users:read",
    "users:read.email",
)
ONCALL_EVENTS = (
    "app_home_opened",
    "app_mention",
    "member_joined_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "reaction_added",
    "subteam_members_changed",
)


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """`should_escape` turns names in the text into mentions before the app sees it, as in Slack's manifest."""

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True, slots=True)
class Shortcut:
    callback_id: str
    name: str
    type: Literal["global", "message"] = "global"


@dataclass(frozen=True, slots=True)
class AppDefinition:
    """What an app asks for before it is installed: the parts of Slack's manifest that change what it receives.

    `key` is the short name the workspace knows it by ("oncall"). Scopes and events are Slack's own words.
    """

    key: str
    name: str
    scopes: tuple[str, ...]
    bot_events: tuple[str, ...] = ()
    commands: tuple[SlashCommand, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    has_home: bool = False
    app_id: str = ""
    bot_user_id: str = ""
    bot_id: str = ""
    handle: str = ""

    @classmethod
    def from_manifest(cls, path: Path | str, *, key: str = "oncall", **identity: str) -> Self:
        """Read Slack's YAML manifest. Raise OSError when unreadable, KeyError or TypeError when it is not one."""
        manifest = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        if not isinstance(manifest, dict):
            raise TypeError(f"{path} is not a Slack manifest: the top level must be a mapping")
        features: dict[str, Any] = manifest.get("features") or {}
        settings: dict[str, Any] = manifest.get("settings") or {}
        name = str(manifest["display_information"]["name"])
        return cls(
            key=key,
            name=str((features.get("bot_user") or {}).get("display_name") or name),
            scopes=tuple(manifest["oauth_config"]["scopes"]["bot"]),
            bot_events=tuple((settings.get("event_subscriptions") or {}).get("bot_events") or ()),
            commands=tuple(
                SlashCommand(
                    c["command"], c.get("description", ""), c.get("usage_hint", ""), bool(c.get("should_escape"))
                )
                for c in features.get("slash_commands") or ()
            ),
            shortcuts=tuple(Shortcut(s["callback_id"], s["name"], s["type"]) for s in features.get("shortcuts") or ()),
            has_home=bool((features.get("app_home") or {}).get("home_tab_enabled")),
            **identity,
        )


@dataclass(slots=True)
class InstalledApp:
    """An app in the workspace, with its ids and its tokens."""

    definition: AppDefinition
    team_id: str
    app_id: str
    bot_user_id: str
    bot_id: str
    bot_token: str
    app_token: str
    scopes: frozenset[str] = field(init=False)
    events: frozenset[str] = field(init=False)
    bot_profile: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.scopes = frozenset(self.definition.scopes)
        self.events = frozenset(self.definition.bot_events)
        self.bot_profile = {
            "id": self.bot_id,
            "app_id": self.app_id,
            "name": self.definition.name,
            "deleted": False,
            "updated": 1_760_000_000,
            "team_id": self.team_id,
            "icons": {},
        }

    @property
    def key(self) -> str:
        return self.definition.key

    @property
    def name(self) -> str:
        return self.definition.name

    @classmethod
    def install(cls, definition: AppDefinition, team_id: str) -> Self:
        app_id = definition.app_id or ids.new_id("A")
        return cls(
            definition=definition,
            team_id=team_id,
            app_id=app_id,
            bot_user_id=definition.bot_user_id or ids.new_id("U"),
            bot_id=definition.bot_id or ids.new_id("B"),
            bot_token=ids.new_bot_token(),
            app_token=ids.new_app_token(app_id),
        )


def oncall_app() -> AppDefinition:
    """Return the Oncall Agent as its manifest declares it, for a workspace that is not given the file."""
    return AppDefinition(
        key="oncall",
        name="Oncall Agent",
        scopes=ONCALL_SCOPES,
        bot_events=ONCALL_EVENTS,
        commands=(
            SlashCommand(
                "/oncall",
                "Incidents, investigations and approvals",
                "help | status | investigate <text> | incidents | approve <id> | reject <id>",
            ),
        ),
        shortcuts=(
            Shortcut("investigate_message", "Investigate this", "message"),
            Shortcut("investigate", "Investigate"),
        ),
        has_home=True,
        **ONCALL_IDENTITY,
    )


ONCALL_IDENTITY = {
    "app_id": "A01ONCALLAG",
    "bot_user_id": "U01ONCALLAG",
    "bot_id": "B01ONCALLAG",
    "handle": "oncall-agent",
}


def pagerduty_app() -> AppDefinition:
    """Return PagerDuty's Slack app, with the app id it has in every workspace."""
    return AppDefinition(
        key="pagerduty",
        name="PagerDuty",
        scopes=("channels:join", "channels:read", "chat:write", "chat:write.public", "commands", "users:read"),
        app_id=PAGERDUTY_APP_ID,
        bot_user_id="U01PAGERDTY",
        bot_id="B01PAGERDTY",
        handle="pagerduty",
    )
