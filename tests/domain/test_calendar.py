"""Which week is due when: once each, in every zone, at every hour, whatever clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.calendar import DAYS, Due, Period, Weekly

ZONES = [
    "Europe/Paris",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "UTC",
    "Africa/Cairo",
    "America/Santiago",
]
PARIS = ZoneInfo("Europe/Paris")
DEFAULT = Weekly("mon", time(9), PARIS)

weeklies = st.builds(
    Weekly,
    st.sampled_from(DAYS),
    st.builds(time, st.integers(0, 23), st.sampled_from([0, 30])),
    st.sampled_from(ZONES).map(ZoneInfo),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  bounds
MANY = settings(max_examples=150)


@MANY
@given(weeklies, moments)
def test_the_latest_period_is_past_and_the_coming_one_is_not(weekly: Weekly, now: datetime) -> None:
    assert weekly.latest(now).due_at <= now < weekly.coming(now).due_at


@MANY
@given(weeklies, moments)
def test_latest_and_coming_are_neighbours(weekly: Weekly, now: datetime) -> None:
    latest, coming = weekly.latest(now), weekly.coming(now)
    assert coming.since == latest.due_at
    assert weekly.latest(coming.due_at) == coming
    assert weekly.coming(latest.due_at) == coming
    assert timedelta(days=6, hours=22) < coming.due_at - latest.due_at < timedelta(days=7, hours=2)


@MANY
@given(weeklies, moments)
def test_a_period_is_due_in_its_own_iso_week_on_its_day_at_its_hour(weekly: Weekly, now: datetime) -> None:
    period = weekly.coming(now)
    local = period.due_at.astimezone(weekly.time_zone)
    year, week, _ = local.isocalendar()
    assert period.key == f"{year}-W{week:02}"
    assert DAYS[local.weekday()] == weekly.day
    exists = datetime.combine(local.date(), weekly.at, weekly.time_zone)
    is_skipped = exists.astimezone(UTC).astimezone(weekly.time_zone).time() != weekly.at
    assert is_skipped or local.time() == weekly.at


@given(weeklies, st.integers(2026, 2029))
@settings(max_examples=15)
def test_every_iso_week_of_a_year_has_exactly_one_period(weekly: Weekly, year: int) -> None:
    periods = []
    now = datetime(year, 1, 1, tzinfo=UTC) - timedelta(days=8)
    while now < datetime(year + 1, 1, 10, tzinfo=UTC):
        periods.append(weekly.coming(now))
        now = periods[-1].due_at
    keys = [period.key for period in periods]
    weeks = date(year, 12, 28).isocalendar().week
    assert len(set(keys)) == len(keys)
    assert [key for key in keys if key.startswith(f"{year}-")] == [f"{year}-W{week:02}" for week in range(1, weeks + 1)]


@given(weeklies, moments, st.lists(st.sampled_from([-1, 1, 8 * 24, 0]), max_size=6), st.integers(1, 90))
@settings(max_examples=60)
def test_a_clock_that_jumps_never_gives_a_period_twice_to_who_claims_it(
    weekly: Weekly, start: datetime, jumps: list[int], minutes: int
) -> None:
    """Each tick claims the latest period unless that has been claimed: keys name weeks, so none is due twice."""
    claimed: dict[str, datetime] = {}
    now = start
    for jump in [0, *jumps]:
        now += timedelta(hours=jump)
        for _ in range(3):
            now += timedelta(minutes=minutes)
            period = weekly.latest(now)
            assert claimed.setdefault(period.key, period.due_at) == period.due_at
    assert len(set(claimed.values())) == len(claimed)


def test_monday_midnight_in_paris_comes_on_the_day_after_the_clocks_change() -> None:
    weekly = Weekly("mon", time(0), PARIS)
    period = weekly.coming(datetime(2027, 3, 28, 12, tzinfo=UTC))
    assert period == Period("2027-W13", datetime(2027, 3, 21, 23, tzinfo=UTC), datetime(2027, 3, 28, 22, tzinfo=UTC))


def test_an_hour_that_comes_twice_is_taken_once_the_first_time() -> None:
    weekly = Weekly("sun", time(2, 30), PARIS)
    period = weekly.coming(datetime(2027, 10, 30, tzinfo=UTC))
    assert period.due_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert weekly.coming(period.due_at).key == "2027-W44"
    for minutes in range(0, 180, 10):
        assert weekly.latest(period.due_at + timedelta(minutes=minutes)) == period


def test_an_hour_that_is_left_out_is_the_moment_of_the_jump() -> None:
    weekly = Weekly("sun", time(2, 30), PARIS)
    assert weekly.coming(datetime(2027, 3, 27, tzinfo=UTC)).due_at == datetime(2027, 3, 28, 1, tzinfo=UTC)


def test_where_the_clocks_jump_by_half_an_hour_too() -> None:
    weekly = Weekly("sun", time(2, 15), ZoneInfo("Australia/Lord_Howe"))
    assert weekly.coming(datetime(2026, 10, 2, tzinfo=UTC)).due_at == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "now, due",
    [
        (datetime(2026, 11, 30, 9, 0, tzinfo=PARIS), Due.POST),
        (datetime(2026, 11, 30, 23, 59, tzinfo=PARIS), Due.POST),
        (datetime(2026, 12, 1, 0, 0, tzinfo=PARIS), Due.TOO_LATE),
        (datetime(2026, 12, 4, 9, 0, tzinfo=PARIS), Due.TOO_LATE),
    ],
)
def test_a_period_is_posted_as_long_as_its_day_lasts_where_the_workspace_is(now: datetime, due: Due) -> None:
    period = DEFAULT.latest(now)
    assert period.key == "2026-W49"
    assert DEFAULT.verdict(period, now.astimezone(UTC)) is due


@pytest.mark.parametrize(
    "now, due",
    [
        (datetime(2026, 12, 1, 0, 30, tzinfo=PARIS), Due.POST),
        (datetime(2026, 12, 1, 1, 29, tzinfo=PARIS), Due.POST),
        (datetime(2026, 12, 1, 1, 30, tzinfo=PARIS), Due.TOO_LATE),
    ],
)
def test_the_last_hour_of_a_day_has_two_hours(now: datetime, due: Due) -> None:
    weekly = Weekly("mon", time(23, 30), PARIS)
    assert weekly.verdict(weekly.latest(now), now.astimezone(UTC)) is due


def test_the_week_around_new_year_has_its_iso_year() -> None:
    assert DEFAULT.latest(datetime(2026, 12, 31, tzinfo=UTC)).key == "2026-W53"
    assert DEFAULT.coming(datetime(2026, 12, 31, tzinfo=UTC)).key == "2027-W01"
