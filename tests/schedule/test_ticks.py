"""The minute's tick goes on whatever fails, and does each time what is due by then."""

import asyncio
import logging
import sqlite3
from datetime import datetime, timedelta, tzinfo
from typing import Self

import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.schedule import Schedule, Scheduled
from bot.usecases import moderation, submission
from storage import inbox, outbox, workspaces
from storage.database import Database
from storage.errors import NotSaved
from storage.tables import InboxEvent, OutboxItem, Status
from storage.writer import T, Work
from tests.schedule.bench import MONDAY_NINE, Bench
from tests.usecases.builders import RULES


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


async def test_what_is_for_somebody_who_has_left_is_tried_once_a_day(bench: Bench) -> None:
    """They may be back; what else can't be sent waits for the next start."""
    await bench.propose(is_published=True)

    def park(session: Session) -> None:
        for row in session.exec(select(OutboxItem)):
            row.parked_reason = outbox.MEMBER_LEFT if row.member_id else "cant_post"

    async def parked() -> set[str]:
        reasons = await bench.database.read(lambda session: list(session.exec(select(OutboxItem.parked_reason))))
        return set(filter(None, reasons))

    schedule = bench.schedule()
    await schedule.tick()
    await bench.database.write(park)
    for hours in (23, 1):
        assert await parked() == {outbox.MEMBER_LEFT, "cant_post"}
        bench.now += timedelta(hours=hours)
        await schedule.tick()
    assert await parked() == {"cant_post"}


async def test_every_tick_wakes_the_dispatcher(bench: Bench) -> None:
    """The command line may have left something to send."""
    schedule = bench.schedule()
    await schedule.tick()
    await schedule.tick()
    assert bench.changes == 2


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


async def test_a_database_that_fails_is_told_in_one_line_for_each_thing_that_is_due(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Every minute, for as long as its server is away."""

    class Away(Database):
        async def read(self, work: Work[T]) -> T:
            raise NotSaved("connection refused") from OSError("refused")

    database = Away.open(f"sqlite:///{bench.path}")
    workspace = Scheduled(bench.workspace_id, RULES, bench.reconcile, lambda: None)
    await Schedule(database, [workspace], lambda: bench.now).tick()
    await database.close()
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == ["connection refused"]
    assert "Traceback" not in caplog.text


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
