"""Bring the database's schema up to date, at start or by `oncall-agent migrate`."""

import importlib.resources

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.store.database import Database, create_sync_engine

# Any number will do, as long as nothing else in the database uses it as an advisory lock.
_ADVISORY_LOCK = 7_239_481_002


def alembic_config() -> Config:
    """Return Alembic's configuration without an ini file; the scripts are found in the installed package."""
    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("migrations")))
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: sa.Connection) -> None:
    """Run every migration that is missing. Several processes may call this at once: one works, the others wait."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def migrate(database: Database) -> None:
    """Upgrade `database` to the newest schema."""
    async with database.engine.begin() as connection:
        await connection.run_sync(upgrade)


def revisions(url: str) -> tuple[str | None, str | None]:
    """Return the database's present revision and the newest one that the code knows."""
    engine = create_sync_engine(url)
    try:
        with engine.begin() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return present, ScriptDirectory.from_config(alembic_config()).get_current_head()
