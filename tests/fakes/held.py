"""Requests that a server sits on before it does what they ask, long after whoever asked has given up."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

HELD_FOR = timedelta(seconds=30)


class Held:
    """What one server sits on; `clock` is its own. A test that moves the clock calls `catch_up`."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._waiting: list[tuple[datetime, asyncio.Event, asyncio.Event]] = []

    async def until_late(self) -> asyncio.Event:
        """Return when the request may be done, half a minute later; the event is to be set once it is done."""
        may_go, is_done = asyncio.Event(), asyncio.Event()
        self._waiting.append((self._clock() + HELD_FOR, may_go, is_done))
        await may_go.wait()
        return is_done

    async def catch_up(self, *, wholly: bool = False) -> None:
        """Have done what was held until now, or everything."""
        now = self._clock()
        due = [held for held in self._waiting if wholly or held[0] <= now]
        for held in due:
            self._waiting.remove(held)
            held[1].set()
            await held[2].wait()
