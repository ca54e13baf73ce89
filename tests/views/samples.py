"""One of each card and form that Butine makes, by name, in any language and with any words of a member's in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot import errors
from bot.domain.command import SEARCH_LIMIT
from bot.domain.draft import Draft
from bot.domain.lifecycle import PUBLIC, Action
from bot.usecases.announcing import Said
from bot.usecases.consent import Consent, Request
from bot.usecases.digesting import Contents, Named
from bot.usecases.moderation import Decided
from bot.usecases.reading import Listing, Page, Shortlist, Shown, Stats
from bot.usecases.submission import Edited, Submitted, Withdrawn
from bot.usecases.voting import Supported, Voted
from bot.views import digest, forms, ideas, lists, notices, problems, receipts
from bot.views.cards import Card, Form
from bot.views.texts import Texts
from storage.tables import Digest, DigestEntry, HistoryEntry, Idea, Status, Step

NOW = datetime(2026, 11, 24, 8, 5, tzinfo=UTC)
LINKS = {1: "https://chat.example/m1", 2: "https://chat.example/m2"}
NAMES = {"camille": "Camille Martin", "nadia": "Nadia Benali"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a member typed, wherever a member's words are shown."""

    title: str = "Des vélos partagés"
    body: str = "Dix vélos au parking.\nEt des casques."
    reason: str = "Déjà à l’étude."


def idea(words: Words, status: Status = Status.PUBLISHED, number: int = 12, **changes: object) -> Idea:
    """An idea of Camille's that Nadia decided on."""
    decided = None if status in (Status.PENDING, Status.SHORTLISTED) else "nadia"
    values: dict[str, object] = {
        "id": 1,
        "workspace_id": 1,
        "number": number,
        "title": words.title,
        "need": "Trop de voitures" if words == Words() else words.body,
        "proposal": words.body,
        "author_id": "camille",
        "status": status,
        "supporters": 3,
        "submitted_at": NOW - timedelta(days=4),
        "changed_at": NOW,
        "published_at": NOW - timedelta(days=3),
        "decided_by": decided,
        "reason": words.reason if status is Status.REFUSED else None,
    }
    return Idea(**values | changes)  # type: ignore[arg-type]  # each of its own type


def _said(words: Words) -> Said:
    return Said(words.reason, "nadia")


BROUGHT_IN = (
    HistoryEntry(workspace_id=1, idea_id=1, at=NOW, member_id="nadia", step=Step.QUESTIONED),
    HistoryEntry(workspace_id=1, idea_id=1, at=NOW, member_id="nadia", step=Step.REFUSED),
    HistoryEntry(workspace_id=1, idea_id=1, at=NOW, step=Step.SHORTLISTED),
    HistoryEntry(workspace_id=1, idea_id=1, at=NOW, step=Step.SHORTLISTED, detail="promotion de printemps"),
)
"""What another program has kept of a history may lack words, or have others."""


def _history(words: Words) -> tuple[HistoryEntry, ...]:
    lines = (
        (Step.SUBMITTED, "camille", ""),
        (Step.EDITED, "camille", ""),
        (Step.QUESTIONED, "nadia", words.reason),
        (Step.REFUSED, "nadia", words.reason),
        (Step.RESUBMITTED, "camille", ""),
        (Step.APPROVED, "nadia", ""),
        (Step.SHORTLISTED, None, "2026-W48"),
        (Step.STATUS_SET, "gone", Status.RETAINED.value),
        (Step.WITHDRAWN, "camille", ""),
    )
    return tuple(
        HistoryEntry(workspace_id=1, idea_id=1, at=NOW + timedelta(hours=hour), member_id=who, step=step, detail=detail)
        for hour, (step, who, detail) in enumerate(lines)
    )


def _shown(words: Words, status: Status, *, is_own: bool) -> Shown:
    history = _history(words)
    if not is_own:
        exchanged = (Step.QUESTIONED, Step.REFUSED)
        history = tuple(
            HistoryEntry(**line.model_dump(exclude={"detail"})) if line.step in exchanged else line for line in history
        )
    link = None if is_own and status is Status.PENDING else LINKS[1]
    return Shown(idea(words, status), history, NAMES, link, is_own)


def _page(words: Words, listing: Listing, status: Status | None = None, /, **changes: object) -> Page:
    several = (idea(words), idea(words, Status.RETAINED, 11, id=3, supporters=1), idea(words, Status.PENDING, 10, id=4))
    values: dict[str, object] = {"ideas": several, "names": NAMES, "links": LINKS, "status": status}
    if listing is Listing.QUEUE:
        values["since"] = {1: NOW - timedelta(days=4), 3: NOW - timedelta(days=4), 4: NOW - timedelta(days=4)}
    if listing is Listing.ALL:
        values["choices"] = tuple(each for each in Status if each in PUBLIC or each is status)
    return Page(listing=listing, **values | changes)  # type: ignore[arg-type]  # as above


def _contents(words: Words, **changes: object) -> Contents:
    decision = HistoryEntry(workspace_id=1, idea_id=1, at=NOW, step=Step.STATUS_SET, detail=Status.DECLINED.value)
    values: dict[str, object] = {
        "period": "2026-W48",
        "since": NOW - timedelta(days=7),
        "until": NOW,
        "shortlist": (Named(idea(words), 3), Named(idea(words, number=11, id=3, author_id="gone"), 1)),
        "late_chances": (Named(idea(words, number=10, id=2), 0),),
        "decisions": ((decision, idea(words, Status.DECLINED, 9, id=5)),),
        "waiting": ((idea(words, Status.SHORTLISTED, 8, id=6), NOW - timedelta(days=14)),),
        "proposed": 4,
        "published": 1,
        "voters": 1234,
        "names": NAMES,
        "links": LINKS,
    }
    return Contents(**values | changes)  # type: ignore[arg-type]  # as above


_QUIET: Mapping[str, object] = {
    "shortlist": (),
    "late_chances": (),
    "decisions": (),
    "waiting": (),
    "proposed": 0,
    "published": 0,
    "voters": 0,
}


def _request(words: Words, state: Consent, number: int | None = None) -> Request:
    """Nadia wants to make an idea of Camille's words."""
    return Request("consent:1", "nadia", "camille", Draft(words.title, proposal=words.body), state, number)


_WRONG = errors.WrongStatus
_DIGEST = Digest(workspace_id=1, period="2026-W48", since=NOW, until=NOW)

Make = Callable[[Texts, Words], Card]


def _entries(words: Words) -> tuple[tuple[DigestEntry, Idea], ...]:
    return (
        (DigestEntry(digest_id=1, idea_id=1, rank=1, votes=5), idea(words, Status.RETAINED)),
        (DigestEntry(digest_id=1, idea_id=3, rank=2, votes=1), idea(words, Status.SHORTLISTED, 11, id=3)),
    )


def _problem(error: errors.ButineError, typed: bool = False) -> Make:  # noqa: FBT001, FBT002
    return lambda t, w: problems.problem_card(error, "/idea", NAMES, t, w.body if typed else "")


CARDS: Mapping[str, Make] = {
    "review_pending": lambda t, w: ideas.review_card(idea(w, Status.PENDING), NAMES, t),
    "review_asked": lambda t, w: ideas.review_card(
        idea(w, Status.PENDING, question=w.reason, asked_by="nadia"), NAMES, t
    ),
    "review_approved": lambda t, w: ideas.review_card(idea(w), NAMES, t),
    "review_refused": lambda t, w: ideas.review_card(idea(w, Status.REFUSED), NAMES, t),
    "review_withdrawn": lambda t, w: ideas.review_card(idea(w, Status.WITHDRAWN), NAMES, t),
    "review_shortlisted": lambda t, w: ideas.review_card(idea(w, Status.SHORTLISTED), NAMES, t),
    "review_retained": lambda t, w: ideas.review_card(idea(w, Status.RETAINED), NAMES, t),
    "new_text_resubmitted": lambda t, w: ideas.new_text_post(idea(w, Status.PENDING), Step.RESUBMITTED, LINKS[1], t),
    "new_text_answered": lambda t, w: ideas.new_text_post(idea(w, Status.PENDING), Step.EDITED, None, t),
    "idea_open": lambda t, w: ideas.idea_card(idea(w), NAMES, "+1", t),
    "idea_shortlisted": lambda t, w: ideas.idea_card(idea(w, Status.SHORTLISTED, supporters=1), NAMES, "+1", t),
    "idea_delivered": lambda t, w: ideas.idea_card(idea(w, Status.DELIVERED, supporters=1234), {}, "+1", t),
    "idea_withdrawn": lambda t, w: ideas.idea_card(idea(w, Status.WITHDRAWN), NAMES, "+1", t),
    "shown_own_pending": lambda t, w: ideas.shown_card(_shown(w, Status.PENDING, is_own=True), t),
    "shown_own_refused": lambda t, w: ideas.shown_card(_shown(w, Status.REFUSED, is_own=True), t),
    "shown_own_published": lambda t, w: ideas.shown_card(_shown(w, Status.PUBLISHED, is_own=True), t),
    "shown_moderator_pending": lambda t, w: ideas.shown_card(_shown(w, Status.PENDING, is_own=False), t),
    "shown_others_published": lambda t, w: ideas.shown_card(_shown(w, Status.PUBLISHED, is_own=False), t),
    "shown_others_retained": lambda t, w: ideas.shown_card(_shown(w, Status.RETAINED, is_own=False), t),
    "shown_brought_in": lambda t, w: ideas.shown_card(
        Shown(idea(w, Status.SHORTLISTED), BROUGHT_IN, NAMES, LINKS[1], is_own=True), t
    ),
    "submitted": lambda t, w: receipts.submitted_card(Submitted(idea(w), ()), NOW, {}, t),
    "submitted_one_similar": lambda t, w: receipts.submitted_card(
        Submitted(idea(w), (idea(w, number=9999, id=2),)), NOW, LINKS, t
    ),
    "submitted_similar": lambda t, w: receipts.submitted_card(
        Submitted(idea(w), (idea(w, number=3, id=2), idea(w, number=4, id=9))), NOW, LINKS, t
    ),
    "edited": lambda t, w: receipts.edited_card(Edited(idea(w, Status.PENDING), is_resubmitted=False), t),
    "resubmitted": lambda t, w: receipts.edited_card(Edited(idea(w, Status.PENDING), is_resubmitted=True), t),
    "withdrawn": lambda t, w: receipts.withdrawn_card(Withdrawn(idea(w, Status.WITHDRAWN)), t),
    "voted": lambda t, w: receipts.voted_card(Voted(idea(w), is_present=True, has_changed=True), t),
    "voted_already": lambda t, w: receipts.voted_card(Voted(idea(w), is_present=True, has_changed=False), t),
    "unvoted": lambda t, w: receipts.voted_card(Voted(idea(w), is_present=False, has_changed=True), t),
    "unvoted_already": lambda t, w: receipts.voted_card(Voted(idea(w), is_present=False, has_changed=False), t),
    "supported_instead": lambda t, w: receipts.supported_card(
        Supported(idea(w, number=3), Withdrawn(idea(w, Status.WITHDRAWN))), t
    ),
    "decided_approved": lambda t, w: receipts.decided_card(Decided(idea(w), Step.APPROVED), t),
    "decided_refused": lambda t, w: receipts.decided_card(Decided(idea(w), Step.REFUSED), t),
    "decided_questioned": lambda t, w: receipts.decided_card(Decided(idea(w), Step.QUESTIONED), t),
    "decided_status": lambda t, w: receipts.decided_card(Decided(idea(w, Status.IN_PROGRESS), Step.STATUS_SET), t),
    "list_all": lambda t, w: lists.page_card(_page(w, Listing.ALL, next_before=10), t),
    "list_all_moderator": lambda t, w: lists.page_card(
        _page(w, Listing.ALL, choices=tuple(each for each in Status if each is not Status.WITHDRAWN)), t
    ),
    "list_mine": lambda t, w: lists.page_card(_page(w, Listing.MINE, next_before=10), t),
    "list_queue": lambda t, w: lists.page_card(_page(w, Listing.QUEUE), t),
    "list_queue_of_many": lambda t, w: lists.page_card(_page(w, Listing.QUEUE, left_out=1), t),
    "list_found": lambda t, w: lists.page_card(
        _page(w, Listing.FOUND, words=w.reason, typed=f"chercher {w.reason}"[:SEARCH_LIMIT]), t
    ),
    "list_found_more": lambda t, w: lists.page_card(
        _page(w, Listing.FOUND, words=w.reason, typed="chercher", has_more=True), t
    ),
    "list_found_word_empty": lambda t, w: lists.page_card(
        _page(w, Listing.FOUND, ideas=(), words="vélos", typed="chercher vélos"), t
    ),
    "list_found_wordless": lambda t, w: lists.page_card(
        _page(w, Listing.FOUND, words=w.reason, typed="chercher", ideas=(), is_searchable=False), t
    ),
    "list_top": lambda t, w: lists.page_card(_page(w, Listing.TOP), t),
    **{
        f"list_{listing}_empty": lambda t, w, listing=listing: lists.page_card(  # type: ignore[misc]  # bound early
            _page(w, listing, ideas=(), words=w.reason, typed="chercher"), t
        )
        for listing in Listing
    },
    **{
        f"list_of_{status}": lambda t, w, status=status: lists.page_card(  # type: ignore[misc]  # bound early
            _page(w, Listing.ALL, status, next_before=10), t
        )
        for status in Status
    },
    **{
        f"list_own_{status}": lambda t, w, status=status: lists.page_card(  # type: ignore[misc]  # bound early
            _page(w, Listing.ALL, status, is_own=True), t
        )
        for status in Status
        if status not in PUBLIC
    },
    **{
        f"list_own_{status}_empty": lambda t, w, status=status: lists.page_card(  # type: ignore[misc]  # bound early
            _page(w, Listing.ALL, status, is_own=True, ideas=()), t
        )
        for status in Status
        if status not in PUBLIC
    },
    "shortlist": lambda t, w: lists.shortlist_card(Shortlist(_DIGEST, _entries(w), NAMES, LINKS), t),
    "stats": lambda t, _: lists.stats_card(Stats(4321, 1, 0, 2, 1, 12, 345), t),
    "help": lambda t, _: lists.help_card("/idea", t, is_moderator=False),
    "help_moderator": lambda t, _: lists.help_card("/idée", t, is_moderator=True),
    "notice_approved": lambda t, w: notices.approved_notice(idea(w), LINKS[1], t),
    "notice_approved_without_link": lambda t, w: notices.approved_notice(idea(w), None, t),
    "notice_refused": lambda t, w: notices.refused_notice(idea(w, Status.REFUSED), _said(w), NAMES, t),
    "notice_refused_and_resubmitted": lambda t, w: notices.refused_notice(idea(w, Status.PENDING), _said(w), NAMES, t),
    "notice_question": lambda t, w: notices.question_notice(idea(w, Status.PENDING), _said(w), NAMES, t),
    "notice_question_decided": lambda t, w: notices.question_notice(idea(w), _said(w), NAMES, t),
    "notice_question_answered": lambda t, w: notices.question_notice(idea(w, Status.PENDING), None, NAMES, t),
    "notice_status": lambda t, w: notices.status_notice(idea(w), Status.RETAINED, t),
    "notice_own_vote": lambda t, w: notices.own_vote_notice(idea(w), t),
    **{
        f"consent_{state}": lambda t, w, state=state: notices.consent_request(_request(w, state), NAMES, t)  # type: ignore[misc]  # bound early
        for state in Consent
    },
    "consent_was_given": lambda t, w: notices.consent_answer(_request(w, Consent.GIVEN, 12), NAMES, t),
    "consent_was_refused": lambda t, w: notices.consent_answer(_request(w, Consent.REFUSED), NAMES, t),
    "consent_asked": lambda t, _: receipts.consent_asked_card(t),
    "digest": lambda t, w: digest.digest_card(_contents(w), t),
    "digest_of_one": lambda t, w: digest.digest_card(
        _contents(w, shortlist=(Named(idea(w), 3),), late_chances=(Named(idea(w), 0), Named(idea(w), 0))), t
    ),
    "digest_with_many_waiting": lambda t, w: digest.digest_card(_contents(w, waiting_left_out=1234), t),
    "digest_preview": lambda t, w: digest.digest_card(_contents(w), t, is_preview=True),
    "digest_quiet": lambda t, w: digest.digest_card(_contents(w, **_QUIET), t),
    "digest_posted": lambda t, w: digest.posted_card(_contents(w), NOW, NOW + timedelta(days=7), t),
    "reminder": lambda t, w: digest.reminder_card(
        [
            (idea(w, Status.PENDING), NOW - timedelta(days=4)),
            (idea(w, Status.PENDING, 13, id=9), NOW - timedelta(hours=2)),
        ],
        LINKS,
        NOW,
        t,
    ),
    "problem_required": _problem(errors.InvalidInput("title", "required")),
    "problem_too_long": _problem(errors.InvalidInput("text", "too_long", 3000, 4321), typed=True),
    "problem_not_found": _problem(errors.IdeaNotFound(99)),
    "problem_needs_moderator": _problem(errors.NotPermitted("moderator")),
    "problem_needs_author": _problem(errors.NotPermitted("author")),
    "problem_own_idea": _problem(errors.OwnIdea(12)),
    "problem_no_shortlist": _problem(errors.NothingToShow("shortlist")),
    "problem_no_digest": _problem(errors.NothingToShow("digest")),
    "problem_already_done": _problem(errors.AlreadyDone("2026-W48")),
    "problem_chat": _problem(errors.ChatUnavailable("timeout"), typed=True),
    "problem_decided_by": _problem(_WRONG(12, Status.PUBLISHED, Action.APPROVE, "nadia")),
    "problem_decided_by_unknown": _problem(_WRONG(12, Status.REFUSED, Action.REFUSE, "gone")),
    "problem_text_changed": lambda t, w: problems.problem_card(
        errors.TextChanged(12, Draft(w.title, proposal=w.body).texts(), "0" * 32), "/idea", NAMES, t, w.reason
    ),
    "problem_refused_meanwhile": lambda t, w: problems.problem_card(
        errors.RefusedMeanwhile(12, w.reason), "/idea", NAMES, t, w.body
    ),
    **{f"problem_{action}": _problem(_WRONG(12, Status.SHORTLISTED, action)) for action in Action},
    "problem_set_status_pending": _problem(_WRONG(12, Status.PENDING, Action.SET_STATUS)),
    "problem_edit_withdrawn": _problem(_WRONG(12, Status.WITHDRAWN, Action.EDIT)),
    "problem_withdraw_withdrawn": _problem(_WRONG(12, Status.WITHDRAWN, Action.WITHDRAW)),
    "problem_not_saved": lambda t, w: problems.not_saved_card(t, w.body),
    "problem_unexpected": lambda t, w: problems.unexpected_card("0badc0de", t, w.body),
    "problem_unexpected_without_text": lambda t, _: problems.unexpected_card("0badc0de", t),
}

FORMS: Mapping[str, Callable[[Texts, Words], Form]] = {
    "form_propose": lambda t, _: forms.propose_form(t),
    "form_edit": lambda t, w: forms.edit_form(idea(w, Status.PENDING, 9999), t),
    "form_edit_question": lambda t, w: forms.edit_form(idea(w, Status.PENDING, question=w.reason), t),
    "form_edit_refused": lambda t, w: forms.edit_form(idea(w, Status.REFUSED), t),
    "form_refuse": lambda t, w: forms.refuse_form(idea(w, Status.PENDING, 9999), t),
    "form_ask": lambda t, w: forms.ask_form(idea(w, Status.PENDING, 9999), t),
}
