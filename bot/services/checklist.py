"""The checklist in the thread: collects progress and shows it."""

import asyncio
import time

import structlog

from bot.domain.alert import MessageRef
from bot.domain.evidence import Progress, ProgressItem, ProgressState
from bot.domain.incident import Incident
from bot.errors import VendorError
from bot.ports.messenger import Messenger
from bot.tasks import TaskSupervisor

logger = structlog.get_logger(__name__)


class Checklist:
    """Progress of one investigation. Showing it is best effort: an investigation never fails because Slack is away."""

    def __init__(
        self,
        messenger: Messenger,
        tasks: TaskSupervisor,
        incident: Incident,
        message: MessageRef | None,
        progress: Progress,
    ) -> None:
        self._messenger = messenger
        self._tasks = tasks
        self._incident = incident
        self._message = message
        self._headline = progress.headline
        self._items = {item.key: item for item in progress.items}
        self._showing: asyncio.Task[None] | None = None
        self._dirty = False
        self._settled = False

    @property
    def progress(self) -> Progress:
        return Progress(headline=self._headline, items=tuple(self._items.values()))

    def report(self, item: ProgressItem) -> None:
        """Add or change one line and show it soon."""
        self._items[item.key] = item
        self._changed()

    def headline(self, text: str) -> None:
        self._headline = text
        self._changed()

    def _changed(self) -> None:
        self._dirty = True
        if self._message is not None and (self._showing is None or self._showing.done()):
            self._showing = self._tasks.start(self._show(), name=f"progress-{self._incident.id}")

    async def _show(self) -> None:
        while self._dirty and self._message is not None and not self._settled:
            self._dirty = False
            try:
                await self._messenger.update_progress(self._incident, self._message, self.progress)
            except VendorError as error:
                logger.warning("progress_not_shown", incident=self._incident.id, error=error.message)
                return

    async def settle(self) -> None:
        """Show nothing more, so that the next message wins.

        A state that waits for its turn is not waited for: the messenger sends the newest state of a message only, so
        the next one takes its place. Waiting would cost up to a second of Slack's pace, and with it half the time
        until the analysis.
        """
        await asyncio.sleep(0)  # what need not wait is on its way before the next message
        self._settled = True


def progress_item(key: str, label: str, state: ProgressState, detail: str, started: float) -> ProgressItem:
    """Return a line that has just ended; `started` is what time.perf_counter() said when it began."""
    return ProgressItem(
        key=key, label=label, state=state, detail=detail, duration_ms=(time.perf_counter() - started) * 1000
    )
