"""Digests and their frozen entries."""

from datetime import datetime

from sqlalchemy import bindparam, or_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from storage.statements import Prepared
from storage.tables import Digest, DigestEntry, HistoryEntry, Idea, Status, Step

_DONE_FROM = Prepared(
    select_columns(col(Digest.period)).where(
        col(Digest.workspace_id) == bindparam("workspace_id"),
        col(Digest.period) >= bindparam("period"),
        or_(col(Digest.is_missed).is_(False), col(Digest.until) <= bindparam("now")),
    )
)


def of_period(session: Session, workspace_id: int, period: str) -> Digest | None:
    """The period's digest, if it was claimed."""
    return session.exec(select(Digest).where(Digest.workspace_id == workspace_id, Digest.period == period)).first()


def done_from(session: Session, workspace_id: int, period: str, now: datetime) -> frozenset[str]:
    """Which periods from this one on have their digest, or were missed by `now`."""
    return frozenset(row[0] for row in _DONE_FROM(session, workspace_id=workspace_id, period=period, now=now))


def last_posted(session: Session, workspace_id: int) -> Digest | None:
    """The newest digest that was not missed."""
    query = select(Digest).where(Digest.workspace_id == workspace_id, col(Digest.is_missed).is_(False))
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
    """Shortlisted ideas without an answer and since when, those that have waited longest first."""
    query = (
        select(Idea, HistoryEntry.at)
        .join(HistoryEntry, col(HistoryEntry.idea_id) == col(Idea.id))
        .where(
            Idea.workspace_id == workspace_id,
            Idea.status == Status.SHORTLISTED,
            HistoryEntry.step == Step.SHORTLISTED,
            HistoryEntry.at < before,
        )
        .order_by(col(HistoryEntry.at), col(Idea.number))
        .limit(limit)
    )
    return list(session.exec(query).all())
