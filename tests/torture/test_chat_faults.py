"""Whatever chat does at any call of a digest's sends: they go on, nothing stands there twice, and the operator is told.

A digest's sends are its post and all that leaves in the same minute: cards changed and new, notices, a reminder.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.torture.chats import Breaks, Call, Chat, Fault, OnMattermost, OnSlack, Weeks
from tests.torture.conftest import Figures
from tests.torture.dose import IS_WHOLE, dose

FAULTS = {
    "asks for 1 s": "429:1",
    "asks for 30 s": "429:30",
    "asks for an hour": "429:3600",
    "500": "500",
    "502": "502",
    "503": "503",
    "reset before accepting": "reset_before",
    "reset after accepting": "reset_after",
    "hangs for 30 s": "late",
    "bad JSON": "garbled",
    "revoked token": "",
}
CHATS: dict[str, tuple[Callable[[], Chat], str]] = {
    "slack": (OnSlack, "invalid_auth"),
    "mattermost": (OnMattermost, "401"),
}
"""With what each says to a token that is no longer good."""


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", CHATS)
async def test_a_digests_sends_arrive_once_whatever_one_of_them_meets(
    name: str, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, figures: Figures
) -> None:
    """The same fault at each call in turn, for one, two or three in a row; or at the digest's post, then at edits."""
    make, revoked = CHATS[name]
    how = FAULTS[fault] or revoked
    weeks = Weeks(make(), tmp_path)
    await weeks.start()
    try:
        number = await sound_week(weeks)
        places: list[Breaks] = [at_the_digest, at_first_edits]
        if IS_WHOLE:
            places = [at_calls(first, 1 + time % 3) for first in range(1, number + 1) for time in range(10)]
        broken = 0
        for breaks in places:
            caplog.clear()
            broken += await broken_week(weeks, Fault(how, breaks, weeks.chat), caplog)
        figures(calls_in_a_digests_sends=number, digests=len(places) + 1, broken_calls=broken)
        assert broken >= dose(len(places), 4), "the digest's post and three edits"
    finally:
        await weeks.stop()


def at_calls(first: int, number: int) -> Breaks:
    """So many calls in a row."""
    return lambda calls: first <= len(calls) < first + number


def at_the_digest(calls: list[Call]) -> bool:
    """Its post, once."""
    return calls[-1].key.startswith("digest:") and all(call.key != calls[-1].key for call in calls[:-1])


def at_first_edits(calls: list[Call]) -> bool:
    """The first edit of each card; one of them is edited anew soon afterwards, the others are not."""
    is_first = all((call.does, call.key) != ("edit", calls[-1].key) for call in calls[:-1])
    return calls[-1].does == "edit" and is_first


async def sound_week(weeks: Weeks) -> int:
    """A week in which all goes well; how many calls its sends are."""
    await weeks.prepare()
    nothing = Fault("", at_calls(0, 0), weeks.chat)
    weeks.chat.meet(nothing)
    await weeks.begin_to_send()
    await weeks.settle()
    weeks.chat.meet(no_fault)
    await assert_all_is_there_once(weeks)
    return len(nothing.calls)


def no_fault(_name: str, _given: object) -> str:
    """Every call goes well."""
    return ""


async def broken_week(weeks: Weeks, fault: Fault, caplog: pytest.LogCaptureFixture) -> int:
    """One with the fault; how many calls met it."""
    await weeks.prepare()
    weeks.chat.meet(fault)
    await weeks.begin_to_send()
    await weeks.settle()
    weeks.chat.meet(no_fault)
    await assert_all_is_there_once(weeks)
    if fault.broken:
        assert_operator_is_told(caplog, fault)
    assert_pause_is_kept(fault)
    return len(fault.broken)


async def assert_all_is_there_once(weeks: Weeks) -> None:
    """Nothing waits, nothing was given up, and each key stands there exactly once and shows the present state."""
    assert await weeks.waiting() == []
    copies = weeks.copies()
    assert {key: number for key, number in copies.items() if number > 1} == {}
    posted = {key.removesuffix("/0") for key in copies}
    assert await weeks.wanted() <= posted
    digests = [text for key, text in weeks.chat.messages() if key.startswith("digest:")]
    assert all(title in digests[-1] for title in weeks.titles[:2])
    assert await weeks.outdated() == []


def assert_operator_is_told(caplog: pytest.LogCaptureFixture, fault: Fault) -> None:
    """In a line of the log that needs no reading of code."""
    told = [record for record in caplog.records if record.levelno >= logging.WARNING and record.name.startswith("bot.")]
    assert told, fault.broken
    assert not [record for record in told if record.exc_info and record.levelno >= logging.ERROR]


def assert_pause_is_kept(fault: Fault) -> None:
    """What chat has asked to wait with does not come before that."""
    how, _, seconds = fault.how.partition(":")
    if how != "429":
        return
    pause = timedelta(seconds=int(seconds))
    for asked in fault.broken:
        later = fault.calls[fault.calls.index(asked) + 1 :]
        assert [call for call in later if call.place == asked.place and call.at < asked.at + pause] == [], asked
