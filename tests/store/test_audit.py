import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.audit import GENESIS, chain_hash
from bot.errors import SettingsError
from bot.settings import DatabaseSettings
from bot.store.audit import AuditTrail, load_audit_key
from bot.store.database import Database, sqlite_path

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
KEY = b"a key that only the test knows"


async def append(database: Database, trail: AuditTrail, count: int) -> None:
    for number in range(count):
        async with database.transaction() as session:
            await trail.append(session, at=AT, actor="U1", action="slack:proposal:approve", body={"number": number})


async def run(database: Database, statement: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(sa.text(statement))


async def drop_protection(database: Database) -> None:
    """Do what only the database's owner can do: switch the triggers off."""
    if database.is_sqlite:
        await run(database, "DROP TRIGGER audit_event_no_update")
        await run(database, "DROP TRIGGER audit_event_no_delete")
    else:
        await run(database, "ALTER TABLE audit_event DISABLE TRIGGER USER")


async def test_an_untouched_trail_is_intact(database: Database) -> None:
    trail = AuditTrail(database, KEY)
    await append(database, trail, 5)
    report = await trail.verify()
    assert report.intact
    assert report.events == 5
    assert (5, report.head) == await trail.checkpoint()


async def test_an_empty_trail_is_intact(database: Database) -> None:
    report = await AuditTrail(database, KEY).verify()
    assert report.intact
    assert report.head == GENESIS


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET actor = 'U2'", "DELETE FROM audit_event"])
async def test_the_database_refuses_to_change_history(database: Database, statement: str) -> None:
    trail = AuditTrail(database, KEY)
    await append(database, trail, 2)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        await run(database, statement)
    assert (await trail.verify()).intact


async def test_postgres_refuses_truncate(postgres_url: str) -> None:
    database = Database(postgres_url)
    try:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            await run(database, "TRUNCATE audit_event")
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("statement", "seq", "reason"),
    [
        ("UPDATE audit_event SET actor = 'U2' WHERE seq = 2", 2, "does not match its hash"),
        ("UPDATE audit_event SET at = '2026-11-23 04:00:00' WHERE seq = 3", 3, "does not match its hash"),
        ("UPDATE audit_event SET body = '{}' WHERE seq = 4", 4, "does not match its hash"),
        ("DELETE FROM audit_event WHERE seq = 3", 4, "row 3 is missing"),
        ("DELETE FROM audit_event WHERE seq = 5", 5, "the chain ends at row 4"),
        ("DELETE FROM audit_head", 6, "head is missing"),
        ("UPDATE audit_event SET prev = hash WHERE seq = 2", 2, "does not continue"),
    ],
)
async def test_tampering_is_found_at_its_row(database: Database, statement: str, seq: int, reason: str) -> None:
    trail = AuditTrail(database, KEY)
    await append(database, trail, 5)
    await drop_protection(database)
    await run(database, statement)
    report = await trail.verify()
    assert report.first_break is not None
    assert report.first_break.seq == seq
    assert reason in report.first_break.reason


async def test_a_forger_without_the_key_is_found(database: Database) -> None:
    await append(database, AuditTrail(database, b"another key"), 1)
    report = await AuditTrail(database, KEY).verify()
    assert report.first_break is not None
    assert report.first_break.seq == 1


async def test_a_failed_audit_row_takes_the_change_with_it(database: Database) -> None:
    trail = AuditTrail(database, KEY)

    async def change_and_fail() -> None:
        async with database.transaction() as session:
            await trail.append(session, at=AT, actor="bot", action="bot:action:start")
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await change_and_fail()
    assert await trail.count() == 0
    await append(database, trail, 1)
    assert (await trail.verify()).intact


async def test_concurrent_writers_make_one_chain(database: Database) -> None:
    trail = AuditTrail(database, KEY)
    await asyncio.gather(*(append(database, trail, 5) for _ in range(8)))
    report = await trail.verify()
    assert report.intact
    assert report.events == 40


async def test_verifying_while_others_write_finds_no_break(database: Database) -> None:
    trail = AuditTrail(database, KEY)
    await append(database, trail, 3)
    writing = asyncio.gather(*(append(database, trail, 8) for _ in range(3)))
    while not writing.done():
        assert (report := await trail.verify()).intact, report.first_break
    await writing
    assert (await trail.verify()).events == 27


@pytest.mark.parametrize(
    "body",
    [
        {"n": 0.1 + 0.2, "big": 10**20, "small": -0.0},
        {"text": "größer 🚨 \u2028", "nul": "a\x00b", "half": "\ud83d"},
        {1: "a", "list": (1, 2), "nested": {"b": None, "a": True}},
    ],
)
async def test_any_content_is_found_again_as_it_was_hashed(database: Database, body: dict[str, object]) -> None:
    trail = AuditTrail(database, KEY)
    berlin = AT.astimezone(timezone(timedelta(hours=1)))
    async with database.transaction() as session:
        await trail.append(session, at=berlin, actor="Jürgen \x00", action="bot:action:apply", body=body)
    assert (await trail.verify()).intact


async def test_a_number_that_is_none_changes_nothing(database: Database) -> None:
    trail = AuditTrail(database, KEY)

    async def record_nan() -> None:
        async with database.transaction() as session:
            await trail.append(session, at=AT, actor="bot", action="bot:action:apply", body={"n": float("nan")})

    with pytest.raises(ValueError, match="not JSON compliant"):
        await record_nan()
    assert await trail.count() == 0


async def test_secrets_never_enter_the_trail(database: Database) -> None:
    trail = AuditTrail(database, KEY)
    async with database.transaction() as session:
        await trail.append(session, at=AT, actor="bot", action="bot:action:apply", body={"password": "hunter2-canary"})
    events = [event async for event in trail.events()]
    assert "hunter2-canary" not in str(events)
    assert (await trail.verify()).intact


def test_the_key_file_is_made_once_and_private(sqlite_url: str) -> None:
    settings = DatabaseSettings(DATABASE_URL=sqlite_url)
    first = load_audit_key(settings)
    path = sqlite_path(sqlite_url).with_suffix(".audit.key")
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_audit_key(settings) == first
    assert len(first) == 64


def test_an_empty_key_is_refused(sqlite_url: str) -> None:
    sqlite_path(sqlite_url).with_suffix(".audit.key").write_bytes(b"")
    with pytest.raises(SettingsError, match="empty"):
        load_audit_key(DatabaseSettings(DATABASE_URL=sqlite_url))


def test_postgres_wants_a_key() -> None:
    with pytest.raises(SettingsError, match="AUDIT_KEY is not set"):
        load_audit_key(DatabaseSettings(DATABASE_URL="postgresql://localhost/x"))


@given(st.text(max_size=20), st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3))
def test_every_field_counts(actor: str, other: str, body: dict[str, int]) -> None:
    def value(**changes: object) -> str:
        fields = {"seq": 1, "at": AT, "actor": actor, "action": "a", "incident_id": None, "body": body, "prev": GENESIS}
        return chain_hash(KEY, **{**fields, **changes})  # type: ignore[arg-type]

    assert value() == value()
    assert value(seq=2) != value()
    assert value(prev="1" * 64) != value()
    if actor != other:
        assert value(actor=other) != value()
