"""What is under way when Butine is asked to end."""

import asyncio
import gc

import pytest

from bot.chat.under_way import UnderWay


async def test_closing_waits_for_what_is_under_way_and_for_what_that_begins() -> None:
    under_way, done = UnderWay(), list[str]()

    async def second() -> None:
        done.append("second")

    async def first() -> None:
        done.append("first")
        under_way.start(second())

    under_way.start(first())
    await under_way.close()
    assert done == ["first", "second"]


async def test_what_takes_longer_than_a_stop_may_is_broken_off() -> None:
    """A message that may be tried again in an hour must not keep Butine from ending."""
    under_way = UnderWay(last_seconds=0.01)
    task = under_way.start(asyncio.Event().wait())
    await under_way.close()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize("is_awaited", [True, False])
async def test_an_error_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture, *, is_awaited: bool) -> None:
    """Whoever waits for it answers for it: a forgery, a full disk are no surprise there."""

    async def fail() -> None:
        raise LookupError

    under_way = UnderWay()
    task = under_way.start(fail())
    if is_awaited:
        with pytest.raises(LookupError):
            await asyncio.shield(task)
    await under_way.close()
    del task
    gc.collect()
    logged = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert logged == ([] if is_awaited else [LookupError])
