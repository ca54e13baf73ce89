"""Direct messages to authors about their idea."""

from collections.abc import Mapping

from bot.usecases.announcing import Said
from bot.usecases.consent import Consent, Request
from bot.views.actions import Click
from bot.views.cards import Actions, Block, Button, Card, Heading, Link, Note, Paragraph, Quotation, Span, Strong, Style
from bot.views.ideas import STATUS_LABEL, name_of, withdraw_button
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


def refused_notice(idea: Idea, said: Said | None, names: Mapping[str, str], texts: Texts) -> Card:
    """Their idea was refused: the reason, their own text back, and the way to propose it again if they have not yet."""
    line = texts("notice.refused", number=idea.number, title=idea.title)
    resubmit = Button(texts("button.resubmit"), Click.EDIT, str(idea.number), Style.PRIMARY)
    blocks: tuple[Block, ...] = (Heading(line),)
    if said:
        blocks += (Quotation(texts("notice.reason", moderator=name_of(said.by, names, texts)), said.words),)
    blocks += (Quotation(texts("receipt.your_text"), text_of(idea)),)
    if idea.status is Status.REFUSED:
        blocks += (Actions((resubmit, withdraw_button(idea, texts))),)
    return Card(line, blocks, "warning")


def question_notice(idea: Idea, said: Said | None, names: Mapping[str, str], texts: Texts) -> Card:
    """A moderator asks them something; once the idea is decided on, an answer is not waited for any more."""
    line = texts("notice.question", number=idea.number, title=idea.title)
    closed = Paragraph((texts("notice.question_answered", number=idea.number),))
    if not said:
        return Card(line, (closed,))
    blocks = (Heading(line), Quotation(texts("notice.asks", moderator=name_of(said.by, names, texts)), said.words))
    if idea.status is not Status.PENDING:
        return Card(line, (*blocks, closed))
    answer = Button(texts("button.answer"), Click.EDIT, str(idea.number), Style.PRIMARY)
    return Card(line, (*blocks, Actions((answer,))), "warning")


def status_notice(idea: Idea, status: Status, texts: Texts) -> Card:
    """How far their idea has come."""
    line = texts("notice.status", number=idea.number, title=idea.title, status=texts(STATUS_LABEL[status]))
    return Card(line, (Paragraph((line,)),))


def own_vote_notice(idea: Idea, texts: Texts) -> Card:
    """Their reaction to their own idea does not count."""
    line = texts("notice.own_vote", number=idea.number)
    return Card(line, (Paragraph((line,)),))


def consent_request(request: Request, names: Mapping[str, str], texts: Texts) -> Card:
    """Somebody wants to make an idea of this member's words; once answered, the buttons are gone."""
    asker = name_of(request.by, names, texts)
    line = texts("consent.request", member=asker)
    blocks: tuple[Block, ...] = (Heading(line), Quotation(texts("consent.words"), request.draft.whole()))
    match request.state:
        case Consent.GIVEN:
            return Card(line, (*blocks, Paragraph((Strong(texts("consent.given")),))), "success")
        case Consent.REFUSED:
            return Card(line, (*blocks, Paragraph((Strong(texts("consent.refused")),))))
        case Consent.UNASKED:
            return Card(line, (*blocks, Paragraph((Strong(texts("consent.closed")),))))
    agree = Button(texts("button.agree"), Click.AGREE, request.key, Style.PRIMARY)
    disagree = Button(texts("button.disagree"), Click.DISAGREE, request.key)
    return Card(line, (*blocks, Note((texts("consent.note", member=asker),)), Actions((agree, disagree))))


def consent_answer(answer: Request, names: Mapping[str, str], texts: Texts) -> Card:
    """What the author of the words has said; without a yes, the asker gets back what they had made of them."""
    author = name_of(answer.author, names, texts)
    if answer.state is Consent.GIVEN:
        line = texts("consent.was_given", member=author, number=answer.number)
        return Card(line, (Paragraph((line,)),), "success")
    is_unasked = answer.state is Consent.UNASKED
    line = texts("consent.was_unasked") if is_unasked else texts("consent.was_refused", member=author)
    return Card(line, (Paragraph((line,)), Quotation(texts("receipt.your_text"), answer.draft.whole())))
