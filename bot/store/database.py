"""Connections and transactions on SQLite and PostgreSQL."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import SettingsError, Unavailable


def sqlite_path(url: str) -> Path:
    """Return the file of a `sqlite:///path` URL."""
    return Path(url.removeprefix("sqlite:///"))


def async_url(url: str) -> str:
    """Return `url` with the driver that the asynchronous engine needs."""
    if url.startswith("sqlite:"):
        return url.replace("sqlite:", "sqlite+aiosqlite:", 1)
    return url.replace("postgresql:", "postgresql+psycopg:", 1)


def sync_url(url: str) -> str:
    """Return `url` with the driver that a synchronous engine needs."""
    return url if url.startswith("sqlite:") else url.replace("postgresql:", "postgresql+psycopg:", 1)


def prepare_sqlite(connection: Any, _record: Any) -> None:
    """Set up one SQLite connection: WAL, full durability, patience, and transactions that we begin ourselves."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    # A transaction that starts reading and then writes loses updates under SQLite's deferred locking.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def listen_sqlite(engine: sa.Engine) -> None:
    """Install the settings above on an engine."""
    sa.event.listen(engine, "connect", prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_immediate)


def _prepare_reader(connection: Any, record: Any) -> None:
    prepare_sqlite(connection, record)
    connection.execute("PRAGMA query_only=ON")


def _begin_reading(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def create_sync_engine(url: str) -> sa.Engine:
    """Return a synchronous engine for a worker thread."""
    engine = sa.create_engine(sync_url(url))
    if url.startswith("sqlite:"):
        listen_sqlite(engine)
    return engine


async def _take_lock(session: AsyncSession) -> None:
    """Begin a transaction on SQLite, and when cancelled while another writer is at work, wait for it to begin.

    The driver's thread goes on waiting for the lock in any case. Nobody would know that it got it: the file would stay
    locked for ever. Once it has begun, the transaction is rolled back like any other.
    """
    beginning = asyncio.ensure_future(session.connection())
    try:
        await asyncio.shield(beginning)
    except asyncio.CancelledError:
        await asyncio.wait([beginning])
        raise


def create_workflow_engine(url: str) -> sa.Engine | None:
    """Return the connections that the workflow engine works with on SQLite; None on PostgreSQL, where it makes its own.

    From Python 3.12 on it takes the time by `unixepoch('subsec')`, which SQLite knows since 3.42: older ones are
    taught it.
    """
    if not url.startswith("sqlite:"):
        return None
    engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", _prepare_workflow_connection)
    return engine


def _prepare_workflow_connection(connection: Any, _record: Any) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    if sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", 1, lambda _modifier: round(time.time(), 3))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, sa.exc.TimeoutError) as error:
        raise Unavailable("The database cannot be used right now.", vendor="Database") from error


class Database:
    """One database with its pool of asynchronous connections."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite:")
        if self.is_sqlite:
            try:
                sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SettingsError(
                    f"DATABASE_URL points to {sqlite_path(url)}, whose folder cannot be made: {error.strerror}.",
                    next_step="Choose a folder that the bot may write to.",
                ) from error
        self.engine: AsyncEngine = create_async_engine(
            async_url(url), **({} if self.is_sqlite else {"pool_size": 10, "max_overflow": 10, "pool_pre_ping": True})
        )
        if self.is_sqlite:
            listen_sqlite(self.engine.sync_engine)
            # Connections of their own, so that none of them ever waits for the write lock or takes it.
            self._reader = create_async_engine(async_url(url))
            sa.event.listen(self._reader.sync_engine, "connect", _prepare_reader)
            sa.event.listen(self._reader.sync_engine, "begin", _begin_reading)
        else:
            self._reader = self.engine.execution_options(postgresql_readonly=True)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Open a session whose work commits when the block ends and rolls back when it raises.

        Raise Unavailable when the database is away, is locked for too long, or undid the transaction for another's
        sake (a deadlock): nothing is stored then, and the same may be tried again.
        """
        with _translated():
            async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
                if self.is_sqlite:
                    await _take_lock(session)
                yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a session that sees one state of the database and can change nothing.

        On SQLite it waits for no writer and no writer waits for it. Raise Unavailable as above.
        """
        with _translated():
            async with AsyncSession(self._reader, expire_on_commit=False) as session, session.begin():
                yield session

    async def ping(self) -> None:
        """Run a query. Raise Unavailable when the database is away."""
        async with self.transaction() as session:
            await (await session.connection()).execute(sa.text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()
        if self.is_sqlite:
            await self._reader.dispose()
