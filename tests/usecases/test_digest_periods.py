"""Which week's digest is which: due, missed, early, by hand, quiet; each period has one at most."""

import sqlite3
from datetime import time, timedelta

import pytest

from bot.domain.calendar import Weekly
from bot.errors import AlreadyDone, NothingToShow
from bot.usecases import digesting
from storage.tables import Idea
from tests.usecases.builders import SIZES, WEEKLY, World
from tests.usecases.digests import digests, named, period_of, publish


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


def wished_one(world: World) -> str:
    """The key of the period that is posted by hand now."""
    return digesting.wished_one(WEEKLY, world.now).key


def test_who_wishes_for_a_digest_twice_on_its_day_does_not_use_up_the_next_weeks(
    world: World, ranked: list[Idea]
) -> None:
    """Nor who wishes for it just after the schedule has posted it."""
    due_at = period_of(world.now).due_at
    assert wished_one(world) == "2026-W49"
    world.now = due_at + timedelta(minutes=2)
    digesting.publish(world.session, world.workspace_id, WEEKLY.latest(world.now), SIZES, world.now)
    world.later(seconds=20)
    assert wished_one(world) == "2026-W49"
    with pytest.raises(AlreadyDone):
        digesting.publish_early(world.session, world.workspace_id, WEEKLY.latest(world.now), SIZES, world.now)
    world.later(days=1)
    assert wished_one(world) == "2026-W50"


def test_on_a_day_that_had_nothing_to_say_at_its_hour_a_digest_can_be_posted_by_hand(world: World) -> None:
    """Who sets Butine up on a digest's day, after its hour, tries it that day; the next week keeps its own."""
    world.now = world.now + timedelta(days=6, hours=2)
    latest = WEEKLY.latest(world.now)
    assert digesting.publish(world.session, world.workspace_id, latest, SIZES, world.now).is_empty
    world.later(minutes=20)
    world.support(world.publish(), "sam")
    world.later(minutes=1)
    assert current_one(world) == wished_one(world) == latest.key == "2026-W49"
    seen = digesting.preview(world.session, world.workspace_id, latest, SIZES, world.now)
    posted = digesting.publish_early(world.session, world.workspace_id, latest, SIZES, world.now)
    assert (named(posted), posted.proposed, posted.since) == (named(seen), seen.proposed, seen.since)
    assert named(posted)[0] == [(1, 1)]
    assert "digest:2026-W49" in world.outbox()
    assert (current_one(world), next_one(world)) == ("2026-W50", "2026-W50")
    with pytest.raises(AlreadyDone):
        digesting.publish_early(world.session, world.workspace_id, latest, SIZES, world.now)


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


def test_a_clock_that_was_set_back_gives_no_period_twice(world: World, ranked: list[Idea]) -> None:
    publish(world)
    world.now -= timedelta(hours=2)
    with pytest.raises(AlreadyDone):
        publish(world)
