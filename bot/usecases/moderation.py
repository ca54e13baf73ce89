"""The moderators' part: approve, refuse with a reason, ask the author, be reminded, say how far an idea has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from bot.domain import lifecycle, seen
from bot.domain.draft import Draft, required
from bot.domain.lifecycle import Action
from bot.domain.permissions import Caller, require_moderator
from bot.errors import TextChanged
from bot.usecases import announcing
from bot.usecases.announcing import Said
from bot.usecases.finding import visible_idea
from storage import ideas, similarity
from storage.tables import Idea, Status, Step, present

REMINDED_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Decided:
    """A moderator's word on an idea: `step` is what was done."""

    idea: Idea
    step: Step


def undecided_idea(
    session: Session, caller: Caller, number: int, action: Action, *, read: str = "", for_change: bool = False
) -> Idea:
    """The idea, if that may still be done. `read` is the mark of the text that the moderator has read, "" where that is
    not known. Raises NotPermitted, IdeaNotFound, WrongStatus, or TextChanged for an idea that has another text by now.
    """
    require_moderator(caller)
    idea = visible_idea(session, caller, number, for_change=for_change)
    lifecycle.require(action, idea)
    mark = seen.text_mark(idea)
    if read not in ("", mark):
        raise TextChanged(number, Draft.of(idea).texts(), mark)
    return idea


def approve(session: Session, caller: Caller, number: int, now: datetime, *, read: str = "") -> Decided:
    """Publish a pending idea, if its text is still the one that was read.

    Raises NotPermitted, IdeaNotFound, WrongStatus (another moderator was first) or TextChanged.
    """
    idea = undecided_idea(session, caller, number, Action.APPROVE, read=read, for_change=True)
    _decide(idea, Status.PUBLISHED, caller, now)
    idea.published_at = now
    similarity.compare_with(session, idea)
    ideas.record(session, idea, Step.APPROVED, caller.member_id, now)
    announcing.review_card(session, idea, now)
    announcing.idea_card(session, idea, now)
    announcing.notice(session, idea, announcing.APPROVED_NOTICE, idea.author_id, now)
    return Decided(idea, Step.APPROVED)


def refuse(session: Session, caller: Caller, number: int, reason: str, now: datetime, *, read: str = "") -> Decided:
    """Refuse a pending idea for a reason that its author is told. Raises as `approve`, and InvalidInput."""
    reason = required("reason", reason)
    idea = undecided_idea(session, caller, number, Action.REFUSE, read=read, for_change=True)
    _decide(idea, Status.REFUSED, caller, now)
    idea.reason = reason
    ideas.record(session, idea, Step.REFUSED, caller.member_id, now, reason)
    announcing.review_card(session, idea, now)
    said = Said(reason, caller.member_id)
    announcing.notice(session, idea, announcing.REFUSED_NOTICE, idea.author_id, now, now.isoformat(), said)
    return Decided(idea, Step.REFUSED)


def ask(session: Session, caller: Caller, number: int, question: str, now: datetime, *, read: str = "") -> Decided:
    """Ask the author of a pending idea; it stays pending. Raises as `refuse`."""
    question = required("question", question)
    idea = undecided_idea(session, caller, number, Action.ASK, read=read, for_change=True)
    idea.question, idea.asked_by, idea.changed_at = question, caller.member_id, now
    ideas.record(session, idea, Step.QUESTIONED, caller.member_id, now, question)
    announcing.review_card(session, idea, now)
    said = Said(question, caller.member_id)
    announcing.notice(session, idea, announcing.QUESTION_NOTICE, idea.author_id, now, now.isoformat(), said)
    return Decided(idea, Step.QUESTIONED)


def set_status(session: Session, caller: Caller, number: int, status: Status, now: datetime) -> Decided:
    """Say how far an idea has come; its author is told. Raises NotPermitted, IdeaNotFound, WrongStatus."""
    require_moderator(caller)
    idea = visible_idea(session, caller, number, for_change=True)
    is_frozen = any(line.step is Step.SHORTLISTED for line in ideas.history(session, present(idea.id)))
    lifecycle.require_successor(idea, status, is_frozen=is_frozen)
    _decide(idea, status, caller, now)
    ideas.record(session, idea, Step.STATUS_SET, caller.member_id, now, status)
    announcing.idea_card(session, idea, now)
    announcing.notice(session, idea, announcing.STATUS_NOTICE, idea.author_id, now, f"{status}@{now.isoformat()}")
    return Decided(idea, Step.STATUS_SET)


def overdue(session: Session, workspace_id: int, wait: timedelta, now: datetime) -> list[Idea]:
    """Ideas that nobody has decided on, nor been reminded of, for `wait`; as many as one reminder names."""
    return ideas.overdue(session, workspace_id, now, wait, REMINDED_AT_ONCE)


def remind(session: Session, workspace_id: int, wait: timedelta, day: str, now: datetime) -> list[Idea]:
    """Bring the overdue ideas up again in the review channel, once on a day; `day` names it.

    They are not brought up again before another `wait`.
    """
    waiting = ideas.overdue(session, workspace_id, now, wait, REMINDED_AT_ONCE, for_change=True)
    keys = [present(idea.id) for idea in waiting]
    if not waiting or not announcing.reminder(session, workspace_id, day, keys, now):
        return []
    for idea in waiting:
        idea.reminded_at = now
    return waiting


def _decide(idea: Idea, status: Status, caller: Caller, now: datetime) -> None:
    idea.status = status
    idea.decided_by = caller.member_id
    idea.changed_at = now
    idea.question = idea.asked_by = None
