"""Votes as they are kept: gestures by idea and member, and the counts made from them."""

from datetime import datetime

from sqlalchemy import bindparam, func
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, col, select

from storage.statements import Prepared
from storage.tables import Gesture, Idea

_OF_MEMBER = Prepared(
    select_columns(col(Gesture.emoji), col(Gesture.is_present), col(Gesture.at)).where(
        col(Gesture.idea_id) == bindparam("idea_id"), col(Gesture.member_id) == bindparam("member_id")
    )
)
_NEW = postgresql.insert(Gesture).values(  # SQLite has the same words for it
    {name: bindparam(name) for name in ("idea_id", "member_id", "emoji", "workspace_id", "is_present", "at")}
)
_KEEP = Prepared(
    _NEW.on_conflict_do_update(
        index_elements=["idea_id", "member_id", "emoji"],
        set_={"is_present": _NEW.excluded.is_present, "at": _NEW.excluded.at},
    )
)


def keep(
    session: Session, workspace_id: int, idea_id: int, member_id: str, emoji: str, at: datetime, *, is_present: bool
) -> None:
    """Remember a gesture's present state."""
    _KEEP(
        session,
        workspace_id=workspace_id,
        idea_id=idea_id,
        member_id=member_id,
        emoji=emoji,
        is_present=is_present,
        at=at,
    )


def of_member(session: Session, idea_id: int, member_id: str) -> list[tuple[str, bool, datetime]]:
    """One member's gestures at one idea: emoji, whether it is present, and since when."""
    return [
        (emoji, is_present, at) for emoji, is_present, at in _OF_MEMBER(session, idea_id=idea_id, member_id=member_id)
    ]


def of_idea(session: Session, idea_id: int) -> list[Gesture]:
    """Everybody's gestures at one idea."""
    return list(session.exec(select(Gesture).where(Gesture.idea_id == idea_id)))


def voters_between(
    session: Session, workspace_id: int, since: datetime, until: datetime, *, own_ideas: bool = False
) -> int:
    """How many members made a gesture that still stands, in [since, until).

    One at the member's own idea is counted where `own_ideas` may be supported.
    """
    query = select(func.count(func.distinct(Gesture.member_id))).where(
        Gesture.workspace_id == workspace_id, Gesture.at >= since, Gesture.at < until, col(Gesture.is_present)
    )
    if not own_ideas:
        query = query.join(Idea, col(Idea.id) == col(Gesture.idea_id)).where(Idea.author_id != Gesture.member_id)
    return session.exec(query).one()
