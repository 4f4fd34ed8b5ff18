"""The inbox: alerts are durable here before their sender is answered.

One writer thread commits whatever has gathered since its last commit, so that a storm pays for one fsync a batch and
not one an alert.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import SimpleQueue

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import Unavailable
from bot.store.inbox_batch import Key, Row, open_appender
from bot.store.tables import InboxDelivery

# More would make the first of a batch wait for the last.
# PagerDuty and Slack count an answer as lost after some seconds; before that they should be told to come back.
_PATIENCE_SECONDS = 4.0
_MOST_AT_ONCE = 500


@dataclass(slots=True)
class _Waiting:
    row: Row
    future: "asyncio.Future[bool]"


class InboxWriter:
    """Appends deliveries with a group commit.

    `limit` bounds what may wait for a commit: beyond it `append` raises Unavailable at once, so that a sender is told
    to come back instead of waiting for a database that is away.
    """

    def __init__(self, url: str, *, limit: int = 20_000) -> None:
        self._appender = open_appender(url)
        self._limit = limit
        self._gathered: list[_Waiting] = []
        # At most one batch is with the thread, and what arrives meanwhile becomes the next one. It is handed over by
        # the event loop: a thread that helped itself would fight the loop for the interpreter over half a batch.
        self._committing = False
        self._batches: SimpleQueue[list[_Waiting] | None] = SimpleQueue()  # None ends the thread
        self._closed = False
        self._stuck = False
        self._patience: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="inbox-writer", daemon=True)

    def start(self) -> None:
        """Start the writer thread; must be called inside the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def append(self, source: str, delivery_id: str, body: str, received_at: datetime) -> bool:
        """Return after the commit: True when this delivery is new, False when it was here before."""
        if self._loop is None or self._closed or self._stuck or len(self._gathered) >= self._limit:
            raise Unavailable("The inbox is full.", vendor="Database", retry_after=5.0)
        future: asyncio.Future[bool] = self._loop.create_future()
        self._gathered.append(_Waiting(Row(source, delivery_id, body, received_at), future))
        if len(self._gathered) == 1 and not self._committing:
            # In the loop's next turn, after everything else that has arrived with this one.
            self._loop.call_soon(self._hand_over)
        return await future

    def _hand_over(self) -> None:
        if self._committing or not self._gathered:
            return
        batch, self._gathered = self._gathered[:_MOST_AT_ONCE], self._gathered[_MOST_AT_ONCE:]
        self._committing = True
        self._batches.put(batch)
        if self._loop is not None:
            # One timer a batch instead of one a sender, who would pay for it each time.
            self._patience = self._loop.call_later(_PATIENCE_SECONDS, self._lose_patience, batch)

    def _lose_patience(self, batch: Sequence[_Waiting]) -> None:
        """Tell everybody who waits for a commit that does not end, and refuse others until it does.

        It may still succeed: the senders come back, and then their deliveries are known.
        """
        self._stuck = True
        waiting, self._gathered = [*batch, *self._gathered], []
        self._refuse(waiting, TimeoutError(f"no commit within {_PATIENCE_SECONDS:g} s"))

    def _settled(self) -> None:
        self._committing = self._stuck = False
        if self._patience is not None:
            self._patience.cancel()
        self._hand_over()

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            self._commit(batch)

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        # A batch may hold one delivery twice; the first of them is the new one.
        rows: dict[Key, Row] = {}
        for waiting in batch:
            rows.setdefault((waiting.row.source, waiting.row.delivery_id), waiting.row)
        assert self._loop is not None  # noqa: S101 - start() has set it before the thread runs
        try:
            new = self._appender.append(list(rows.values()))
        except Exception as error:  # noqa: BLE001 - whatever it is, every waiting sender has to be told
            self._loop.call_soon_threadsafe(self._fail, batch, error)
        else:
            self._loop.call_soon_threadsafe(self._finish, batch, new)

    def _finish(self, batch: Sequence[_Waiting], new: set[Key]) -> None:
        self._settled()
        for waiting in batch:
            key = (waiting.row.source, waiting.row.delivery_id)
            if not waiting.future.done():
                waiting.future.set_result(key in new)
            new.discard(key)

    def _fail(self, batch: Sequence[_Waiting], error: Exception) -> None:
        self._settled()
        self._refuse(batch, error)

    @staticmethod
    def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
        for waiting in batch:
            if not waiting.future.done():
                unavailable = Unavailable("The database cannot be written to.", vendor="Database", retry_after=5.0)
                unavailable.__cause__ = error
                waiting.future.set_exception(unavailable)

    async def close(self) -> None:
        """Commit what waits and stop."""
        self._closed = True
        if self._thread.is_alive():
            await asyncio.gather(*(waiting.future for waiting in self._gathered), return_exceptions=True)
            self._batches.put(None)
            await asyncio.to_thread(self._thread.join)
        self._appender.close()


async def open_deliveries(session: AsyncSession, limit: int) -> Sequence[InboxDelivery]:
    """Return the oldest deliveries that nobody has processed; on PostgreSQL, skip those another replica holds."""
    query = (
        select(InboxDelivery)
        .where(col(InboxDelivery.processed_at).is_(None))
        .order_by(col(InboxDelivery.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.exec(query)).all()


async def count_open(session: AsyncSession) -> int:
    """Return how many deliveries wait to be processed."""
    query = select(sa.func.count()).select_from(InboxDelivery).where(col(InboxDelivery.processed_at).is_(None))
    return (await session.exec(query)).one()
