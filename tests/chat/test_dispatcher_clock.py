"""A clock that is set back holds no message up for as long as it was ahead, and doubles none."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.chat.dispatcher import LEASE, LONGEST_BACKOFF_SECONDS, Dispatcher
from bot.errors import ChatUnavailable
from storage import outbox
from storage.tables import OutboxItem
from tests.chat.desk import DOWN, UNCERTAIN, Desk, posts, slow_down
from tests.fakes.memory_platform import Lost

AHEAD = timedelta(hours=1)
REVIEW = "card:1:review"


async def run_until(desk: Desk, is_done: Callable[[OutboxItem], bool]) -> None:
    """Run until that is true of the first card's row, and close."""
    running = asyncio.create_task(desk.dispatcher.run())
    async with asyncio.timeout(10):
        while not is_done((await desk.rows())[REVIEW]):  # noqa: ASYNC110  a row has no event
            await asyncio.sleep(0)
    desk.dispatcher.close()
    await running


def is_shown(row: OutboxItem) -> bool:
    """Whether its message is on show."""
    return row.shown == row.wanted


@pytest.mark.parametrize("error", [DOWN, slow_down(3600)], ids=["down", "asked_to_wait"])
async def test_what_failed_while_the_clock_was_ahead_is_sent_once_it_is_right(
    desk: Desk, error: ChatUnavailable, caplog: pytest.LogCaptureFixture
) -> None:
    """After a restart; what a platform asked for is known to the process that it asked."""
    desk.now += AHEAD
    await desk.pending()
    desk.platform.fail("post", error)
    await desk.send()
    desk.now -= AHEAD
    desk.dispatcher = desk.new_dispatcher()
    with caplog.at_level(logging.WARNING, "bot.chat.dispatcher"):
        await run_until(desk, is_shown)
    assert posts(desk) == [REVIEW]
    assert "a clock that was ahead has put messages off" in caplog.text


async def test_without_a_restart_it_is_sent_too(desk: Desk) -> None:
    desk.now += AHEAD
    await desk.pending()
    desk.platform.fail("post", DOWN)
    await desk.send()
    desk.now -= AHEAD
    await run_until(desk, is_shown)
    assert posts(desk) == [REVIEW]


async def test_what_a_platform_asked_for_is_no_such_trace_of_a_clock(desk: Desk) -> None:
    """An hour's pause is kept in full, and what only waited for its end has not failed that often."""
    await desk.pending()
    await desk.pending()
    desk.platform.fail("post", slow_down(3600))
    await desk.send()
    for _ in range(12):
        assert posts(desk) == []
        rows = (await desk.rows()).values()
        assert [row.attempts for row in rows] == [1, 0]
        assert max(row.due_at for row in rows) <= desk.later(seconds=LONGEST_BACKOFF_SECONDS)
        await desk.send()
    assert posts(desk) == [REVIEW, "card:2:review"]


@pytest.mark.parametrize("has_arrived", [True, False])
async def test_an_uncertain_send_is_looked_for_first_and_not_at_once(desk: Desk, *, has_arrived: bool) -> None:
    """A server that hangs may still post it."""
    desk.now += AHEAD
    await desk.pending()
    desk.platform.fail("post", Lost(UNCERTAIN) if has_arrived else UNCERTAIN)
    await desk.send()
    desk.now -= AHEAD
    await run_until(desk, lambda row: row.due_at == desk.now + LEASE)
    assert ("find", REVIEW) not in desk.platform.calls
    desk.now += LEASE
    await desk.send()
    assert ("find", REVIEW) in desk.platform.calls
    assert len(desk.platform.shown(REVIEW)) == 1
    assert posts(desk) == [REVIEW]


async def test_what_was_being_sent_when_it_ended_is_looked_for_after_the_restart(desk: Desk) -> None:
    """On a database that others use as well, whose leases are not ended at the start."""
    desk.now += AHEAD
    await desk.pending()
    await desk.database.write(lambda session: outbox.claim(session, desk.workspace_id, desk.now, LEASE, 20))
    desk.now -= AHEAD
    await run_until(desk, lambda row: row.lease_until == desk.now + LEASE)
    assert desk.platform.calls == []
    desk.now += LEASE
    await desk.send()
    assert desk.platform.calls == [("find", REVIEW), ("post", REVIEW)]


async def test_a_pause_that_a_platform_asked_for_does_not_get_longer(desk: Desk) -> None:
    desk.now += AHEAD
    await desk.pending()
    desk.platform.fail("post", slow_down(30))
    await desk.send()
    desk.now -= AHEAD
    await desk.pending()
    await desk.send()
    desk.later(seconds=29)
    await desk.send()
    assert posts(desk) == []
    desk.later(seconds=1)
    await desk.send()
    assert posts(desk) == ["card:2:review"]


async def test_a_batch_is_left_when_the_clock_does_not_tell_any_more_how_long_it_is_ours(desk: Desk) -> None:
    """Another process may be sending it by then; it is sent once."""

    async def set_back(_: float) -> None:
        desk.now -= AHEAD

    desk.now += AHEAD
    for _ in range(3):
        await desk.pending()
    desk.platform.seconds_between_posts = 1.0
    desk.dispatcher = Dispatcher(
        desk.database, desk.platform, desk.workspace_id, desk.rules, clock=lambda: desk.now, sleep=set_back
    )
    assert await desk.dispatcher.send_due()
    assert posts(desk) == [REVIEW]
    desk.dispatcher = desk.new_dispatcher()
    running = asyncio.create_task(desk.dispatcher.run())
    async with asyncio.timeout(10):
        while (await desk.rows())["card:3:review"].lease_until != desk.now + LEASE:  # noqa: ASYNC110  a row has no event
            await asyncio.sleep(0)
    desk.dispatcher.close()
    await running
    desk.now += LEASE
    await desk.send()
    assert posts(desk) == [f"card:{number}:review" for number in range(1, 4)]
