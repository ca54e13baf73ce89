"""Who moderates is reminded of what waits for long: on workdays, once a day."""

from datetime import timedelta

import pytest

from tests.schedule.bench import MONDAY_NINE, Bench


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
