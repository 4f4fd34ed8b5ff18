"""Transactions: what a cancellation and an outage leave behind."""

import asyncio
import sqlite3

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from bot.errors import Unavailable
from bot.store.database import Database, sqlite_path


async def read(database: Database) -> None:
    async with database.transaction() as session:
        await (await session.connection()).execute(sa.text("SELECT count(*) FROM incident"))


@pytest.mark.parametrize("waited", [0.0, 0.02, 0.1])
async def test_cancelling_while_another_writer_works_leaves_no_lock(sqlite_url: str, waited: float) -> None:
    database = Database(sqlite_url)
    other = sqlite3.connect(sqlite_path(sqlite_url), isolation_level=None)
    try:
        await read(database)
        other.execute("BEGIN IMMEDIATE")
        tasks = [asyncio.ensure_future(read(database)) for _ in range(3)]
        await asyncio.sleep(waited)
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0.05)
        other.execute("COMMIT")
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        async with asyncio.timeout(5):
            await read(database)
        other.execute("PRAGMA busy_timeout = 1000")
        other.execute("BEGIN IMMEDIATE")
    finally:
        other.close()
        await database.close()


async def test_an_outage_is_something_to_try_again(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction():
            raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    with pytest.raises(Unavailable, match="cannot be used") as caught:
        await fail()
    assert isinstance(caught.value.__cause__, OperationalError)
    await database.ping()


async def test_a_server_that_is_away_is_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    try:
        with pytest.raises(Unavailable):
            await database.ping()
    finally:
        await database.close()
