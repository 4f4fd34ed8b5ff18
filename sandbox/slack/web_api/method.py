"""What every Web API method is made of."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.slack.apps import InstalledApp
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.web_api.arguments import Arguments


@dataclass(slots=True)
class Call:
    """One call by one app. `warnings` end up in the answer's response_metadata."""

    core: Core
    app: InstalledApp
    arguments: Arguments
    warnings: list[str] = field(default_factory=list)

    def need(self, *scopes: str) -> None:
        """Raise missing_scope unless the app has one of the scopes."""
        if not any(scope in self.app.scopes for scope in scopes):
            raise missing_scope(self.app, scopes)

    def channel(self, name: str = "channel") -> Channel:
        """Return the conversation named by id (or by #name); raise channel_not_found for one the app cannot see."""
        (wanted,) = self.arguments.required(name)
        state = self.core.state
        found = state.channels.get(wanted) or (state.channel_named(wanted) if wanted.startswith("#") else None)
        if found is None or (found.kind != "channel" and self.app.bot_user_id not in found.members):
            raise SlackError("channel_not_found")
        return found

    def is_member(self, channel: Channel) -> bool:
        return self.app.bot_user_id in channel.members


def missing_scope(app: InstalledApp, needed: tuple[str, ...]) -> SlackError:
    provided = ",".join(sorted(app.scopes))
    return SlackError("missing_scope", needed=needed[0], provided=provided)


@dataclass(frozen=True, slots=True)
class Method:
    """`scopes` lists alternatives (one suffices); `taken_by` says which of an app's two tokens the method takes."""

    run: Callable[[Call], Coroutine[Any, Any, JSON]]
    scopes: tuple[str, ...] = ()
    taken_by: Literal["bot", "app", "any"] = "bot"


Methods = Mapping[str, Method]
