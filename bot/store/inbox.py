"""The inbox: alerts are durable here before their sender is answered.

One writer thread commits whatever has gathered since its last commit, so that a storm pays for one fsync a batch and
not one an alert. SQLAlchemy is used below its ORM here, because this is the one path where microseconds count.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import Unavailable
from bot.store.database import create_sync_engine
from bot.store.tables import InboxDelivery


@dataclass(slots=True)
class _Waiting:
    source: str
    delivery_id: str
    body: str
    received_at: datetime
    future: "asyncio.Future[bool]"


class InboxWriter:
    """Appends deliveries with a group commit.

    `limit` bounds what may wait for a commit: beyond it `append` raises Unavailable at once, so that a sender is told
    to come back instead of waiting for a database that is away.
    """

    def __init__(self, url: str, *, limit: int = 20_000, on_commit: Callable[[], None] | None = None) -> None:
        self._engine = create_sync_engine(url)
        table = InboxDelivery.__table__  # type: ignore[attr-defined]
        insert = sqlite.insert(table) if url.startswith("sqlite:") else postgresql.insert(table)
        columns = (table.c.source, table.c.delivery_id)
        self._insert = insert.on_conflict_do_nothing(index_elements=["source", "delivery_id"]).returning(*columns)
        self._limit = limit
        self._waiting: deque[_Waiting] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._on_commit = on_commit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="inbox-writer", daemon=True)

    def start(self) -> None:
        """Start the writer thread; must be called inside the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def append(self, source: str, delivery_id: str, body: str, received_at: datetime) -> bool:
        """Return after the commit: True when this delivery is new, False when it was here before."""
        if self._closed or len(self._waiting) >= self._limit:
            raise Unavailable("The inbox is full.", vendor="Database", retry_after=5.0)
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with self._wake:
            self._waiting.append(_Waiting(source, delivery_id, body, received_at, future))
            self._wake.notify()
        return await future

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closed:
                    self._wake.wait()
                if not self._waiting:
                    return
                batch = list(self._waiting)
                self._waiting.clear()
            self._commit(batch)

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        # A batch may hold one delivery twice; the first of them is the new one.
        rows = {
            (w.source, w.delivery_id): {
                "source": w.source,
                "delivery_id": w.delivery_id,
                "body": w.body,
                "received_at": w.received_at,
            }
            for w in reversed(batch)
        }
        assert self._loop is not None  # noqa: S101 - start() has set it before the thread runs
        try:
            with self._engine.begin() as connection:
                stored = connection.execute(self._insert, list(rows.values()))
                new = {(source, delivery_id) for source, delivery_id in stored}
        except Exception as error:  # noqa: BLE001 - whatever it is, every waiting sender has to be told
            self._loop.call_soon_threadsafe(self._fail, batch, error)
        else:
            self._loop.call_soon_threadsafe(self._finish, batch, new)

    def _finish(self, batch: Sequence[_Waiting], new: set[tuple[str, str]]) -> None:
        for waiting in batch:
            key = (waiting.source, waiting.delivery_id)
            if not waiting.future.done():
                waiting.future.set_result(key in new)
            new.discard(key)
        if self._on_commit is not None:
            self._on_commit()

    @staticmethod
    def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
        for waiting in batch:
            if not waiting.future.done():
                unavailable = Unavailable("The database cannot be written to.", vendor="Database", retry_after=5.0)
                unavailable.__cause__ = error
                waiting.future.set_exception(unavailable)

    async def close(self) -> None:
        """Commit what waits and stop."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)
        self._engine.dispose()


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
