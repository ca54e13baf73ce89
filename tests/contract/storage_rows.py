"""Short ways to keep rows in a test's database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session

from storage import ideas, similarity, workspaces
from storage.database import Database
from storage.tables import Gesture, Idea, Status, present

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def new_idea(workspace_id: int, title: str = "Une idée", **fields: Any) -> Idea:  # noqa: ANN401  any column
    """An idea that waits to be kept."""
    values = {"author_id": "camille", "submitted_at": NOW, "changed_at": NOW, **fields}
    return Idea(workspace_id=workspace_id, number=0, title=title, **values)


async def keep(database: Database, workspace_id: int, title: str = "Une idée", **fields: Any) -> Idea:  # noqa: ANN401
    """An idea that is kept."""
    idea = new_idea(workspace_id, title, **fields)
    await database.write(lambda session: ideas.add(session, idea))
    return idea


async def keep_public(database: Database, workspace_id: int, title: str, **fields: Any) -> Idea:  # noqa: ANN401
    """An idea that new ones are compared with."""
    idea = new_idea(workspace_id, title, **{"status": Status.PUBLISHED, **fields})

    def add(session: Session) -> None:
        ideas.add(session, idea)
        similarity.compare_with(session, idea)

    await database.write(add)
    return idea


def key(idea: Idea) -> int:
    """The row's own key."""
    return present(idea.id)


def gesture(idea: Idea, member_id: str, emoji: str = "👍", *, is_present: bool = True, at: datetime = NOW) -> Gesture:
    """A gesture at an idea."""
    return Gesture(
        idea_id=key(idea),
        workspace_id=idea.workspace_id,
        member_id=member_id,
        emoji=emoji,
        is_present=is_present,
        at=at,
    )


def adding(*rows: object) -> Callable[[Session], None]:
    """Work that keeps rows as they are."""
    return lambda session: session.add_all(rows)


async def another_workspace(database: Database) -> int:
    """A second one, on another platform."""
    return await database.write(lambda session: workspaces.ensure(session, "slack", "T1"))
