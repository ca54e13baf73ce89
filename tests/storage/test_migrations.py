"""The schema's versions: one line of them, equal to the tables in the code, and no row is lost on the way."""

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Engine,
    Integer,
    MetaData,
    create_engine,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from storage import migrations
from storage.opening import parse_url, upgrade

pytest_plugins = ["tests.contract.storage_fixtures"]

FOLDER = Path(migrations.__file__).parent
SCRIPTS = ScriptDirectory(str(FOLDER))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()]
NEW = [None, pytest.param("postgresql_url", marks=pytest.mark.postgresql)]


@pytest.fixture(params=NEW, ids=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without anything in it."""
    return request.getfixturevalue(request.param) if request.param else f"sqlite:///{tmp_path}/new.db"


def engine_of(url: str) -> Engine:
    """An engine whose transactions are the database's own; SQLite's driver has other ideas of when one begins."""
    if parse_url(url).get_backend_name() != "sqlite":
        return create_engine(parse_url(url))
    engine = create_engine(url, connect_args={"isolation_level": None})
    event.listen(engine, "begin", begin)
    return engine


def begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def test_there_is_one_newest_revision_and_the_code_knows_it() -> None:
    assert SCRIPTS.get_heads() == [migrations.HEAD]
    assert migrations.known_revisions() == REVISIONS


def test_the_migrated_schema_is_that_of_the_tables(migrated_url: str) -> None:
    engine = engine_of(migrated_url)

    def is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
        if kind == "index" and engine.dialect.name == "sqlite":
            return name != "idea_by_showing"  # SQLite doesn't tell an index's direction; PostgreSQL does
        return not (kind == "table" and name and name.startswith("idea_search"))  # each database has its own

    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": is_ours}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata)
    engine.dispose()
    assert differences == []


@pytest.mark.parametrize("path", sorted((FOLDER / "versions").glob("*.py")), ids=lambda path: path.stem)
def test_a_revision_imports_no_live_code(path: Path) -> None:
    """It must do next year what it does today."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." if node.level else (node.module or "").partition(".")[0])
    assert imported <= {"alembic", "sqlalchemy"}


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_upgrade_from_any_revision_keeps_every_row(new_url: str, revision: str) -> None:
    engine = engine_of(new_url)
    migrations.upgrade(engine, revision)
    before = fill(engine)
    upgrade(parse_url(new_url))
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        assert migrations.revision_of(connection) == migrations.HEAD
        for name, row in before.items():
            kept = connection.execute(select(tables.tables[name])).mappings().one()
            assert {column: kept[column] for column in row} == row, name
    engine.dispose()


def fill(engine: Engine) -> dict[str, dict[str, Any]]:
    """One row in every table of whatever schema is there, by table name."""
    tables = MetaData()
    tables.reflect(engine, only=lambda name, _: name != "alembic_version" and not name.startswith("idea_search"))
    rows = {}
    with engine.begin() as connection:
        for table in tables.sorted_tables:
            row = {column.name: value_for(column) for column in table.columns}
            connection.execute(insert(table).values(row))
            rows[table.name] = dict(connection.execute(select(table)).mappings().one())
    assert rows
    return rows


def value_for(column: Column[Any]) -> object:
    """Something that the column takes; keys are 1, so that they refer to each other."""
    for kind, value in ((Boolean, True), (Integer, 1), (DateTime, datetime(2026, 11, 24, 9, tzinfo=UTC)), (JSON, {})):
        if isinstance(column.type, kind):
            return value
    return "published" if column.name == "status" else "submitted" if column.name == "step" else "été"


def test_a_revision_that_fails_leaves_nothing_behind(new_url: str) -> None:
    """All of an upgrade happens in one transaction: here a name is taken, so the last table can't be made."""
    engine = engine_of(new_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE idea_search (id INTEGER)"))
    with pytest.raises(DBAPIError, match="idea_search"):
        migrations.upgrade(engine)
    with engine.connect() as connection:
        found = MetaData()
        found.reflect(connection)
    engine.dispose()
    assert set(found.tables) == {"idea_search"}
