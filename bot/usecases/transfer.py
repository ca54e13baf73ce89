"""Ideas out of Butine and into it: whole, with authors, supporters and history."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlmodel import Session

from bot.domain import draft as drafts
from bot.domain.draft import Draft
from bot.domain.lifecycle import PUBLIC
from bot.domain.voting import COMMAND, Voting
from bot.usecases import announcing
from bot.usecases.voting import supporters_of
from storage import gestures, ideas, similarity, workspaces
from storage.tables import Idea, Status, Step, present

PAGE = 500


def _in_utc(moment: datetime) -> datetime:
    """As it will be kept: at the ends of time, some zones' moments lie beyond what UTC can name."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(*error.args) from error  # which pydantic reports


Moments = Collection[tuple[str, datetime | None]]
"""Authors with a time of submission."""
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Words = Annotated[str, AfterValidator(drafts.sound)]


class HistoryRecord(BaseModel):
    """A line of an idea's history; a change of status has the status as its detail."""

    model_config = ConfigDict(extra="forbid")

    at: Moment
    member: Words | None = None
    step: Step
    detail: Words = ""

    @model_validator(mode="after")
    def _names_a_status(self) -> Self:
        if self.step is Step.STATUS_SET:
            Status(self.detail)  # ValueError, which pydantic reports
        return self


class IdeaRecord(BaseModel):
    """An idea as it travels, one JSON object. Only `title` and `author` are needed; unknown keys are refused.
    Texts are made as sound as what members type.

    `number` is what it was where it came from: here it gets the next one.
    """

    model_config = ConfigDict(extra="forbid")

    number: int | None = None
    title: Words
    need: Words = ""
    proposal: Words = ""
    benefit: Words = ""
    author: Words
    author_name: Words = ""
    status: Status = Status.PENDING
    submitted_at: Moment | None = None
    published_at: Moment | None = None
    reason: Words | None = None
    supporters: list[Words] = Field(default_factory=list)
    history: list[HistoryRecord] = Field(default_factory=list)


def export(session: Session, workspace_id: int, voting: Voting) -> Iterator[Mapping[str, Any]]:
    """Every idea, oldest first, JSON-ready."""
    after = 0
    while page := ideas.after(session, workspace_id, after, PAGE):
        for idea in page:
            yield _record(session, idea, voting).model_dump(mode="json")
        after = page[-1].number


@dataclass(frozen=True, slots=True)
class Retitled:
    """A record that is here already, though under another title."""

    title: str
    number: int
    kept_title: str


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """What came of records: the ideas that are new, and the records that were taken for ideas of another title."""

    added: list[Idea] = field(default_factory=list)
    retitled: list[Retitled] = field(default_factory=list)


def shared_moments(records: Iterable[IdeaRecord]) -> Moments:
    """The authors and times of submission that records of different titles share.

    A list that knows no hours has such ones. Raises InvalidInput for a text that is too long.
    """
    titles: dict[tuple[str, datetime], set[str]] = {}
    for record in records:
        if record.submitted_at:
            titles.setdefault((record.author, record.submitted_at), set()).add(_draft(record).title)
    return {moment for moment, found in titles.items() if len(found) > 1}


def bring_in(
    session: Session,
    workspace_id: int,
    records: Sequence[IdeaRecord],
    voting: Voting,
    now: datetime,
    shared: Moments | None = None,
) -> BroughtIn:
    """Keep ideas from elsewhere under new numbers, with their cards to be shown.

    One that is here already is left alone, so that a second import adds nothing. It is known again by its author and
    its time of submission, since a title may have been corrected on either side; and by its title, too, where these
    don't tell ideas apart: no time is given, several ideas here have both, or several records, which are those in
    `shared` where `records` are but a part of all. Raises InvalidInput for a text that is too long.
    """
    brought = BroughtIn()
    shared = shared_moments(records) if shared is None else shared
    for record in records:
        title = _draft(record).title
        is_shared = (record.author, record.submitted_at) in shared
        known = _known(session, workspace_id, record, title, is_shared=is_shared)
        if known is None:
            brought.added.append(_add(session, workspace_id, record, voting, now))
        elif known[1] != title:
            brought.retitled.append(Retitled(title, *known))
    return brought


def _known(
    session: Session, workspace_id: int, record: IdeaRecord, title: str, *, is_shared: bool
) -> tuple[int, str] | None:
    """Number and title of the idea that the record is, if it is here already."""
    author, at = record.author, record.submitted_at
    if at and not is_shared:
        found = ideas.alike(session, workspace_id, author, None, at, limit=2)
        if len(found) < 2:  # noqa: PLR2004  none or the one
            return next(iter(found), None)
    return next(iter(ideas.alike(session, workspace_id, author, title, at, limit=1)), None)


def _draft(record: IdeaRecord) -> Draft:
    return drafts.checked(Draft(record.title, record.need, record.proposal, record.benefit))


def _add(session: Session, workspace_id: int, record: IdeaRecord, voting: Voting, now: datetime) -> Idea:
    draft = _draft(record)
    submitted_at = record.submitted_at or now
    if record.author_name and not workspaces.names(session, workspace_id, [record.author]):
        workspaces.saw(session, workspace_id, record.author, record.author_name, None)
    is_public = record.status in PUBLIC
    supporters = {member for member in record.supporters if is_public and voting.is_fitting(record.author, member)}
    idea = Idea(
        workspace_id=workspace_id,
        number=0,  # storage gives the real one
        title=draft.title,
        need=draft.need,
        proposal=draft.proposal,
        benefit=draft.benefit,
        author_id=record.author,
        status=record.status,
        supporters=len(supporters),
        submitted_at=submitted_at,
        changed_at=now,
        published_at=(record.published_at or now) if is_public else None,
        reason=record.reason,
    )
    ideas.add(session, idea)
    supported_at = min(record.published_at or submitted_at, now)  # no later: then they would be this week's voters
    for member_id in supporters:
        gestures.keep(session, workspace_id, present(idea.id), member_id, COMMAND, supported_at, is_present=True)
    if not record.history:
        ideas.record(session, idea, Step.SUBMITTED, record.author, submitted_at)
    for line in record.history:
        ideas.record(session, idea, line.step, line.member, line.at, line.detail)
    if record.status is Status.SHORTLISTED and not any(_shortlists(line) for line in record.history):
        ideas.record(session, idea, Step.SHORTLISTED, None, now)  # since when it waits for its answer
    if record.status is Status.PENDING:
        announcing.review_card(session, idea, now)
    elif is_public:
        similarity.compare_with(session, idea)
        announcing.idea_card(session, idea, now)
    return idea


def _shortlists(line: HistoryRecord) -> bool:
    return line.step is Step.SHORTLISTED or (line.step is Step.STATUS_SET and line.detail == Status.SHORTLISTED)


def _record(session: Session, idea: Idea, voting: Voting) -> IdeaRecord:
    key = present(idea.id)
    names = workspaces.names(session, idea.workspace_id, [idea.author_id])
    return IdeaRecord(
        number=idea.number,
        title=idea.title,
        need=idea.need,
        proposal=idea.proposal,
        benefit=idea.benefit,
        author=idea.author_id,
        author_name=names.get(idea.author_id, ""),
        status=idea.status,
        submitted_at=idea.submitted_at,
        published_at=idea.published_at,
        reason=idea.reason,
        supporters=supporters_of(session, idea, voting),
        history=[
            HistoryRecord(at=line.at, member=line.member_id, step=line.step, detail=line.detail)
            for line in ideas.history(session, key)
        ],
    )
