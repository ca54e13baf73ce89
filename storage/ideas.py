"""Ideas and their history: adding, finding, listing, counting."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, and_, bindparam, case, func, insert, or_, update
from sqlalchemy import select as select_columns
from sqlalchemy.orm import make_transient_to_detached
from sqlmodel import Session, col, select

from storage import search
from storage.statements import Prepared, among, listed
from storage.tables import AnyIdea, Brief, Gesture, HistoryEntry, Idea, Status, Step, Workspace, present

_KEPT = tuple(name for name in Idea.model_fields if name != "id")
_AT_FIRST = {name: Idea.model_fields[name].default for name in _KEPT if not Idea.model_fields[name].is_required()}

_NEXT_NUMBER = Prepared(
    update(Workspace)
    .where(col(Workspace.id) == bindparam("workspace"))
    .values(last_number=col(Workspace.last_number) + 1)
    .returning(col(Workspace.last_number))
)
_ADD = Prepared(insert(Idea).values({name: bindparam(name) for name in _KEPT}).returning(col(Idea.id)))
_RECORD = Prepared(
    insert(HistoryEntry).values(
        {name: bindparam(name) for name in ("workspace_id", "idea_id", "at", "member_id", "step", "detail")}
    )
)
_LAST_PROPOSED = (
    select(func.max(col(HistoryEntry.at)))
    .where(
        col(HistoryEntry.idea_id) == col(Idea.id),
        col(HistoryEntry.step).in_({Step.SUBMITTED, Step.RESUBMITTED}),
    )
    .correlate(Idea)
    .scalar_subquery()
)
# What was imported may have no such step.
_WAITING_SINCE = func.coalesce(_LAST_PROPOSED, col(Idea.submitted_at)).label("waiting_since")
_WAITING = select(Idea, _WAITING_SINCE).where(Idea.status == Status.PENDING).order_by(_WAITING_SINCE, col(Idea.number))
_BRIEF = [getattr(Idea, field.name) for field in fields(Brief)]
_BRIEF_FOR_CHANGE = Prepared(select_columns(*_BRIEF).where(col(Idea.id) == bindparam("id")).with_for_update())
_COUNT_SUPPORT = Prepared(
    update(Idea)
    .where(col(Idea.id) == bindparam("idea"))
    .values(supporters=col(Idea.supporters) + bindparam("change", type_=Integer))
)


def take_turns(session: Session, workspace_id: int) -> None:
    """Hold back other submissions in the workspace until the transaction ends, and see those that came before."""
    session.exec(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update()).one()


def submit(session: Session, workspace_id: int, author_id: str, texts: Mapping[str, str], now: datetime) -> Brief:
    """Keep a new idea that waits for a decision, under its workspace's next number, and make it findable.

    `texts` are its title, need, proposal and benefit by name.
    """
    values = {**_AT_FIRST, **texts, "workspace_id": workspace_id, "author_id": author_id}
    idea_id, number = _insert(session, {**values, "submitted_at": now, "changed_at": now})
    return Brief(idea_id, workspace_id, number, texts["title"], author_id, Status.PENDING, 0)


def add(session: Session, idea: Idea) -> None:
    """Keep an idea in any state, under its workspace's next number, and make it findable."""
    idea.id, idea.number = _insert(session, {name: getattr(idea, name) for name in _KEPT})
    make_transient_to_detached(idea)
    session.add(idea)  # as if it had been read: later changes are kept


def _insert(session: Session, values: dict[str, Any]) -> tuple[int, int]:
    """The new row's key and the idea's number."""
    ((number,),) = _NEXT_NUMBER(session, workspace=values["workspace_id"])
    ((idea_id,),) = _ADD(session, **{**values, "number": number})
    search.add(session, idea_id, values["title"], values["need"], values["proposal"], values["benefit"])
    return idea_id, number


def brief(session: Session, idea_id: int) -> Brief | None:
    """An idea in brief, held until the transaction ends, so that two votes take turns."""
    rows = _BRIEF_FOR_CHANGE(session, id=idea_id)
    return Brief(*rows[0]) if rows else None


def briefs(session: Session, idea_ids: Sequence[int]) -> list[Brief]:
    """These ideas in brief, in that order."""
    found = {brief.id: brief for brief in (Brief(*row) for row in _briefs(len(idea_ids))(session, **listed(idea_ids)))}
    return [found[idea_id] for idea_id in idea_ids]


@lru_cache(maxsize=16)
def _briefs(number: int) -> Prepared:
    return Prepared(select_columns(*_BRIEF).where(among(col(Idea.id), number)))


def count_support(session: Session, idea_id: int, change: int) -> None:
    """Count so many supporters more, or less."""
    _COUNT_SUPPORT(session, idea=idea_id, change=change)
    if loaded := session.identity_map.get(session.identity_key(Idea, idea_id)):
        session.refresh(loaded, ["supporters"])


def by_number(session: Session, workspace_id: int, number: int, *, for_change: bool = False) -> Idea | None:
    """The idea of that number; `for_change` holds it until the transaction ends, so that two decisions take turns."""
    query = select(Idea).where(Idea.workspace_id == workspace_id, Idea.number == number)
    return session.exec(query.with_for_update() if for_change else query).first()


def by_id(session: Session, idea_id: int, *, for_change: bool = False) -> Idea | None:
    """As `by_number`, by the row's own key."""
    query = select(Idea).where(Idea.id == idea_id)
    return session.exec(query.with_for_update() if for_change else query).first()


def newest(
    session: Session,
    workspace_id: int,
    statuses: Collection[Status],
    author_id: str | None = None,
    *,
    before: int | None = None,
    limit: int,
) -> list[Idea]:
    """Ideas in those statuses, of that author if one is named, with a number below `before`, newest first."""
    query = select(Idea).where(Idea.workspace_id == workspace_id)
    if len(statuses) < len(Status):
        query = query.where(col(Idea.status).in_(statuses))
    if author_id is not None:
        query = query.where(Idea.author_id == author_id)
    if before is not None:
        query = query.where(Idea.number < before)
    return list(session.exec(query.order_by(col(Idea.number).desc()).limit(limit)))


def after(session: Session, workspace_id: int, number: int, limit: int) -> list[Idea]:
    """Ideas with a higher number than that, in order."""
    query = select(Idea).where(Idea.workspace_id == workspace_id, Idea.number > number)
    return list(session.exec(query.order_by(col(Idea.number)).limit(limit)))


def alike(
    session: Session, workspace_id: int, author_id: str, title: str | None, submitted_at: datetime | None, limit: int
) -> list[tuple[int, str]]:
    """Number and title of that author's ideas, of that title and of that time where these are given, oldest first."""
    query = select(Idea.number, Idea.title).where(Idea.workspace_id == workspace_id, Idea.author_id == author_id)
    if title is not None:
        query = query.where(Idea.title == title)
    if submitted_at is not None:
        query = query.where(Idea.submitted_at == submitted_at)
    return list(session.exec(query.order_by(col(Idea.number)).limit(limit)))


def overdue(
    session: Session, workspace_id: int, now: datetime, wait: timedelta, limit: int, *, for_change: bool = False
) -> list[Idea]:
    """Ideas that wait for a decision and have not been changed, nor brought up, for so long, longest ago first.

    What is said to have been brought up or changed later than now was so under a clock that was ahead; the one counts
    for nothing then, nor the other where it was brought up since.
    `for_change` as in `by_number`.
    """
    is_newer = or_(col(Idea.reminded_at) > col(Idea.changed_at), col(Idea.changed_at) > now)
    was_reminded_since = and_(col(Idea.reminded_at) <= now, is_newer)
    last = case((was_reminded_since, col(Idea.reminded_at)), else_=col(Idea.changed_at))
    query = select(Idea).where(Idea.workspace_id == workspace_id, Idea.status == Status.PENDING, last <= now - wait)
    query = query.order_by(last, col(Idea.number)).limit(limit)
    return list(session.exec(query.with_for_update() if for_change else query))


def pending_among(session: Session, idea_ids: Collection[int]) -> list[tuple[Idea, datetime]]:
    """Those of these ideas that still wait for a decision, as `oldest_pending`."""
    return list(session.exec(_WAITING.where(col(Idea.id).in_(idea_ids))))


def oldest_pending(session: Session, workspace_id: int, limit: int) -> list[tuple[Idea, datetime]]:
    """Ideas that wait for a decision and since when, the one that has waited longest first.

    What was proposed again after a refusal waits since then.
    """
    return list(session.exec(_WAITING.where(Idea.workspace_id == workspace_id).limit(limit)))


def count_pending(session: Session, workspace_id: int) -> int:
    """How many ideas wait for a decision."""
    query = select(func.count()).where(Idea.workspace_id == workspace_id, Idea.status == Status.PENDING)
    return session.exec(query).one()


def most_supported(session: Session, workspace_id: int, limit: int, *, for_change: bool = False) -> list[Idea]:
    """Published ideas by rank (bot/domain/shortlist.py has the rule), with at least one supporter.

    `for_change` as in `by_number`.
    """
    query = (
        select(Idea)
        .where(Idea.workspace_id == workspace_id, Idea.status == Status.PUBLISHED, Idea.supporters > 0)
        .order_by(col(Idea.supporters).desc(), col(Idea.published_at), col(Idea.number))
        .limit(limit)
    )
    return list(session.exec(query.with_for_update() if for_change else query))


def least_shown(session: Session, workspace_id: int, limit: int, *, for_change: bool = False) -> list[Idea]:
    """Published ideas that digests have named least, the newest of them first. `for_change` as in `by_number`."""
    query = (
        select(Idea)
        .where(Idea.workspace_id == workspace_id, Idea.status == Status.PUBLISHED)
        .order_by(col(Idea.shown), col(Idea.number).desc())
        .limit(limit)
    )
    return list(session.exec(query.with_for_update() if for_change else query))


def ids_in(session: Session, workspace_id: int, statuses: Collection[Status]) -> list[int]:
    """The keys of all ideas in those statuses."""
    query = select(Idea.id).where(Idea.workspace_id == workspace_id, col(Idea.status).in_(statuses))
    return [present(idea_id) for idea_id in session.exec(query)]


def count_by_status(session: Session, workspace_id: int) -> dict[Status, int]:
    """How many ideas stand where."""
    query = select(Idea.status, func.count()).where(Idea.workspace_id == workspace_id).group_by(col(Idea.status))
    return {Status(status): count for status, count in session.exec(query)}


def count_participants(
    session: Session, workspace_id: int, statuses: Collection[Status], *, own_ideas: bool = False
) -> tuple[int, int]:
    """How many members have proposed an idea, and how many support one in those statuses.

    Whoever supports their own alone is counted where `own_ideas` may be supported.
    """
    authors = select(func.count(func.distinct(Idea.author_id))).where(Idea.workspace_id == workspace_id)
    # Member by member along an index, each until the first vote that counts: there are many more votes than members.
    # That is asked for with a limit, because PostgreSQL would make a join of an EXISTS, over all votes.
    mine = select(func.min(Gesture.member_id)).where(Gesture.workspace_id == workspace_id)
    member = select(mine.scalar_subquery().label("id")).cte("member_who_reacted", recursive=True)
    following = mine.where(col(Gesture.member_id) > member.c.id).correlate(member).scalar_subquery()
    member = member.union_all(select(following).where(member.c.id.is_not(None)))
    supported = select(Idea.id).where(
        Idea.id == Gesture.idea_id, Idea.workspace_id == workspace_id, col(Idea.status).in_(statuses)
    )
    if not own_ideas:
        supported = supported.where(Idea.author_id != Gesture.member_id)
    vote = select(Gesture.idea_id).where(
        Gesture.workspace_id == workspace_id,
        Gesture.member_id == member.c.id,
        col(Gesture.is_present),
        supported.exists(),
    )
    voters = select(func.count()).select_from(member).where(vote.limit(1).scalar_subquery().is_not(None))
    return session.exec(authors).one(), session.exec(voters).one()


def record(session: Session, idea: AnyIdea, step: Step, member_id: str | None, now: datetime, detail: str = "") -> None:
    """Add a line to the idea's history."""
    _RECORD(
        session,
        workspace_id=idea.workspace_id,
        idea_id=present(idea.id),
        at=now,
        member_id=member_id,
        step=step,
        detail=detail,
    )


def history(session: Session, idea_id: int) -> list[HistoryEntry]:
    """What happened to an idea, in order."""
    query = select(HistoryEntry).where(HistoryEntry.idea_id == idea_id).order_by(col(HistoryEntry.id))
    return list(session.exec(query))


def count_steps(session: Session, workspace_id: int, step: Step, since: datetime, until: datetime) -> int:
    """How many history lines of that kind there are in [since, until)."""
    query = select(func.count()).where(
        HistoryEntry.workspace_id == workspace_id,
        HistoryEntry.step == step,
        HistoryEntry.at >= since,
        HistoryEntry.at < until,
    )
    return session.exec(query).one()


def last_moment(session: Session) -> datetime | None:
    """When anything last happened to an idea."""
    return session.exec(select(HistoryEntry.at).order_by(col(HistoryEntry.id).desc()).limit(1)).first()


def steps_between(
    session: Session, workspace_id: int, steps: Collection[Step], since: datetime, until: datetime
) -> Sequence[tuple[HistoryEntry, Idea]]:
    """History lines of those kinds in [since, until), each with its idea, in order."""
    query = (
        select(HistoryEntry, Idea)
        .join(Idea, col(Idea.id) == col(HistoryEntry.idea_id))
        .where(
            HistoryEntry.workspace_id == workspace_id,
            col(HistoryEntry.step).in_(steps),
            HistoryEntry.at >= since,
            HistoryEntry.at < until,
        )
        .order_by(col(HistoryEntry.id))
    )
    return session.exec(query).all()
