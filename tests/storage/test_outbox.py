"""The outbox on SQLite: what waits is found without reading what was shown before. What it promises is contract's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from storage import outbox, workspaces
from storage.database import Database
from storage.outbox import Wanted

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda session, workspace_id: outbox.claim(session, workspace_id, NOW, HOUR, 20, 5),
        outbox.next_due,
        lambda session, workspace_id: outbox.is_any_beyond(session, workspace_id, NOW + HOUR),
    ],
    ids=["claim", "next_due", "is_any_beyond"],
)
async def test_what_waits_is_found_by_its_own_index(ask: Callable[[Session, int], object], tmp_path: Path) -> None:
    """Without statistics, SQLite would take another one that begins with the workspace, and read all of it."""
    database = Database.open(f"sqlite:///{tmp_path / 'butine.db'}")
    workspace_id = await database.write(lambda session: workspaces.ensure(session, "web", "room"))
    await database.write(lambda session: outbox.want(session, workspace_id, Wanted("card:1", "view"), NOW))
    plans: list[str] = []

    def asked(session: Session) -> None:
        statements: list[str] = []
        driver: Any = session.connection().connection.driver_connection
        driver.set_trace_callback(statements.append)
        ask(session, workspace_id)
        driver.set_trace_callback(None)
        for statement in statements:
            if statement.startswith("SELECT"):
                plans.extend(row[-1] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}"))

    await database.write(asked)
    await database.close()
    steps = [step for step in plans if " outbox" in step]
    assert any("INDEX outbox_waiting" in step for step in steps)
    for step in steps:
        assert "INDEX outbox_waiting" in step or "INTEGER PRIMARY KEY" in step
