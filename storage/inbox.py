"""Events that were taken in, so that a second delivery has no second effect."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select
from sqlmodel import Session, col

from storage.statements import Prepared
from storage.tables import InboxEvent

_FIND = Prepared(
    select(col(InboxEvent.reply)).where(
        col(InboxEvent.workspace_id) == bindparam("workspace_id"), col(InboxEvent.id) == bindparam("id")
    )
)
_ADD = Prepared(
    insert(InboxEvent).values(
        workspace_id=bindparam("workspace_id"),
        id=bindparam("id"),
        received_at=bindparam("received_at"),
        reply=bindparam("reply"),
    )
)


def reply_to(session: Session, workspace_id: int, event_id: str) -> dict[str, Any] | None:
    """The reply that the event got when it was taken in before; None if it was not."""
    rows = _FIND(session, workspace_id=workspace_id, id=event_id)
    return rows[0][0] if rows else None


def add(session: Session, workspace_id: int, event_id: str, now: datetime, reply: dict[str, Any]) -> None:
    """Remember the event and its reply. Two processes that take in the same one collide here."""
    _ADD(session, workspace_id=workspace_id, id=event_id, received_at=now, reply=reply)


def forget_before(session: Session, moment: datetime) -> None:
    """Drop what no platform delivers again by now."""
    session.execute(delete(InboxEvent).where(col(InboxEvent.received_at) < moment))
