"""Reading: it waits for no writer, changes nothing, and finds rows by an index."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from bot.domain.alert import MessageRef
from bot.domain.incident import Incident
from bot.errors import OncallError
from bot.services.correlation import open_incident
from bot.store import incidents as incident_store
from bot.store.database import Database
from tests.fakes import AT, make_alert


def _incident(number: int, ts: str) -> Incident:
    alert = make_alert(number, dedup_key=f"k{number}", message=MessageRef(channel="C1", ts=ts))
    return open_incident(alert, AT).model_copy(update={"opened_at": AT + timedelta(seconds=number)})


async def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    async with database.transaction() as writer:
        await incident_store.insert(writer, _incident(1, "1.0"))
        async with asyncio.timeout(2), database.reading() as reader:
            assert await incident_store.count_open(reader) == 0  # what is not committed cannot be seen
    async with database.reading() as reader:
        assert await incident_store.count_open(reader) == 1


async def test_a_writer_does_not_wait_for_a_reader_who_goes_on_seeing_one_state(database: Database) -> None:
    async with database.reading() as reader:
        assert await incident_store.count_open(reader) == 0
        async with asyncio.timeout(2), database.transaction() as writer:
            await incident_store.insert(writer, _incident(1, "1.0"))
        if database.is_sqlite:
            assert await incident_store.count_open(reader) == 0


async def test_a_reader_can_change_nothing(database: Database) -> None:
    async def write() -> None:
        async with database.reading() as reader:
            await incident_store.insert(reader, _incident(1, "1.0"))

    with pytest.raises((DBAPIError, OncallError)):
        await write()
    async with database.reading() as reader:
        assert await incident_store.count_open(reader) == 0


async def test_a_thread_is_found_among_many_newer_ones_of_its_channel(database: Database) -> None:
    async with database.transaction() as session:
        old = _incident(0, "1.0")
        await incident_store.insert(session, old)
        for number in range(1, 600):
            await incident_store.insert(session, _incident(number, f"{number + 1}.0"))
    async with database.reading() as session:
        found = await incident_store.by_thread(session, "C1", "1.0")
        assert found is not None
        assert found.id == old.id
        assert await incident_store.by_thread(session, "C2", "1.0") is None


async def test_an_incident_that_moves_to_another_thread_is_found_there(database: Database) -> None:
    incident = _incident(1, "1.0")
    async with database.transaction() as session:
        await incident_store.insert(session, incident)
        await incident_store.update(session, incident.id, thread=MessageRef(channel="C2", ts="9.0"), channel="C2")
    async with database.reading() as session:
        assert await incident_store.by_thread(session, "C1", "1.0") is None
        found = await incident_store.by_thread(session, "C2", "9.0")
    assert found is not None
    assert found.id == incident.id


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT id FROM incident WHERE channel = 'C1' AND thread_ts = '1.0'", "ix_incident_thread"),
        ("SELECT id FROM incident WHERE status != 'resolved' ORDER BY opened_at DESC LIMIT 50", "ix_incident_open"),
        ("SELECT count(*) FROM proposal WHERE created_at >= '2026-11-01'", "ix_proposal_created_at"),
    ],
)
async def test_the_indexes_fit_the_queries(database: Database, query: str, index: str) -> None:
    async with database.reading() as session:
        connection = await session.connection()
        if database.is_sqlite:
            plan = await connection.execute(sa.text(f"EXPLAIN QUERY PLAN {query}"))
        else:
            await connection.execute(sa.text("SET LOCAL enable_seqscan = off"))  # the tables of a test are tiny
            plan = await connection.execute(sa.text(f"EXPLAIN {query}"))
        text = "\n".join(str(row) for row in plan)
    assert index in text
