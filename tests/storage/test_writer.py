"""SQLite's writer commits in groups, tells nobody that something is saved which is not, and goes on after a failure."""

import asyncio
import sqlite3
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.pool import Pool
from sqlmodel import Session

from storage import ideas, notes
from storage.database import Database
from storage.errors import NotSaved
from storage.writer import GROUP_SIZE
from tests.contract.storage_rows import new_idea

pytest_plugins = ["tests.contract.storage_fixtures"]

FULL_AFTER_PAGES = 20


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    """A SQLite file, open."""
    database = Database.open(sqlite_url)
    yield database
    await database.close()


@pytest.fixture
def commits() -> Iterator[list[object]]:
    """Has one item for each commit since it was last cleared."""
    seen: list[object] = []

    def note(connection: object) -> None:
        seen.append(connection)

    event.listen(Engine, "commit", note)
    yield seen
    event.remove(Engine, "commit", note)


def put(name: str, value: str = "kept") -> Callable[[Session], None]:
    """Work that keeps one note."""
    return partial(notes.put, name=name, value=value)


def on_disk(path: Path) -> dict[str, str]:
    """The notes that another connection sees at this moment."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT name, value FROM note"))


async def together(database: Database, *works: Callable[[Session], object]) -> list[object]:
    """The results, or exceptions, of writes that all wait behind one that takes its time."""
    has_begun, may_end = threading.Event(), threading.Event()

    def take_time(_: Session) -> None:
        has_begun.set()
        assert may_end.wait(30)

    first = asyncio.create_task(database.write(take_time))
    assert await asyncio.to_thread(has_begun.wait, 30)
    waiting = [asyncio.create_task(database.write(work)) for work in works]
    await asyncio.sleep(0)  # each has handed its work over
    may_end.set()
    await first
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_writes_that_wait_are_committed_together(
    database: Database, sqlite_path: Path, commits: list[object]
) -> None:
    number = 2 * GROUP_SIZE
    await together(database, *(put(f"note {n}") for n in range(number)))
    assert len(commits) == 1 + 2, "the one that took its time, and two full groups"
    assert len(on_disk(sqlite_path)) == number


async def test_a_write_that_nobody_waits_with_is_committed_at_once(
    database: Database, sqlite_path: Path, commits: list[object]
) -> None:
    for number in range(5):
        await database.write(put(f"note {number}"))
        assert f"note {number}" in on_disk(sqlite_path)
    assert len(commits) == 5


async def test_one_that_fails_in_a_group_is_rolled_back_alone(database: Database, sqlite_path: Path) -> None:
    def fail(session: Session) -> None:
        notes.put(session, "half", "done")
        session.flush()
        raise LookupError("mine")

    before, failed, after = await together(database, put("before"), fail, put("after"))
    assert (before, after, str(failed)) == (None, None, "mine")
    assert on_disk(sqlite_path) == {"before": "kept", "after": "kept"}


async def test_one_that_fails_before_it_changed_anything_costs_its_group_nothing(
    database: Database, sqlite_path: Path, commits: list[object]
) -> None:
    def refuse(session: Session) -> None:
        notes.get(session, "before")
        raise LookupError("mine")

    before, failed, after = await together(database, put("before"), refuse, put("after"))
    assert (before, after, str(failed)) == (None, None, "mine")
    assert on_disk(sqlite_path) == {"before": "kept", "after": "kept"}
    assert len(commits) == 1 + 1, "the one that took its time, and the group"


async def test_works_of_a_group_see_those_before_them(database: Database) -> None:
    results = await together(database, put("n", "1"), partial(notes.get, name="n"), put("n", "2"))
    assert results == [None, "1", None]


@pytest.mark.parametrize("pragma, value", [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
async def test_the_writer_is_safe_against_a_power_cut(database: Database, pragma: str, value: object) -> None:
    found = await database.write(lambda s: s.connection().exec_driver_sql(f"PRAGMA {pragma}").scalar_one())
    assert found == value


async def test_while_another_program_holds_the_database_nobody_is_told_that_something_is_saved(
    database: Database, sqlite_path: Path
) -> None:
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(database.write(put(f"n{n}")) for n in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [NotSaved] * 5
        assert "locked" in str(results[0])
        assert await database.read(lambda s: notes.get(s, "n0")) is None, "reading goes on"
        other.execute("ROLLBACK")
    assert on_disk(sqlite_path) == {}
    await database.write(put("afterwards"))
    assert on_disk(sqlite_path) == {"afterwards": "kept"}


@contextmanager
def little_room(path: Path) -> Iterator[None]:
    """Databases opened in here are full soon, as a disk may be."""
    with closing(sqlite3.connect(path)) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + FULL_AFTER_PAGES}")

    event.listen(Pool, "connect", limit)
    try:
        yield
    finally:
        event.remove(Pool, "connect", limit)


async def test_in_a_full_database_nothing_is_half_saved(sqlite_url: str, sqlite_path: Path) -> None:
    with little_room(sqlite_path):
        database = Database.open(sqlite_url)
        await database.write(put("first"))
        small, large, small_too = await together(
            database, put("small"), put("large", "x" * 1_000_000), put("small too")
        )
        assert (small, type(large), small_too) == (None, NotSaved, None), "what fits is not refused for its neighbour"
        assert "full" in str(large)
        assert on_disk(sqlite_path) == dict.fromkeys(("first", "small", "small too"), "kept")
        await database.close()


async def test_a_caller_who_gives_up_leaves_the_group_whole(database: Database, sqlite_path: Path) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def take_time(_: Session) -> None:
        has_begun.set()
        assert may_end.wait(30)

    first = asyncio.create_task(database.write(take_time))
    assert await asyncio.to_thread(has_begun.wait, 30)
    impatient, patient = (asyncio.create_task(database.write(put(name))) for name in ("impatient", "patient"))
    await asyncio.sleep(0)
    first.cancel()
    impatient.cancel()
    may_end.set()
    await patient
    assert on_disk(sqlite_path)["patient"] == "kept"
    await database.write(put("afterwards"))


def test_a_caller_whose_event_loop_is_closed_stops_nobody_elses_writes(sqlite_url: str) -> None:
    database = Database.open(sqlite_url)
    has_begun, may_end = threading.Event(), threading.Event()

    def take_time(_: Session) -> None:
        has_begun.set()
        assert may_end.wait(30)

    async def give_up() -> None:
        writing = asyncio.create_task(database.write(take_time))
        assert await asyncio.to_thread(has_begun.wait, 30)
        writing.cancel()

    asyncio.run(give_up())
    may_end.set()

    async def go_on() -> None:
        async with asyncio.timeout(10):
            await database.write(put("afterwards"))
            await database.close()

    asyncio.run(go_on())


async def test_closing_finishes_what_waits_behind_a_long_write(sqlite_url: str, sqlite_path: Path) -> None:
    database = Database.open(sqlite_url)
    has_begun, may_end = threading.Event(), threading.Event()

    def take_time(_: Session) -> None:
        has_begun.set()
        assert may_end.wait(30)

    first = asyncio.create_task(database.write(take_time))
    assert await asyncio.to_thread(has_begun.wait, 30)
    waiting = asyncio.create_task(database.write(put("waiting")))
    await asyncio.sleep(0)
    closing_ = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    assert not closing_.done()
    may_end.set()
    await asyncio.gather(first, waiting, closing_)
    assert on_disk(sqlite_path) == {"waiting": "kept"}


async def test_damage_that_is_met_on_the_way_is_no_surprise_of_the_caller(sqlite_url: str, sqlite_path: Path) -> None:
    """Reading and writing say NotSaved, as for any failure of the database."""
    database = Database.open(sqlite_url)
    await database.write(partial(fill, number=100))
    await database.close()
    damage(sqlite_path)
    database = Database.open(sqlite_url)
    attempts: list[Awaitable[object]] = [database.read(read_all), database.write(read_all)]
    for attempt in attempts:
        with pytest.raises(NotSaved, match=r"malformed|decode"):
            await attempt
    await database.close()


def fill(session: Session, number: int) -> None:
    """Ideas with long texts."""
    session.connection().exec_driver_sql("INSERT INTO workspace VALUES (1, 'web', 'room', 0)")
    for _ in range(number):
        ideas.add(session, new_idea(1, proposal="mot " * 500))


def read_all(session: Session) -> int:
    """Every idea is read, and so every page."""
    return len(ideas.after(session, 1, 0, 1_000))


def damage(path: Path) -> None:
    """Overwrite the file's second half."""
    size = path.stat().st_size // 2
    with path.open("r+b") as file:
        file.seek(size)
        file.write(b"\xa5" * size)


@pytest.mark.parametrize(
    "statement", ["INSERT INTO nowhere VALUES (:words)", "INSERT INTO note (name) VALUES (:words)"]
)
async def test_what_was_to_be_kept_is_in_no_error(database: Database, statement: str) -> None:
    """Errors go into the log, traceback and all, and what members write does not."""
    words = "Des cyclamens"
    with pytest.raises(Exception, match=r"table|NULL") as raised:
        await database.write(lambda session: session.execute(text(statement), {"words": words}))
    assert "cyclamens" not in "".join(traceback.format_exception(raised.value))
