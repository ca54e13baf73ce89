"""Direct messages to authors about their idea."""

from collections.abc import Mapping

from bot.views.actions import Click
from bot.views.cards import Actions, Block, Button, Card, Heading, Link, Paragraph, Quotation, Span, Style
from bot.views.ideas import STATUS_LABEL, withdraw_button
from bot.views.receipts import text_of
from bot.views.texts import Texts
from storage.tables import Idea, Status


def approved_notice(idea: Idea, link: str | None, texts: Texts) -> Card:
    """Their idea is published."""
    line = texts("notice.approved", number=idea.number, title=idea.title)
    spans: list[Span] = [line]
    if link:
        spans += [" ", Link(texts("notice.see"), link)]
    return Card(line, (Paragraph(tuple(spans)),), "success")


def refused_notice(idea: Idea, names: Mapping[str, str], texts: Texts) -> Card:
    """Their idea is refused: the reason, their own text back, and the way to propose it again."""
    line = texts("notice.refused", number=idea.number, title=idea.title)
    resubmit = Button(texts("button.resubmit"), Click.EDIT, str(idea.number), Style.PRIMARY)
    blocks: tuple[Block, ...] = (Heading(line),)
    if idea.reason:  # gone once the author has proposed it again
        label = texts("notice.reason", moderator=_moderator(idea.decided_by, names, texts))
        blocks += (Quotation(label, idea.reason),)
    blocks += (Quotation(texts("receipt.your_text"), text_of(idea)),)
    if idea.status is Status.REFUSED:
        blocks += (Actions((resubmit, withdraw_button(idea, texts))),)
    return Card(line, blocks, "warning")


def question_notice(idea: Idea, names: Mapping[str, str], texts: Texts) -> Card:
    """A moderator asks them something."""
    line = texts("notice.question", number=idea.number, title=idea.title)
    if not idea.question:
        return Card(line, (Paragraph((texts("notice.question_answered", number=idea.number),)),))
    label = texts("notice.asks", moderator=_moderator(idea.asked_by, names, texts))
    answer = Button(texts("button.answer"), Click.EDIT, str(idea.number), Style.PRIMARY)
    return Card(line, (Heading(line), Quotation(label, idea.question), Actions((answer,))), "warning")


def status_notice(idea: Idea, status: Status, texts: Texts) -> Card:
    """How far their idea has come."""
    line = texts("notice.status", number=idea.number, title=idea.title, status=texts(STATUS_LABEL[status]))
    return Card(line, (Paragraph((line,)),))


def own_vote_notice(idea: Idea, texts: Texts) -> Card:
    """Their reaction to their own idea does not count."""
    line = texts("notice.own_vote", number=idea.number)
    return Card(line, (Paragraph((line,)),))


def _moderator(member_id: str | None, names: Mapping[str, str], texts: Texts) -> str:
    return names.get(member_id or "") or texts("member.unknown")
