"""Events that were taken in, so that a second delivery has no second effect."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col

from storage.tables import InboxEvent


def find(session: Session, workspace_id: int, event_id: str) -> InboxEvent | None:
    """The event as it was taken in before, if it was."""
    return session.get(InboxEvent, (workspace_id, event_id))


def add(session: Session, workspace_id: int, event_id: str, now: datetime, reply: dict[str, Any] | None) -> None:
    """Remember the event and its reply. Two processes that take in the same one collide here."""
    session.add(InboxEvent(workspace_id=workspace_id, id=event_id, received_at=now, reply=reply))
    session.flush()


def forget_before(session: Session, moment: datetime) -> None:
    """Drop what no platform delivers again by now."""
    session.execute(delete(InboxEvent).where(col(InboxEvent.received_at) < moment))
