"""Cards of one idea: for the review channel, for the ideas channel, and with its history for who asks."""

from collections.abc import Mapping

from bot.domain.lifecycle import OPEN_TO_VOTES, PUBLIC
from bot.domain.seen import text_mark
from bot.usecases.reading import Shown
from bot.views.actions import Click
from bot.views.cards import (
    Actions,
    Block,
    Button,
    Card,
    Heading,
    Items,
    Link,
    Note,
    Paragraph,
    Quotation,
    Strong,
    Style,
    Tone,
)
from bot.views.texts import Texts
from storage.tables import AnyIdea, HistoryEntry, Idea, Status, Step

STATUS_LABEL: Mapping[Status, str] = {
    Status.PENDING: "status.pending",
    Status.REFUSED: "status.refused",
    Status.WITHDRAWN: "status.withdrawn",
    Status.PUBLISHED: "status.published",
    Status.SHORTLISTED: "status.shortlisted",
    Status.RETAINED: "status.retained",
    Status.IN_PROGRESS: "status.in_progress",
    Status.DELIVERED: "status.delivered",
    Status.DECLINED: "status.declined",
}
_STEP_LINE: Mapping[Step, str] = {
    Step.SUBMITTED: "history.submitted",
    Step.EDITED: "history.edited",
    Step.QUESTIONED: "history.questioned",
    Step.APPROVED: "history.approved",
    Step.REFUSED: "history.refused",
    Step.RESUBMITTED: "history.resubmitted",
    Step.WITHDRAWN: "history.withdrawn",
    Step.SHORTLISTED: "history.shortlisted",
    Step.STATUS_SET: "history.status_set",
}
_WORDLESS: Mapping[Step, str] = {
    Step.QUESTIONED: "history.questioned_public",
    Step.REFUSED: "history.refused_public",
    Step.SHORTLISTED: "history.shortlisted_once",
}
"""Where the words are not for who asks; and where there are none, in what was brought in from elsewhere."""
_STATUS_TONE: Mapping[Status, Tone] = {
    Status.PENDING: "warning",
    Status.REFUSED: "error",
    Status.PUBLISHED: "success",
    Status.RETAINED: "success",
    Status.DELIVERED: "success",
}


def review_card(idea: Idea, names: Mapping[str, str], texts: Texts) -> Card:
    """The card that moderators decide on; once decided, it says who did what and its buttons are gone."""
    author = name_of(idea.author_id, names, texts)
    if idea.status is Status.WITHDRAWN:
        text = texts("review.withdrawn", number=idea.number, author=author, date=texts.date(idea.changed_at))
        return Card(text, (Heading(idea.title), Note((text,))))
    blocks: list[Block] = [
        Heading(idea.title),
        Note((texts("review.from", number=idea.number, author=author, date=texts.day_and_time(idea.submitted_at)),)),
        *body(idea, texts),
    ]
    if idea.status is not Status.PENDING:
        return Card(
            _summary(idea, texts), (*blocks, *_decision(idea, names, texts)), _STATUS_TONE.get(idea.status, "plain")
        )
    if idea.question and idea.asked_by:
        asker = name_of(idea.asked_by, names, texts)
        blocks.append(Quotation(texts("review.asked", moderator=asker), idea.question))
    return Card(_summary(idea, texts), (*blocks, decisions_to_take(idea.number, text_mark(idea), texts)), "warning")


def new_text_post(idea: Idea, step: Step, link: str | None, texts: Texts) -> Card:
    """That the author has done what the moderators asked for; `link` leads to the card that they decide on."""
    title = titled(idea, link, texts)
    news = texts("review.resubmitted" if step is Step.RESUBMITTED else "review.answered")
    return Card(f"{title.text} · {news}", (Paragraph((title, f" · {news}")),), "warning")


def idea_card(idea: Idea, names: Mapping[str, str], reaction: str, texts: Texts) -> Card:
    """The card that everybody sees and votes on."""
    author = name_of(idea.author_id, names, texts)
    if idea.status not in PUBLIC:
        text = texts("idea.withdrawn", number=idea.number)
        return Card(text, (Heading(idea.title), Note((text,))))
    published = idea.published_at or idea.changed_at
    by = texts("idea.by", number=idea.number, author=author, date=texts.date(published))
    blocks: list[Block] = [Heading(idea.title), Note((by,)), *body(idea, texts)]
    supporters = texts.plural("idea.supporters", idea.supporters)
    if idea.status in OPEN_TO_VOTES:
        blocks.append(Paragraph((Strong(supporters), texts("idea.how_to_vote"))))
        return Card(_summary(idea, texts), tuple(blocks), reaction=reaction)
    blocks.append(Paragraph((Strong(_capitalised(texts(STATUS_LABEL[idea.status]))), f" · {supporters}")))
    return Card(_summary(idea, texts), tuple(blocks), _STATUS_TONE.get(idea.status, "plain"))


def shown_card(shown: Shown, texts: Texts) -> Card:
    """One idea with its history, and for its author what they may still do."""
    idea = shown.idea
    author = name_of(idea.author_id, shown.names, texts)
    state = texts(STATUS_LABEL[idea.status])
    facts = texts("show.facts", number=idea.number, author=author, status=state)
    supporters = texts.plural("idea.supporters", idea.supporters)
    blocks: list[Block] = [Heading(idea.title), Note((f"{facts} · {supporters}",)), *body(idea, texts)]
    lines = tuple((history_line(line, shown.names, texts),) for line in shown.history)
    blocks += [Paragraph((Strong(texts("show.history")),)), Items(lines)]
    if idea.status is Status.PENDING and shown.link:
        blocks.append(Paragraph((Link(texts("show.decide"), shown.link),)))
    if buttons := _own_buttons(shown, texts):
        blocks.append(Actions(buttons))
    return Card(_summary(idea, texts), tuple(blocks))


def body(idea: Idea, texts: Texts) -> list[Block]:
    """The author's own words, under their labels."""
    parts = (
        (texts("field.need"), idea.need),
        (texts("field.proposal"), idea.proposal),
        (texts("field.benefit"), idea.benefit),
    )
    return [Quotation(label, text) for label, text in parts if text]


def history_line(line: HistoryEntry, names: Mapping[str, str], texts: Texts) -> str:
    """What happened, in a line: when, who, what."""
    detail = line.detail
    if line.step is Step.STATUS_SET:
        detail = texts(STATUS_LABEL[Status(line.detail)])
    elif line.step is Step.SHORTLISTED:
        detail = texts.week(line.detail)
    who = name_of(line.member_id, names, texts) if line.member_id else texts("product.name")
    key = _STEP_LINE[line.step] if line.detail else _WORDLESS.get(line.step, _STEP_LINE[line.step])
    return texts(key, date=texts.day_and_time(line.at), member=who, detail=detail)


def _own_buttons(shown: Shown, texts: Texts) -> tuple[Button, ...]:
    idea, value = shown.idea, str(shown.idea.number)
    if not shown.is_own:
        return (Button(texts("button.vote"), Click.VOTE, value),) if idea.status in OPEN_TO_VOTES else ()
    if idea.status is Status.PENDING:
        return (Button(texts("button.complete"), Click.EDIT, value), withdraw_button(idea, texts))
    if idea.status is Status.REFUSED:
        return (Button(texts("button.resubmit"), Click.EDIT, value, Style.PRIMARY), withdraw_button(idea, texts))
    return ()


def withdraw_button(idea: AnyIdea, texts: Texts) -> Button:
    """Takes the idea back, after a question."""
    confirm = texts("confirm.withdraw", number=idea.number)
    return Button(texts("button.withdraw"), Click.WITHDRAW, str(idea.number), Style.DANGER, confirm)


def decisions_to_take(number: int, mark: str, texts: Texts) -> Actions:
    """What a moderator may do with a pending idea whose text of that mark they read."""
    value = f"{number},{mark}"
    return Actions(
        (
            Button(texts("button.approve"), Click.APPROVE, value, Style.PRIMARY),
            Button(texts("button.refuse"), Click.REFUSE, value, Style.DANGER),
            Button(texts("button.ask"), Click.ASK, value),
        )
    )


def _decision(idea: Idea, names: Mapping[str, str], texts: Texts) -> list[Block]:
    date = texts.day_and_time(idea.changed_at)
    if idea.decided_by is None:
        return [Paragraph((Strong(_capitalised(texts(STATUS_LABEL[idea.status]))),))]
    who = name_of(idea.decided_by, names, texts)
    if idea.status is Status.REFUSED:
        line = texts("review.refused", moderator=who, date=date)
        return [Paragraph((Strong(line),)), Quotation(texts("field.reason"), idea.reason or "")]
    if idea.status is Status.PUBLISHED:
        return [Paragraph((Strong(texts("review.approved", moderator=who, date=date)),))]
    line = texts("review.status", status=texts(STATUS_LABEL[idea.status]), moderator=who, date=date)
    return [Paragraph((Strong(line),))]


def _summary(idea: Idea, texts: Texts) -> str:
    return texts("idea.summary", number=idea.number, title=idea.title, status=texts(STATUS_LABEL[idea.status]))


def titled(idea: AnyIdea, link: str | None, texts: Texts) -> Link | Strong:
    """An idea's number and title, which lead to its card where there is one."""
    title = texts("list.title_line", number=idea.number, title=idea.title)
    return Link(title, link) if link else Strong(title)


def name_of(member_id: str | None, names: Mapping[str, str], texts: Texts) -> str:
    """A member's name, or words for somebody whose name is not known."""
    return names.get(member_id or "") or texts("member.unknown")


def _capitalised(label: str) -> str:
    """A label that stands alone begins like a sentence; str.capitalize would lower the rest."""
    return label[:1].upper() + label[1:]
