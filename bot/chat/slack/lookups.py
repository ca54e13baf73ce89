"""Questions to Slack that somebody waits for: each asked once at a time, and answered for the next who come, too.

What is asked, and how long its answer is believed, is the asker's part.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from bot.errors import ChatError, ChatUnavailable

Found = TypeVar("Found")
log = logging.getLogger(__name__)


class Lookups(Generic[Found]):
    """What is being asked, by name. `keep` gets each answer, also where nobody has the time to wait for it any more."""

    def __init__(self, keep: Callable[[str, Found], None]) -> None:
        self._keep = keep
        self._asked: dict[str, asyncio.Task[Found]] = {}

    async def answer(self, name: str, ask: Callable[[], Coroutine[Any, Any, Found]], seconds: float | None) -> Found:
        """The answer, waited for so many seconds, or as long as it takes. Raises ChatUnavailable, and as `ask` does."""
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.create_task(self._kept(name, ask))
            task.add_done_callback(_tell)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done or task.cancelled():
            raise ChatUnavailable("timeout" if not done else "closed")
        return task.result()

    def drop(self, name: str) -> None:
        """What is being asked is out of date: its answer is not kept, and the next who come ask anew."""
        self._asked.pop(name, None)

    async def close(self) -> None:
        """Ask no more."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _kept(self, name: str, ask: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
        task = asyncio.current_task()
        try:
            found = await ask()
            if self._asked.get(name) is task:
                self._keep(name, found)
            return found
        finally:
            if self._asked.get(name) is task:
                del self._asked[name]


def _tell(task: "asyncio.Task[Any]") -> None:
    """What went wrong is known here also where nobody waits any more; chat's failures are told to who asks next."""
    error = None if task.cancelled() else task.exception()
    if error and not isinstance(error, ChatError):
        log.error("a lookup ended in what nobody expected", exc_info=error)
