"""The weekly digest and the reminder of what waits in the review channel."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.usecases.digesting import Contents, Named
from bot.views.cards import Block, Card, Heading, Items, Note, Paragraph, Span, Strong
from bot.views.ideas import STATUS_LABEL, name_of, titled
from bot.views.lists import left_out
from bot.views.texts import Texts
from storage.tables import Idea, Status, present


def digest_card(contents: Contents, texts: Texts, *, is_preview: bool = False) -> Card:
    """Shortlist, chances for late ideas, decisions, what waits for its answer, participation."""
    title = texts("digest.title", date=texts.date(contents.until))
    links = contents.links
    blocks: list[Block] = [Heading(title)]
    if is_preview:
        blocks.append(Note((texts("digest.preview"),)))
    if contents.shortlist:
        blocks.append(Paragraph((texts("digest.shortlist"),)))
        blocks.append(Items(tuple(_named(named, contents, texts) for named in contents.shortlist), numbered=True))
        blocks.append(Note((texts.plural("digest.answer_owed", len(contents.shortlist)),)))
    else:
        blocks.append(Paragraph((texts("digest.no_shortlist"),)))
    late = [_named(named, contents, texts) for named in contents.late_chances]
    decisions = [
        (titled(idea, links.get(present(idea.id)), texts), f" · {texts(STATUS_LABEL[Status(line.detail)])}")
        for line, idea in contents.decisions
    ]
    waiting = [
        (
            titled(idea, links.get(present(idea.id)), texts),
            f" · {texts('digest.since', date=texts.date(since))}",
        )
        for idea, since in contents.waiting
    ]
    for heading, lines in (
        (texts.plural("digest.late", len(late)), late),
        (texts("digest.decisions"), decisions),
        (texts("digest.waiting"), waiting),
    ):
        if lines:
            blocks += [Paragraph((Strong(heading),)), Items(tuple(lines))]
    blocks += left_out(contents.waiting_left_out, texts)
    blocks.append(Note((_figures(contents, texts),)))
    return Card(title, tuple(blocks))


def posted_card(contents: Contents, due_at: datetime, next_at: datetime, texts: Texts) -> Card:
    """Told to the moderator who had the digest posted before it was due; `next_at` is the one after it."""
    due, following = texts.day_and_time(due_at), texts.day_and_time(next_at)
    line = texts.plural("digest.posted", len(contents.shortlist), due=due, next=following)
    return Card(line, (Paragraph((line,)),), "success")


def reminder_card(
    waiting: Sequence[tuple[Idea, datetime]], links: Mapping[int, str], now: datetime, texts: Texts
) -> Card:
    """Ideas that wait for a decision, each since when, longest first, with links to their cards."""
    line = texts.plural("reminder.title", len(waiting))
    lines = tuple(
        (titled(idea, links.get(present(idea.id)), texts), f" · {texts('reminder.waits', age=texts.age(since, now))}")
        for idea, since in waiting
    )
    return Card(line, (Heading(line), Items(lines)), "warning")


def _figures(contents: Contents, texts: Texts) -> str:
    figures = (
        texts.plural("digest.proposed", contents.proposed),
        texts.plural("digest.published", contents.published),
        texts.plural("digest.voters", contents.voters),
    )
    return " · ".join((texts("digest.figures", date=texts.date(contents.since)), *figures))


def _named(named: Named, contents: Contents, texts: Texts) -> tuple[Span, ...]:
    author = name_of(named.idea.author_id, contents.names, texts)
    facts = f" · {texts.plural('idea.votes', named.votes)} · {author}"
    return (titled(named.idea, contents.links.get(present(named.idea.id)), texts), facts)
