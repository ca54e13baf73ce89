"""Every weekly slot of the half-hour grid has one digest in every ISO week, whatever zones and clocks do.

When a slot comes is found here by walking the clock, not by the product's calendar. What a digest says is of no matter.
"""

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise, product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, col, select

from bot.domain.calendar import DAYS, Due, Weekly
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.rules import Rules
from bot.schedule import Schedule, Scheduled
from bot.usecases import moderation, submission
from storage import workspaces
from storage.database import Database
from storage.tables import Digest, OutboxItem
from tests.torture.conftest import Figures
from tests.torture.dose import IS_WHOLE, dose
from tests.usecases.builders import RULES, new_file

ZONES = ("Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
HALF_HOUR, MINUTE, DAY, WEEK = timedelta(minutes=30), timedelta(minutes=1), timedelta(days=1), timedelta(days=7)
FIRST_MONDAY = date(2026, 1, 5)
WEEKS = dose(260, 56)
"""The whole weeks of 2026–2030, or those of a year."""
SLOTS = list(product(DAYS, [time(minute // 60, minute % 60) for minute in range(0, 24 * 60, 30)]))
TOO_LATE_AFTER = timedelta(hours=2)
"""Or at the end of the slot's day, whichever comes later."""
FORWARD, BACK, FAR = timedelta(hours=1), timedelta(hours=-1), timedelta(days=8)


@lru_cache
def walked(zone: str) -> dict[datetime, datetime]:
    """For each half-hour that a wall clock there can show: the first minute, in UTC, at which it is reached or passed.

    Every minute is looked at where the wall clock does not go on evenly, and each half-hour elsewhere, which is enough:
    no zone changes its clocks and changes them back within one.
    """
    there = ZoneInfo(zone)
    now = datetime.combine(FIRST_MONDAY - DAY, time(), UTC)
    coming = shown = _wall(now, there)
    reached: dict[datetime, datetime] = {}
    for _ in range((WEEKS + 3) * 7 * 48):
        following = _wall(now + HALF_HOUR, there)
        is_even = following - shown == HALF_HOUR
        for minute in [now] if is_even else [now + n * MINUTE for n in range(30)]:
            while coming <= _wall(minute, there):
                reached[coming] = minute
                coming += HALF_HOUR
        now, shown = now + HALF_HOUR, following
    return reached


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


@dataclass(frozen=True)
class Expected:
    """One week's slot: its ISO week, when it comes, and from when on it is too late."""

    key: str
    due: datetime
    over: datetime


@dataclass(frozen=True)
class Slot:
    """A day and time of the week in a zone."""

    zone: str
    day: str
    at: time

    @property
    def weekly(self) -> Weekly:
        """The product's."""
        return Weekly(self.day, self.at, ZoneInfo(self.zone))

    def weeks(self) -> list[Expected]:
        """All the weeks."""
        clock, found = walked(self.zone), []
        for number in range(WEEKS):
            day = FIRST_MONDAY + number * WEEK + timedelta(days=DAYS.index(self.day))
            due, midnight = clock[datetime.combine(day, self.at)], clock[datetime.combine(day + DAY, time())]
            year, week, _ = day.isocalendar()
            found.append(Expected(f"{year}-W{week:02}", due, max(midnight, due + TOO_LATE_AFTER)))
        return found


def slots(number: int) -> list[Slot]:
    """All of them, or a sample with one at the very end of a day."""
    every = [Slot(zone, day, at) for zone in ZONES for day, at in SLOTS]
    last = Slot("Europe/Paris", "mon", time(23, 30))
    return every if number >= len(every) else [last, *random.Random(5).sample(every, number)]  # noqa: S311  always the same


def around(weeks: Sequence[Expected], chance: random.Random) -> Iterator[datetime]:
    """The minutes at which something may be wrong, in order.

    The last one before each slot, the slot's, the next; both sides of the moment from which it is too late; and one
    anywhere before the next slot. What is due can only change at a slot, so both ends of a stretch stand for it; the
    odd minute would find it if that were wrong, half a million times in the whole dose.
    """
    for this, following in pairwise([*weeks, Expected("", weeks[-1].due + WEEK, weeks[-1].over)]):
        yield from (this.due - MINUTE, this.due, this.due + MINUTE)
        stretch = int((following.due - this.due) / MINUTE)
        odd = this.due + chance.randrange(2, stretch - 1) * MINUTE
        yield from sorted({odd, this.over - MINUTE, this.over})


def test_every_slot_comes_in_every_week_at_its_minute(figures: Figures) -> None:
    """One period an ISO week, from its own minute on, for as long as its day lasts."""
    chance = random.Random(52)  # noqa: S311  the same each time
    weeks_seen = looks = 0
    for slot in slots(dose(len(ZONES) * len(SLOTS), 8)):
        weekly, weeks = slot.weekly, slot.weeks()
        starts = [week.due for week in weeks]
        for now in around(weeks, chance):
            position = bisect_right(starts, now) - 1
            if position < 0:
                continue
            expected, period = weeks[position], weekly.latest(now)
            assert (period.key, period.due_at) == (expected.key, expected.due), (slot, now)
            assert (weekly.verdict(period, now) is Due.POST) == (now < expected.over), (slot, now)
            looks += 1
        assert len({week.key for week in weeks}) == WEEKS
        weeks_seen += len(weeks)
    figures(weeks=weeks_seen, minutes_looked_at=looks)


# Clocks that jump


@dataclass(frozen=True)
class Course:
    """What a clock shows at the schedule's ticks, in that order; `leaps` are the jumps of eight days."""

    ticks: list[datetime]
    leaps: list[tuple[datetime, datetime]]


def jumping(weeks: Sequence[Expected], chance: random.Random) -> Course:
    """A clock that jumps in every other week, an hour either way or eight days on, often close to a slot."""
    ticks: list[datetime] = []
    leaps: list[tuple[datetime, datetime]] = []
    minutes = list(around(weeks, chance))
    now = minutes[0]
    for week in weeks[1:-2:2]:
        near = chance.choice([-90, -61, -60, -59, -30, -1, 0, 1, 30, 59, 60, 61, chance.randrange(-4000, 4000)])
        moment = week.due + near * MINUTE
        if moment <= now:
            continue  # the last jump has passed it
        ticks += _passed(minutes, now, moment)
        by = chance.choice([FORWARD, FORWARD, BACK, BACK, FAR])
        now = moment + by
        if by == FAR:
            leaps.append((moment, now))
    ticks += _passed(minutes, now, minutes[-1])
    return Course(ticks, leaps)


def _passed(minutes: Sequence[datetime], start: datetime, end: datetime) -> list[datetime]:
    """The ticks from one jump to the next: the first and last minute, and what is worth a look between them."""
    return sorted({start, end, *(minute for minute in minutes if start <= minute <= end)})


def leapt(weeks: Sequence[Expected], leaps: Sequence[tuple[datetime, datetime]]) -> set[str]:
    """Weeks whose whole day fell into a jump of eight days: the clock never showed a minute of it."""
    return {week.key for week in weeks for start, end in leaps if start < week.due and week.over <= end}


def seeded_year(slot: Slot, chance: random.Random) -> list[Expected]:
    """A year's weeks, any year."""
    weeks = slot.weeks()
    start = chance.randrange(0, len(weeks) - 52)
    return weeks[start : start + 52]


def test_a_clock_that_jumps_costs_no_week_and_doubles_none(figures: Figures) -> None:
    """By an hour either way, nothing is lost; by eight days, only weeks that the clock never showed."""
    chance = random.Random(81)  # noqa: S311  the same each time
    posted_in_all = lost_in_all = 0
    for slot in slots(dose(len(ZONES) * len(SLOTS), 8)):
        weekly, weeks = slot.weekly, seeded_year(slot, chance)
        course = jumping(weeks, chance)
        claimed: dict[str, Due] = {}
        for now in course.ticks:
            period = weekly.latest(now)
            claimed.setdefault(period.key, weekly.verdict(period, now))
        posted = {key for key, due in claimed.items() if due is Due.POST}
        lost = {week.key for week in weeks} - posted
        assert lost == leapt(weeks, course.leaps), slot
        posted_in_all, lost_in_all = posted_in_all + len(posted), lost_in_all + len(lost)
    figures(digests=posted_in_all, weeks_never_shown=lost_in_all)


# The schedule itself


class Bench:
    """The real schedule over a real database, with a clock in hand."""

    def __init__(self, folder: Path, slot: Slot) -> None:
        self.database = Database.open(f"sqlite:///{new_file(folder)}")
        self.now = slot.weeks()[0].due
        self.slot = slot

    async def walk(self, course: Course) -> None:
        """Tick at each of the course's minutes. There is an idea to speak of in every week."""

        def prepare(session: Session) -> int:
            workspace_id = workspaces.ensure(session, "memory", "T1")
            idea = submission.submit(session, Caller(workspace_id, "camille"), Draft("Une idée"), course.ticks[0]).idea
            moderation.approve(session, Caller(workspace_id, "nadia", is_moderator=True), idea.number, course.ticks[0])
            return workspace_id

        workspace_id = await self.database.write(prepare)
        rules = Rules(RULES.language, RULES.command, RULES.voting, RULES.reaction, self.slot.weekly, RULES.sizes, WEEK)
        self.now = course.ticks[0]
        scheduled = Scheduled(workspace_id, rules, lambda: None, lambda: None)
        schedule = Schedule(self.database, [scheduled], lambda: self.now)
        for self.now in course.ticks:
            await schedule.tick()

    async def digests(self) -> tuple[list[str], list[str], list[str]]:
        """Periods that were posted, periods that were missed, and the posts that wait to be sent."""

        def read(session: Session) -> tuple[list[str], list[str], list[str]]:
            rows = list(session.exec(select(Digest)))
            waiting = session.exec(select(OutboxItem.key).where(col(OutboxItem.view) == "digest"))
            posted = [row.period for row in rows if not row.is_missed]
            return posted, [row.period for row in rows if row.is_missed], list(waiting)

        return await self.database.read(read)


@pytest.mark.parametrize("is_jumping", [False, True], ids=["even", "jumping"])
@pytest.mark.parametrize("zone", ZONES)
async def test_the_schedule_posts_one_digest_a_week(
    zone: str,
    is_jumping: bool,  # noqa: FBT001  by name
    tmp_path: Path,
    figures: Figures,
) -> None:
    """The real thing, with its rows: the slots at which clocks change, the day's last, and some others."""
    chance = random.Random(f"{zone} {is_jumping}")  # noqa: S311  the same each time
    chosen = [Slot(zone, day, at) for day, at in SLOTS]
    edges = [Slot(zone, "sun", time(2)), Slot(zone, "sun", time(2, 30)), Slot(zone, "sat", time(23, 30))]
    posted_in_all = 0
    for number, slot in enumerate([*edges, *chance.sample(chosen, 5)][: dose(6, 1)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        weeks = slot.weeks() if IS_WHOLE and not number else seeded_year(slot, chance)[: dose(52, 8)]
        course = jumping(weeks, chance) if is_jumping else Course(list(around(weeks, chance)), [])
        bench = Bench(folder, slot)
        try:
            await bench.walk(course)
            posted, missed, waiting = await bench.digests()
        finally:
            await bench.database.close()
        lost = leapt(weeks, course.leaps)
        wanted = [week.key for week in weeks if week.key not in lost]
        assert [key for key in sorted(posted) if key in {week.key for week in weeks}] == wanted
        assert sorted(waiting) == [f"digest:{key}" for key in sorted(posted)]
        assert not set(missed) & set(posted)
        posted_in_all += len(wanted)
    figures(digests=posted_in_all)
