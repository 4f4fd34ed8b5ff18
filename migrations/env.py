"""Alembic's entry point. The connection is handed over by whoever runs the migrations."""

from typing import Any

from alembic import context
from sqlmodel import SQLModel

from bot.store import tables  # imported so that the metadata knows the tables

assert tables.AuditRow.metadata is SQLModel.metadata  # noqa: S101 - keeps the import from looking unused


def _ours(name: str | None, type_: str, _parents: Any) -> bool:
    # The durable engine keeps its own tables in the same SQLite file; they are not ours to migrate.
    return type_ != "table" or name in SQLModel.metadata.tables


def _run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_name=_ours,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


_run()
