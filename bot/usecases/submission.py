"""The author's part: propose an idea, complete it, propose it again, take it back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.domain import draft as drafts
from bot.domain import lifecycle, seen
from bot.domain.draft import Draft
from bot.domain.lifecycle import OPEN_TO_VOTES, Action
from bot.domain.permissions import Caller
from bot.errors import RefusedMeanwhile
from bot.usecases import announcing
from bot.usecases.finding import own_idea
from storage import ideas, search, similarity
from storage.tables import AnyIdea, Idea, Status, Step

SIMILAR_SHOWN = 3
CLICKED_TWICE_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Submitted:
    """An idea was proposed; `similar` say much the same, most alike first, and are its author's to support instead."""

    idea: AnyIdea
    similar: tuple[AnyIdea, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """An idea has a new text; `is_resubmitted` where it had been refused before."""

    idea: Idea
    is_resubmitted: bool


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An idea was taken back by its author."""

    idea: Idea


def submit(
    session: Session, caller: Caller, draft: Draft, now: datetime, *, may_support_own: bool = False
) -> Submitted:
    """Keep a proposed idea and put it before the moderators. Raises InvalidInput."""
    draft = drafts.checked(draft)
    similar = _similar(session, caller, draft, may_support_own=may_support_own)
    idea = ideas.submit(session, caller.workspace_id, caller.member_id, draft.texts(), now)
    ideas.record(session, idea, Step.SUBMITTED, caller.member_id, now)
    announcing.review_card(session, idea, now)
    return Submitted(idea, similar)


def submit_once(
    session: Session, caller: Caller, draft: Draft, now: datetime, *, may_support_own: bool = False
) -> Submitted:
    """The same at a button, which may be clicked twice: what the member has just proposed in these very words, and
    waits, is not proposed again.
    """
    draft = drafts.checked(draft)
    ideas.take_turns(session, caller.workspace_id)
    for idea in ideas.newest(session, caller.workspace_id, {Status.PENDING}, caller.member_id, limit=1):
        if Draft.of(idea) == draft and now - idea.submitted_at < CLICKED_TWICE_WITHIN:
            return Submitted(idea, _similar(session, caller, draft, may_support_own=may_support_own))
    return submit(session, caller, draft, now, may_support_own=may_support_own)


def _similar(session: Session, caller: Caller, draft: Draft, *, may_support_own: bool) -> tuple[AnyIdea, ...]:
    texts = draft.texts().values()
    not_by = "" if may_support_own else caller.member_id
    found = similarity.similar(session, caller.workspace_id, texts, OPEN_TO_VOTES, SIMILAR_SHOWN, not_by=not_by)
    return tuple(idea for idea, _ in found)


def editable_idea(session: Session, caller: Caller, number: int, *, for_change: bool = False) -> Idea:
    """The member's own idea, if its text may still change. Raises IdeaNotFound, NotPermitted or WrongStatus."""
    idea = own_idea(session, caller, number, for_change=for_change)
    lifecycle.require(Action.EDIT, idea)
    return idea


def edit(session: Session, caller: Caller, number: int, draft: Draft, now: datetime, *, read: str = "") -> Edited:
    """Replace the text of one's own idea that waits or was refused; a refused one waits again.

    `read` is the mark of the moderators' word that the author had before them, "" where that is not known: the text
    answers the question that they have read, and no other. Raises InvalidInput, IdeaNotFound, NotPermitted,
    WrongStatus, or RefusedMeanwhile for a refusal that they have not read.
    """
    draft = drafts.checked(draft)
    idea = editable_idea(session, caller, number, for_change=True)
    has_read = read in ("", seen.word_mark(idea))
    is_resubmitted = idea.status is Status.REFUSED
    if is_resubmitted and not has_read:
        raise RefusedMeanwhile(number, idea.reason or "")
    is_answer = idea.question is not None and has_read
    idea.title, idea.need, idea.proposal, idea.benefit = draft.title, draft.need, draft.proposal, draft.benefit
    idea.changed_at = now
    if is_answer:
        idea.question = idea.asked_by = None
    if is_resubmitted:
        idea.status = Status.PENDING
        idea.decided_by = idea.reason = idea.reminded_at = None
    search.index(session, idea)
    step = Step.RESUBMITTED if is_resubmitted else Step.EDITED
    ideas.record(session, idea, step, caller.member_id, now)
    announcing.review_card(session, idea, now)
    if is_resubmitted or is_answer:
        announcing.new_text(session, idea, step, now)
    return Edited(idea, is_resubmitted)


def withdraw(session: Session, caller: Caller, number: int, now: datetime) -> Withdrawn:
    """Take one's own idea back. Raises IdeaNotFound, NotPermitted or WrongStatus."""
    idea = own_idea(session, caller, number, for_change=True)
    lifecycle.require(Action.WITHDRAW, idea)
    was_published = idea.status is Status.PUBLISHED
    idea.status = Status.WITHDRAWN
    idea.changed_at = now
    idea.decided_by = None
    ideas.record(session, idea, Step.WITHDRAWN, caller.member_id, now)
    announcing.review_card(session, idea, now)
    if was_published:
        announcing.idea_card(session, idea, now)
    return Withdrawn(idea)
