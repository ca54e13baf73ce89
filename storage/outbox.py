"""What chat must come to show: adding, claiming and settling outbox rows. Sending is the dispatcher's part."""

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Integer, and_, bindparam, case, func, or_, update
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from storage.statements import Prepared, among, listed
from storage.tables import Idea, OutboxItem, Status, UtcDateTime, present

_GIVEN = ("workspace_id", "key", "view", "channel", "member_id", "idea_id", "subject", "created_at", "due_at")
_NEW = postgresql.insert(OutboxItem).values(  # SQLite has the same words for it
    {name: bindparam(name) for name in _GIVEN} | {"wanted": 1, "shown": 0, "attempts": 0}
)
_KEY = ["workspace_id", "key"]
_WANT = Prepared(
    _NEW.on_conflict_do_update(
        index_elements=_KEY,
        set_={
            "wanted": col(OutboxItem.wanted) + 1,
            "due_at": case(
                # What waits already keeps its place, however often it changes meanwhile.
                (
                    (col(OutboxItem.shown) < col(OutboxItem.wanted)) & (col(OutboxItem.due_at) < _NEW.excluded.due_at),
                    col(OutboxItem.due_at),
                ),
                else_=_NEW.excluded.due_at,
            ),
            "attempts": 0,
            "parked_reason": None,
        },
    )
)
_WANT_ONCE = Prepared(_NEW.on_conflict_do_nothing(index_elements=_KEY).returning(col(OutboxItem.id)))
_BY_MESSAGE = Prepared(
    select_columns(col(OutboxItem.view), col(OutboxItem.idea_id)).where(
        col(OutboxItem.workspace_id) == bindparam("workspace_id"), col(OutboxItem.message) == bindparam("message")
    )
)
_AWAITED = Prepared(
    select_columns(col(OutboxItem.id)).where(
        col(OutboxItem.workspace_id) == bindparam("workspace_id"),
        col(OutboxItem.view) == bindparam("view"),
        col(OutboxItem.idea_id) == bindparam("idea_id"),
        col(OutboxItem.message).is_(None),
        col(OutboxItem.shown) < col(OutboxItem.wanted),
        col(OutboxItem.parked_reason).is_(None),
    )
)
_KEYS_BETWEEN = Prepared(
    select_columns(col(OutboxItem.key)).where(
        col(OutboxItem.workspace_id) == bindparam("workspace_id"),
        col(OutboxItem.key) >= bindparam("first"),
        col(OutboxItem.key) <= bindparam("last"),
    )
)


def _waits(workspace_id: int | BindParameter[int]) -> ColumnElement[bool]:
    """Found by the index of what waits: SQLite, which has no statistics here, would otherwise take another that begins
    with the workspace, and read all that was ever shown there.
    """
    return and_(
        col(OutboxItem.workspace_id) + 0 == workspace_id,
        col(OutboxItem.shown) < col(OutboxItem.wanted),
        col(OutboxItem.parked_reason).is_(None),
    )


_FIELDS = tuple(OutboxItem.model_fields)
_IS_FREE = and_(
    _waits(bindparam("workspace_id")),
    col(OutboxItem.due_at) <= bindparam("now"),
    or_(col(OutboxItem.lease_until).is_(None), col(OutboxItem.lease_until) <= bindparam("now")),
)
_PLACE = (col(OutboxItem.channel), col(OutboxItem.member_id))
_LONGEST_FIRST = (col(OutboxItem.due_at), col(OutboxItem.id))
_IN_LINE = (
    select_columns(*_LONGEST_FIRST, func.row_number().over(partition_by=_PLACE, order_by=_LONGEST_FIRST).label("turn"))
    .where(_IS_FREE)
    .subquery()
)
_NEXT = Prepared(
    select_columns(_IN_LINE.c.id)
    .where(_IN_LINE.c.turn <= bindparam("place_limit"))
    .order_by(_IN_LINE.c.due_at, _IN_LINE.c.id)
    .limit(bindparam("limit", type_=Integer))
)
# Apart: PostgreSQL locks no row under a window function, and another process may be first.
_STILL_FREE = Prepared(
    select_columns(*(getattr(OutboxItem, name) for name in _FIELDS))
    .where(col(OutboxItem.id) == bindparam("id"), _IS_FREE)
    .with_for_update(skip_locked=True)
)
_LEASE = Prepared(
    update(OutboxItem)
    .where(col(OutboxItem.id) == bindparam("row"))
    .values(lease_until=bindparam("until", type_=UtcDateTime))
)
_SET_ASIDE = Prepared(
    update(OutboxItem).where(col(OutboxItem.id) == bindparam("row")).values(parked_reason=bindparam("reason"))
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something to be shown: `view` says by which card, `channel` or `member_id` where."""

    key: str
    view: str
    channel: str | None = None
    member_id: str | None = None
    idea_id: int | None = None
    subject: Mapping[str, Any] = field(default_factory=dict)


def want(session: Session, workspace_id: int, wanted: Wanted, now: datetime) -> None:
    """Have it shown, or shown anew where it is shown already."""
    _WANT(session, **_values(workspace_id, wanted, now))


def want_once(session: Session, workspace_id: int, wanted: Wanted, now: datetime) -> bool:
    """Have it shown, unless it was wanted before; whether it was not."""
    return bool(_WANT_ONCE(session, **_values(workspace_id, wanted, now)))


def by_key(session: Session, workspace_id: int, key: str, *, for_change: bool = False) -> OutboxItem | None:
    """The row of that key."""
    query = select(OutboxItem).where(OutboxItem.workspace_id == workspace_id, OutboxItem.key == key)
    return session.exec(query.with_for_update() if for_change else query).first()


def keys_between(session: Session, workspace_id: int, first: str, last: str) -> frozenset[str]:
    """Those keys, from the first to the last, that were ever wanted."""
    return frozenset(row[0] for row in _KEYS_BETWEEN(session, workspace_id=workspace_id, first=first, last=last))


def shown_by(session: Session, workspace_id: int, message: str) -> tuple[str, int | None] | None:
    """What a posted message shows: by which view, and of which idea; None for a message that is not Butine's."""
    rows = _BY_MESSAGE(session, workspace_id=workspace_id, message=message)
    return (rows[0][0], rows[0][1]) if rows else None


def is_awaited(session: Session, workspace_id: int, view: str, idea_id: int) -> bool:
    """Whether the idea's card of that view is still to be posted, and nothing is known to stand in its way."""
    return bool(_AWAITED(session, workspace_id=workspace_id, view=view, idea_id=idea_id))


def hasten(session: Session, workspace_id: int, idea_id: int, now: datetime) -> None:
    """What waits to tell members of the idea is due now."""
    is_told = and_(col(OutboxItem.idea_id) == idea_id, col(OutboxItem.member_id).is_not(None))
    waits = and_(col(OutboxItem.workspace_id) == workspace_id, is_told, col(OutboxItem.shown) < col(OutboxItem.wanted))
    is_free = and_(col(OutboxItem.lease_until).is_(None), col(OutboxItem.due_at) > now)
    session.execute(update(OutboxItem).where(waits, is_free).values(due_at=now))


def permalinks(session: Session, workspace_id: int, view: str, idea_ids: Collection[int]) -> dict[int, str]:
    """Links to the posted cards of that view, by idea."""
    if not idea_ids:
        return {}
    asked = list(dict.fromkeys(idea_ids))
    rows = _permalinks(len(asked))(session, workspace_id=workspace_id, view=view, **listed(asked))
    return {row[0]: row[1] for row in rows}


@lru_cache(maxsize=64)
def _permalinks(number: int) -> Prepared:
    return Prepared(
        select_columns(col(OutboxItem.idea_id), col(OutboxItem.permalink)).where(
            col(OutboxItem.workspace_id) == bindparam("workspace_id"),
            col(OutboxItem.view) == bindparam("view"),
            among(col(OutboxItem.idea_id), number),
            col(OutboxItem.permalink).is_not(None),
        )
    )


@dataclass(frozen=True, slots=True)
class PostedCard:
    """An idea's card in chat. What is older than `since` has happened before it was there, at a former one if any."""

    idea_id: int
    message: str
    since: datetime


def posted(
    session: Session, workspace_id: int, view: str, statuses: Collection[Status], before: int | None, limit: int
) -> list[PostedCard]:
    """The cards of that view whose ideas are in those statuses and have a key below `before`, newest idea first."""
    query = (
        select(OutboxItem.idea_id, OutboxItem.message, OutboxItem.created_at)
        .join(Idea, col(Idea.id) == col(OutboxItem.idea_id))
        .where(
            OutboxItem.workspace_id == workspace_id,
            OutboxItem.view == view,
            col(OutboxItem.message).is_not(None),
            col(Idea.status).in_(statuses),
        )
        .order_by(col(OutboxItem.idea_id).desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(col(OutboxItem.idea_id) < before)
    return [PostedCard(present(idea_id), message or "", since) for idea_id, message, since in session.exec(query)]


def claim(
    session: Session, workspace_id: int, now: datetime, lease: timedelta, limit: int, place_limit: int | None = None
) -> tuple[list["Claimed"], list["Unreadable"]]:
    """Take rows that are due, longest first, for this process alone until the lease is over.

    No more than `place_limit` are of one channel or conversation, so that none waits for another's long queue. Those
    that damage has made unreadable are parked, and told apart.
    """
    place_limit = place_limit or limit
    claimed, unreadable = [], []
    for (item_id,) in _NEXT(session, workspace_id=workspace_id, now=now, place_limit=place_limit, limit=limit):
        try:
            rows = _STILL_FREE(session, id=item_id, workspace_id=workspace_id, now=now)
        except (ValueError, TypeError, OperationalError) as error:
            unreadable.append(Unreadable(item_id, _damage(error)))
            _SET_ASIDE(session, row=item_id, reason=f"unreadable: {unreadable[-1].reason}")
            continue
        for row in rows:
            item = OutboxItem(**dict(zip(_FIELDS, row, strict=True)))
            claimed.append(Claimed(item, was_left=item.lease_until is not None, until=now + lease))
            _LEASE(session, row=item_id, until=now + lease)
    return claimed, unreadable


def _damage(error: ValueError | TypeError | OperationalError) -> str:
    """What is wrong with a row's texts; the error itself is raised where it is the database that failed."""
    if not isinstance(error, OperationalError):
        return str(error)
    # Of bytes that are no UTF-8, Python itself complains, and quotes them; SQLite's own errors have a code.
    if isinstance(error.orig, sqlite3.Error) and not hasattr(error.orig, "sqlite_errorcode"):
        return str(error.orig).partition(" with text ")[0]
    raise error


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Which row can't be read, by its key in the table, and why."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row as it was when it was taken. `was_left`: an earlier send of it may have arrived.

    After `until` another process may take it, to which it is left then: settling it changes nothing any more.
    """

    item: OutboxItem
    was_left: bool
    until: datetime


def settle_shown(session: Session, claimed: Claimed, message: str | None, permalink: str | None) -> None:
    """The card as of the claimed `wanted` is on show, or there is none; whatever was wanted since then still waits."""
    _update(
        session,
        claimed,
        shown=claimed.item.wanted,
        message=message,
        permalink=permalink,
        attempts=0,
        lease_until=None,
    )


def settle_found(session: Session, claimed: Claimed, message: str, permalink: str | None) -> None:
    """An earlier send of it has arrived: that is where it is to be shown, whatever becomes of this one."""
    _update(session, claimed, message=message, permalink=permalink)


def settle_later(
    session: Session, claimed: Claimed, due_at: datetime, *, is_uncertain: bool, was_tried: bool = True
) -> None:
    """It could not be sent now. An uncertain send keeps its lease's mark, so that it is looked for first."""
    _update(
        session,
        claimed,
        due_at=due_at,
        attempts=claimed.item.attempts + was_tried,
        lease_until=due_at if is_uncertain or claimed.was_left else None,
    )


def settle_gone(session: Session, claimed: Claimed, now: datetime) -> None:
    """The message is not there any more: it will be posted anew, as something created now."""
    _update(session, claimed, message=None, permalink=None, shown=0, lease_until=None, created_at=now)


def park(session: Session, claimed: Claimed, reason: str) -> None:
    """It will never work like this; it waits for the operator, or for a newer wish, which may be there already.

    What may have arrived keeps its mark, so that it is looked for before it is posted then.
    """
    is_newest = col(OutboxItem.wanted) == claimed.item.wanted
    mark = claimed.item.lease_until if claimed.was_left else None
    _update(session, claimed, parked_reason=case((is_newest, reason), else_=None), lease_until=mark)


MEMBER_LEFT = "member_left"
"""Why a message is parked that is for somebody who has left: there is nothing to be mended, and they may come back."""


@dataclass(frozen=True, slots=True)
class Parked:
    """What could not be sent for good, and why."""

    key: str
    reason: str


def parked(session: Session, limit: int) -> list[Parked]:
    """What could not be sent for good, the first first; without what is for somebody who has left."""
    query = select(OutboxItem.key, OutboxItem.parked_reason).where(col(OutboxItem.parked_reason) != MEMBER_LEFT)
    return [Parked(key, reason or "") for key, reason in session.exec(query.order_by(col(OutboxItem.id)).limit(limit))]


def count_parked(session: Session) -> int:
    """How much could not be sent for good; without what is for somebody who has left."""
    return session.exec(select(func.count()).where(col(OutboxItem.parked_reason) != MEMBER_LEFT)).one()


def try_parked(session: Session, now: datetime, reason: str | None = None) -> None:
    """Have what was parked, for that reason if one is given, tried once more: it may have been mended."""
    parked_reason = col(OutboxItem.parked_reason)
    is_parked = parked_reason.is_not(None) if reason is None else parked_reason == reason
    session.execute(update(OutboxItem).where(is_parked).values(parked_reason=None, due_at=now, attempts=0))


def release_all(session: Session, now: datetime) -> None:
    """End every lease, keeping its mark; only for the one process that uses the database."""
    session.execute(update(OutboxItem).where(col(OutboxItem.lease_until) > now).values(lease_until=now))


def next_due(session: Session, workspace_id: int) -> datetime | None:
    """When the next row that waits may be sent."""
    query = select(OutboxItem.due_at, OutboxItem.lease_until).where(_waits(workspace_id))
    found = session.exec(query.order_by(col(OutboxItem.due_at)).limit(50))
    return min((max(due_at, lease_until or due_at) for due_at, lease_until in found), default=None)


def is_any_beyond(session: Session, workspace_id: int, farthest: datetime) -> bool:
    """Whether a row that waits is put off, or leased, for a moment beyond that."""
    queries = [select(OutboxItem.id).where(part).limit(1) for part in _beyond(workspace_id, farthest)]
    return any(session.exec(query).first() is not None for query in queries)


def bring_back(session: Session, workspace_id: int, farthest: datetime, now: datetime, marked: datetime) -> None:
    """Have what is put off, or leased, for a moment beyond the farthest sent now: a clock set it that was ahead.

    What may be on its way, or have arrived, keeps its mark and is left alone until `marked`.
    """
    is_marked = col(OutboxItem.lease_until).is_not(None)
    values = {"due_at": case((is_marked, marked), else_=now), "lease_until": case((is_marked, marked))}
    for part in _beyond(workspace_id, farthest):
        session.execute(update(OutboxItem).where(part).values(values))


def _beyond(workspace_id: int, farthest: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Two conditions, because the index of what waits is by `due_at`."""
    due_at, lease_until = col(OutboxItem.due_at), col(OutboxItem.lease_until)
    waits = _waits(workspace_id)
    return and_(waits, due_at > farthest), and_(waits, due_at <= farthest, lease_until > farthest)


def _values(workspace_id: int, wanted: Wanted, now: datetime) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "key": wanted.key,
        "view": wanted.view,
        "channel": wanted.channel,
        "member_id": wanted.member_id,
        "idea_id": wanted.idea_id,
        "subject": dict(wanted.subject),
        "created_at": now,
        "due_at": now,
    }


def _update(session: Session, claimed: Claimed, **values: object) -> None:
    is_ours = and_(col(OutboxItem.id) == claimed.item.id, col(OutboxItem.lease_until) == claimed.until)
    session.execute(update(OutboxItem).where(is_ours).values(**values))
