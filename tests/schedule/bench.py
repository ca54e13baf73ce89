"""A schedule with a clock in hand, over one workspace."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session, col, select

from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.rules import Rules
from bot.schedule import Schedule, Scheduled
from bot.usecases import moderation, submission
from storage import workspaces
from storage.database import Database
from storage.tables import Digest, OutboxItem
from tests.usecases.builders import RULES

SUNDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
MONDAY_NINE = datetime(2026, 11, 30, 8, tzinfo=UTC)
"""09:00 in Paris."""


class Bench:
    """A schedule with a clock in hand, over one workspace that counts its calls."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database.open(f"sqlite:///{path}")
        self.now = SUNDAY
        self.workspace_id = 0
        self.reconciled: list[datetime] = []
        self.changes = 0
        self.changed = asyncio.Event()
        self.has_caught_up = True

    async def prepare(self) -> None:
        """Make the workspace."""
        self.workspace_id = await self.database.write(lambda session: workspaces.ensure(session, "memory", "T1"))

    def schedule(self, rules: Rules = RULES) -> Schedule:
        """A schedule as one process has it."""
        scheduled = Scheduled(self.workspace_id, rules, self.reconcile, self._on_change, lambda: self.has_caught_up)
        return Schedule(self.database, [scheduled], lambda: self.now)

    def reconcile(self) -> None:
        self.reconciled.append(self.now)

    def _on_change(self) -> None:
        self.changes += 1
        self.changed.set()

    async def propose(self, *, is_published: bool = False) -> int:
        """An idea, proposed now."""

        def work(session: Session) -> int:
            caller = Caller(self.workspace_id, "camille")
            idea = submission.submit(session, caller, Draft("Des vélos"), self.now).idea
            if is_published:
                moderation.approve(
                    session, Caller(self.workspace_id, "nadia", is_moderator=True), idea.number, self.now
                )
            return idea.number

        return await self.database.write(work)

    async def digests(self) -> list[tuple[str, bool]]:
        """Periods, and whether they were missed."""
        found = await self.database.read(lambda session: list(session.exec(select(Digest).order_by(col(Digest.id)))))
        return [(digest.period, digest.is_missed) for digest in found]

    async def keys(self, start: str) -> list[str]:
        """What chat is to show, by how its key begins."""
        rows = await self.database.read(lambda session: list(session.exec(select(OutboxItem))))
        return [row.key for row in rows if row.key.startswith(start)]
