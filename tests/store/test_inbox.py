import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from bot.errors import Unavailable
from bot.store.database import Database
from bot.store.inbox import InboxWriter, count_open, open_deliveries
from bot.store.inbox_batch import Key, Row
from tests.waiting import wait_until

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture
async def inbox(database: Database) -> AsyncIterator[InboxWriter]:
    writer = InboxWriter(database.url)
    writer.start()
    yield writer
    await writer.close()


async def test_a_delivery_is_durable_when_append_returns(database: Database, inbox: InboxWriter) -> None:
    assert await inbox.append("pagerduty_webhook", "d-1", "{}", AT)
    async with database.transaction() as session:
        [delivery] = await open_deliveries(session, 10)
    assert (delivery.source, delivery.delivery_id, delivery.received_at) == ("pagerduty_webhook", "d-1", AT)


async def test_a_repeat_is_answered_but_not_stored(database: Database, inbox: InboxWriter) -> None:
    assert await inbox.append("pagerduty_webhook", "d-1", "{}", AT)
    assert not await inbox.append("pagerduty_webhook", "d-1", "{}", AT)
    assert await inbox.append("pagerduty_slack", "d-1", "{}", AT)
    async with database.transaction() as session:
        assert await count_open(session) == 2


async def test_a_storm_shares_commits_and_loses_nothing(database: Database, inbox: InboxWriter) -> None:
    results = await asyncio.gather(*(inbox.append("s", f"d-{n % 300}", "{}", AT) for n in range(900)))
    assert sum(results) == 300
    async with database.transaction() as session:
        assert await count_open(session) == 300


async def test_a_full_inbox_says_come_back(database: Database) -> None:
    writer = InboxWriter(database.url, limit=0)
    writer.start()
    try:
        with pytest.raises(Unavailable) as refused:
            await writer.append("s", "d", "{}", AT)
        assert refused.value.retry_after
    finally:
        await writer.close()


async def test_a_database_that_is_away_is_said_to_every_sender(database: Database, inbox: InboxWriter) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(sa.text("DROP TABLE inbox_delivery"))
    results = await asyncio.gather(*(inbox.append("s", f"d-{n}", "{}", AT) for n in range(3)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)


async def test_a_commit_that_does_not_end_is_said_and_others_are_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.inbox._PATIENCE_SECONDS", 0.2)
    writer = InboxWriter(database.url)
    release = threading.Event()
    append = writer._appender.append

    def slow(rows: Sequence[Row]) -> set[Key]:
        release.wait(10)
        return append(rows)

    monkeypatch.setattr(writer._appender, "append", slow)
    writer.start()
    try:
        with pytest.raises(Unavailable):
            await writer.append("s", "d-1", "{}", AT)
        with pytest.raises(Unavailable):
            await writer.append("s", "d-2", "{}", AT)
        release.set()

        async def back() -> bool:
            try:
                return not await writer.append("s", "d-1", "{}", AT)
            except Unavailable:
                return False

        assert await wait_until(back), "what was committed late is known when its sender comes back"
    finally:
        release.set()
        await writer.close()
