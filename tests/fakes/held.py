"""Requests that a server sits on before it does what they ask, long after whoever asked has given up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

T = TypeVar("T")
HELD_FOR = timedelta(seconds=30)


class Held:
    """What one server sits on; `clock` is its own. A test that moves the clock calls `catch_up`."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._waiting: list[tuple[datetime, asyncio.Event, asyncio.Task[object]]] = []

    async def late(self, do: Callable[[], Awaitable[T]]) -> T:
        """Do it half a minute later, also where nobody waits for it any more."""
        may_go = asyncio.Event()

        async def wait_and_do() -> T:
            await may_go.wait()
            return await do()

        doing = asyncio.create_task(wait_and_do())
        self._waiting.append((self._clock() + HELD_FOR, may_go, doing))
        return await asyncio.shield(doing)

    async def catch_up(self, *, wholly: bool = False) -> None:
        """Have done what was held until now, or everything."""
        now = self._clock()
        due = [held for held in self._waiting if wholly or held[0] <= now]
        for held in due:
            self._waiting.remove(held)
            _, may_go, doing = held
            may_go.set()
            await doing
