"""What is under way when Butine is asked to end."""

import asyncio

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
