"""What members can look up. Nothing here changes anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from bot.domain.lifecycle import PUBLIC
from bot.domain.permissions import Caller, can_read_exchange, require_known_role, require_moderator
from bot.errors import NothingToShow
from bot.usecases import announcing, voting
from bot.usecases.finding import visible_idea
from storage import digests, ideas, outbox, search, workspaces
from storage.search import Visible
from storage.tables import AnyIdea, Digest, DigestEntry, HistoryEntry, Idea, Status, Step, present

PAGE = 8
FOUND = 10
RANKED = 10
_BETWEEN_THEM = frozenset({Step.QUESTIONED, Step.REFUSED})
"""Steps whose detail moderators wrote to the author alone."""


class Listing(StrEnum):
    """Which list a page belongs to."""

    ALL = "all"
    MINE = "mine"
    QUEUE = "queue"
    FOUND = "found"
    TOP = "top"


@dataclass(frozen=True, slots=True)
class Page:
    """Ideas of a list. `names` and `links` are by member id and idea key; `next_before` where more follow.

    A moderator's link to what waits for a decision leads to its card in the review channel, where it is decided on.
    `typed` is the whole text that was understood as a search; `choices` are the statuses that a list may be of;
    `left_out` is how many more there are of a list that has no next page; `is_own` where it has the member's
    own ideas alone, because the others of that status are not for them; `since` is by idea key, since when what is in
    the queue waits. Of a search, `has_more` where there are more than these, and `is_searchable` unless there is no
    word in it that can be looked for.
    """

    listing: Listing
    ideas: tuple[Idea, ...]
    names: Mapping[str, str]
    links: Mapping[int, str]
    status: Status | None = None
    words: str = ""
    next_before: int | None = None
    typed: str = ""
    choices: tuple[Status, ...] = ()
    left_out: int = 0
    is_own: bool = False
    since: Mapping[int, datetime] = field(default_factory=dict)
    has_more: bool = False
    is_searchable: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """One idea with its history, oldest line first; `is_own` for its author.

    `link` is as those of a `Page`. What moderators wrote to the author stands in `history` for those who may read it;
    for others that detail is empty.
    """

    idea: Idea
    history: tuple[HistoryEntry, ...]
    names: Mapping[str, str]
    link: str | None
    is_own: bool


@dataclass(frozen=True, slots=True)
class Home:
    """A member's own page; `queue` is for moderators."""

    mine: Page
    open_to_votes: Page
    queue: Page | None


@dataclass(frozen=True, slots=True)
class Shortlist:
    """A frozen shortlist with the ideas as they are now."""

    digest: Digest
    entries: tuple[tuple[DigestEntry, Idea], ...]
    names: Mapping[str, str]
    links: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Stats:
    """Participation: ideas by where they stand, and members who take part."""

    proposed: int
    published: int
    shortlisted: int
    retained: int
    delivered: int
    authors: int
    voters: int


def list_ideas(session: Session, caller: Caller, status: Status | None, before: int | None = None) -> Page:
    """Ideas, newest first; of what is not public, members see their own alone.

    Raises NotPermitted where that depends on who moderates, and it isn't known.
    """
    statuses = PUBLIC if status is None else {status}
    author_id = None if statuses <= PUBLIC or caller.is_moderator else caller.member_id
    if author_id is not None:
        require_known_role(caller)
    found = ideas.newest(session, caller.workspace_id, statuses, author_id, before=before, limit=PAGE + 1)
    page = _page(session, caller, Listing.ALL, found, status=status)
    return replace(page, choices=_choices(caller, status), is_own=author_id is not None)


def _choices(caller: Caller, status: Status | None) -> tuple[Status, ...]:
    """In the order of an idea's life; what is listed now is always one of them."""
    offered = PUBLIC | ({Status.PENDING, Status.REFUSED} if caller.is_moderator else set()) | {status}
    return tuple(each for each in Status if each in offered)


def mine(session: Session, caller: Caller, before: int | None = None) -> Page:
    """The member's own ideas, newest first."""
    found = ideas.newest(session, caller.workspace_id, set(Status), caller.member_id, before=before, limit=PAGE + 1)
    return _page(session, caller, Listing.MINE, found)


def queue(session: Session, caller: Caller) -> Page:
    """What waits for a decision, longest first. Raises NotPermitted."""
    require_moderator(caller)
    waiting = ideas.oldest_pending(session, caller.workspace_id, PAGE)
    left_out = ideas.count_pending(session, caller.workspace_id) - PAGE if len(waiting) == PAGE else 0
    page = _page(session, caller, Listing.QUEUE, [idea for idea, _ in waiting])
    return replace(page, left_out=left_out, since={present(idea.id): since for idea, since in waiting})


def home(session: Session, caller: Caller) -> Home:
    """The member's own ideas, what they can vote for, and what waits for them as a moderator."""
    waiting = queue(session, caller) if caller.is_moderator else None
    return Home(mine(session, caller), list_ideas(session, caller, Status.PUBLISHED), waiting)


def find(session: Session, caller: Caller, words: str, typed: str) -> Page:
    """Full text over what the member may see, best first. Raises as `list_ideas`, where nothing is found."""
    visible = Visible(set(Status) if caller.is_moderator else PUBLIC, caller.member_id)
    found = search.find(session, caller.workspace_id, words, visible, FOUND + 1)
    is_searchable = bool(found or search.terms(words))
    if not found and is_searchable:
        require_known_role(caller)
    page = _page(session, caller, Listing.FOUND, found[:FOUND])
    return replace(page, words=words, typed=typed, has_more=len(found) > FOUND, is_searchable=is_searchable)


def ranking(session: Session, caller: Caller) -> Page:
    """The running ranking of the period."""
    return _page(session, caller, Listing.TOP, ideas.most_supported(session, caller.workspace_id, RANKED))


def show(session: Session, caller: Caller, number: int) -> Shown:
    """One idea with its history. Raises IdeaNotFound."""
    idea = visible_idea(session, caller, number)
    lines = ideas.history(session, present(idea.id))
    if not can_read_exchange(caller, idea):
        lines = [_without_words(line) if line.step in _BETWEEN_THEM else line for line in lines]
    names = workspaces.names(session, caller.workspace_id, [idea.author_id, *(line.member_id for line in lines)])
    links = {**card_links(session, caller.workspace_id, [idea]), **_to_decide(session, caller, [idea])}
    return Shown(idea, tuple(lines), names, links.get(present(idea.id)), idea.author_id == caller.member_id)


def _without_words(line: HistoryEntry) -> HistoryEntry:
    """A line of its own: what the session has loaded would be saved."""
    return HistoryEntry(**line.model_dump(exclude={"detail"}))


def last_shortlist(session: Session, caller: Caller) -> Shortlist:
    """The last shortlist that named an idea, however many quiet weeks ago. Raises NothingToShow."""
    digest = digests.last_with_shortlist(session, caller.workspace_id)
    if digest is None:
        raise NothingToShow("shortlist")
    entries = tuple(pair for pair in digests.entries(session, present(digest.id)) if pair[0].rank is not None)
    names, links = names_and_links(session, caller.workspace_id, [idea for _, idea in entries])
    return Shortlist(digest, entries, names, links)


def stats(session: Session, caller: Caller) -> Stats:
    """Participation since the beginning; a vote for an idea that is not public any more is none."""
    counts = ideas.count_by_status(session, caller.workspace_id)

    def reached(*statuses: Status) -> int:
        return sum(counts.get(status, 0) for status in statuses)

    retained = (Status.RETAINED, Status.IN_PROGRESS, Status.DELIVERED)
    own_ideas = voting.counts_own_ideas(session, caller.workspace_id)
    authors, voters = ideas.count_participants(session, caller.workspace_id, PUBLIC, own_ideas=own_ideas)
    return Stats(
        proposed=sum(counts.values()),
        published=reached(*PUBLIC),
        shortlisted=reached(Status.SHORTLISTED, Status.DECLINED, *retained),
        retained=reached(*retained),
        delivered=reached(Status.DELIVERED),
        authors=authors,
        voters=voters,
    )


def _page(
    session: Session,
    caller: Caller,
    listing: Listing,
    found: list[Idea],
    *,
    status: Status | None = None,
) -> Page:
    shown = found[:PAGE] if listing in {Listing.ALL, Listing.MINE} else found
    names, links = names_and_links(session, caller.workspace_id, shown)
    links = {**links, **_to_decide(session, caller, shown)}
    next_before = shown[-1].number if len(found) > len(shown) else None
    return Page(listing, tuple(shown), names, links, status, next_before=next_before)


def _to_decide(session: Session, caller: Caller, named: Sequence[Idea]) -> Mapping[int, str]:
    """For a moderator, links by idea key to the cards in the review channel of what waits for a decision."""
    if not caller.is_moderator:
        return {}
    waiting = [present(idea.id) for idea in named if idea.status is Status.PENDING]
    return outbox.permalinks(session, caller.workspace_id, announcing.REVIEW_CARD, waiting)


def card_links(session: Session, workspace_id: int, named: Sequence[AnyIdea]) -> Mapping[int, str]:
    """Links to the ideas' cards by idea key."""
    return outbox.permalinks(session, workspace_id, announcing.IDEA_CARD, [present(idea.id) for idea in named])


def names_and_links(
    session: Session, workspace_id: int, named: Sequence[AnyIdea]
) -> tuple[Mapping[str, str], Mapping[int, str]]:
    """Authors' names by member id, and links to the ideas' cards by idea key."""
    if not named:
        return {}, {}
    names = workspaces.names(session, workspace_id, [idea.author_id for idea in named])
    return names, card_links(session, workspace_id, named)
