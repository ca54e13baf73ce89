"""Whatever chat does at any call of a digest's sends: they go on, nothing stands there twice, and the operator is told.

A digest's sends are its post and all that leaves in the same minute: cards changed and new, notices, a reminder.
"""

import logging
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.torture.chats import Chat, Fault, OnMattermost, OnSlack, Weeks
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
    """The same fault at each call in turn, for one, two or three calls in a row."""
    make, revoked = CHATS[name]
    how = FAULTS[fault] or revoked
    weeks = Weeks(make(), tmp_path)
    await weeks.start()
    try:
        number = await sound_week(weeks)
        chance = random.Random(f"{name} {fault}")  # noqa: S311  the same each time
        places = [place for place in range(number) for _ in range(10)] if IS_WHOLE else chance.sample(range(number), 1)
        broken = 0
        for time, place in enumerate(places):
            caplog.clear()
            broken += await broken_week(weeks, Fault(how, place, 1 + time % 3, weeks.chat), caplog)
        figures(calls_in_a_digests_sends=number, digests=len(places) + 1, broken_calls=broken)
        assert broken >= dose(len(places), 1)
    finally:
        await weeks.stop()


async def sound_week(weeks: Weeks) -> int:
    """A week in which all goes well; how many calls its sends are."""
    await weeks.prepare()
    nothing = Fault("", 0, 0, weeks.chat)
    weeks.chat.meet(nothing)
    await weeks.begin_to_send()
    await weeks.settle()
    await assert_all_is_there_once(weeks)
    return nothing.calls


async def broken_week(weeks: Weeks, fault: Fault, caplog: pytest.LogCaptureFixture) -> int:
    """One with the fault; how many calls met it."""
    weeks.chat.meet(lambda _name, _given: "")
    await weeks.prepare()
    weeks.chat.meet(fault)
    await weeks.begin_to_send()
    await weeks.settle()
    await assert_all_is_there_once(weeks)
    if fault.broken:
        assert_operator_is_told(caplog, fault)
    assert_pause_is_kept(weeks.chat, fault)
    return len(fault.broken)


async def assert_all_is_there_once(weeks: Weeks) -> None:
    """Nothing waits, nothing was given up, and each key stands there exactly once."""
    assert await weeks.waiting() == []
    copies = weeks.copies()
    assert {key: number for key, number in copies.items() if number > 1} == {}
    posted = {key.removesuffix("/0") for key in copies}
    assert await weeks.wanted() <= posted
    digests = [text for key, text, _ in weeks.chat.messages() if key.startswith("digest:")]
    assert all(title in digests[-1] for title in weeks.titles[:2])


def assert_operator_is_told(caplog: pytest.LogCaptureFixture, fault: Fault) -> None:
    """In a line of the log that needs no reading of code."""
    told = [record for record in caplog.records if record.levelno >= logging.WARNING and record.name.startswith("bot.")]
    assert told, fault.broken
    assert not [record for record in told if record.exc_info and record.levelno >= logging.ERROR]


def assert_pause_is_kept(chat: Chat, fault: Fault) -> None:
    """What chat has asked to wait with does not come before that."""
    how, _, seconds = fault.how.partition(":")
    if how != "429":
        return
    arrived = {key: at for key, _, at in chat.messages()}
    for name, key, asked_at in fault.broken:
        if key:
            waited = arrived[key] - asked_at
            assert waited >= timedelta(seconds=int(seconds) - 1), (name, key)
