"""Clocks compared by the Date header of an answer."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.chat.clocks import compared

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, -60, 60, 61, -61])
def test_a_minute_is_forgiven_and_no_more(seconds: int) -> None:
    clocks = compared("Tue, 24 Nov 2026 12:00:00 GMT", NOON + timedelta(seconds=seconds))
    assert clocks
    assert clocks.is_same is (abs(seconds) <= 60)


def test_both_times_and_their_distance_are_told_in_utc() -> None:
    paris = timezone(timedelta(hours=1))
    clocks = compared("Tue, 24 Nov 2026 12:00:00 GMT", datetime(2026, 11, 24, 14, 7, 5, tzinfo=paris))
    assert clocks
    assert clocks.values == {
        "theirs": "2026-11-24 12:00:00 UTC",
        "ours": "2026-11-24 13:07:05 UTC",
        "apart": "1:07:05",
    }


def test_a_date_without_a_zone_is_taken_for_utc() -> None:
    clocks = compared("Tue, 24 Nov 2026 12:00:00 -0000", NOON)
    assert clocks
    assert clocks.is_same


@pytest.mark.parametrize("date", ["", "yesterday", "2026-11-24T12:00:00Z"])
def test_a_date_that_can_t_be_read_tells_nothing(date: str) -> None:
    assert compared(date, NOON) is None
