"""What a member alone is told right after they did something."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.draft import Draft
from bot.usecases.moderation import Decided
from bot.usecases.submission import Edited, Submitted, Withdrawn
from bot.usecases.voting import Supported, Voted
from bot.views.actions import Click
from bot.views.cards import Actions, Block, Button, Card, Heading, Items, Note, Paragraph, Quotation, Span, Strong
from bot.views.ideas import STATUS_LABEL, titled, withdraw_button
from bot.views.texts import Texts
from storage.tables import AnyIdea, Idea, Step, present

_DECISION_LINE: Mapping[Step, str] = {
    Step.APPROVED: "decided.approved",
    Step.REFUSED: "decided.refused",
    Step.QUESTIONED: "decided.questioned",
}


def submitted_card(submitted: Submitted, next_digest: datetime, links: Mapping[int, str], texts: Texts) -> Card:
    """The receipt: number, what happens next and when, what can still be done, and similar ideas."""
    idea = submitted.idea
    summary = texts("receipt.saved", number=idea.number)
    blocks: list[Block] = [
        Heading(summary),
        Quotation(texts("field.title"), idea.title),
        Paragraph((texts("receipt.next", when=texts.day_and_time(next_digest)),)),
        Actions((Button(texts("button.complete"), Click.EDIT, str(idea.number)), withdraw_button(idea, texts))),
    ]
    if submitted.similar:
        blocks += [
            Paragraph((Strong(texts.plural("receipt.similar", len(submitted.similar))),)),
            Items(tuple(similar_line(other, links, texts) for other in submitted.similar)),
            Actions(tuple(_support_button(other, idea, texts) for other in submitted.similar)),
            Note((texts("receipt.similar_note"),)),
        ]
    return Card(summary, tuple(blocks), "success")


def edited_card(edited: Edited, texts: Texts) -> Card:
    """The new text is kept, and waits for the moderators."""
    idea = edited.idea
    key = "receipt.resubmitted" if edited.is_resubmitted else "receipt.edited"
    return _told(texts(key, number=idea.number, title=idea.title))


def withdrawn_card(withdrawn: Withdrawn, texts: Texts) -> Card:
    """The idea is taken back; its text is given back whole."""
    idea = withdrawn.idea
    summary = texts("receipt.withdrawn", number=idea.number)
    return Card(summary, (Paragraph((summary,)), Quotation(texts("receipt.your_text"), text_of(idea))), "success")


def voted_card(voted: Voted, texts: Texts) -> Card:
    """Whether the member supports the idea now, and how many do."""
    if voted.is_present:
        key = "voted.yes" if voted.has_changed else "voted.yes_already"
    else:
        key = "voted.no" if voted.has_changed else "voted.no_already"
    line = texts(key, number=voted.idea.number, title=voted.idea.title)
    return Card(line, (Paragraph((line,)), Note((texts.plural("idea.supporters", voted.idea.supporters),))), "success")


def supported_card(supported: Supported, texts: Texts) -> Card:
    """The vote for the other idea, and one's own taken back."""
    own = supported.withdrawn.idea
    line = texts("voted.instead", number=supported.idea.number, title=supported.idea.title, own=own.number)
    return Card(line, (Paragraph((line,)), Quotation(texts("receipt.your_text"), text_of(own))), "success")


def consent_asked_card(texts: Texts) -> Card:
    """The author of the words is being asked."""
    return _told(texts("receipt.consent_asked"))


def decided_card(decided: Decided, texts: Texts) -> Card:
    """A moderator's act is done."""
    idea = decided.idea
    if decided.step is Step.STATUS_SET:
        return _told(texts("decided.status", number=idea.number, status=texts(STATUS_LABEL[idea.status])))
    return _told(texts(_DECISION_LINE[decided.step], number=idea.number, title=idea.title))


def text_of(idea: Idea) -> str:
    """An idea's words as its author can paste and send them again."""
    return Draft.of(idea).whole()


def similar_line(idea: AnyIdea, links: Mapping[int, str], texts: Texts) -> tuple[Span, ...]:
    """An idea in a line, with its link where it has one."""
    supporters = texts.plural("idea.supporters", idea.supporters)
    return (titled(idea, links.get(present(idea.id)), texts), f" · {supporters}")


def _support_button(other: AnyIdea, own: AnyIdea, texts: Texts) -> Button:
    label = texts("button.support_instead", number=other.number)
    confirm = texts("confirm.support_instead", number=other.number, own=own.number)
    return Button(label, Click.SUPPORT_INSTEAD, f"{other.number},{own.number}", confirm=confirm)


def _told(line: str) -> Card:
    return Card(line, (Paragraph((line,)),), "success")
