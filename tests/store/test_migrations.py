"""Migrations over rows that are there already, on both databases."""

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from bot.domain.action import ActionRequest, Preview, Proposal, ProposalState, fingerprint
from bot.store import events
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store
from bot.store.audit import AuditTrail
from bot.store.database import Database
from bot.store.migrate import alembic_config
from tests.fakes import AT, TARGET

REQUEST = ActionRequest(action="scale", target=TARGET, params={"replicas": 2})
PREVIEW = Preview(command="kubectl scale", diff="", risk="S", blast_radius="", reversible=True)
INCIDENT = """
    INSERT INTO incident (id, dedup_key, source, title, severity, status, labels, details, triage, triage_run,
                          thread_is_ours, opened_at, alert_count)
    VALUES ('INC-1', 'k', 'pagerduty_slack', 't', 'high', 'triggered', '{}', '{}', 'done', 1, false, :at, 1)
"""


def _config(connection: sa.Connection) -> Config:
    config = alembic_config()
    config.attributes["connection"] = connection
    return config


async def test_proposals_from_before_approvals_were_kept_have_none(database: Database) -> None:
    proposal = Proposal(
        id="P-1",
        incident_id="INC-1",
        request=REQUEST,
        preview=PREVIEW,
        fingerprint=fingerprint(REQUEST, PREVIEW),
        state=ProposalState.PENDING,
        created_at=AT,
        expires_at=AT,
    )
    async with database.engine.begin() as connection:
        await connection.execute(sa.text(INCIDENT).bindparams(sa.bindparam("at", AT, sa.DateTime(timezone=True))))
    async with database.transaction() as session:
        await proposal_store.insert(session, proposal, 1)
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), "0001"))
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
    async with database.transaction() as session:
        assert await proposal_store.get(session, "P-1") == proposal


async def test_events_of_the_trail_are_copied_into_the_timelines(database: Database) -> None:
    trail = AuditTrail(database, b"a key of the tests")
    async with database.transaction() as session:
        for number in range(3):
            await trail.append(
                session,
                at=AT,
                actor="U1",
                action="slack:proposal:approve",
                incident_id="INC-1",
                body={"proposal": f"P-{number}"},
            )
        await trail.append(session, at=AT, actor="bot", action="a tag of nobody's", incident_id="INC-1")
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), "0002"))
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
    async with database.transaction() as session:
        entries = await events.timeline(session, "INC-1")
    assert [(e.seq, e.at, e.source, e.kind, e.actor_id, e.body) for e in entries] == [
        (seq, AT, "slack", "proposal:approve", "U1", {"proposal": f"P-{seq - 1}"}) for seq in (3, 2, 1)
    ]
    assert (await trail.verify()).intact


async def test_threads_from_before_the_index_are_found(database: Database) -> None:
    at = sa.bindparam("at", AT, sa.DateTime(timezone=True))
    thread = sa.bindparam("thread", {"channel": "C1", "ts": "7.0", "thread_ts": None}, sa.JSON())
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), "0003"))
        await connection.execute(sa.text(INCIDENT).bindparams(at))
        await connection.execute(sa.text("UPDATE incident SET channel = 'C1', thread = :thread").bindparams(thread))
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
    async with database.reading() as session:
        found = await incident_store.by_thread(session, "C1", "7.0")
    assert found is not None
    assert found.id == "INC-1"


async def test_the_migrations_make_the_tables_that_the_code_knows(database: Database) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        known = SQLModel.metadata.tables
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _parents: kind != "table" or name in known},
        )
        return list(compare_metadata(context, SQLModel.metadata))

    async with database.engine.begin() as connection:
        assert await connection.run_sync(differences) == []
