"""Time that passes only when somebody waits."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Clock:
    """The time of day and a running clock, moved by `sleep` and `advance`."""

    def __init__(self) -> None:
        self.seconds_gone = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds_gone)

    def seconds(self) -> float:
        return self.seconds_gone

    def advance(self, seconds: float) -> None:
        self.seconds_gone += seconds

    async def sleep(self, seconds: float) -> None:
        """Wait without waiting; others get their turn."""
        self.advance(seconds)
        await asyncio.sleep(0)


class WallClock(Clock):
    """Goes by itself, for a Butine that is a process of its own. `now` gives the time of day."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now

    def now(self) -> datetime:
        return self._now()

    def seconds(self) -> float:
        return time.monotonic()

    def advance(self, seconds: float) -> None:
        """It goes by itself."""
