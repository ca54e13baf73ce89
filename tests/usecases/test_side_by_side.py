"""What two processes do to the same ideas at the same moment, on PostgreSQL: each finds what the other committed."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event
from sqlmodel import Session

from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.errors import AlreadyDone
from bot.usecases import digesting, moderation, submission, voting
from storage import digests, ideas, workspaces
from storage.database import Database
from storage.tables import Status, Step, present
from tests.usecases.builders import NOW, SIZES, VOTING, WEEKLY

pytest_plugins = ["tests.contract.storage_fixtures"]
pytestmark = pytest.mark.postgresql


@pytest.fixture
async def database(migrated_postgresql_url: str) -> AsyncIterator[Database]:
    """PostgreSQL, open."""
    database = Database.open(migrated_postgresql_url)
    yield database
    await database.close()


async def test_an_idea_that_is_withdrawn_while_the_digest_chooses_is_not_on_the_shortlist(database: Database) -> None:
    workspace_id = await database.write(lambda s: workspaces.ensure(s, "web", "room"))
    camille, sam, nadia = (Caller(workspace_id, name, name == "nadia") for name in ("camille", "sam", "nadia"))

    def publish(session: Session) -> None:
        submission.submit(session, camille, Draft("Des vélos"), NOW)
        moderation.approve(session, nadia, 1, NOW)
        voting.cast(session, sam, 1, VOTING, NOW, is_present=True)

    await database.write(publish)
    is_withdrawn, may_commit = threading.Event(), threading.Event()

    def withdraw(session: Session) -> None:
        submission.withdraw(session, camille, 1, NOW)
        session.flush()
        is_withdrawn.set()
        may_commit.wait(30)

    def choose(session: Session) -> None:
        threading.Timer(0.2, may_commit.set).start()
        digesting.publish(session, workspace_id, WEEKLY.coming(NOW), SIZES, NOW)

    withdrawing = asyncio.create_task(database.write(withdraw))
    await asyncio.to_thread(is_withdrawn.wait, 30)
    await asyncio.gather(withdrawing, database.write(choose))

    def outcome(session: Session) -> tuple[Status, list[Step], int]:
        (idea,) = ideas.after(session, workspace_id, 0, 9)
        digest = digests.last_posted(session, workspace_id)
        assert idea.id
        assert digest
        assert digest.id
        steps = [entry.step for entry in ideas.history(session, idea.id)]
        return idea.status, steps, len(digests.entries(session, digest.id))

    status, steps, entries = await database.read(outcome)
    assert (status, steps[-1], entries) == (Status.WITHDRAWN, Step.WITHDRAWN, 0)


async def test_two_clicks_that_are_taken_in_at_the_same_moment_make_one_idea(database: Database) -> None:
    workspace_id = await database.write(lambda s: workspaces.ensure(s, "web", "room"))
    camille = Caller(workspace_id, "camille")
    is_kept, may_commit = threading.Event(), threading.Event()

    def click(session: Session) -> int:
        number = submission.submit_once(session, camille, Draft("Des vélos"), NOW).idea.number
        is_kept.set()
        may_commit.wait(30)
        return number

    def click_again(session: Session) -> int:
        threading.Timer(0.2, may_commit.set).start()
        return submission.submit_once(session, camille, Draft("Des vélos"), NOW).idea.number

    clicking = asyncio.create_task(database.write(click))
    await asyncio.to_thread(is_kept.wait, 30)
    assert set(await asyncio.gather(clicking, database.write(click_again))) == {1}


async def test_a_digest_that_another_process_publishes_at_that_moment_is_not_taken_for_a_missed_one(
    database: Database,
) -> None:
    """Between the look whether there is one and the claim: it stays, and what chat is to show is there."""
    workspace_id = await database.write(lambda s: workspaces.ensure(s, "web", "room"))
    camille, before = Caller(workspace_id, "camille"), NOW - timedelta(hours=1)
    await database.write(lambda s: submission.submit(s, camille, Draft("Des vélos"), before))
    period = WEEKLY.coming(NOW)
    published: list[int] = []

    def publish_meanwhile(connection: Connection, *_: object) -> None:
        with Session(connection.engine) as other, other.begin():
            digesting.publish(other, workspace_id, period, SIZES, NOW)
            digest = digests.of_period(other, workspace_id, period.key)
            assert digest
            published.append(present(digest.id))

    def publish(session: Session) -> None:
        if not published:
            event.listen(session.connection(), "after_cursor_execute", publish_meanwhile, once=True)
        digesting.publish(session, workspace_id, period, SIZES, NOW)

    with pytest.raises(AlreadyDone):
        await database.write(publish)
    found = await database.read(lambda s: digests.of_period(s, workspace_id, period.key))
    assert found
    assert [found.id] == published
