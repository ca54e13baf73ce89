"""Somebody else's words: they are asked before an idea is made of them, and nothing is proposed until they agree.

What is asked is kept in the outbox row that shows it; the card always shows how the request stands now.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

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


@dataclass(frozen=True, slots=True)
class Request:
    """What is kept of a request: `by` would make an idea of `author`'s words, `number` is that of the idea made."""

    key: str
    by: str
    author: str
    draft: Draft
    state: Consent = Consent.OPEN
    number: int | None = None

    @classmethod
    def of(cls, item: OutboxItem) -> Self:
        """The request that a row of the outbox shows, or answers."""
        kept = item.subject
        author = kept.get("author") or item.member_id or ""
        return cls(kept["key"], kept["by"], author, Draft(**kept["draft"]), Consent(kept["state"]), kept.get("number"))

    def subject(self) -> dict[str, Any]:
        """The same as a row of the outbox keeps it."""
        return {
            "key": self.key,
            "by": self.by,
            "author": self.author,
            "draft": self.draft.texts(),
            "state": self.state.value,
            "number": self.number,
        }


def ask(session: Session, caller: Caller, author_id: str, draft: Draft, reference: str, now: datetime) -> None:
    """Ask the author of the words by direct message; `reference` tells requests apart. Raises InvalidInput."""
    request = Request(f"consent:{reference}", caller.member_id, author_id, drafts.checked(draft))
    wanted = Wanted(request.key, announcing.CONSENT_REQUEST, member_id=author_id, subject=request.subject())
    outbox.want_once(session, caller.workspace_id, wanted, now)


def answer(session: Session, caller: Caller, key: str, now: datetime, *, agrees: bool) -> None:
    """The author's word, the first one of which counts: the idea is proposed in the asker's name, or the asker is told.

    Raises NotPermitted for anybody else.
    """
    item = outbox.by_key(session, caller.workspace_id, key, for_change=True)
    if item is None or item.view != announcing.CONSENT_REQUEST or item.member_id != caller.member_id:
        raise NotPermitted("author")
    request = Request.of(item)
    if request.state is Consent.OPEN:
        number = _propose(session, caller.workspace_id, request, now).number if agrees else None
        state = Consent.GIVEN if agrees else Consent.REFUSED
        _close(session, item, replace(request, state=state, number=number), now)
        outbox.want(session, caller.workspace_id, Wanted(key, item.view), now)
    elif request.state is Consent.UNASKED:  # it had arrived after all: it shall not go on asking
        outbox.want(session, caller.workspace_id, Wanted(key, item.view), now)


def close_unasked(session: Session, workspace_id: int, key: str, now: datetime) -> None:
    """The author of the words can't be reached: nothing is proposed, and the asker gets their draft back.

    It stays closed, also where the author can be reached later: by then the asker may have found another way.
    """
    item = outbox.by_key(session, workspace_id, key, for_change=True)
    if item and (request := Request.of(item)).state is Consent.OPEN:
        _close(session, item, replace(request, state=Consent.UNASKED), now)


def _close(session: Session, item: OutboxItem, closed: Request, now: datetime) -> None:
    item.subject = closed.subject()
    wanted = Wanted(f"{item.key}:answer", announcing.CONSENT_ANSWER, member_id=closed.by, subject=closed.subject())
    outbox.want_once(session, item.workspace_id, wanted, now)


def _propose(session: Session, workspace_id: int, request: Request, now: datetime) -> AnyIdea:
    return submission.submit(session, Caller(workspace_id, request.by), request.draft, now).idea
