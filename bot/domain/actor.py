"""Who does something: a person who came through one of the doors, a system outside, or the bot itself."""

from enum import StrEnum

from bot.domain.base import Frozen


class Via(StrEnum):
    """The door through which an actor came."""

    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    API = "api"
    WEB = "web"
    MCP = "mcp"
    CLI = "cli"
    BOT = "bot"


class Actor(Frozen):
    """Somebody as the server knows them. `id` counts only together with `via`; `name` is for display.

    `groups` holds the ids of the groups that the door vouches for, such as Slack's user groups.
    """

    id: str
    via: Via
    name: str = ""
    email: str | None = None
    groups: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """Return the names by which a setting may mean this actor.

        Slack's ids stand as they are, those of every other door behind its name (`api:maya@example.com`): nobody is
        taken for another because two doors happen to use one id.
        """
        known = {self.id} | self.groups
        return frozenset(known if self.via is Via.SLACK else {f"{self.via.value}:{name}" for name in known})


BOT = Actor(id="bot", via=Via.BOT, name="Oncall Agent")
"""The bot, where it acts by itself."""
