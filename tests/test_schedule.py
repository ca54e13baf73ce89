"""What is due at a minute's tick is done once, whatever fails and whoever else ticks."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Self

import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from bot.domain.calendar import Weekly
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.rules import Rules
from bot.schedule import Schedule, Scheduled
from bot.usecases import moderation, submission
from storage import inbox, workspaces
from storage.database import Database
from storage.tables import Digest, InboxEvent, OutboxItem, Status
from storage.writer import T, Work
from tests.usecases.builders import RULES, new_file

SUNDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
MONDAY_NINE = datetime(2026, 11, 30, 8, tzinfo=UTC)
"""09:00 in Paris."""


class Bench:
    """A schedule with a clock in hand, over one workspace that counts its calls."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database.open(f"sqlite:///{path}")
        self.now = SUNDAY
        self.workspace_id = 0
        self.reconciled: list[datetime] = []
        self.changes = 0
        self.changed = asyncio.Event()
        self.has_caught_up = True

    async def prepare(self) -> None:
        """Make the workspace."""
        self.workspace_id = await self.database.write(lambda session: workspaces.ensure(session, "memory", "T1"))

    def schedule(self, rules: Rules = RULES) -> Schedule:
        """A schedule as one process has it."""
        scheduled = Scheduled(self.workspace_id, rules, self.reconcile, self._on_change, lambda: self.has_caught_up)
        return Schedule(self.database, [scheduled], lambda: self.now)

    def reconcile(self) -> None:
        self.reconciled.append(self.now)

    def _on_change(self) -> None:
        self.changes += 1
        self.changed.set()

    async def propose(self, *, is_published: bool = False) -> int:
        """An idea, proposed now."""

        def work(session: Session) -> int:
            caller = Caller(self.workspace_id, "camille")
            idea = submission.submit(session, caller, Draft("Des vélos"), self.now).idea
            if is_published:
                moderation.approve(
                    session, Caller(self.workspace_id, "nadia", is_moderator=True), idea.number, self.now
                )
            return idea.number

        return await self.database.write(work)

    async def digests(self) -> list[tuple[str, bool]]:
        """Periods, and whether they were missed."""
        found = await self.database.read(lambda session: list(session.exec(select(Digest).order_by(col(Digest.id)))))
        return [(digest.period, digest.is_missed) for digest in found]

    async def keys(self, start: str) -> list[str]:
        """What chat is to show, by how its key begins."""
        rows = await self.database.read(lambda session: list(session.exec(select(OutboxItem))))
        return [row.key for row in rows if row.key.startswith(start)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A schedule on a Sunday."""
    bench = Bench(new_file(tmp_path))
    await bench.prepare()
    yield bench
    await bench.database.close()


# Digest


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


# Reminders


@pytest.mark.parametrize(
    "hours, is_reminded",
    [
        (-24, False),  # Sunday
        (-1, False),  # Monday, 08:00: people are not at work
        (0, True),
        (10, True),
        (5 * 24, False),  # Saturday
        (4 * 24, True),  # Friday
    ],
)
async def test_reminders_come_on_workdays_once_the_hour_has_come(
    bench: Bench, hours: int, *, is_reminded: bool
) -> None:
    bench.now = MONDAY_NINE - timedelta(days=4)
    await bench.propose()
    bench.now = MONDAY_NINE + timedelta(hours=hours)
    await bench.schedule().tick()
    assert bool(await bench.keys("reminder:")) is is_reminded


async def test_a_day_has_one_reminder_and_the_next_comes_after_another_wait(bench: Bench) -> None:
    bench.now = MONDAY_NINE - timedelta(days=4)
    await bench.propose()
    schedule = bench.schedule()
    for day, hour in ((0, 0), (0, 1), (1, 0), (2, 0), (3, 0), (3, 5), (4, 0)):
        bench.now = MONDAY_NINE + timedelta(days=day, hours=hour)
        await schedule.tick()
    assert await bench.keys("reminder:") == ["reminder:2026-11-30", "reminder:2026-12-03"]


async def test_nobody_is_reminded_of_what_does_not_wait_long(bench: Bench) -> None:
    bench.now = MONDAY_NINE - timedelta(days=2)
    await bench.propose()
    bench.now = MONDAY_NINE
    await bench.schedule().tick()
    assert await bench.keys("reminder:") == []


# Reactions, inbox, dispatcher


async def test_reactions_are_read_again_every_hour(bench: Bench) -> None:
    schedule = bench.schedule()
    start = bench.now
    for minutes in (0, 59, 60, 61, 119, 120):
        bench.now = start + timedelta(minutes=minutes)
        await schedule.tick()
    assert bench.reconciled == [start + timedelta(hours=1), start + timedelta(hours=2)]


async def test_a_clock_that_was_set_back_does_not_put_that_off(bench: Bench) -> None:
    schedule = bench.schedule()
    bench.now -= timedelta(days=30)
    await schedule.tick()
    assert len(bench.reconciled) == 1


async def test_the_inbox_forgets_what_no_platform_delivers_again(bench: Bench) -> None:
    ages = {"old": timedelta(days=8), "new": timedelta(days=6)}

    def fill(session: Session) -> None:
        for name, age in ages.items():
            inbox.add(session, bench.workspace_id, name, bench.now - age, {})

    await bench.database.write(fill)
    await bench.schedule().tick()
    assert await bench.database.read(lambda session: [row.id for row in session.exec(select(InboxEvent))]) == ["new"]


async def test_every_tick_wakes_the_dispatcher(bench: Bench) -> None:
    """The command line may have left something to send."""
    schedule = bench.schedule()
    await schedule.tick()
    await schedule.tick()
    assert bench.changes == 2


# Failures


async def test_a_database_that_can_t_be_written_is_survived_and_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.propose(is_published=True)
    schedule = bench.schedule()
    await schedule.tick()
    bench.now = MONDAY_NINE
    other = sqlite3.connect(bench.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with caplog.at_level(logging.ERROR, "bot.schedule"):
        await schedule.tick()
    other.execute("ROLLBACK")
    other.close()
    assert "tries again in a minute" in caplog.text
    assert await bench.keys("digest:") == []
    bench.now += timedelta(minutes=1)
    await schedule.tick()
    assert await bench.keys("digest:") == ["digest:2026-W49"]


async def test_one_workspaces_failure_is_not_the_others(bench: Bench) -> None:
    """Whatever it is: a row, say, that a newer Butine has written before somebody went back to this one."""
    other = await bench.database.write(lambda session: workspaces.ensure(session, "memory", "T2"))

    def decide(session: Session) -> None:
        nadia = Caller(other, "nadia", is_moderator=True)
        submission.submit(session, Caller(other, "camille"), Draft("Des vélos"), bench.now)
        moderation.approve(session, nadia, 1, bench.now).idea.status = Status.SHORTLISTED
        moderation.set_status(session, nadia, 1, Status.RETAINED, bench.now)
        session.flush()
        session.execute(text("UPDATE idea SET status = 'merged'"))

    await bench.database.write(decide)
    await bench.propose(is_published=True)
    both = [Scheduled(each, RULES, bench.reconcile, lambda: None) for each in (other, bench.workspace_id)]
    schedule = Schedule(bench.database, both, lambda: bench.now)
    bench.now = MONDAY_NINE
    await schedule.tick()
    assert await bench.keys("digest:") == ["digest:2026-W49"]


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


# The pulse


async def test_it_ticks_when_it_starts_and_stops_when_told(bench: Bench) -> None:
    await bench.propose(is_published=True)
    bench.now = MONDAY_NINE
    schedule = bench.schedule()
    schedule.start()
    await bench.changed.wait()
    assert await bench.keys("digest:") == ["digest:2026-W49"]
    schedule.stop()
    schedule.stop()


async def test_it_goes_on_ticking(bench: Bench) -> None:
    """A minute is too long for a test; the pulse is the same."""
    done = asyncio.Semaphore(0)
    scheduled = Scheduled(bench.workspace_id, RULES, bench.reconcile, done.release)
    schedule = Schedule(bench.database, [scheduled], lambda: bench.now, pulse=timedelta(milliseconds=5))
    schedule.start()
    async with asyncio.timeout(10):
        for _ in range(3):
            await done.acquire()
    schedule.stop()


class SetBack(datetime):
    """The system's clock as APScheduler reads it: ahead, until it is set right."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.ahead


async def test_it_goes_on_ticking_when_the_clock_is_set_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only once the hour is reached again at which the next tick was to be."""
    for module in (apscheduler.schedulers.base, apscheduler.triggers.interval):
        monkeypatch.setattr(module, "datetime", SetBack)
    monkeypatch.setattr(SetBack, "ahead", timedelta(hours=1))
    done = asyncio.Semaphore(0)
    scheduled = Scheduled(bench.workspace_id, RULES, bench.reconcile, done.release)
    schedule = Schedule(bench.database, [scheduled], lambda: bench.now, pulse=timedelta(milliseconds=20))
    schedule.start()
    async with asyncio.timeout(10):
        for ahead in (timedelta(hours=1), timedelta(), timedelta(days=-1)):
            monkeypatch.setattr(SetBack, "ahead", ahead)
            for _ in range(4):  # one may be under way, and one on its way
                await done.acquire()
    schedule.stop()


async def test_stopping_what_never_started_is_harmless(bench: Bench) -> None:
    bench.schedule().stop()


async def test_a_tick_that_is_broken_off_is_no_error(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    waiting = asyncio.Event()

    class Hanging(Database):
        async def read(self, work: Work[T]) -> T:
            waiting.set()
            await asyncio.Event().wait()
            return await super().read(work)

    database = Hanging.open(f"sqlite:///{bench.path}")
    workspace = Scheduled(bench.workspace_id, RULES, bench.reconcile, lambda: None)
    schedule = Schedule(database, [workspace], lambda: bench.now)
    bench.now += timedelta(hours=1)
    with caplog.at_level(logging.WARNING):
        schedule.start()
        await waiting.wait()
        schedule.stop()
        again = bench.schedule()
        again.start()
        again.stop()  # before the tick began
        await asyncio.sleep(0)
    await database.close()
    assert caplog.text == ""


async def test_a_tick_that_fails_unexpectedly_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    workspace = Scheduled(bench.workspace_id, RULES, bench.reconcile, fail)
    schedule = Schedule(bench.database, [workspace], lambda: bench.now)
    schedule.start()
    async with asyncio.timeout(10):
        while "the schedule failed" not in caplog.text:  # noqa: ASYNC110  a log has no event
            await asyncio.sleep(0)
    schedule.stop()
    assert "ZeroDivisionError" in caplog.text
