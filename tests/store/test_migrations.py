"""Migrations over rows that are there already, on both databases."""

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from bot.domain.action import ActionRequest, Preview, Proposal, ProposalState, fingerprint
from bot.store import proposals as proposal_store
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
