"""What every handler is given."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.services import Services
from bot.tasks import TaskSupervisor
from handlers.slack.deliveries import Deliveries
from handlers.slack.replies import Reply, guarded
from handlers.slack.screens import Screens


@dataclass(frozen=True, slots=True)
class Wiring:
    """The services, the renderer, the client and the supervisor of background work.

    `alert_app_ids` are the Slack apps whose messages are alerts; `forget_groups` is called when a user group changed.
    """

    services: Services
    screens: Screens
    client: AsyncWebClient
    tasks: TaskSupervisor
    alert_app_ids: frozenset[str]
    forget_groups: Callable[[], None]
    deliveries: Deliveries = field(default_factory=Deliveries)

    def launch(self, work: Coroutine[Any, Any, None], reply: Reply, *, name: str) -> None:
        """Do `work` after the acknowledgement; whatever it raises reaches the person as a sentence."""
        self.tasks.start(guarded(work, reply, self.screens, name=name), name=f"slack {name}")
