"""One of every card and form, with values that are the same each time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot import errors
from bot.domain.draft import Draft
from bot.usecases.announcing import Said
from bot.usecases.consent import Consent, Request
from bot.usecases.digesting import Contents, Named
from bot.usecases.moderation import Decided
from bot.usecases.reading import Home, Listing, Page, Shortlist, Shown, Stats
from bot.usecases.submission import Edited, Submitted, Withdrawn
from bot.usecases.voting import Supported, Voted
from bot.views import digest, forms, ideas, lists, notices, problems, receipts
from bot.views.cards import Card, Form
from bot.views.texts import Texts
from storage.tables import Digest, DigestEntry, HistoryEntry, Idea, Status, Step

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NAMES = {"U1": "Camille Martin", "U2": "Sam Taylor", "U3": "Nadia Benali"}
LINKS = {1: "https://valdoise.slack.com/archives/C1/p1", 2: "https://valdoise.slack.com/archives/C1/p2"}
CONFIRMED = {"need": "On attend trois semaines.\nC’est long.", "proposal": "Une fiche *unique* & partagée."}


def idea(number: int = 1, status: Status = Status.PUBLISHED, **more: Any) -> Idea:  # noqa: ANN401  whatever a table or a page takes
    values: dict[str, Any] = {
        "id": number,
        "workspace_id": 1,
        "number": number,
        "title": "Un guichet unique pour la MDPH" if number == 1 else "Lend bikes <between> sites & more",
        "author_id": "U1" if number == 1 else "U2",
        "status": status,
        "supporters": 14 if number == 1 else 1,
        "submitted_at": AT,
        "changed_at": AT + timedelta(hours=3),
        "published_at": AT + timedelta(hours=3),
        **CONFIRMED,
    }
    return Idea(**(values | more))


def page(listing: Listing, *found: Idea, **more: Any) -> Page:  # noqa: ANN401  whatever a table or a page takes
    return Page(listing, found, NAMES, LINKS, **more)


def contents(*, is_empty: bool = False) -> Contents:
    chosen = () if is_empty else (Named(idea(1), 14), Named(idea(2), 1))
    line = HistoryEntry(workspace_id=1, idea_id=1, at=AT, member_id="U3", step=Step.STATUS_SET, detail=Status.RETAINED)
    return Contents(
        period="2026-W48",
        since=AT - timedelta(days=7),
        until=AT,
        shortlist=chosen,
        late_chances=() if is_empty else (Named(idea(2), 1),),
        decisions=() if is_empty else ((line, idea(1, Status.RETAINED)),),
        waiting=() if is_empty else ((idea(1), AT - timedelta(days=7)),),
        proposed=3,
        published=2,
        voters=15,
        names=NAMES,
        links=LINKS,
    )


def history() -> tuple[HistoryEntry, ...]:
    steps: list[tuple[Step, str, str]] = [
        (step, "U3", "Dites-en plus.") for step in Step if step is not Step.STATUS_SET
    ]
    steps.append((Step.STATUS_SET, "U3", Status.RETAINED))
    return tuple(
        HistoryEntry(workspace_id=1, idea_id=1, at=AT + timedelta(hours=n), member_id=who, step=step, detail=detail)
        for n, (step, who, detail) in enumerate(steps)
    )


def request(state: Consent) -> Request:
    return Request("consent:V1", "U1", "U2", Draft("Un titre", proposal="Des mots d’autrui"), state, 7)


def cards(texts: Texts) -> dict[str, Card]:
    """Every card by name."""
    pending, refused = idea(1, Status.PENDING), idea(1, Status.REFUSED, decided_by="U3", reason="Déjà <fait>.")
    asked = idea(1, Status.PENDING, question="Qui _les_ viderait ?", asked_by="U3")
    approved, withdrawn = idea(1, decided_by="U3"), idea(1, Status.WITHDRAWN)
    frozen = Digest(id=1, workspace_id=1, period="2026-W48", since=AT, until=AT)
    entries = ((DigestEntry(digest_id=1, idea_id=1, rank=1, votes=14), idea(1, Status.SHORTLISTED)),)
    found = page(Listing.FOUND, idea(1), words="guichet", typed="chercher guichet")
    home = Home(page(Listing.MINE, idea(1)), page(Listing.ALL, idea(2), status=Status.PUBLISHED), None)
    queue = page(Listing.QUEUE, pending, since={1: AT})
    return {
        "review_pending": ideas.review_card(pending, NAMES, texts),
        "review_asked": ideas.review_card(asked, NAMES, texts),
        "review_refused": ideas.review_card(refused, NAMES, texts),
        "review_approved": ideas.review_card(approved, NAMES, texts),
        "review_withdrawn": ideas.review_card(withdrawn, NAMES, texts),
        "idea_published": ideas.idea_card(idea(2), NAMES, "+1", texts),
        "idea_retained": ideas.idea_card(idea(1, Status.RETAINED), NAMES, "+1", texts),
        "idea_withdrawn": ideas.idea_card(withdrawn, NAMES, "+1", texts),
        "shown_own": ideas.shown_card(Shown(pending, history(), NAMES, None, True), texts),
        "shown_others": ideas.shown_card(Shown(idea(2), history(), NAMES, LINKS[2], False), texts),
        "submitted": receipts.submitted_card(Submitted(pending, (idea(2),)), AT, LINKS, texts),
        "edited": receipts.edited_card(Edited(pending, False), texts),
        "resubmitted": receipts.edited_card(Edited(pending, True), texts),
        "withdrawn": receipts.withdrawn_card(Withdrawn(withdrawn), texts),
        "voted": receipts.voted_card(Voted(idea(1), True, True), texts),
        "unvoted": receipts.voted_card(Voted(idea(1), False, True), texts),
        "supported": receipts.supported_card(Supported(idea(2), Withdrawn(withdrawn)), texts),
        "decided_refused": receipts.decided_card(Decided(refused, Step.REFUSED), texts),
        "decided_asked": receipts.decided_card(Decided(asked, Step.QUESTIONED), texts),
        "decided_status": receipts.decided_card(Decided(idea(1, Status.RETAINED), Step.STATUS_SET), texts),
        "consent_asked": receipts.consent_asked_card(texts),
        "list": lists.page_card(
            page(Listing.ALL, idea(1), idea(2), next_before=1, choices=(Status.PUBLISHED, Status.RETAINED)), texts
        ),
        "list_empty": lists.page_card(page(Listing.ALL), texts),
        "list_mine": lists.page_card(page(Listing.MINE, idea(1), next_before=1), texts),
        "list_queue": lists.page_card(queue, texts),
        "list_found": lists.page_card(found, texts),
        "list_top": lists.page_card(page(Listing.TOP, idea(1), idea(2)), texts),
        "home": lists.home_card(home, texts),
        "home_moderator": lists.home_card(Home(page(Listing.MINE), home.open_to_votes, queue), texts),
        "shortlist": lists.shortlist_card(Shortlist(frozen, entries, NAMES, LINKS), texts),
        "stats": lists.stats_card(Stats(38, 30, 10, 5, 1, 25, 300), texts),
        "help": lists.help_card("/idea", texts, is_moderator=True),
        "digest": digest.digest_card(contents(), texts),
        "digest_empty": digest.digest_card(contents(is_empty=True), texts, is_preview=True),
        "digest_posted": digest.posted_card(contents(), AT, AT + timedelta(days=7), texts),
        "reminder": digest.reminder_card([(pending, AT)], LINKS, AT + timedelta(days=4), texts),
        "notice_approved": notices.approved_notice(idea(1), LINKS[1], texts),
        "notice_refused": notices.refused_notice(refused, Said("Déjà <fait>.", "U3"), NAMES, texts),
        "notice_question": notices.question_notice(asked, Said("Qui _les_ viderait ?", "U3"), NAMES, texts),
        "notice_status": notices.status_notice(idea(1), Status.DELIVERED, texts),
        "notice_own_vote": notices.own_vote_notice(idea(1), texts),
        "consent_open": notices.consent_request(request(Consent.OPEN), NAMES, texts),
        "consent_given": notices.consent_request(request(Consent.GIVEN), NAMES, texts),
        "consent_refused": notices.consent_request(request(Consent.REFUSED), NAMES, texts),
        "consent_closed": notices.consent_request(request(Consent.UNASKED), NAMES, texts),
        "consent_was_given": notices.consent_answer(request(Consent.GIVEN), NAMES, texts),
        "consent_was_refused": notices.consent_answer(request(Consent.REFUSED), NAMES, texts),
        "consent_was_unasked": notices.consent_answer(request(Consent.UNASKED), NAMES, texts),
        "problem_not_found": problems.problem_card(errors.IdeaNotFound(99), "/idea", {}, texts),
        "problem_too_long": problems.problem_card(
            errors.InvalidInput("text", "too_long", 3000, 3001), "/idea", {}, texts, "mot " * 900
        ),
        "not_saved": problems.not_saved_card(texts, "mon idée"),
        "unexpected": problems.unexpected_card("a1b2c3d4", texts),
    }


def all_forms(texts: Texts) -> dict[str, Form]:
    """Every form by name."""
    refused = idea(1, Status.REFUSED, reason="Déjà fait.")
    return {
        "propose": forms.propose_form(texts),
        "message": forms.message_form("Un titre. Et la suite.", LINKS[1], "U2", texts),
        "edit": forms.edit_form(refused, texts),
        "refuse": forms.refuse_form(idea(1, Status.PENDING), texts),
        "ask": forms.ask_form(idea(123_456, Status.PENDING), texts),
    }
