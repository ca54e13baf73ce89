"""Digests and their frozen entries."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from storage.tables import Digest, DigestEntry, HistoryEntry, Idea, Status, Step


def of_period(session: Session, workspace_id: int, period: str) -> Digest | None:
    """The period's digest, if it was claimed."""
    return session.exec(select(Digest).where(Digest.workspace_id == workspace_id, Digest.period == period)).first()


def last_posted(session: Session, workspace_id: int) -> Digest | None:
    """The newest digest that was not missed."""
    query = select(Digest).where(Digest.workspace_id == workspace_id, col(Digest.is_missed).is_(False))
    return session.exec(query.order_by(col(Digest.until).desc()).limit(1)).first()


def last_with_shortlist(session: Session, workspace_id: int) -> Digest | None:
    """The newest digest that shortlisted an idea."""
    chose = select(DigestEntry).where(DigestEntry.digest_id == Digest.id, col(DigestEntry.rank).is_not(None)).exists()
    query = select(Digest).where(Digest.workspace_id == workspace_id, chose)
    return session.exec(query.order_by(col(Digest.until).desc()).limit(1)).first()


def entries(session: Session, digest_id: int) -> list[tuple[DigestEntry, Idea]]:
    """What the digest named, with the ideas as they are now: the shortlist by rank, then the late chances."""
    query = (
        select(DigestEntry, Idea)
        .join(Idea, col(Idea.id) == col(DigestEntry.idea_id))
        .where(DigestEntry.digest_id == digest_id)
        .order_by(col(DigestEntry.rank).is_(None), col(DigestEntry.rank), col(Idea.number).desc())
    )
    return list(session.exec(query).all())


def awaiting_answer(session: Session, workspace_id: int, before: datetime, limit: int) -> list[tuple[Idea, datetime]]:
    """Ideas without an answer, shortlisted by a digest or by hand, and since when; who has waited longest first."""
    since = func.min(col(HistoryEntry.at)).label("since")
    query = (
        select(Idea, since)
        .join(HistoryEntry, col(HistoryEntry.idea_id) == col(Idea.id))
        .where(_awaits_answer(workspace_id, before))
        .group_by(col(Idea.id))  # one that was imported may have both lines
        .order_by(since, col(Idea.number))
        .limit(limit)
    )
    return list(session.exec(query).all())


def count_awaiting_answer(session: Session, workspace_id: int, before: datetime) -> int:
    """How many `awaiting_answer` would be without a limit."""
    query = (
        select(func.count(func.distinct(Idea.id)))
        .join(HistoryEntry, col(HistoryEntry.idea_id) == col(Idea.id))
        .where(_awaits_answer(workspace_id, before))
    )
    return session.exec(query).one()


def _awaits_answer(workspace_id: int, before: datetime) -> ColumnElement[bool]:
    is_by_hand = and_(col(HistoryEntry.step) == Step.STATUS_SET, col(HistoryEntry.detail) == Status.SHORTLISTED.value)
    later = aliased(HistoryEntry)
    taken_back = select(later).where(
        later.idea_id == HistoryEntry.idea_id,
        col(later.id) > col(HistoryEntry.id),
        later.step == Step.STATUS_SET,
        later.detail == Status.PUBLISHED.value,
    )
    return and_(
        col(Idea.workspace_id) == workspace_id,
        col(Idea.status) == Status.SHORTLISTED,
        or_(col(HistoryEntry.step) == Step.SHORTLISTED, is_by_hand),
        ~taken_back.exists(),
        col(HistoryEntry.at) < before,
    )
