"""The outbox on SQLite: what waits is found without reading what was shown before. What it promises is contract's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlmodel import Session

from storage import outbox, workspaces
from storage.database import Database
from storage.outbox import Wanted

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda session, workspace_id: outbox.claim(session, workspace_id, NOW, HOUR, 20),
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
    plans = []

    def explain(connection: Connection, _cursor: object, statement: str, values: Any, *_: object) -> None:  # noqa: ANN401  the driver's own
        if statement.startswith("SELECT"):
            cursor = connection.connection.cursor()
            plans.append([row[-1] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()])

    def asked(session: Session) -> None:
        event.listen(session.connection(), "before_cursor_execute", explain)
        ask(session, workspace_id)

    await database.write(asked)
    await database.close()
    assert plans
    for plan in plans:
        assert "INDEX outbox_waiting" in plan[0]
