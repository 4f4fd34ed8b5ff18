"""response_url: five answers within half an hour to whoever clicked or typed a command."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.slack.apps import InstalledApp
from sandbox.slack.errors import SlackError
from sandbox.slack.messages import Messages
from sandbox.slack.state import JSON, State
from sandbox.slack.validation.content import read_content

USES = 5
LIFETIME_SECONDS = 30 * 60.0


@dataclass(slots=True)
class ResponseURL:
    """Where an answer goes: the message acted on (when there is one) or a new message in the channel."""

    app: InstalledApp
    user_id: str
    channel_id: str
    message_ts: str | None
    is_ephemeral: bool
    thread_ts: str | None
    expires: float
    uses: int = 0


class ResponseURLs:
    def __init__(self, state: State, messages: Messages, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._messages = messages
        self._clock = clock
        self._targets: dict[str, ResponseURL] = {}

    def issue(
        self,
        app: InstalledApp,
        user_id: str,
        channel_id: str,
        *,
        message_ts: str | None = None,
        is_ephemeral: bool = False,
        thread_ts: str | None = None,
    ) -> str:
        """Return the path of a new response_url."""
        now = self._clock()
        if len(self._targets) > 10_000:
            self._targets = {k: t for k, t in self._targets.items() if t.expires > now}
        kind = "actions" if message_ts else "commands"
        path = f"/{kind}/{self._state.team_id}/{time.time_ns() // 1000}/{secrets.token_urlsafe(18)}"
        self._targets[path] = ResponseURL(
            app, user_id, channel_id, message_ts, is_ephemeral, thread_ts, now + LIFETIME_SECONDS
        )
        return path

    def respond(self, path: str, body: JSON) -> None:
        """Carry out one answer. Raise SlackError: invalid_url, expired_url, used_url or the message's fault."""
        target = self._targets.get(path)
        if target is None:
            raise SlackError("invalid_url")
        if self._clock() > target.expires:
            raise SlackError("expired_url")
        if target.uses >= USES:
            raise SlackError("used_url")
        target.uses += 1
        self.answer(target, body)

    def answer(self, target: ResponseURL, body: JSON) -> None:
        """Apply a message payload: from a response_url, or carried by an acknowledgement."""
        channel = self._state.channel(target.channel_id)
        if body.get("delete_original"):
            self._delete(target)
            return
        text, content = read_content(body)
        # An answer to a click on a message replaces it unless told otherwise.
        wants = body.get("replace_original", target.message_ts is not None and "response_type" not in body)
        if target.message_ts and _true(wants):
            changes: dict[str, Any] = {"text": text, "blocks": None, "attachments": None, **content}
            if target.is_ephemeral:
                self._messages.replace_ephemeral(channel, target.user_id, target.message_ts, changes)
            else:
                self._messages.update(channel, target.message_ts, changes, editor=target.app.bot_user_id)
            return
        thread = body.get("thread_ts") or target.thread_ts
        author = self._messages.as_app(target.app)
        if body.get("response_type") == "in_channel":
            self._messages.post(channel, author, text, thread_ts=thread, **content)
        else:
            if thread:
                content["thread_ts"] = thread
            self._messages.ephemeral(channel, target.user_id, author, text, **content)

    def _delete(self, target: ResponseURL) -> None:
        channel = self._state.channel(target.channel_id)
        if target.message_ts is None:
            raise SlackError("message_not_found")
        if target.is_ephemeral:
            self._messages.replace_ephemeral(channel, target.user_id, target.message_ts, None)
        else:
            self._messages.delete(channel, target.message_ts)

    def target(self, path: str) -> ResponseURL:
        return self._targets[path]


def _true(value: object) -> bool:
    return value in (True, "true", "1", 1)
