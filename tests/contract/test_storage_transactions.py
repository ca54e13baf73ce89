"""What reading and writing promise, whichever the database."""

import asyncio
import threading

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from storage import ideas, notes, search, workspaces
from storage.database import Database
from storage.errors import NotSaved, StorageError
from storage.search import Visible
from storage.tables import Idea, Status, Workspace
from tests.contract.storage_rows import keep, new_idea

pytest_plugins = ["tests.contract.storage_fixtures"]


class Refusal(Exception):
    """What a use-case raises."""


async def test_a_write_returns_what_its_work_returns(database: Database) -> None:
    assert await database.write(lambda _: "done") == "done"


async def test_what_a_write_returns_can_be_read_after_it(database: Database, workspace_id: int) -> None:
    def add(session: Session) -> Idea:
        idea = new_idea(workspace_id, "Des vélos")
        ideas.add(session, idea)
        return idea

    idea = await database.write(add)
    assert (idea.number, idea.title, idea.status, idea.supporters) == (1, "Des vélos", Status.PENDING, 0)


async def test_what_is_acknowledged_is_there_for_the_next_read(database: Database) -> None:
    for number in range(20):
        await database.write(lambda s, n=str(number): notes.put(s, "n", n))  # type: ignore[misc]
        assert await database.read(lambda s: notes.get(s, "n")) == str(number)


async def test_an_exception_undoes_all_of_its_work_and_comes_through(database: Database, workspace_id: int) -> None:
    def fail(session: Session) -> None:
        notes.put(session, "first", "1")
        ideas.add(session, new_idea(workspace_id, "Des vélos"))
        session.flush()
        raise Refusal

    with pytest.raises(Refusal):
        await database.write(fail)
    assert await database.read(lambda s: notes.get(s, "first")) is None
    assert await database.read(lambda s: ideas.after(s, workspace_id, 0, 1)) == []
    found = await database.read(lambda s: search.find(s, workspace_id, "vélo", Visible(set(Status)), 1))
    assert found == []


async def test_an_exception_undoes_only_its_own_work(database: Database) -> None:
    def put(name: str, *, fails: bool) -> "asyncio.Future[None]":
        def work(session: Session) -> None:
            notes.put(session, name, "kept")
            session.flush()
            if fails:
                raise Refusal(name)

        return asyncio.ensure_future(database.write(work))

    results = await asyncio.gather(
        *(put(f"note {number}", fails=number % 3 == 0) for number in range(30)), return_exceptions=True
    )
    for number, result in enumerate(results):
        kept = await database.read(lambda s, n=f"note {number}": notes.get(s, n))  # type: ignore[misc]
        if number % 3:
            assert (result, kept) == (None, "kept")
        else:
            assert isinstance(result, Refusal)
            assert str(result) == f"note {number}"
            assert kept is None


async def test_what_the_database_refuses_undoes_only_that_work(database: Database, workspace_id: int) -> None:
    def twice(session: Session) -> None:
        notes.put(session, "of the failed one", "x")
        session.add(Workspace(platform="web", external_id="room"))

    async def put(number: int) -> None:
        await database.write(lambda s: notes.put(s, f"note {number}", "kept"))

    failed, *others = await asyncio.gather(
        database.write(twice), *(put(number) for number in range(10)), return_exceptions=True
    )
    assert isinstance(failed, IntegrityError)
    assert others == [None] * 10
    assert await database.read(lambda s: notes.get(s, "of the failed one")) is None
    for number in range(10):
        assert await database.read(lambda s, n=number: notes.get(s, f"note {n}")) == "kept"  # type: ignore[misc]


async def test_a_failed_read_comes_through_and_harms_no_other(database: Database) -> None:
    def fail(session: Session) -> None:
        notes.get(session, "x")
        raise Refusal

    results = await asyncio.gather(*(database.read(fail) for _ in range(8)), return_exceptions=True)
    assert all(isinstance(result, Refusal) for result in results)
    assert await database.read(lambda s: notes.get(s, "x")) is None


async def test_reading_changes_nothing(database: Database, workspace_id: int) -> None:
    with pytest.raises((StorageError, DBAPIError), match=r"(?i)read-?only"):
        await database.read(lambda s: workspaces.ensure(s, "web", "new"))
    assert len(await database.read(workspaces.all_of)) == 1
    assert await database.write(lambda s: workspaces.ensure(s, "web", "room")) == workspace_id, "writing still works"


async def test_a_change_without_flush_in_a_read_is_lost(database: Database, workspace_id: int) -> None:
    await keep(database, workspace_id, "Des vélos")

    def change(session: Session) -> None:
        idea = ideas.by_number(session, workspace_id, 1)
        assert idea
        idea.title = "Une piscine"

    await database.read(change)
    idea = await database.read(lambda s: ideas.by_number(s, workspace_id, 1))
    assert idea
    assert idea.title == "Des vélos"


async def test_one_read_sees_one_moment(database: Database, workspace_id: int) -> None:
    """What is committed in the middle of it is for the next one: a digest's figures belong together."""
    await keep(database, workspace_id)
    has_begun, may_go_on = threading.Event(), threading.Event()

    def look_twice(session: Session) -> tuple[int, int]:
        first = sum(ideas.count_by_status(session, workspace_id).values())
        has_begun.set()
        assert may_go_on.wait(30)
        return first, sum(ideas.count_by_status(session, workspace_id).values())

    reading = asyncio.create_task(database.read(look_twice))
    assert await asyncio.to_thread(has_begun.wait, 30)
    await keep(database, workspace_id)
    may_go_on.set()
    assert await reading == (1, 1)
    assert sum((await database.read(lambda s: ideas.count_by_status(s, workspace_id))).values()) == 2


async def test_many_reads_and_writes_at_once_all_end_well(database: Database, workspace_id: int) -> None:
    async def write() -> None:
        await keep(database, workspace_id)

    async def read() -> None:
        found = await database.read(lambda s: ideas.after(s, workspace_id, 0, 100))
        assert [idea.number for idea in found] == list(range(1, len(found) + 1))

    await asyncio.gather(*(job() for _ in range(25) for job in (write, read)))
    assert len(await database.read(lambda s: ideas.after(s, workspace_id, 0, 100))) == 25


async def test_a_caller_who_gives_up_harms_no_other(database: Database, workspace_id: int) -> None:
    writes = [asyncio.create_task(keep(database, workspace_id, f"Idée {n}")) for n in range(10)]
    await asyncio.gather(*(asyncio.wait_for(task, 0) for task in writes[:3]), return_exceptions=True)
    assert [task.cancelled() for task in writes[:3]] == [True] * 3
    kept = await asyncio.gather(*writes[3:])
    assert [idea.title for idea in kept] == [f"Idée {n}" for n in range(3, 10)]
    after = await keep(database, workspace_id)
    found = await database.read(lambda s: ideas.after(s, workspace_id, 0, 100))
    assert [idea.number for idea in found] == list(range(1, after.number + 1))


async def test_closing_finishes_the_writes_that_wait(migrated_url: str) -> None:
    database = Database.open(migrated_url)
    writes = [
        asyncio.create_task(database.write(lambda s, n=f"note {n}": notes.put(s, n, "kept")))  # type: ignore[misc]
        for n in range(20)
    ]
    await asyncio.wait_for(asyncio.shield(writes[0]), 30)
    await database.close()
    await asyncio.gather(*writes)
    again = Database.open(migrated_url)
    for number in range(20):
        assert await again.read(lambda s, n=number: notes.get(s, f"note {n}")) == "kept"  # type: ignore[misc]
    await again.close()


async def test_a_closed_database_refuses_instead_of_keeping_one_waiting(migrated_url: str) -> None:
    database = Database.open(migrated_url)
    await database.close()
    await database.close()
    with pytest.raises(NotSaved):
        await asyncio.wait_for(database.write(lambda s: notes.put(s, "n", "1")), 30)
    with pytest.raises(NotSaved):
        await asyncio.wait_for(database.read(lambda s: notes.get(s, "n")), 30)
