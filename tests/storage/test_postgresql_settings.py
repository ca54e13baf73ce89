"""A PostgreSQL server as its administrators have set it up: none of their settings may cost an idea."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text

from storage import ideas, workspaces
from storage.database import Database
from storage.errors import CannotOpen, NotSaved
from storage.opening import engine_for, parse_url
from tests.contract.storage_rows import NOW, keep
from tests.postgresql import Cluster

pytestmark = pytest.mark.postgresql


@pytest.fixture
def administrator(postgresql_url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Who may set everything."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        yield connection


def set_for_all(administrator: "psycopg.Connection[tuple[object, ...]]", **settings: str) -> None:
    """What every new connection to the database begins with."""
    for name, value in settings.items():
        administrator.execute(f"ALTER DATABASE {administrator.info.dbname} SET {name} = '{value}'".encode())


async def test_an_idea_is_kept_and_read_whatever_signs_and_dates_are_written_elsewhere(
    postgresql_url: str, administrator: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    set_for_all(administrator, client_encoding="LATIN1", datestyle="SQL, DMY", timezone="Europe/Paris")
    database = Database.open(postgresql_url)
    workspace_id = await database.write(lambda s: workspaces.ensure(s, "web", "room"))
    kept = await keep(database, workspace_id, title="Un café 😀 à l’étage")
    (found,) = await database.read(lambda s: ideas.after(s, workspace_id, 0, 1))
    assert (found.title, found.submitted_at) == (kept.title, NOW)
    await database.close()


async def test_nothing_is_prepared_on_a_connection_that_a_pooler_may_change(postgresql_url: str) -> None:
    """PgBouncer gives each transaction another one of the server's, which lacks what was prepared or has it already."""
    database = Database.open(postgresql_url)
    for _ in range(10):
        await database.write(workspaces.all_of)
    prepared = await database.write(lambda s: s.execute(text("SELECT statement FROM pg_prepared_statements")).all())
    assert prepared == []
    await database.close()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_whose_encoding_lacks_signs_is_refused(postgresql_cluster: Cluster, encoding: str) -> None:
    """Not the first idea with an emoji in it, later."""
    name = f"in_{encoding.lower()}"
    with psycopg.connect(postgresql_cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0".encode())
    with pytest.raises(CannotOpen) as raised:
        Database.open(postgresql_cluster.url(name))
    assert (raised.value.code, raised.value.reason) == (CannotOpen.ENCODING, encoding)


def test_a_migration_takes_the_time_that_it_needs(
    postgresql_url: str, administrator: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    set_for_all(administrator, statement_timeout="1s", lock_timeout="1s")
    engine = engine_for(parse_url(postgresql_url), is_reader=False, is_patient=True)
    with engine.connect() as connection:
        limits = [connection.execute(text(f"SHOW {name}_timeout")).scalar_one() for name in ("statement", "lock")]
    engine.dispose()
    assert limits == ["0", "0"]


async def test_what_the_account_has_no_right_to_is_not_saved(
    postgresql_url: str, administrator: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    """As where the tables were granted, and their sequences forgotten: no fault of the idea's."""
    await Database.open(postgresql_url).close()
    administrator.execute("DROP ROLE IF EXISTS agent")
    administrator.execute("CREATE ROLE agent LOGIN")
    administrator.execute("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO agent")
    database = Database.open(postgresql_url.replace("postgres@", "agent@"))
    with pytest.raises(NotSaved, match="permission denied for sequence"):
        await database.write(lambda s: workspaces.ensure(s, "web", "room"))
    await database.close()
    administrator.execute("DROP OWNED BY agent")
