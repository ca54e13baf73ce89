"""What is being taken in or answered right now: each in its own task, which nobody who goes away ends."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
log = logging.getLogger(__name__)

LAST_SECONDS = 5.0
"""Half of what service managers leave between asking and killing: sends and connections need to end, too."""


class UnderWay:
    """The tasks that have to end before Butine does."""

    def __init__(self, last_seconds: float = LAST_SECONDS) -> None:
        self._last_seconds = last_seconds
        self._tasks: set[asyncio.Task[Any]] = set()
        self.is_closing = False

    def open(self) -> None:
        """Things may be under way, again."""
        self.is_closing = False

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Begin it; closing waits for it. Where nobody else does, asyncio logs the error that it ends in."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Wait for what is under way, and for what that begins; what takes too long is cancelled."""
        self.is_closing = True
        try:
            async with asyncio.timeout(self._last_seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            log.warning("%s deliveries were not finished in time", len(self._tasks))
            for task in self._tasks:
                task.cancel()
