"""The weekly digest: what is in it, posting it exactly once a period, and noting one that was missed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from bot.domain import shortlist
from bot.domain.calendar import Due, Period, Weekly
from bot.errors import AlreadyDone, NothingToShow
from bot.usecases import announcing, voting
from bot.usecases.reading import names_and_links
from storage import digests, gestures, ideas
from storage.tables import Digest, DigestEntry, HistoryEntry, Idea, Status, Step, present

WAITING_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many ideas the shortlist holds, and how many late ones are named beside it."""

    shortlist: int
    late_chances: int


@dataclass(frozen=True, slots=True)
class Named:
    """An idea as the digest names it, with its votes at that moment."""

    idea: Idea
    votes: int


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that a digest says.

    `waiting` are shortlisted ideas without an answer, with since when; `waiting_left_out` is how many more there are.
    """

    period: str
    since: datetime
    until: datetime
    shortlist: tuple[Named, ...]
    late_chances: tuple[Named, ...]
    decisions: tuple[tuple[HistoryEntry, Idea], ...]
    waiting: tuple[tuple[Idea, datetime], ...]
    proposed: int
    published: int
    voters: int
    names: Mapping[str, str]
    links: Mapping[int, str]
    waiting_left_out: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say this time."""
        named = (self.shortlist, self.late_chances, self.decisions, self.waiting)
        return not any(named) and not (self.proposed or self.published or self.voters)


def preview(session: Session, workspace_id: int, period: Period, sizes: Sizes, now: datetime) -> Contents:
    """What the period's digest would say now."""
    return _contents(session, _draft(session, workspace_id, period, now), _choose(session, workspace_id, sizes))


def publish(session: Session, workspace_id: int, period: Period, sizes: Sizes, now: datetime) -> Contents:
    """Freeze the shortlist and have the digest posted; a period with nothing to say is done without a post.

    Raises AlreadyDone where the period has its digest, from whichever process; at the very same moment, the unique key
    decides between two.
    """
    if not _is_free(session, workspace_id, period, now):
        raise AlreadyDone(period.key)
    return _post(session, workspace_id, period, sizes, now)


def _post(session: Session, workspace_id: int, period: Period, sizes: Sizes, now: datetime) -> Contents:
    digest = _draft(session, workspace_id, period, now)
    session.add(digest)
    session.flush()
    chosen, late = _choose(session, workspace_id, sizes, for_change=True)
    for rank, idea in enumerate(chosen, start=1):
        _enter(session, digest, idea, rank)
        idea.status, idea.changed_at = Status.SHORTLISTED, now
        ideas.record(session, idea, Step.SHORTLISTED, None, now, period.key)
        announcing.idea_card(session, idea, now)
    for idea in late:
        _enter(session, digest, idea, None)
        idea.shown += 1
    contents = _contents(session, digest, (chosen, late))
    if not contents.is_empty:
        announcing.digest_post(session, digest, now)
    return contents


def of_period(session: Session, workspace_id: int, period: Period, now: datetime) -> Digest | None:
    """The period's digest, if it has one that counts."""
    found = digests.of_period(session, workspace_id, period.key)
    return found if found and _counts(session, found, period, now) else None


def _counts(session: Session, digest: Digest, period: Period, now: datetime) -> bool:
    """What was posted does. That the period was missed, or had nothing to say, counts only if its hour had come by
    then: the operator may have put it off since, and a clock that was ahead may have noted what is yet to be.
    """
    if period.due_at <= digest.until <= now:
        return True
    return _is_posted(session, digest.workspace_id, period)


def _is_posted(session: Session, workspace_id: int, period: Period) -> bool:
    return period.key in announcing.posted_from(session, workspace_id, period.key)


def _is_free(session: Session, workspace_id: int, period: Period, now: datetime) -> bool:
    """Whether the period may be given its digest; one that does not count is gone then."""
    found = digests.of_period(session, workspace_id, period.key)  # once: a second look may find another process's
    if found is None:
        return True
    if _counts(session, found, period, now):
        return False
    digests.remove(session, found)
    return True


def next_one(session: Session, workspace_id: int, weekly: Weekly, now: datetime) -> Period:
    """The period whose digest comes next: the first after `now` that has none yet, for one may be posted early.

    None can have been missed, or passed with nothing to say, before its hour.
    """
    period = weekly.coming(now)
    posted = announcing.posted_from(session, workspace_id, period.key)
    while period.key in posted:
        period = weekly.coming(period.due_at)
    return period


def current_one(session: Session, workspace_id: int, weekly: Weekly, now: datetime) -> Period:
    """The period whose digest is in the making: on its own day the latest until it is posted, then the coming one,
    though that may be posted too.
    """
    latest = weekly.latest(now)
    if weekly.verdict(latest, now) is Due.POST and not _is_posted(session, workspace_id, latest):
        return latest
    return weekly.coming(now)


def wished_one(weekly: Weekly, now: datetime) -> Period:
    """The period that somebody has posted by hand: on its own day the latest, be it posted already.

    Who asks for it twice, or just after the schedule, does not mean the week after's.
    """
    latest = weekly.latest(now)
    return latest if weekly.verdict(latest, now) is Due.POST else weekly.coming(now)


def publish_early(session: Session, workspace_id: int, period: Period, sizes: Sizes, now: datetime) -> Contents:
    """The same before the schedule does it, or on a day on which that had nothing to say, at somebody's wish.

    Raises AlreadyDone where it is posted, or NothingToShow: then the period is left as it was.
    """
    found = digests.of_period(session, workspace_id, period.key)  # before: afterwards it may be another process's post
    if _is_posted(session, workspace_id, period):
        raise AlreadyDone(period.key)
    if found:
        digests.remove(session, found)
    contents = _post(session, workspace_id, period, sizes, now)
    if contents.is_empty:
        raise NothingToShow("digest")
    return contents


def note_missed(session: Session, workspace_id: int, period: Period, now: datetime) -> Digest | None:
    """Remember that the period went by without a digest; its ideas stay for the next. None if it has one."""
    if not _is_free(session, workspace_id, period, now):
        return None
    digest = _draft(session, workspace_id, period, now)
    digest.is_missed = True
    session.add(digest)
    return digest


def posted_contents(session: Session, digest_id: int) -> Contents:
    """What a frozen digest says: ranks and votes as they were then, titles as they are now."""
    digest = session.get_one(Digest, digest_id)
    entries = digests.entries(session, digest_id)
    chosen = [Named(idea, entry.votes) for entry, idea in entries if entry.rank is not None]
    late = [Named(idea, entry.votes) for entry, idea in entries if entry.rank is None]
    return _assemble(session, digest, chosen, late)


def _choose(
    session: Session, workspace_id: int, sizes: Sizes, *, for_change: bool = False
) -> tuple[list[Idea], list[Idea]]:
    candidates = ideas.most_supported(session, workspace_id, sizes.shortlist, for_change=for_change)
    chosen = shortlist.top(candidates, sizes.shortlist)
    seldom = ideas.least_shown(session, workspace_id, sizes.shortlist + sizes.late_chances, for_change=for_change)
    return chosen, shortlist.late_chances(seldom, chosen, sizes.late_chances)


def _draft(session: Session, workspace_id: int, period: Period, now: datetime) -> Digest:
    last = digests.last_posted(session, workspace_id, besides=period.key)
    since = last.until if last and last.until <= now else period.since
    own_ideas = voting.counts_own_ideas(session, workspace_id)
    return Digest(
        workspace_id=workspace_id,
        period=period.key,
        since=since,
        until=now,
        proposed=ideas.count_steps(session, workspace_id, Step.SUBMITTED, since, now),
        published=ideas.count_steps(session, workspace_id, Step.APPROVED, since, now),
        voters=gestures.voters_between(session, workspace_id, since, now, own_ideas=own_ideas),
    )


def _enter(session: Session, digest: Digest, idea: Idea, rank: int | None) -> None:
    session.add(DigestEntry(digest_id=present(digest.id), idea_id=present(idea.id), rank=rank, votes=idea.supporters))


def _contents(session: Session, digest: Digest, choice: tuple[list[Idea], list[Idea]]) -> Contents:
    chosen, late = ([Named(idea, idea.supporters) for idea in part] for part in choice)
    return _assemble(session, digest, chosen, late)


def _assemble(session: Session, digest: Digest, chosen: Sequence[Named], late: Sequence[Named]) -> Contents:
    workspace_id = digest.workspace_id
    decisions = _last_of_each(ideas.steps_between(session, workspace_id, {Step.STATUS_SET}, digest.since, digest.until))
    waiting, all_waiting = digests.awaiting_answer(session, workspace_id, digest.until, WAITING_SHOWN)
    mentioned = [named.idea for named in (*chosen, *late)]
    mentioned += [idea for _, idea in decisions] + [idea for idea, _ in waiting]
    names, links = names_and_links(session, workspace_id, mentioned)
    return Contents(
        digest.period,
        digest.since,
        digest.until,
        tuple(chosen),
        tuple(late),
        decisions,
        tuple(waiting),
        digest.proposed,
        digest.published,
        digest.voters,
        names,
        links,
        all_waiting - len(waiting),
    )


def _last_of_each(decisions: Sequence[tuple[HistoryEntry, Idea]]) -> tuple[tuple[HistoryEntry, Idea], ...]:
    """Each idea's last decision, in their order: one before it may have been a slip, and holds no more. That an idea is
    open to votes again is none.
    """
    last = {line.idea_id: line.id for line, _ in decisions}
    return tuple(
        (line, idea) for line, idea in decisions if last[line.idea_id] == line.id and line.detail != Status.PUBLISHED
    )
