"""Somebody else's words: they are asked before an idea is made of them, and nothing is proposed until they agree.

What is asked is kept in the outbox row that shows it; the card always shows how the request stands now.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session

from bot.domain import draft as drafts
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.errors import NotPermitted
from bot.usecases import announcing, submission
from storage import outbox
from storage.outbox import Wanted
from storage.tables import AnyIdea, OutboxItem


class Consent(StrEnum):
    """How a request stands."""

    OPEN = "open"
    GIVEN = "given"
    REFUSED = "refused"
    UNASKED = "unasked"
    """The author of the words can't be reached."""


def ask(session: Session, caller: Caller, author_id: str, draft: Draft, reference: str, now: datetime) -> None:
    """Ask the author of the words by direct message; `reference` tells requests apart. Raises InvalidInput."""
    draft = drafts.checked(draft)
    key = f"consent:{reference}"
    subject = {"key": key, "by": caller.member_id, "state": Consent.OPEN.value, "draft": draft.texts()}
    wanted = Wanted(key, announcing.CONSENT_REQUEST, member_id=author_id, subject=subject)
    outbox.want_once(session, caller.workspace_id, wanted, now)


def answer(session: Session, caller: Caller, key: str, now: datetime, *, agrees: bool) -> None:
    """The author's word, the first one of which counts: the idea is proposed in the asker's name, or the asker is told.

    Raises NotPermitted for anybody else.
    """
    item = outbox.by_key(session, caller.workspace_id, key, for_change=True)
    if item is None or item.view != announcing.CONSENT_REQUEST or item.member_id != caller.member_id:
        raise NotPermitted("author")
    if item.subject["state"] == Consent.OPEN:
        idea = _propose(session, caller.workspace_id, item, now) if agrees else None
        _close(session, item, Consent.GIVEN if agrees else Consent.REFUSED, now, idea)
        outbox.want(session, caller.workspace_id, Wanted(key, item.view), now)
    elif item.subject["state"] == Consent.UNASKED:  # it had arrived after all: it shall not go on asking
        outbox.want(session, caller.workspace_id, Wanted(key, item.view), now)


def close_unasked(session: Session, workspace_id: int, key: str, now: datetime) -> None:
    """The author of the words can't be reached: nothing is proposed, and the asker gets their draft back.

    It stays closed, also where the author can be reached later: by then the asker may have found another way.
    """
    item = outbox.by_key(session, workspace_id, key, for_change=True)
    if item and item.subject["state"] == Consent.OPEN:
        _close(session, item, Consent.UNASKED, now)


def _close(session: Session, item: OutboxItem, state: Consent, now: datetime, idea: AnyIdea | None = None) -> None:
    item.subject = {**item.subject, "state": state.value}
    told: dict[str, Any] = {**item.subject, "author": item.member_id, "number": idea.number if idea else None}
    wanted = Wanted(f"{item.key}:answer", announcing.CONSENT_ANSWER, member_id=item.subject["by"], subject=told)
    outbox.want_once(session, item.workspace_id, wanted, now)


def _propose(session: Session, workspace_id: int, item: OutboxItem, now: datetime) -> AnyIdea:
    asker = Caller(workspace_id, item.subject["by"])
    return submission.submit(session, asker, Draft(**item.subject["draft"]), now).idea
