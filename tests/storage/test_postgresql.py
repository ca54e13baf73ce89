"""What is special on PostgreSQL: conflicts between transactions are tried again, and a lost connection is got over."""

import asyncio
import threading
from collections.abc import AsyncIterator
from itertools import count

import psycopg
import pytest
from sqlalchemy import text
from sqlmodel import Session

from storage import ideas, notes, workspaces
from storage.database import ATTEMPTS, Database
from storage.errors import NotSaved
from storage.opening import LOCK_TIMEOUT_SECONDS, READERS, parse_url, problems_of
from tests.contract.storage_rows import keep

pytest_plugins = ["tests.contract.storage_fixtures"]
pytestmark = pytest.mark.postgresql


@pytest.fixture
async def database(migrated_postgresql_url: str) -> AsyncIterator[Database]:
    """PostgreSQL, open."""
    database = Database.open(migrated_postgresql_url)
    yield database
    await database.close()


async def test_of_two_writes_in_each_others_way_both_are_done(database: Database) -> None:
    """A real deadlock: PostgreSQL ends one of the two, which is tried again."""
    workspace_id = await database.write(lambda s: workspaces.ensure(s, "web", "room"))
    for _ in range(2):
        await keep(database, workspace_id)
    both_hold_one, attempts = threading.Barrier(2), count(1)

    def support(session: Session, *numbers: int) -> None:
        is_early = next(attempts) <= 2
        for number in numbers:
            idea = ideas.by_number(session, workspace_id, number, for_change=True)
            assert idea
            idea.supporters += 1
            session.flush()
            if is_early and number == numbers[0]:
                both_hold_one.wait(30)

    await asyncio.gather(database.write(lambda s: support(s, 1, 2)), database.write(lambda s: support(s, 2, 1)))
    assert next(attempts) > 3, "there was no deadlock"
    found = await database.read(lambda s: ideas.after(s, workspace_id, 0, 2))
    assert [idea.supporters for idea in found] == [2, 2]


async def test_what_another_process_holds_is_waited_for_two_seconds_and_stops_nothing_else(
    database: Database, migrated_postgresql_url: str
) -> None:
    """It may be suspended in the middle of its transaction."""
    workspace_id = await database.write(lambda s: workspaces.ensure(s, "web", "room"))
    await keep(database, workspace_id)

    def support(session: Session) -> None:
        idea = ideas.by_number(session, workspace_id, 1, for_change=True)
        assert idea
        idea.supporters += 1

    with psycopg.connect(migrated_postgresql_url.replace("+psycopg", "")) as holder:
        holder.execute("SELECT 1 FROM idea FOR UPDATE")
        writes = [asyncio.create_task(database.write(support)) for _ in range(READERS)]
        async with asyncio.timeout(LOCK_TIMEOUT_SECONDS):
            assert len(await database.read(lambda s: ideas.after(s, workspace_id, 0, 2))) == 1
        assert not any(write.done() for write in writes)
        async with asyncio.timeout(20):
            told = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(error) for error in told] == [NotSaved] * READERS
    await database.write(support)


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "23505"])
async def test_a_conflict_is_tried_again_from_the_beginning(database: Database, sqlstate: str) -> None:
    attempts = count(1)

    def conflict(session: Session) -> int:
        attempt = next(attempts)
        notes.put(session, f"attempt {attempt}", "kept")
        session.flush()
        if attempt < ATTEMPTS:
            session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$"))
        return attempt

    assert await database.write(conflict) == ATTEMPTS
    kept = [await database.read(lambda s, n=n: notes.get(s, f"attempt {n}")) for n in (1, 2, 3, 4)]  # type: ignore[misc]
    assert kept == [None, None, None, "kept"]


async def test_a_conflict_that_never_ends_is_told(database: Database) -> None:
    attempts = count(1)

    def conflict(session: Session) -> None:
        next(attempts)
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))

    with pytest.raises(NotSaved, match="again"):
        await database.write(conflict)
    assert next(attempts) == ATTEMPTS + 1


def lose_connection(session: Session) -> None:
    """What a restart of the server does to a transaction."""
    session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@pytest.mark.parametrize("sqlstate, told", [("25006", "takes no writes"), ("25P03", "silent for too long")])
async def test_what_the_server_does_not_carry_out_is_not_saved(database: Database, sqlstate: str, told: str) -> None:
    """A standby after a failover, and a transaction that the server has ended: PostgreSQL calls both internal."""

    def refused(session: Session) -> None:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION '{told}' USING ERRCODE = '{sqlstate}'; END $$"))

    with pytest.raises(NotSaved, match=told):
        await database.write(refused)


async def test_a_connection_lost_in_a_transaction_is_told_and_the_next_works(database: Database) -> None:
    with pytest.raises(NotSaved):
        await database.write(lose_connection)
    with pytest.raises(NotSaved):
        await database.read(lose_connection)
    await database.write(lambda s: notes.put(s, "n", "kept"))
    assert await database.read(lambda s: notes.get(s, "n")) == "kept"


async def test_connections_lost_while_idle_cost_nothing(database: Database) -> None:
    await asyncio.gather(*(database.write(lambda s: notes.put(s, "n", "1")) for _ in range(4)))
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle%'"
    )
    await database.read(lambda s: s.execute(others).all())
    assert await asyncio.gather(*(database.read(lambda s: notes.get(s, "n")) for _ in range(8))) == ["1"] * 8


async def test_two_processes_keep_their_ideas_in_one_database(database: Database, migrated_postgresql_url: str) -> None:
    """Numbers are unique and without gaps even between them."""
    other = Database.open(migrated_postgresql_url, exclusively=True)
    workspace_id = await database.write(lambda s: workspaces.ensure(s, "web", "room"))
    kept = await asyncio.gather(*(keep(where, workspace_id) for _ in range(10) for where in (database, other)))
    assert sorted(idea.number for idea in kept) == list(range(1, 21))
    await other.close()


def test_its_soundness_is_its_servers_matter(migrated_postgresql_url: str) -> None:
    assert problems_of(parse_url(migrated_postgresql_url)) == []
