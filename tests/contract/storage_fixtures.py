"""Migrated and empty databases for the tests of what is kept; a module of tests names this one in `pytest_plugins`."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlmodel import SQLModel

from storage import workspaces
from storage.database import Database
from storage.opening import parse_url, upgrade
from tests.postgresql import Cluster

BOTH = ["sqlite_url", pytest.param("migrated_postgresql_url", marks=pytest.mark.postgresql)]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("template") / "butine.db"
    upgrade(parse_url(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgresql_engine(postgresql_cluster: Cluster) -> Iterator[Engine]:
    """A migrated database that one test after the other uses: emptying it is quicker than making one."""
    url = parse_url(postgresql_cluster.url(postgresql_cluster.new_database()))
    upgrade(url)
    engine = create_engine(url, pool_pre_ping=True)  # a test may end every connection
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_path(sqlite_template: Path, tmp_path: Path) -> Path:
    """A migrated and empty file."""
    return Path(shutil.copy(sqlite_template, tmp_path / "butine.db"))


@pytest.fixture
def sqlite_url(sqlite_path: Path) -> str:
    """The same as `storage.url` takes it."""
    return f"sqlite:///{sqlite_path}"


@pytest.fixture
def migrated_postgresql_url(postgresql_engine: Engine) -> str:
    """A migrated and empty database of PostgreSQL."""
    tables = ["idea_search", *(table.name for table in reversed(SQLModel.metadata.sorted_tables))]
    with postgresql_engine.begin() as connection:
        for table in tables:
            connection.execute(text(f'DELETE FROM "{table}"'))  # noqa: S608  our own names
    return postgresql_engine.url.render_as_string(hide_password=False)


@pytest.fixture(params=BOTH)
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Each of the two in turn."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    """Each of the two in turn, open."""
    database = Database.open(migrated_url)
    yield database
    await database.close()


@pytest.fixture
async def workspace_id(database: Database) -> int:
    """A workspace in `database`."""
    return await database.write(lambda session: workspaces.ensure(session, "web", "room"))
