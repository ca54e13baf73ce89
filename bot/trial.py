"""Whether an idea would be kept now: asked by those who watch Butine from outside. Who answers them is in http.py."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime

from storage import notes
from storage.database import Database

log = logging.getLogger(__name__)

KEY = "tried_at"
EVERY_SECONDS = 4.0
PATIENCE_SECONDS = 4.0
"""Longer than a write waits for a lock, and than chat waits for an answer."""


class Trial:
    """Writes to the database when asked, but not twice in `EVERY_SECONDS`: anybody may ask, and each is synced."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self._latest: asyncio.Task[bool] | None = None
        self._begun_at = 0.0

    async def succeeds(self) -> bool:
        """Whether the latest trial has; not, where it takes longer than `PATIENCE_SECONDS`."""
        now = self._seconds()
        if self._latest is None or (self._latest.done() and now - self._begun_at >= EVERY_SECONDS):
            self._latest, self._begun_at = asyncio.create_task(self._keep()), now
        done, _ = await asyncio.wait({self._latest}, timeout=PATIENCE_SECONDS)
        return bool(done) and self._latest.result()

    async def _keep(self) -> bool:
        moment = self._clock().isoformat()
        try:
            await self._database.write(lambda session: notes.put(session, KEY, moment))
        except Exception as error:  # noqa: BLE001  whatever it was, nothing is kept
            log.error("nothing can be kept: %s", error)  # noqa: TRY400  it says all
            return False
        return True
