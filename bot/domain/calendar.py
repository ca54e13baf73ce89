"""Which weekly period is due when, across time zones and daylight saving. Claiming it is the use-cases' part."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = timedelta(days=7)
LEEWAY = timedelta(hours=2)
"""How late a period is posted at least: where its hour is its day's last, neither a restart nor a clock that is put
forward by an hour may cost a week."""


class Due(StrEnum):
    """What to do about the latest period whose hour has come."""

    POST = "post"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class Weekly:
    """The configured day, hour and time zone."""

    day: str
    at: time
    time_zone: ZoneInfo

    def latest(self, now: datetime) -> "Period":
        """The period whose hour came last, at or before `now`; each ISO week has exactly one."""
        monday = _monday(now.astimezone(self.time_zone).date())
        period = _of_week(self, monday)
        return period if period.due_at <= now else _of_week(self, monday - WEEK)

    def coming(self, now: datetime) -> "Period":
        """The period whose hour comes next, after `now`."""
        monday = _monday(now.astimezone(self.time_zone).date())
        period = _of_week(self, monday)
        return period if period.due_at > now else _of_week(self, monday + WEEK)

    def verdict(self, period: "Period", now: datetime) -> Due:
        """A period is posted as long as its own day lasts where the workspace is, and for `LEEWAY` at least."""
        is_its_day = now.astimezone(self.time_zone).date() <= period.due_at.astimezone(self.time_zone).date()
        return Due.POST if is_its_day or now - period.due_at < LEEWAY else Due.TOO_LATE

    def instant(self, monday: date) -> datetime:
        """The hour in that week, in UTC. One that comes twice is taken once, the first time; one that daylight saving
        leaves out is the instant at which the clocks jump over it.
        """
        wall = datetime.combine(monday + timedelta(days=DAYS.index(self.day)), self.at, self.time_zone)
        instant = wall.astimezone(UTC)
        if instant.astimezone(self.time_zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
            return instant
        return _jump(instant - timedelta(days=1), instant + timedelta(days=1), self.time_zone)


@dataclass(frozen=True, slots=True)
class Period:
    """One week's digest: its ISO week as key, when the one before was due, and when it is (UTC)."""

    key: str
    since: datetime
    due_at: datetime


@lru_cache(maxsize=64)
def _of_week(weekly: Weekly, monday: date) -> Period:
    year, week, _ = monday.isocalendar()
    return Period(f"{year}-W{week:02}", weekly.instant(monday - WEEK), weekly.instant(monday))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _jump(low: datetime, high: datetime, time_zone: ZoneInfo) -> datetime:
    """The second, between two instants, from which the zone's offset is the later one's."""
    offset = high.astimezone(time_zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        if middle.astimezone(time_zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)
