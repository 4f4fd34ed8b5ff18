"""Who and what is in the workspace before anything happens."""

from dataclasses import dataclass, field
from pathlib import Path

from sandbox.slack.apps import ONCALL_IDENTITY, AppDefinition, oncall_app, pagerduty_app


@dataclass(frozen=True, slots=True)
class Person:
    """A human member. `key` is the short name tests and the page's menu use; `color` is a CSS hex colour."""

    key: str
    id: str
    real_name: str
    title: str
    color: str
    can_approve: bool

    @property
    def email(self) -> str:
        return f"{self.real_name.lower().replace(' ', '.')}@acme.example"


@dataclass(frozen=True, slots=True)
class ChannelSeed:
    name: str
    id: str
    topic: str
    purpose: str
    apps: tuple[str, ...] = ()
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class GroupSeed:
    id: str
    handle: str
    name: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seed:
    """Everything a new workspace holds. People are members of every public channel."""

    team_id: str
    team_name: str
    domain: str
    people: tuple[Person, ...]
    channels: tuple[ChannelSeed, ...]
    groups: tuple[GroupSeed, ...]
    apps: tuple[AppDefinition, ...] = field(default=())


PEOPLE = (
    Person("maya", "U01MAYACHEN", "Maya Chen", "Senior Site Reliability Engineer, on call", "#7a4fbf", True),
    Person("jonas", "U01JONASWEB", "Jonas Weber", "Platform Engineer, secondary on call", "#1f7a8c", True),
    Person("robin", "U01ROBINOKA", "Robin Okafor", "Customer Support Lead", "#b3541e", False),
)
CHANNELS = (
    ChannelSeed(
        "incidents",
        "C01INCIDENT",
        "Live incidents. One thread each, please.",
        "Where alerts land and get fixed",
        ("oncall", "pagerduty"),
    ),
    ChannelSeed(
        "payments",
        "C01PAYMENTS",
        "payment-service, ledgers and providers",
        "The payments team",
        ("oncall", "pagerduty"),
    ),
    ChannelSeed("general", "C01GENERAL0", "Company-wide news and work talk", "Everybody at Acme"),
    ChannelSeed("random", "C01RANDOM00", "Anything but work", "Lunch, music, pictures of dogs"),
)


def default_seed(oncall: AppDefinition | Path | str | None = None) -> Seed:
    """Return the team Acme. `oncall` is the bot's definition, or the path of its manifest.yml."""
    if isinstance(oncall, Path | str):
        oncall = AppDefinition.from_manifest(oncall, key="oncall", **ONCALL_IDENTITY)
    return Seed(
        team_id="T01ACMECORP",
        team_name="Acme",
        domain="acme",
        people=PEOPLE,
        channels=CHANNELS,
        groups=(GroupSeed("S0ONCALL", "oncall", "On-call engineers", ("maya", "jonas")),),
        apps=(oncall or oncall_app(), pagerduty_app()),
    )
