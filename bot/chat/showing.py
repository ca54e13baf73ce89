"""From an outbox row to the card that it stands for, rendered from the present state.

Sending it is the dispatcher's part.
"""

from datetime import datetime

from sqlmodel import Session

from bot.errors import NothingToShow
from bot.rules import Rules
from bot.usecases import announcing, digesting
from bot.usecases.announcing import Said
from bot.usecases.consent import Consent, Request
from bot.usecases.moderation import REMINDED_AT_ONCE
from bot.views import digest as digest_views
from bot.views import ideas as idea_views
from bot.views import notices
from bot.views.cards import Card
from bot.views.texts import Texts
from storage import ideas, outbox, workspaces
from storage.tables import Idea, OutboxItem, Status, Step, present

_NEWS = frozenset({announcing.REVIEW_CARD, announcing.IDEA_CARD, announcing.NEW_TEXT_POST, announcing.APPROVED_NOTICE})
"""What tells that an idea is there, or is there anew."""


class Early(Exception):
    """The card that this message leads to is not there yet: it is to follow it."""


def card_of(session: Session, item: OutboxItem, rules: Rules, now: datetime, *, may_be_there: bool) -> Card:
    """The card to show now. Channel posts are in the workspace's language, direct messages in their member's.

    Raises Early, or NothingToShow where there is none any more: what was taken back or closed in time is not announced,
    unless it `may_be_there` already, in chat, and has to say so.
    """
    locale = workspaces.locale_of(session, item.workspace_id, item.member_id) if item.member_id else None
    texts = rules.texts(locale)
    if item.idea_id is None:
        return _card_without_idea(session, item, texts, now, may_be_there=may_be_there)
    idea = session.get_one(Idea, item.idea_id)
    _require_news(item, idea, may_be_there=may_be_there)
    said = _said(item, idea)
    members = [idea.author_id, idea.decided_by, idea.asked_by, said.by if said else None]
    names = workspaces.names(session, idea.workspace_id, members)
    match item.view:
        case announcing.REVIEW_CARD:
            return idea_views.review_card(idea, names, texts)
        case announcing.IDEA_CARD:
            return idea_views.idea_card(idea, names, rules.reaction, texts)
        case announcing.NEW_TEXT_POST:
            link = _link(session, idea, announcing.REVIEW_CARD)
            return idea_views.new_text_post(idea, Step(item.subject["step"]), link, texts)
        case announcing.APPROVED_NOTICE:
            return notices.approved_notice(idea, _link_once_posted(session, idea, announcing.IDEA_CARD), texts)
        case announcing.REFUSED_NOTICE:
            return notices.refused_notice(idea, said, names, texts)
        case announcing.QUESTION_NOTICE:
            return notices.question_notice(idea, said, names, texts)
        case announcing.STATUS_NOTICE:
            status, _, _ = str(item.subject["occasion"]).partition("@")
            return notices.status_notice(idea, Status(status), texts)
        case announcing.OWN_VOTE_NOTICE:
            return notices.own_vote_notice(idea, texts)
    raise LookupError(item.view)


def _require_news(item: OutboxItem, idea: Idea, *, may_be_there: bool) -> None:
    """Raises NothingToShow for what would only now tell of an idea that is taken back."""
    if idea.status is Status.WITHDRAWN and item.view in _NEWS and not may_be_there:
        raise NothingToShow(item.view)


def _link(session: Session, idea: Idea, view: str) -> str | None:
    return outbox.permalinks(session, idea.workspace_id, view, [present(idea.id)]).get(present(idea.id))


def _link_once_posted(session: Session, idea: Idea, view: str) -> str | None:
    """None where there will be none. Raises Early."""
    if outbox.is_awaited(session, idea.workspace_id, view, present(idea.id)):
        raise Early
    return _link(session, idea, view)


def _said(item: OutboxItem, idea: Idea) -> Said | None:
    """What the notice tells in a moderator's words; 0.1.0 kept them with the idea alone."""
    if kept := item.subject.get("said"):
        return Said(**kept)
    match item.view:
        case announcing.REFUSED_NOTICE if idea.reason:
            return Said(idea.reason, idea.decided_by or "")
        case announcing.QUESTION_NOTICE if idea.question:
            return Said(idea.question, idea.asked_by or "")
    return None


def _card_without_idea(session: Session, item: OutboxItem, texts: Texts, now: datetime, *, may_be_there: bool) -> Card:
    match item.view:
        case announcing.DIGEST_POST:
            return digest_views.digest_card(digesting.posted_contents(session, item.subject["digest_id"]), texts)
        case announcing.CONSENT_REQUEST | announcing.CONSENT_ANSWER:
            return _consent_card(session, item, texts, may_be_there=may_be_there)
        case announcing.REMINDER:
            return _reminder_card(session, item, texts, now)
    raise LookupError(item.view)


def _reminder_card(session: Session, item: OutboxItem, texts: Texts, now: datetime) -> Card:
    named = item.subject.get("ideas")
    if named is None:  # wanted by 0.1.0, which named whatever waited when it was sent
        waiting = ideas.oldest_pending(session, item.workspace_id, REMINDED_AT_ONCE)
    else:
        waiting = ideas.pending_among(session, named)
    if not waiting:  # all was decided on before this could be sent
        raise NothingToShow(item.view)
    keys = [present(idea.id) for idea, _ in waiting]
    links = outbox.permalinks(session, item.workspace_id, announcing.REVIEW_CARD, keys)
    return digest_views.reminder_card(waiting, links, now, texts)


def _consent_card(session: Session, item: OutboxItem, texts: Texts, *, may_be_there: bool) -> Card:
    request = Request.of(item)
    names = workspaces.names(session, item.workspace_id, [request.by, request.author])
    if item.view == announcing.CONSENT_ANSWER:
        return notices.consent_answer(request, names, texts)
    if request.state is Consent.UNASKED and not may_be_there:  # its asker knows that nobody could be asked
        raise NothingToShow(item.view)
    return notices.consent_request(request, names, texts)
