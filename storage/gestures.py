"""Votes as they are kept: gestures by idea and member, and the counts made from them."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.tables import Gesture, Idea, Status


def of_member(session: Session, idea_id: int, member_id: str) -> list[Gesture]:
    """One member's gestures at one idea."""
    return list(session.exec(select(Gesture).where(Gesture.idea_id == idea_id, Gesture.member_id == member_id)))


def of_idea(session: Session, idea_id: int) -> list[Gesture]:
    """Everybody's gestures at one idea."""
    return list(session.exec(select(Gesture).where(Gesture.idea_id == idea_id)))


def voters_between(session: Session, workspace_id: int, since: datetime, until: datetime) -> int:
    """How many members made a gesture that still stands at another's idea, in [since, until)."""
    query = (
        select(func.count(func.distinct(Gesture.member_id)))
        .join(Idea, col(Idea.id) == col(Gesture.idea_id))
        .where(
            Gesture.workspace_id == workspace_id,
            Gesture.at >= since,
            Gesture.at < until,
            col(Gesture.is_present),
            Idea.author_id != Gesture.member_id,
        )
    )
    return session.exec(query).one()


def ideas_open_to_votes(session: Session, workspace_id: int) -> list[int]:
    """The ids of the ideas whose votes can still change."""
    query = select(Idea.id).where(Idea.workspace_id == workspace_id, Idea.status == Status.PUBLISHED)
    return [idea_id for idea_id in session.exec(query) if idea_id is not None]
