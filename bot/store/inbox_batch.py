"""One statement that appends a whole batch of deliveries and says which of them are new.

The drivers are used directly, because this is the one path where microseconds count: a batch is one statement, and a
statement outside of a transaction is its own, so that a batch costs one call into the driver. On SQLite that matters
twice: the driver gives up the interpreter's lock at every step, and the busy event loop is slow to give it back.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from bot.store.database import create_sync_engine
from bot.store.tables import InboxDelivery

_COLUMNS = "source, delivery_id, body, received_at"
# SQLite allows 32,766 parameters a statement; a longer batch is several commits.
_SQLITE_ROWS = 500

Key = tuple[str, str]


class Row(NamedTuple):
    """A delivery to append."""

    source: str
    delivery_id: str
    body: str
    received_at: datetime


class BatchAppender(Protocol):
    """Appends batches from one thread."""

    def append(self, rows: Sequence[Row]) -> set[Key]:
        """Return the keys of those that were not there before, after the commit. No key may appear twice in `rows`."""

    def close(self) -> None:
        """Close the connection."""


def open_appender(url: str) -> BatchAppender:
    """Return the appender for a database URL; it connects on first use."""
    return _SqliteAppender(url) if url.startswith("sqlite:") else _PostgresAppender(url)


class _Connecting:
    """Holds one connection, and gives it up after a failure so that the next batch opens another."""

    def __init__(self, url: str) -> None:
        self._engine = create_sync_engine(url)
        self._pooled: sa.PoolProxiedConnection | None = None

    def _driver(self) -> Any:
        if self._pooled is None:
            self._pooled = self._engine.raw_connection()
        return self._pooled.driver_connection

    def _give_up(self) -> None:
        pooled, self._pooled = self._pooled, None
        if pooled is not None:
            pooled.invalidate()

    def close(self) -> None:
        if self._pooled is not None:
            self._pooled.close()
            self._pooled = None
        self._engine.dispose()


class _SqliteAppender(_Connecting):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        kind = InboxDelivery.__table__.c.received_at.type  # type: ignore[attr-defined]
        # Times are written as the ORM writes them, which reads them back.
        self._time = kind.dialect_impl(self._engine.dialect).bind_processor(self._engine.dialect)

    def _driver(self) -> Any:
        fresh = self._pooled is None
        connection = super()._driver()
        if fresh:
            # Folding the log back into the file is the one slow commit in many: four times as seldom is enough.
            connection.execute("PRAGMA wal_autocheckpoint=4000")
        return connection

    def append(self, rows: Sequence[Row]) -> set[Key]:
        new: set[Key] = set()
        try:
            for start in range(0, len(rows), _SQLITE_ROWS):
                new |= self._append(self._driver(), rows[start : start + _SQLITE_ROWS])
        except BaseException:
            self._give_up()
            raise
        return new

    def _append(self, connection: Any, rows: Sequence[Row]) -> set[Key]:
        values = ",".join(["(?,?,?,?)"] * len(rows))
        stored = connection.execute(
            f"INSERT INTO inbox_delivery ({_COLUMNS}) VALUES {values} ON CONFLICT (source, delivery_id) DO NOTHING",  # noqa: S608 - nothing but question marks is put in
            tuple(chain.from_iterable((r.source, r.delivery_id, r.body, self._time(r.received_at)) for r in rows)),
        ).rowcount
        if stored == len(rows):
            return {(row.source, row.delivery_id) for row in rows}
        if stored == 0:
            return set()
        # One statement takes its row ids one after the other, under the database's only write lock.
        return set(
            connection.execute(
                "SELECT source, delivery_id FROM inbox_delivery WHERE id > last_insert_rowid() - ?"
                " AND id <= last_insert_rowid()",
                (stored,),
            )
        )


class _PostgresAppender(_Connecting):
    _INSERT = (
        f"INSERT INTO inbox_delivery ({_COLUMNS})"  # noqa: S608 - a constant
        " SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::timestamptz[])"
        " ON CONFLICT (source, delivery_id) DO NOTHING RETURNING source, delivery_id"
    )

    def append(self, rows: Sequence[Row]) -> set[Key]:
        columns: Iterator[tuple[Any, ...]] = zip(*rows, strict=True)
        try:
            connection = self._driver()
            if not connection.autocommit:
                connection.autocommit = True
            return set(connection.execute(self._INSERT, [list(column) for column in columns], prepare=True))
        except BaseException:
            self._give_up()
            raise
