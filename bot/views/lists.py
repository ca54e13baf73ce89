"""Lists, ranking, shortlist, figures and help, for the member who asked."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.usecases.reading import Home, Listing, Page, Shortlist, Stats
from bot.views.actions import ALL, Click
from bot.views.cards import (
    Actions,
    Block,
    Button,
    Card,
    Heading,
    Hint,
    Items,
    Menu,
    Note,
    Option,
    Paragraph,
    Span,
    Strong,
    Style,
)
from bot.views.ideas import STATUS_LABEL, titled
from bot.views.texts import Texts
from storage.tables import Idea, Status, present

_TITLE: Mapping[Listing, str] = {
    Listing.ALL: "list.all",
    Listing.MINE: "list.mine",
    Listing.QUEUE: "list.queue",
    Listing.TOP: "list.top",
}
_EMPTY: Mapping[Listing, str] = {
    Listing.ALL: "list.all_empty",
    Listing.MINE: "list.mine_empty",
    Listing.QUEUE: "list.queue_empty",
    Listing.TOP: "list.top_empty",
}
_LIST_OF: Mapping[Status, str] = {
    Status.PENDING: "list.pending",
    Status.REFUSED: "list.refused",
    Status.WITHDRAWN: "list.withdrawn",
    Status.PUBLISHED: "list.published",
    Status.SHORTLISTED: "list.shortlisted",
    Status.RETAINED: "list.retained",
    Status.IN_PROGRESS: "list.in_progress",
    Status.DELIVERED: "list.delivered",
    Status.DECLINED: "list.declined",
}
_OWN_LIST_OF: Mapping[Status, tuple[str, str]] = {
    Status.PENDING: ("list.own_pending", "list.own_pending_empty"),
    Status.REFUSED: ("list.own_refused", "list.own_refused_empty"),
    Status.WITHDRAWN: ("list.own_withdrawn", "list.own_withdrawn_empty"),
}
"""What members see their own ideas alone of: the title, and the sentence where there are none."""


class _Line(NamedTuple):
    """The keys of what can be typed, of what it does, and of an example where something of one's own follows."""

    typed: str
    does: str
    example: str | None = None


_HELP_LINES = (
    _Line("help.idea", "help.idea_does"),
    _Line("help.text", "help.text_does", "help.example_idea"),
    _Line("help.list", "help.list_does"),
    _Line("help.mine", "help.mine_does"),
    _Line("help.show", "help.show_does", "help.example_number"),
    _Line("help.search", "help.search_does", "help.example_words"),
    _Line("help.top", "help.top_does"),
    _Line("help.vote", "help.vote_does", "help.example_number"),
    _Line("help.edit", "help.edit_does", "help.example_number"),
    _Line("help.withdraw", "help.withdraw_does", "help.example_number"),
    _Line("help.shortlist", "help.shortlist_does"),
    _Line("help.stats", "help.stats_does"),
    _Line("help.help", "help.help_does"),
)
_MODERATOR_LINES = (
    _Line("help.queue", "help.queue_does"),
    _Line("help.status", "help.status_does", "help.example_status"),
    _Line("help.preview", "help.preview_does"),
    _Line("help.now", "help.now_does"),
)


def page_card(page: Page, texts: Texts) -> Card:
    """A page of a list, with a button where more follow, and a menu where it can be of something else."""
    title = _title(page, texts)
    blocks: list[Block] = [Heading(title), *_menu(page, texts)]
    if not page.ideas:
        empty = _empty(page, texts)
        return Card(empty, (*blocks, Paragraph((empty,)), *_capture_instead(page, texts)))
    lines = tuple(idea_line(idea, page, texts) for idea in page.ideas)
    blocks += [Items(lines, numbered=page.listing is Listing.TOP), *left_out(page.left_out, texts)]
    if page.has_more:
        blocks.append(Note((texts("list.found_more"),)))
    if page.next_before is not None:
        blocks.append(Actions((_more_button(page, texts),)))
    return Card(title, (*blocks, *_capture_instead(page, texts)))


def home_card(home: Home, texts: Texts) -> Card:
    """A member's own page: propose, their ideas, what is open to votes, and for moderators what waits."""
    title = texts("home.title")
    blocks: list[Block] = [
        Heading(title),
        Actions((Button(texts("button.propose"), Click.PROPOSE, style=Style.PRIMARY),)),
    ]
    for page in filter(None, (home.queue, home.mine, home.open_to_votes)):
        blocks.append(Paragraph((Strong(_title(page, texts)),)))
        if not page.ideas:
            blocks.append(Note((texts(_EMPTY[page.listing]),)))
            continue
        blocks += [Items(tuple(idea_line(idea, page, texts) for idea in page.ideas)), *left_out(page.left_out, texts)]
        if page.listing is not Listing.QUEUE:
            blocks.append(Actions(tuple(_show_button(idea, texts) for idea in page.ideas)))
    return Card(title, tuple(blocks))


def _show_button(idea: Idea, texts: Texts) -> Button:
    return Button(texts("button.show", number=idea.number), Click.SHOW, str(idea.number))


def idea_line(idea: Idea, page: Page, texts: Texts) -> tuple[Span, ...]:
    """An idea in a line: number, title, where it stands, how many support it."""
    details = [texts.plural("idea.supporters", idea.supporters)]
    if page.listing in {Listing.MINE, Listing.FOUND, Listing.ALL} and page.status is None:
        details.insert(0, texts(STATUS_LABEL[idea.status]))
    if page.listing is Listing.QUEUE:
        details = [texts("list.waiting_since", date=texts.date(page.since[present(idea.id)]))]
    return (titled(idea, page.links.get(present(idea.id)), texts), " · " + " · ".join(details))


def left_out(count: int, texts: Texts) -> tuple[Block, ...]:
    """How many more there are than a list names, where it names not all."""
    return (Note((texts.plural("list.left_out", count),)),) if count else ()


def shortlist_card(shortlist: Shortlist, texts: Texts) -> Card:
    """The last shortlist, with where each idea stands now."""
    title = texts("shortlist.title", date=texts.date(shortlist.digest.until))
    lines = []
    for entry, idea in shortlist.entries:
        facts = f" · {texts.plural('idea.votes', entry.votes)} · {texts(STATUS_LABEL[idea.status])}"
        lines.append((titled(idea, shortlist.links.get(present(idea.id)), texts), facts))
    return Card(title, (Heading(title), Items(tuple(lines), numbered=True)))


def stats_card(stats: Stats, texts: Texts) -> Card:
    """Participation figures."""
    title = texts("stats.title")
    lines = (
        texts.plural("stats.proposed", stats.proposed),
        texts.plural("stats.authors", stats.authors),
        texts.plural("stats.voters", stats.voters),
        texts.plural("stats.published", stats.published),
        texts.plural("stats.shortlisted", stats.shortlisted),
        texts.plural("stats.retained", stats.retained),
        texts.plural("stats.delivered", stats.delivered),
    )
    return Card(title, (Heading(title), Items(tuple((line,) for line in lines))))


def help_card(command: str, texts: Texts, *, is_moderator: bool) -> Card:
    """What can be typed, in one screen."""
    title = texts("help.title")
    blocks: list[Block] = [Heading(title), Paragraph((texts("help.intro"),)), _help_items(_HELP_LINES, command, texts)]
    if is_moderator:
        blocks += [Paragraph((Strong(texts("help.moderators")),)), _help_items(_MODERATOR_LINES, command, texts)]
    return Card(title, tuple(blocks))


def hints(command: str, language: str, *, is_moderator: bool) -> list[Hint]:
    """What that member can type and what it does, for a hint list."""
    texts = Texts(language)
    lines = (*_HELP_LINES, *_MODERATOR_LINES) if is_moderator else _HELP_LINES
    return [Hint(_typed(line, command, "", texts).rstrip(), _example(line, texts), texts(line.does)) for line in lines]


def _help_items(lines: Sequence[_Line], command: str, texts: Texts) -> Items:
    return Items(
        tuple((Strong(_typed(line, command, _example(line, texts), texts)), f" · {texts(line.does)}") for line in lines)
    )


def _typed(line: _Line, command: str, example: str, texts: Texts) -> str:
    return texts(line.typed, command=command, example=example)


def _example(line: _Line, texts: Texts) -> str:
    return texts(line.example) if line.example else ""


def _title(page: Page, texts: Texts) -> str:
    if page.listing is Listing.FOUND:
        return texts("list.found", words=page.words)
    return _list_of(page.status, page, texts) if page.status else texts(_TITLE[page.listing])


def _empty(page: Page, texts: Texts) -> str:
    if not page.is_searchable:
        return texts("list.found_wordless")
    if page.listing is Listing.FOUND:
        return texts.plural("list.found_empty", len(page.words.split()))
    return texts(_OWN_LIST_OF[page.status][1] if page.is_own and page.status else _EMPTY[page.listing])


def _list_of(status: Status, page: Page, texts: Texts) -> str:
    return texts(_OWN_LIST_OF[status][0] if page.is_own and status is page.status else _LIST_OF[status])


def _menu(page: Page, texts: Texts) -> tuple[Block, ...]:
    if not page.choices:
        return ()
    options = tuple(Option(_list_of(status, page, texts), status) for status in page.choices)
    everything = Option(texts("list.menu_all"), ALL)
    return (Menu(texts("list.menu"), Click.LIST, (everything, *options), page.status or ALL),)


def _more_button(page: Page, texts: Texts) -> Button:
    if page.listing is Listing.MINE:
        return Button(texts("button.more"), Click.MORE_MINE, str(page.next_before))
    return Button(texts("button.more"), Click.MORE_IDEAS, f"{page.status or ''},{page.next_before}")


def _capture_instead(page: Page, texts: Texts) -> tuple[Block, ...]:
    """A search may have been meant as an idea that begins with "search"."""
    if page.listing is not Listing.FOUND:
        return ()
    return (Note((texts("list.found_note"),)), Actions((Button(texts("button.capture"), Click.CAPTURE, page.typed),)))
