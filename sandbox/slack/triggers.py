"""Trigger ids: the three seconds in which an app may open a modal for somebody who just did something."""

import secrets
import time
from dataclasses import dataclass

from sandbox.slack.apps import InstalledApp
from sandbox.slack.errors import SlackError

TRIGGER_SECONDS = 3.0


@dataclass(slots=True)
class Trigger:
    """`view_id` is the view the person acted in, which is what a push goes on top of."""

    app: InstalledApp
    user_id: str
    view_id: str | None
    issued: float
    used: bool = False


class Triggers:
    """Issued triggers. Expired ones are remembered for a while, to be refused with the right word."""

    def __init__(self, seconds: float = TRIGGER_SECONDS) -> None:
        self.seconds = seconds
        self._triggers: dict[str, Trigger] = {}

    def issue(self, app: InstalledApp, user_id: str, view_id: str | None = None) -> str:
        now = time.monotonic()
        if len(self._triggers) > 10_000:
            self._triggers = {k: t for k, t in self._triggers.items() if now - t.issued < 60}
        trigger_id = f"{time.time_ns() // 1000}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(app, user_id, view_id, now)
        return trigger_id

    def redeem(self, app: InstalledApp, trigger_id: str) -> Trigger:
        """Use a trigger up. Raise invalid_trigger_id, expired_trigger_id or exchanged_trigger_id."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None or trigger.app is not app:
            raise SlackError("invalid_trigger_id")
        if time.monotonic() - trigger.issued > self.seconds:
            raise SlackError("expired_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        trigger.used = True
        return trigger
