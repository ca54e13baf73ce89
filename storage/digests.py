"""Digests and their frozen entries."""

from datetime import datetime

from sqlalchemy import Integer, and_, bindparam, delete, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from storage.tables import Digest, DigestEntry, HistoryEntry, Idea, Status, Step

_LATER = aliased(HistoryEntry)
_TAKEN_BACK = select(_LATER).where(
    _LATER.idea_id == HistoryEntry.idea_id,
    col(_LATER.id) > col(HistoryEntry.id),
    _LATER.step == Step.STATUS_SET,
    _LATER.detail == Status.PUBLISHED.value,
)
_BY_HAND = and_(col(HistoryEntry.step) == Step.STATUS_SET, col(HistoryEntry.detail) == Status.SHORTLISTED.value)
_SINCE = func.min(col(HistoryEntry.at)).label("since")
_WAITING = (
    select(Idea.id, _SINCE, func.count().over().label("in_all"))
    .join(HistoryEntry, col(HistoryEntry.idea_id) == col(Idea.id))
    .where(
        col(Idea.workspace_id) == bindparam("workspace"),
        col(Idea.status) == Status.SHORTLISTED,
        or_(col(HistoryEntry.step) == Step.SHORTLISTED, _BY_HAND),
        ~_TAKEN_BACK.exists(),
        col(HistoryEntry.at) < bindparam("before"),
    )
    .group_by(col(Idea.id))  # one that was imported may have both lines
    .order_by(_SINCE, col(Idea.number))
    .limit(bindparam("limit", type_=Integer))
    .subquery()
)
# Apart, so that the texts of all that wait are not sorted along.
_AWAITING_ANSWER = (
    select(Idea, _WAITING.c.since, _WAITING.c.in_all)
    .join(_WAITING, _WAITING.c.id == col(Idea.id))
    .order_by(_WAITING.c.since, col(Idea.number))
)


def of_period(session: Session, workspace_id: int, period: str) -> Digest | None:
    """The period's digest, if it was claimed."""
    return session.exec(select(Digest).where(Digest.workspace_id == workspace_id, Digest.period == period)).first()


def remove(session: Session, digest: Digest) -> None:
    """Forget a digest that names nothing, unless another process has done so."""
    session.execute(delete(Digest).where(col(Digest.id) == digest.id))


def last_posted(session: Session, workspace_id: int, *, besides: str = "") -> Digest | None:
    """The newest digest that was not missed, but for that of the period `besides`."""
    query = select(Digest).where(
        Digest.workspace_id == workspace_id, col(Digest.is_missed).is_(False), Digest.period != besides
    )
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


def awaiting_answer(
    session: Session, workspace_id: int, before: datetime, limit: int
) -> tuple[list[tuple[Idea, datetime]], int]:
    """Ideas without an answer, shortlisted by a digest or by hand, and since when; who has waited longest first.

    At most `limit` of them; and how many there are in all.
    """
    asked = {"workspace": workspace_id, "before": before, "limit": limit}
    rows = session.execute(_AWAITING_ANSWER, asked).all()
    return [(idea, since) for idea, since, _ in rows], rows[0][2] if rows else 0
