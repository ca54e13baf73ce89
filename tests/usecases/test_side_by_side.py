"""What two processes do to the same ideas at the same moment, on PostgreSQL: each finds what the other committed."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlmodel import Session

from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.errors import AlreadyDone, IdeaNotFound, WrongStatus
from bot.usecases import consent, digesting, moderation, submission, voting
from bot.usecases.voting import Reaction
from storage import digests, ideas, outbox, workspaces
from storage.database import Database
from storage.outbox import PostedCard
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


async def held_up(database: Database, task: asyncio.Task[Any]) -> None:
    """Until it waits for what another transaction holds, or is done without."""
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not task.done() and not await database.read(lambda session: session.execute(waits).scalar_one()):
        pass


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


def approve(session: Session, workspace_id: int) -> object:
    return moderation.approve(session, Caller(workspace_id, "nadia", is_moderator=True), 1, NOW)


def refuse(session: Session, workspace_id: int) -> object:
    return moderation.refuse(session, Caller(workspace_id, "nadia", is_moderator=True), 1, "Non", NOW)


def ask(session: Session, workspace_id: int) -> object:
    return moderation.ask(session, Caller(workspace_id, "nadia", is_moderator=True), 1, "Où ?", NOW)


def remind(session: Session, workspace_id: int) -> object:
    return moderation.remind(session, workspace_id, timedelta(0), "today", NOW)


def edit(session: Session, workspace_id: int) -> object:
    return submission.edit(session, Caller(workspace_id, "camille"), 1, Draft("Des motos"), NOW)


def withdraw(session: Session, workspace_id: int) -> object:
    return submission.withdraw(session, Caller(workspace_id, "camille"), 1, NOW)


def support_another_instead(session: Session, workspace_id: int) -> object:
    return voting.support_instead(session, Caller(workspace_id, "camille"), 2, 1, VOTING, NOW)


def shortlist(session: Session, workspace_id: int) -> object:
    caller = Caller(workspace_id, "nadia", is_moderator=True)
    return moderation.set_status(session, caller, 1, Status.SHORTLISTED, NOW)


def vote(session: Session, workspace_id: int) -> object:
    return voting.cast(session, Caller(workspace_id, "sam"), 1, VOTING, NOW, is_present=True)


def react(session: Session, workspace_id: int) -> object:
    return voting.react(session, workspace_id, Reaction("m1", "sam", "+1", NOW, is_present=True), VOTING, NOW)


def read_reactions(session: Session, workspace_id: int) -> object:
    _, idea_id = outbox.shown_by(session, workspace_id, "m1") or ("", None)
    return voting.reconcile(session, PostedCard(present(idea_id), "m1", NOW), {"+1": ["sam"]}, VOTING, NOW)


WITH_PENDING = [approve, refuse, ask, remind, edit, withdraw, support_another_instead]
WITH_PUBLISHED = [shortlist, vote, react, read_reactions]


@pytest.mark.parametrize("act", [*WITH_PENDING, *WITH_PUBLISHED])
async def test_what_is_done_to_an_idea_while_it_is_withdrawn_finds_it_withdrawn(
    database: Database, act: Callable[[Session, int], object]
) -> None:
    """The first one wins and the second is told so: nobody decides on an idea as it was a moment ago."""
    workspace_id = await database.write(lambda s: workspaces.ensure(s, "web", "room"))

    def begin(session: Session) -> None:
        for member_id in ("camille", "sam"):
            submission.submit(session, Caller(workspace_id, member_id), Draft("Des vélos"), NOW)
        nadia = Caller(workspace_id, "nadia", is_moderator=True)
        for number in (1, 2) if act in WITH_PUBLISHED else (2,):
            moderation.approve(session, nadia, number, NOW)
        if card := outbox.by_key(session, workspace_id, "card:1:ideas"):
            card.message = "m1"

    await database.write(begin)
    is_withdrawn, may_commit = threading.Event(), threading.Event()

    def withdraw_slowly(session: Session) -> None:
        withdraw(session, workspace_id)
        session.flush()
        is_withdrawn.set()
        may_commit.wait(30)

    def act_meanwhile(session: Session) -> object:
        try:
            return act(session, workspace_id)
        except (WrongStatus, IdeaNotFound):
            return None

    withdrawing = asyncio.create_task(database.write(withdraw_slowly))
    await asyncio.to_thread(is_withdrawn.wait, 30)
    acting = asyncio.create_task(database.write(act_meanwhile))
    await held_up(database, acting)
    may_commit.set()
    await withdrawing
    assert not await acting

    def outcome(session: Session) -> tuple[Status, int, Step]:
        idea = ideas.by_number(session, workspace_id, 1)
        assert idea
        return idea.status, idea.supporters, ideas.history(session, present(idea.id))[-1].step

    assert await database.read(outcome) == (Status.WITHDRAWN, 0, Step.WITHDRAWN)


async def test_consent_that_is_given_twice_at_the_same_moment_makes_one_idea(database: Database) -> None:
    workspace_id = await database.write(lambda s: workspaces.ensure(s, "web", "room"))
    camille, sam = Caller(workspace_id, "camille"), Caller(workspace_id, "sam")
    await database.write(lambda s: consent.ask(s, sam, "camille", Draft("Des vélos"), "r1", NOW))
    is_given, may_commit = threading.Event(), threading.Event()

    def agree(session: Session) -> None:
        consent.answer(session, camille, "consent:r1", NOW, agrees=True)
        session.flush()
        is_given.set()
        may_commit.wait(30)

    agreeing = asyncio.create_task(database.write(agree))
    await asyncio.to_thread(is_given.wait, 30)
    again = asyncio.create_task(database.write(lambda s: consent.answer(s, camille, "consent:r1", NOW, agrees=True)))
    await held_up(database, again)
    may_commit.set()
    await asyncio.gather(agreeing, again)
    assert len(await database.read(lambda s: ideas.after(s, workspace_id, 0, 9))) == 1
