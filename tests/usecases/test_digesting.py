"""The weekly digest: what it says, that it is frozen, and that each period has one at most."""

import sqlite3
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bot.domain.calendar import Period, Weekly
from bot.domain.voting import Voting
from bot.errors import AlreadyDone, NothingToShow
from bot.usecases import digesting, moderation, submission, voting
from bot.usecases.digesting import Contents, Sizes
from bot.usecases.voting import Reaction
from storage.tables import Digest, Idea, Status
from tests.usecases.builders import NOW, OWN_COUNTS, SIZES, VOTING, WEEKLY, World


def period_of(now: datetime) -> Period:
    """The period that comes next."""
    return WEEKLY.coming(now)


def publish(world: World, sizes: Sizes = SIZES) -> Contents:
    """The coming period's digest, now."""
    return digesting.publish(world.session, world.workspace_id, period_of(world.now), sizes, world.now)


def preview(world: World) -> Contents:
    """What it would say now."""
    return digesting.preview(world.session, world.workspace_id, period_of(world.now), SIZES, world.now)


def named(contents: Contents) -> tuple[list[tuple[int, int]], list[int]]:
    """The shortlist by number and votes, and the late chances by number."""
    return (
        [(each.idea.number, each.votes) for each in contents.shortlist],
        [each.idea.number for each in contents.late_chances],
    )


def digests(world: World) -> list[Digest]:
    """All digests of the workspace."""
    return list(world.session.exec(select(Digest).where(Digest.workspace_id == world.workspace_id)))


@pytest.fixture
def ranked(world: World) -> list[Idea]:
    """Six published ideas, with 3, 2, 1, 1, 0 and 0 supporters."""
    found = [world.publish() for _ in range(6)]
    for idea, count in zip(found, (3, 2, 1, 1, 0, 0), strict=True):
        world.support(idea, *("sam", "ines", "nadia")[:count])
    world.later(hours=1)
    return found


def test_a_digest_freezes_the_most_supported_and_gives_late_ones_a_chance(world: World, ranked: list[Idea]) -> None:
    contents = publish(world)
    assert named(contents) == ([(1, 3), (2, 2), (3, 1)], [6, 5])
    assert [idea.status for idea in ranked] == [Status.SHORTLISTED] * 3 + [Status.PUBLISHED] * 3
    assert [idea.shown for idea in ranked] == [0, 0, 0, 0, 1, 1]
    assert world.steps(ranked[0])[-1] == ("shortlisted", None, "2026-W49")
    assert contents.names == {"camille": "Camille Martin"}


def test_chat_is_to_show_the_digest_and_the_shortlisted_ideas_cards(world: World, ranked: list[Idea]) -> None:
    before = world.wanted()
    publish(world)
    after = world.wanted()
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {"digest:2026-W49", "card:1:ideas", "card:2:ideas", "card:3:ideas"}
    assert world.outbox()["digest:2026-W49"].channel == "digest"


def test_a_period_has_one_digest(world: World, ranked: list[Idea]) -> None:
    publish(world)
    with pytest.raises(AlreadyDone) as done:
        publish(world)
    assert done.value.period == "2026-W49"
    assert len(digests(world)) == 1
    assert [idea.status for idea in ranked].count(Status.SHORTLISTED) == 3


def test_two_processes_that_claim_a_period_meet_the_unique_key(world: World) -> None:
    world.session.add(Digest(workspace_id=world.workspace_id, period="2026-W49", since=NOW, until=NOW))
    world.session.flush()
    world.session.add(Digest(workspace_id=world.workspace_id, period="2026-W49", since=NOW, until=NOW))
    with pytest.raises(IntegrityError):
        world.session.flush()


def test_each_workspace_has_its_own(world: World, elsewhere: World, ranked: list[Idea]) -> None:
    foreign = elsewhere.publish()
    elsewhere.support(foreign, "sam")
    assert named(publish(elsewhere))[0] == [(1, 1)]
    assert named(publish(world))[0] == [(1, 3), (2, 2), (3, 1)]
    assert "digest:2026-W49" in elsewhere.outbox()


def test_an_idea_is_shortlisted_once_and_chances_go_round(world: World, ranked: list[Idea]) -> None:
    publish(world)
    world.later(days=7)
    assert named(publish(world)) == ([(4, 1)], [6, 5])
    world.later(days=7)
    newcomer = world.publish()
    assert named(publish(world)) == ([], [newcomer.number, 6])
    world.later(days=7)
    assert named(publish(world)) == ([], [newcomer.number, 5])


def test_sizes_are_the_operators(world: World, ranked: list[Idea]) -> None:
    assert named(publish(world, Sizes(1, 0))) == ([(1, 3)], [])


def test_a_preview_says_the_same_and_changes_nothing(world: World, ranked: list[Idea]) -> None:
    world.session.flush()
    before = world.wanted()
    seen = preview(world)
    assert not world.session.dirty
    assert not world.session.new
    assert (digests(world), world.wanted()) == ([], before)
    told = publish(world)
    assert named(seen) == named(told)
    assert (seen.since, seen.until, seen.proposed, seen.published, seen.voters) == (
        told.since,
        told.until,
        told.proposed,
        told.published,
        told.voters,
    )


# What it says beside the shortlist


def test_it_counts_what_happened_since_the_last_one(session: Session, world: World) -> None:
    first = world.publish()
    world.propose()
    world.support(first, "sam", "ines")
    world.later(minutes=1)
    contents = publish(world)
    assert (contents.since, contents.until) == (WEEKLY.latest(world.now).due_at, world.now)
    assert (contents.proposed, contents.published, contents.voters) == (2, 1, 2)
    until = world.now
    other = world.publish()
    world.support(other, "sam")
    world.later(days=7)
    contents = publish(world)
    assert (contents.since, contents.until) == (until, world.now)
    assert (contents.proposed, contents.published, contents.voters) == (1, 1, 1)


def test_it_tells_decisions_once_and_what_waits_for_its_answer_until_it_has_it(
    session: Session, world: World, ranked: list[Idea]
) -> None:
    contents = publish(world)
    shortlisted_at = world.now
    assert (contents.decisions, contents.waiting) == ((), ())
    world.later(days=1)
    moderation.set_status(session, world.nadia, 1, Status.RETAINED, world.now)
    moderation.set_status(session, world.nadia, 2, Status.DECLINED, world.now)
    world.later(days=6)
    contents = publish(world)
    assert [(line.detail, idea.number) for line, idea in contents.decisions] == [("retained", 1), ("declined", 2)]
    assert [(idea.number, since) for idea, since in contents.waiting] == [(3, shortlisted_at)]
    world.later(days=7)
    contents = publish(world)
    assert contents.decisions == ()
    assert [idea.number for idea, _ in contents.waiting] == [3, 4]


def test_of_several_decisions_on_an_idea_only_the_last_stands(
    session: Session, world: World, ranked: list[Idea]
) -> None:
    """A slip that was corrected is no news; nor does one decision hide another idea's."""
    publish(world)
    for number, status in ((2, Status.DECLINED), (1, Status.RETAINED), (2, Status.RETAINED), (1, Status.IN_PROGRESS)):
        moderation.set_status(session, world.nadia, number, status, world.later(hours=1))
    world.later(hours=1)
    told = [(line.detail, idea.number) for line, idea in preview(world).decisions]
    assert told == [("retained", 2), ("in_progress", 1)]


def test_what_was_shortlisted_once_more_waits_since_then(session: Session, world: World) -> None:
    """By hand, taken back, and by the votes of a later week."""
    idea = world.publish()
    for status in (Status.SHORTLISTED, Status.PUBLISHED):
        moderation.set_status(session, world.nadia, idea.number, status, world.later(hours=1))
    world.support(idea, "sam")
    world.later(days=7)
    publish(world)
    since = world.now
    world.later(days=7)
    assert preview(world).waiting == ((idea, since),)


def test_what_a_moderator_shortlisted_waits_for_its_answer_as_well(session: Session, world: World) -> None:
    idea = world.publish()
    moderation.set_status(session, world.nadia, idea.number, Status.SHORTLISTED, world.later(hours=1))
    since = world.now
    world.later(days=8)
    assert preview(world).waiting == ((idea, since),)
    moderation.set_status(session, world.nadia, idea.number, Status.DECLINED, world.now)
    assert preview(world).waiting == ()


@pytest.mark.parametrize("waiting, left_out", [(10, 0), (11, 1)])
def test_it_says_how_many_more_wait_than_it_names(session: Session, world: World, waiting: int, left_out: int) -> None:
    for _ in range(waiting):
        moderation.set_status(session, world.nadia, world.publish().number, Status.SHORTLISTED, world.now)
    world.later(days=1)
    contents = publish(world)
    assert (len(contents.waiting), contents.waiting_left_out) == (10, left_out)
    moderation.set_status(session, world.nadia, 1, Status.RETAINED, world.later(hours=1))
    (digest,) = digests(world)
    assert digesting.posted_contents(session, digest.id or 0).waiting_left_out == 0


def test_a_decision_at_the_very_moment_of_the_digest_is_told_by_the_next(
    session: Session, world: World, ranked: list[Idea]
) -> None:
    publish(world)
    moderation.set_status(session, world.nadia, 1, Status.RETAINED, world.now)
    world.later(days=7)
    assert [idea.number for _, idea in publish(world).decisions] == [1]


@pytest.mark.parametrize("rules, voters", [(VOTING, 0), (OWN_COUNTS, 1)], ids=["not_counted", "counted"])
def test_who_only_reacted_to_their_own_idea_is_a_voter_where_that_counts(
    session: Session, world: World, rules: Voting, voters: int
) -> None:
    voting.recount_if_rules_changed(session, world.workspace_id, rules, world.now)
    message = world.posted(world.publish())
    reaction = Reaction(message, "camille", "+1", world.now, is_present=True)
    voting.react(session, world.workspace_id, reaction, rules, world.now)
    world.later(minutes=1)
    seen = preview(world)
    assert (seen.voters, [named.votes for named in seen.shortlist]) == (voters, [1] * voters)


# Quiet and missed weeks


def test_a_week_with_nothing_to_say_is_done_without_a_post(world: World) -> None:
    period = period_of(world.now)
    world.now = period.due_at
    contents = digesting.publish(world.session, world.workspace_id, period, SIZES, world.now)
    assert contents.is_empty
    assert [digest.is_missed for digest in digests(world)] == [False]
    assert world.outbox() == {}
    world.later(hours=1)
    with pytest.raises(AlreadyDone):
        digesting.publish(world.session, world.workspace_id, period, SIZES, world.now)


def test_a_week_with_a_single_vote_or_idea_is_told(world: World) -> None:
    world.propose()
    world.later(minutes=1)
    contents = publish(world)
    assert not contents.is_empty
    assert "digest:2026-W49" in world.outbox()


def test_a_missed_week_is_noted_once_and_its_ideas_stay_for_the_next(world: World, ranked: list[Idea]) -> None:
    missed_period = period_of(world.now)
    world.later(days=9)
    missed = digesting.note_missed(world.session, world.workspace_id, missed_period, world.now)
    assert missed is not None
    assert (missed.is_missed, missed.period, missed.proposed) == (True, missed_period.key, 6)
    assert digesting.note_missed(world.session, world.workspace_id, missed_period, world.now) is None
    assert "digest:2026-W49" not in world.outbox()
    with pytest.raises(AlreadyDone):
        digesting.publish(world.session, world.workspace_id, missed_period, SIZES, world.now)
    contents = publish(world)
    assert named(contents)[0] == [(1, 3), (2, 2), (3, 1)]


def test_what_a_missed_week_would_have_told_is_told_by_the_next(world: World, ranked: list[Idea]) -> None:
    publish(world)
    until = world.now
    world.publish()
    world.later(days=8)
    digesting.note_missed(world.session, world.workspace_id, WEEKLY.latest(world.now), world.now)
    world.later(days=6)
    contents = publish(world)
    assert (contents.since, contents.proposed) == (until, 1)


def test_an_early_digest_is_the_periods_own(world: World, ranked: list[Idea]) -> None:
    period = period_of(world.now)
    digesting.publish_early(world.session, world.workspace_id, period, SIZES, world.now)
    with pytest.raises(AlreadyDone):
        digesting.publish(world.session, world.workspace_id, period, SIZES, period.due_at)
    with pytest.raises(AlreadyDone):
        digesting.publish_early(world.session, world.workspace_id, period, SIZES, world.now)


def test_with_nothing_to_say_an_early_digest_leaves_the_period_for_its_hour(world: World) -> None:
    period = period_of(world.now)
    world.session.flush()
    with pytest.raises(NothingToShow) as nothing, world.session.begin_nested():  # as a write transaction does
        digesting.publish_early(world.session, world.workspace_id, period, SIZES, world.now)
    assert nothing.value.what == "digest"
    assert digests(world) == []
    world.propose()
    world.later(minutes=1)
    assert not publish(world).is_empty


def current_one(world: World) -> str:
    """The key of the period whose digest is wished for now."""
    return digesting.current_one(world.session, world.workspace_id, WEEKLY, world.now).key


def test_until_it_is_posted_a_digest_that_is_due_is_the_one_that_is_wished_for(
    world: World, elsewhere: World, ranked: list[Idea]
) -> None:
    """The next week keeps its own."""
    due_at = period_of(world.now).due_at
    assert current_one(world) == "2026-W49"
    world.now = elsewhere.now = due_at + timedelta(seconds=30)
    assert current_one(world) == "2026-W49"
    digesting.publish(world.session, world.workspace_id, WEEKLY.latest(world.now), SIZES, world.now)
    assert (current_one(world), current_one(elsewhere)) == ("2026-W50", "2026-W49")


@pytest.mark.parametrize("hours, expected", [(14, "2026-W49"), (15, "2026-W50")])
def test_once_its_day_is_over_a_digest_that_was_missed_is_not_wished_for(
    world: World, ranked: list[Idea], hours: int, expected: str
) -> None:
    world.now = period_of(world.now).due_at + timedelta(hours=hours)
    assert current_one(world) == expected


def test_a_digest_that_was_posted_early_is_not_wished_for_again_at_its_hour(world: World, ranked: list[Idea]) -> None:
    due_at = period_of(world.now).due_at
    publish(world)
    world.now = due_at
    assert current_one(world) == "2026-W50"


def next_one(world: World) -> str:
    """The key of the period whose digest comes next."""
    return digesting.next_one(world.session, world.workspace_id, WEEKLY, world.now).key


def test_the_next_digest_is_that_of_the_first_period_without_one(
    world: World, elsewhere: World, ranked: list[Idea]
) -> None:
    assert next_one(world) == "2026-W49"
    publish(world)
    assert next_one(world) == "2026-W50"
    assert next_one(elsewhere) == "2026-W49"
    world.later(days=6)
    assert next_one(world) == "2026-W50"
    world.later(days=7)
    assert next_one(world) == "2026-W51"


def test_the_next_digest_is_found_across_the_turn_of_the_year(world: World, ranked: list[Idea]) -> None:
    """2026 has a week 53."""
    world.later(days=32)
    publish(world)
    assert digests(world)[0].period == "2026-W53"
    assert next_one(world) == "2027-W01"


def test_what_a_clock_that_was_ahead_noted_as_missed_is_still_to_come(world: World, ranked: list[Idea]) -> None:
    coming = period_of(world.now)
    digesting.note_missed(world.session, world.workspace_id, coming, coming.due_at + timedelta(days=2))
    world.session.flush()
    assert next_one(world) == coming.key


LATER_THAT_WEEK = Weekly("thu", time(14), WEEKLY.time_zone)


@pytest.mark.parametrize("is_missed", [True, False], ids=["missed", "nothing_to_say"])
def test_a_week_that_passed_without_a_post_has_its_digest_where_its_day_is_put_off(
    world: World, *, is_missed: bool
) -> None:
    period = period_of(world.now)
    world.now = period.due_at + timedelta(hours=1)
    if is_missed:
        digesting.note_missed(world.session, world.workspace_id, period, world.now)
    else:
        assert digesting.publish(world.session, world.workspace_id, period, SIZES, world.now).is_empty
    assert next_one(world) == "2026-W50"
    put_off = LATER_THAT_WEEK.coming(world.now)
    assert put_off.key == period.key == "2026-W49"
    assert digesting.next_one(world.session, world.workspace_id, LATER_THAT_WEEK, world.now) == put_off
    world.propose()
    world.now = put_off.due_at
    assert digesting.of_period(world.session, world.workspace_id, put_off, world.now) is None
    assert not digesting.publish(world.session, world.workspace_id, put_off, SIZES, world.now).is_empty
    assert [(digest.period, digest.is_missed) for digest in digests(world)] == [("2026-W49", False)]
    assert "digest:2026-W49" in world.outbox()


def test_a_week_whose_digest_is_posted_has_no_other_where_its_day_is_put_off(world: World, ranked: list[Idea]) -> None:
    period = period_of(world.now)
    world.now = period.due_at
    digesting.publish(world.session, world.workspace_id, period, SIZES, world.now)
    put_off = LATER_THAT_WEEK.coming(world.now)
    assert put_off.key == period.key
    assert digesting.next_one(world.session, world.workspace_id, LATER_THAT_WEEK, world.now).key == "2026-W50"
    world.propose()
    world.now = put_off.due_at
    assert digesting.of_period(world.session, world.workspace_id, put_off, world.now)
    with pytest.raises(AlreadyDone):
        digesting.publish(world.session, world.workspace_id, put_off, SIZES, world.now)
    world.later(days=1)
    assert digesting.note_missed(world.session, world.workspace_id, put_off, world.now) is None
    assert [digest.is_missed for digest in digests(world)] == [False]


def test_a_week_that_is_missed_on_both_days_is_noted_for_both(world: World, ranked: list[Idea]) -> None:
    period = period_of(world.now)
    world.now = period.due_at + timedelta(days=1)
    digesting.note_missed(world.session, world.workspace_id, period, world.now)
    put_off = LATER_THAT_WEEK.coming(world.now)
    world.now = put_off.due_at + timedelta(days=1)
    assert digesting.note_missed(world.session, world.workspace_id, put_off, world.now)
    assert digesting.note_missed(world.session, world.workspace_id, put_off, world.now) is None
    assert [(digest.until, digest.is_missed) for digest in digests(world)] == [(world.now, True)]


def test_looking_for_the_next_digest_is_one_statement(world: World, ranked: list[Idea]) -> None:
    """Every receipt names it."""
    publish(world)
    world.session.flush()
    asked: list[str] = []
    connection = world.session.connection().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    connection.set_trace_callback(asked.append)
    next_one(world)
    connection.set_trace_callback(None)
    assert len(asked) == 1


# Frozen


def test_ranks_and_votes_are_frozen_while_titles_go_on(session: Session, world: World, ranked: list[Idea]) -> None:
    told = publish(world)
    (digest,) = digests(world)
    ranked[0].title = "Un titre corrigé"
    ranked[3].supporters = ranked[4].supporters = 40
    moderation.set_status(session, world.nadia, 2, Status.RETAINED, world.later(hours=1))
    session.flush()
    frozen = digesting.posted_contents(session, digest.id or 0)
    assert named(frozen) == named(told)
    assert frozen.shortlist[0].idea.title == "Un titre corrigé"
    assert (frozen.since, frozen.until, frozen.proposed, frozen.voters) == (told.since, told.until, 6, 3)
    assert frozen.decisions == ()


def test_an_idea_withdrawn_after_its_late_chance_keeps_its_place_in_the_frozen_digest(
    session: Session, world: World, ranked: list[Idea]
) -> None:
    told = publish(world)
    submission.withdraw(session, world.camille, 6, world.later(hours=1))
    (digest,) = digests(world)
    assert named(digesting.posted_contents(session, digest.id or 0)) == named(told)


def test_a_clock_that_was_set_back_gives_no_period_twice(world: World, ranked: list[Idea]) -> None:
    publish(world)
    world.now -= timedelta(hours=2)
    with pytest.raises(AlreadyDone):
        publish(world)
