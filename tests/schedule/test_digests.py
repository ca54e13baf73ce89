"""The digest is posted once in its period, whatever the clock does and whoever else ticks."""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from bot.domain.calendar import Weekly
from tests.schedule.bench import MONDAY_NINE, Bench
from tests.usecases.builders import RULES


async def test_the_digest_is_posted_once_in_the_minute_in_which_it_is_due(bench: Bench) -> None:
    await bench.propose(is_published=True)
    schedule = bench.schedule()
    for seconds, expected in ((-60, 0), (0, 1), (0, 1), (30, 1), (60, 1), (3600, 1)):
        bench.now = MONDAY_NINE + timedelta(seconds=seconds)
        await schedule.tick()
        assert len(await bench.keys("digest:")) == expected
    assert await bench.digests() == [("2026-W48", True), ("2026-W49", False)]


async def test_two_schedules_on_one_database_post_it_once(bench: Bench) -> None:
    await bench.propose(is_published=True)
    bench.now = MONDAY_NINE
    await asyncio.gather(*(bench.schedule().tick() for _ in range(4)))
    assert await bench.digests() == [("2026-W49", False)]
    assert await bench.keys("digest:") == ["digest:2026-W49"]


async def test_the_digest_waits_for_votes_that_were_cast_while_butine_was_away(bench: Bench) -> None:
    """They decide about the shortlist too, which is frozen then."""
    await bench.propose(is_published=True)
    bench.has_caught_up = False
    bench.now = MONDAY_NINE + timedelta(hours=2)
    schedule = bench.schedule()
    await schedule.tick()
    assert await bench.digests() == []
    bench.has_caught_up = True
    await schedule.tick()
    assert await bench.digests() == [("2026-W49", False)]


async def test_it_does_not_wait_until_its_day_is_over(bench: Bench) -> None:
    await bench.propose(is_published=True)
    bench.has_caught_up = False
    schedule = bench.schedule()
    for before_midnight, expected in ((61, []), (59, [("2026-W49", False)])):
        bench.now = MONDAY_NINE.replace(hour=23) - timedelta(minutes=before_midnight)  # midnight in Paris
        await schedule.tick()
        assert await bench.digests() == expected


async def test_a_digest_that_waited_comes_as_soon_as_the_votes_are_known(bench: Bench) -> None:
    """Not a minute later."""
    await bench.propose(is_published=True)
    bench.has_caught_up = False
    bench.now = MONDAY_NINE
    schedule = bench.schedule()
    schedule.start()
    await bench.changed.wait()
    assert await bench.keys("digest:") == []
    bench.changed.clear()
    bench.has_caught_up = True
    schedule.hurry()
    await bench.changed.wait()
    assert await bench.keys("digest:") == ["digest:2026-W49"]
    schedule.stop()


async def test_a_tick_that_comes_late_still_posts_on_that_day(bench: Bench) -> None:
    await bench.propose(is_published=True)
    bench.now = MONDAY_NINE + timedelta(hours=14, minutes=59)
    await bench.schedule().tick()
    assert await bench.digests() == [("2026-W49", False)]


async def test_a_day_that_was_missed_is_noted_and_its_ideas_stay(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.propose(is_published=True)
    bench.now = MONDAY_NINE + timedelta(hours=15)
    with caplog.at_level(logging.WARNING, "bot.schedule"):
        await bench.schedule().tick()
        await bench.schedule().tick()
    assert await bench.digests() == [("2026-W49", True)]
    assert await bench.keys("digest:") == []
    assert caplog.text.count("digest 2026-W49 was missed") == 1
    bench.now = MONDAY_NINE + timedelta(days=7)
    await bench.schedule().tick()
    assert await bench.digests() == [("2026-W49", True), ("2026-W50", False)]
    assert await bench.keys("digest:") == ["digest:2026-W50"]


async def test_a_workspace_that_is_new_has_missed_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bot.schedule"):
        await bench.schedule().tick()
    assert caplog.text == ""


async def test_a_quiet_week_is_done_without_a_post(bench: Bench) -> None:
    bench.now = MONDAY_NINE
    await bench.schedule().tick()
    assert await bench.digests() == [("2026-W49", False)]
    assert await bench.keys("digest:") == []


THURSDAY_TWO = MONDAY_NINE + timedelta(days=3, hours=5)
"""14:00 in Paris."""
ON_THURSDAYS = replace(RULES, weekly=Weekly("thu", time(14), RULES.weekly.time_zone))


@pytest.mark.parametrize(
    "first_start, first_digest",
    [(MONDAY_NINE + timedelta(hours=1), ("2026-W49", False)), (MONDAY_NINE + timedelta(days=1), ("2026-W49", True))],
    ids=["monday", "tuesday"],
)
async def test_a_digest_whose_day_is_changed_after_the_first_start_comes_that_week(
    bench: Bench, first_start: datetime, first_digest: tuple[str, bool]
) -> None:
    """That there was none on the day of the defaults says nothing about the operator's."""
    bench.now = first_start
    await bench.schedule().tick()
    assert await bench.digests() == [first_digest]
    await bench.propose(is_published=True)
    schedule = bench.schedule(ON_THURSDAYS)
    for minutes, expected in ((-60, []), (-1, []), (0, ["digest:2026-W49"]), (1, ["digest:2026-W49"])):
        bench.now = THURSDAY_TWO + timedelta(minutes=minutes)
        await schedule.tick()
        assert await bench.keys("digest:") == expected
    assert ("2026-W49", False) in await bench.digests()


async def test_a_digest_that_is_posted_does_not_come_again_where_its_day_is_put_off(bench: Bench) -> None:
    await bench.propose(is_published=True)
    bench.now = MONDAY_NINE
    await bench.schedule().tick()
    posted = await bench.digests()
    schedule = bench.schedule(ON_THURSDAYS)
    for bench.now in (THURSDAY_TWO, THURSDAY_TWO + timedelta(days=1)):
        await bench.propose(is_published=True)
        await schedule.tick()
    assert await bench.keys("digest:") == ["digest:2026-W49"]
    assert ("2026-W49", False) in posted
    assert [period for period in await bench.digests() if period[0] == "2026-W49"] == [("2026-W49", False)]


async def test_a_week_that_is_missed_on_its_new_day_too_is_told_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.now = MONDAY_NINE + timedelta(days=1)
    await bench.schedule().tick()
    await bench.propose(is_published=True)
    bench.now = THURSDAY_TWO + timedelta(days=1)
    with caplog.at_level(logging.WARNING, "bot.schedule"):
        await bench.schedule(ON_THURSDAYS).tick()
        await bench.schedule(ON_THURSDAYS).tick()
    assert await bench.digests() == [("2026-W49", True)]
    assert caplog.text.count("digest 2026-W49 was missed") == 1


async def test_every_minute_of_two_weeks_posts_twice_whatever_the_clock_does(bench: Bench) -> None:
    await bench.propose(is_published=True)
    schedule = bench.schedule()
    bench.now = MONDAY_NINE - timedelta(hours=2)
    for jump in (60, 30, 30, -60, 60, 24 * 60 * 7, -24 * 60 * 7, 24 * 60 * 7):  # minutes
        bench.now += timedelta(minutes=jump)
        await schedule.tick()
        await schedule.tick()
    assert await bench.keys("digest:") == ["digest:2026-W49", "digest:2026-W50"]


async def test_a_clock_that_was_ahead_for_a_minute_costs_no_digest(bench: Bench) -> None:
    """What it noted as missed was still to come."""
    await bench.propose(is_published=True)
    schedule = bench.schedule()
    bench.now = MONDAY_NINE + timedelta(days=3)
    await schedule.tick()
    bench.now = MONDAY_NINE - timedelta(hours=1)
    await schedule.tick()
    assert await bench.keys("digest:") == []
    bench.now = MONDAY_NINE
    await schedule.tick()
    assert await bench.keys("digest:") == ["digest:2026-W49"]
