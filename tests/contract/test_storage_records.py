"""What storage promises of history, gestures, events, digests, notes and values, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import Session

from storage import digests, gestures, ideas, inbox, notes, workspaces
from storage.database import Database
from storage.tables import Digest, DigestEntry, HistoryEntry, Status, Step, present
from tests.contract.storage_rows import DAY, HOUR, NOW, adding, another_workspace, gesture, keep, key, new_idea

pytest_plugins = ["tests.contract.storage_fixtures"]


# History


async def test_history_tells_who_did_what_in_order(database: Database, workspace_id: int) -> None:
    idea, other = await keep(database, workspace_id), await keep(database, workspace_id)

    def tell(session: Session) -> None:
        ideas.record(session, idea, Step.SUBMITTED, "camille", NOW)
        ideas.record(session, other, Step.SUBMITTED, "sam", NOW)
        ideas.record(session, idea, Step.STATUS_SET, None, NOW - DAY, "retained")  # clocks may be set back

    await database.write(tell)
    lines = await database.read(lambda s: ideas.history(s, key(idea)))
    assert [(line.step, line.member_id, line.at, line.detail) for line in lines] == [
        (Step.SUBMITTED, "camille", NOW, ""),
        (Step.STATUS_SET, None, NOW - DAY, "retained"),
    ]
    assert all(isinstance(line.step, Step) for line in lines)


async def test_steps_are_counted_and_listed_from_since_until_just_before_until(
    database: Database, workspace_id: int
) -> None:
    idea = await keep(database, workspace_id)
    elsewhere = await keep(database, await another_workspace(database))

    def tell(session: Session) -> None:
        for at in (NOW - timedelta(microseconds=1), NOW, NOW + HOUR, NOW + DAY):
            ideas.record(session, idea, Step.APPROVED, "nadia", at)
        ideas.record(session, idea, Step.REFUSED, "nadia", NOW)
        ideas.record(session, elsewhere, Step.APPROVED, "nadia", NOW)

    await database.write(tell)
    counted = await database.read(lambda s: ideas.count_steps(s, workspace_id, Step.APPROVED, NOW, NOW + DAY))
    assert counted == 2
    steps = {Step.APPROVED, Step.REFUSED}
    listed = await database.read(lambda s: ideas.steps_between(s, workspace_id, steps, NOW, NOW + DAY))
    assert [(line.step, line.at, of.number) for line, of in listed] == [
        (Step.APPROVED, NOW, 1),
        (Step.APPROVED, NOW + HOUR, 1),
        (Step.REFUSED, NOW, 1),
    ]


async def test_the_last_moment_is_that_of_the_last_line(database: Database, workspace_id: int) -> None:
    assert await database.read(ideas.last_moment) is None
    idea = await keep(database, workspace_id)
    for at in (NOW, NOW + DAY):
        await database.write(partial(ideas.record, idea=idea, step=Step.EDITED, member_id="camille", now=at))
    assert await database.read(ideas.last_moment) == NOW + DAY


# Gestures


async def test_gestures_are_kept_by_idea_member_and_emoji(database: Database, workspace_id: int) -> None:
    idea, other = await keep(database, workspace_id), await keep(database, workspace_id)
    await database.write(
        adding(gesture(idea, "sam"), gesture(idea, "sam", "❤", is_present=False), gesture(idea, "leila"))
    )
    await database.write(adding(gesture(other, "sam")))
    of_sam = await database.read(lambda s: gestures.of_member(s, key(idea), "sam"))
    assert set(of_sam) == {("👍", True, NOW), ("❤", False, NOW)}
    of_all = await database.read(lambda s: gestures.of_idea(s, key(idea)))
    assert sorted(g.member_id for g in of_all) == ["leila", "sam", "sam"]


async def test_voters_of_a_time_are_members_whose_gesture_still_stands(database: Database, workspace_id: int) -> None:
    idea, other = await keep(database, workspace_id), await keep(database, workspace_id)
    elsewhere = await keep(database, await another_workspace(database))
    await database.write(
        adding(
            gesture(idea, "twice"),
            gesture(other, "twice"),
            gesture(idea, "taken back", is_present=False),
            gesture(idea, "too early", at=NOW - timedelta(microseconds=1)),
            gesture(idea, "too late", at=NOW + DAY),
            gesture(idea, "in time", at=NOW + DAY - timedelta(microseconds=1)),
            gesture(elsewhere, "elsewhere"),
            gesture(idea, idea.author_id),
        )
    )
    between = partial(gestures.voters_between, workspace_id=workspace_id, since=NOW, until=NOW + DAY)
    assert await database.read(between) == 2
    assert await database.read(partial(between, own_ideas=True)) == 3


async def test_the_ideas_in_a_status_are_the_workspaces_own(database: Database, workspace_id: int) -> None:
    kept = {status: await keep(database, workspace_id, status=status) for status in Status}
    await keep(database, await another_workspace(database), status=Status.PUBLISHED)
    found = await database.read(lambda s: ideas.ids_in(s, workspace_id, {Status.PUBLISHED}))
    assert found == [key(kept[Status.PUBLISHED])]


# Inbox


async def test_an_event_is_found_again_with_its_reply(database: Database, workspace_id: int) -> None:
    reply = {"card": ["Idée nº 1 🐝", None, {"à": True}], "replaces": False}
    await database.write(lambda s: inbox.add(s, workspace_id, "E1", NOW, reply))
    assert await database.read(lambda s: inbox.reply_to(s, workspace_id, "E1")) == reply
    assert await database.read(lambda s: inbox.reply_to(s, workspace_id, "E2")) is None
    other = await another_workspace(database)
    assert await database.read(lambda s: inbox.reply_to(s, other, "E1")) is None


async def test_an_event_can_be_kept_only_once(database: Database, workspace_id: int) -> None:
    await database.write(lambda s: inbox.add(s, workspace_id, "E1", NOW, {}))
    with pytest.raises(IntegrityError):
        await database.write(lambda s: inbox.add(s, workspace_id, "E1", NOW, {}))


async def test_of_one_event_delivered_many_times_at_once_one_has_an_effect(
    database: Database, workspace_id: int
) -> None:
    def take_in(session: Session) -> bool:
        if inbox.reply_to(session, workspace_id, "E1") is not None:
            return False
        ideas.add(session, new_idea(workspace_id))
        inbox.add(session, workspace_id, "E1", NOW, {})
        return True

    effects = await asyncio.gather(*(database.write(take_in) for _ in range(8)))
    assert sorted(effects) == [False] * 7 + [True]
    assert len(await database.read(lambda s: ideas.after(s, workspace_id, 0, 10))) == 1


async def test_old_events_are_forgotten(database: Database, workspace_id: int) -> None:
    for name, at in (("old", NOW - timedelta(microseconds=1)), ("new", NOW)):
        await database.write(partial(inbox.add, workspace_id=workspace_id, event_id=name, now=at, reply={}))
    await database.write(lambda s: inbox.forget_before(s, NOW))
    assert await database.read(lambda s: inbox.reply_to(s, workspace_id, "old")) is None
    assert await database.read(lambda s: inbox.reply_to(s, workspace_id, "new")) == {}


# Digests


def a_digest(workspace_id: int, week: int, **fields: Any) -> Digest:  # noqa: ANN401  any column
    """The digest of one week."""
    until = NOW + week * 7 * DAY
    return Digest(workspace_id=workspace_id, period=f"2026-W{week}", since=until - 7 * DAY, until=until, **fields)


async def test_a_period_has_one_digest_in_each_workspace(database: Database, workspace_id: int) -> None:
    other = await another_workspace(database)
    assert await database.read(lambda s: digests.of_period(s, workspace_id, "2026-W1")) is None
    await database.write(adding(a_digest(workspace_id, 1), a_digest(other, 1)))
    with pytest.raises(IntegrityError):
        await database.write(adding(a_digest(workspace_id, 1)))
    found = await database.read(lambda s: digests.of_period(s, workspace_id, "2026-W1"))
    assert found
    assert (found.workspace_id, found.since, found.until) == (workspace_id, NOW, NOW + 7 * DAY)


async def test_the_last_digest_is_the_newest_that_was_posted(database: Database, workspace_id: int) -> None:
    assert await database.read(lambda s: digests.last_posted(s, workspace_id)) is None
    other = await another_workspace(database)
    missed = a_digest(workspace_id, 3, is_missed=True)
    await database.write(adding(a_digest(workspace_id, 2), a_digest(workspace_id, 1), missed, a_digest(other, 9)))
    last = await database.read(lambda s: digests.last_posted(s, workspace_id))
    assert last
    assert last.period == "2026-W2"


async def test_the_last_shortlist_is_that_of_the_newest_digest_that_ranked_an_idea(
    database: Database, workspace_id: int
) -> None:
    other = await another_workspace(database)
    for where, week, rank in ((workspace_id, 1, 1), (workspace_id, 2, 1), (workspace_id, 3, None), (other, 9, 1)):
        digest, idea = a_digest(where, week), await keep(database, where)
        await database.write(adding(digest))
        await database.write(adding(DigestEntry(digest_id=present(digest.id), idea_id=key(idea), rank=rank)))
    last = await database.read(lambda s: digests.last_with_shortlist(s, workspace_id))
    assert last
    assert last.period == "2026-W2"


async def test_a_digest_names_its_shortlist_by_rank_then_its_late_chances(
    database: Database, workspace_id: int
) -> None:
    digest = a_digest(workspace_id, 1)
    await database.write(adding(digest))
    for rank, votes in ((None, 0), (2, 5), (None, 1), (1, 8)):
        idea = await keep(database, workspace_id)
        await database.write(
            adding(DigestEntry(digest_id=present(digest.id), idea_id=key(idea), rank=rank, votes=votes))
        )
    found = await database.read(lambda s: digests.entries(s, present(digest.id)))
    assert [(idea.number, entry.rank, entry.votes) for entry, idea in found] == [
        (4, 1, 8),
        (2, 2, 5),
        (3, None, 1),
        (1, None, 0),
    ]


async def test_shortlisted_ideas_wait_for_their_answer_longest_first(database: Database, workspace_id: int) -> None:
    other = await another_workspace(database)
    for where, status, at in (
        (workspace_id, Status.SHORTLISTED, NOW + HOUR),
        (workspace_id, Status.SHORTLISTED, NOW),
        (workspace_id, Status.RETAINED, NOW),
        (workspace_id, Status.SHORTLISTED, NOW + DAY),
        (workspace_id, Status.SHORTLISTED, NOW),
        (other, Status.SHORTLISTED, NOW),
    ):
        idea = await keep(database, where, status=status)
        for step in (Step.SUBMITTED, Step.SHORTLISTED):
            await database.write(partial(ideas.record, idea=idea, step=step, member_id=None, now=at))

    async def waiting(limit: int) -> tuple[list[tuple[int, datetime]], int]:
        found, all_found = await database.read(lambda s: digests.awaiting_answer(s, workspace_id, NOW + DAY, limit))
        return [(idea.number, since) for idea, since in found], all_found

    assert await waiting(9) == ([(2, NOW), (5, NOW), (1, NOW + HOUR)], 3)
    assert await waiting(1) == ([(2, NOW)], 3)


async def test_an_idea_shortlisted_by_hand_waits_too_and_is_named_once(database: Database, workspace_id: int) -> None:
    """One that was imported may have both lines."""
    by_hand = (Step.STATUS_SET, Status.SHORTLISTED.value)
    for lines in ([by_hand], [by_hand, (Step.SHORTLISTED, "")], [(Step.STATUS_SET, Status.RETAINED.value)]):
        idea = await keep(database, workspace_id, status=Status.SHORTLISTED)
        for hour, (step, detail) in enumerate(lines):
            line = partial(ideas.record, idea=idea, step=step, member_id="nadia", now=NOW + hour * HOUR, detail=detail)
            await database.write(line)
    found, all_found = await database.read(lambda s: digests.awaiting_answer(s, workspace_id, NOW + DAY, 9))
    assert ([(idea.number, since) for idea, since in found], all_found) == ([(1, NOW), (2, NOW)], 2)
    assert await database.read(lambda s: digests.awaiting_answer(s, workspace_id, NOW, 9)) == ([], 0)


# Notes


async def test_a_note_holds_its_last_value(database: Database) -> None:
    assert await database.read(lambda s: notes.get(s, "rules")) is None
    for value in ("a", "b"):
        await database.write(partial(notes.put, name="rules", value=value))
    assert await database.read(lambda s: notes.get(s, "rules")) == "b"


async def test_a_note_that_is_settled_stays_as_it_is_and_everybody_gets_it(database: Database) -> None:
    """Processes that start at once: of the keys that each of them proposes, all go by the same one."""
    for name in map(str, range(10)):
        proposed = [database.write(partial(notes.settle, name=name, value=f"key {n}")) for n in range(8)]
        assert len(set(await asyncio.gather(*proposed))) == 1
        (kept,) = {await database.write(partial(notes.settle, name=name, value="late")) for _ in range(2)}
        assert kept == await database.read(partial(notes.get, name=name)) != "late"


# Values


@pytest.mark.parametrize("hours", [-12, 0, 2, 5.5])
async def test_a_moment_comes_back_as_the_same_instant_in_utc(
    database: Database, workspace_id: int, hours: float
) -> None:
    moment = datetime(2026, 10, 25, 2, 30, 15, 123456, tzinfo=timezone(timedelta(hours=hours)))
    idea = await keep(database, workspace_id, submitted_at=moment)
    found = await database.read(lambda s: ideas.by_id(s, key(idea)))
    assert found
    assert found.submitted_at == moment
    assert found.submitted_at.utcoffset() == timedelta(0)
    assert found.published_at is None


async def test_moments_are_compared_as_instants(database: Database, workspace_id: int) -> None:
    """01:00 in Paris is before 00:30 UTC, whatever the digits say."""
    paris = timezone(timedelta(hours=1))
    idea = await keep(database, workspace_id)
    await database.write(
        lambda s: ideas.record(s, idea, Step.EDITED, "camille", datetime(2026, 11, 24, 1, 0, tzinfo=paris))
    )
    since = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    counted = await database.read(lambda s: ideas.count_steps(s, workspace_id, Step.EDITED, since, since + DAY))
    assert counted == 0


async def test_a_submitted_idea_waits_under_the_next_number(database: Database, workspace_id: int) -> None:
    texts = {"title": "Des vélos", "need": "Trop de voitures", "proposal": "Dix vélos", "benefit": ""}
    await keep(database, workspace_id)
    brief = await database.write(lambda s: ideas.submit(s, workspace_id, "camille", texts, NOW))
    whole = await database.read(lambda s: ideas.by_id(s, brief.id))
    assert whole
    assert (brief.number, brief.title, brief.author_id, brief.status, brief.supporters) == (
        2,
        "Des vélos",
        "camille",
        Status.PENDING,
        0,
    )
    assert {name: getattr(whole, name) for name in texts} == texts
    assert (whole.number, whole.status, whole.submitted_at, whole.changed_at) == (2, Status.PENDING, NOW, NOW)
    assert (whole.shown, whole.published_at, whole.decided_by) == (0, None, None)


async def test_a_vote_counts_for_the_idea_in_brief_and_for_the_one_that_is_loaded(
    database: Database, workspace_id: int
) -> None:
    idea = await keep(database, workspace_id, status=Status.PUBLISHED)

    def vote(session: Session) -> tuple[int, int]:
        loaded = ideas.by_id(session, key(idea))
        ideas.count_support(session, key(idea), 2)
        brief = ideas.brief(session, key(idea))
        assert loaded
        assert brief
        return loaded.supporters, brief.supporters

    assert await database.write(vote) == (2, 2)
    assert await database.write(lambda s: ideas.brief(s, key(idea) + 1)) is None


async def test_a_moment_without_time_zone_is_refused(database: Database, workspace_id: int) -> None:
    with pytest.raises((ValueError, StatementError), match=r"2026-11-24|ValueError"):
        await keep(database, workspace_id, submitted_at=datetime(2026, 11, 24, 9, 0))  # noqa: DTZ001  the point
    assert await database.read(lambda s: ideas.after(s, workspace_id, 0, 1)) == []


@pytest.mark.parametrize("table, column", [("idea", "status"), ("history", "step")])
async def test_an_unknown_word_is_refused_on_reading(
    database: Database, workspace_id: int, table: str, column: str
) -> None:
    idea = await keep(database, workspace_id)
    await database.write(lambda s: ideas.record(s, idea, Step.SUBMITTED, "camille", NOW))
    await database.write(lambda s: s.execute(text(f"UPDATE {table} SET {column} = 'forgotten'")))  # noqa: S608
    with pytest.raises(LookupError, match="forgotten"):
        await database.read(lambda s: (ideas.by_id(s, key(idea)), ideas.history(s, key(idea))))


HOSTILE = [
    "'; DROP TABLE idea; --",
    "%s %(x)s :name ?",
    "🐝" * 120,
    "\u202eabc\u2028x\u0085",
    "<!channel> @all",
    "\\x00",
]


@pytest.mark.parametrize("words", HOSTILE)
async def test_a_text_comes_back_as_it_was(database: Database, workspace_id: int, words: str) -> None:
    idea = await keep(database, workspace_id, words, proposal=words, author_id=words)
    await database.write(lambda s: ideas.record(s, idea, Step.REFUSED, words, NOW, words))
    await database.write(lambda s: workspaces.saw(s, workspace_id, words, words, None))
    found = await database.read(lambda s: ideas.by_id(s, key(idea)))
    line = (await database.read(lambda s: ideas.history(s, key(idea))))[0]
    assert found
    assert {found.title, found.proposal, found.author_id, line.detail, line.member_id} == {words}
    assert await database.read(lambda s: workspaces.names(s, workspace_id, [words])) == {words: words}


async def test_what_belongs_to_no_idea_is_refused(database: Database, workspace_id: int) -> None:
    line = HistoryEntry(workspace_id=workspace_id, idea_id=99, at=NOW, member_id=None, step=Step.EDITED, detail="")
    with pytest.raises(IntegrityError):
        await database.write(adding(line))
