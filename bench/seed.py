"""A database as years of use would leave it, made in minutes: every row that the product itself would have written.

The same organisation at any age: so many ideas and votes a week, up to now. Asking Butine anything is others' part.
"""

import asyncio
import os
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, insert, text
from sqlmodel import SQLModel

from bench.words import Language
from bot.config import Settings
from bot.domain.lifecycle import PUBLIC
from bot.rules import rules_of
from bot.schedule import INBOX_KEPT
from bot.usecases import announcing, voting
from storage import search, workspaces
from storage.database import Database
from storage.tables import Status, Step
from tests.fakes.slack.state import IDEAS, REVIEW, TEAM

IDEAS_A_WEEK = 200
"""So few that a thousand ideas are of more than a month: the week's votes, which a digest counts and most of which are
for ideas of weeks before, are then as many in an organisation of that age as in one that is older.
"""
MEMBERS = 5_000
SHORTLISTED_A_WEEK = 5
TAKEN_BACK = 0.03
"""Of the votes cast, so many were taken back; they come on top."""
CHUNK = 5_000
EMOJI = ("+1", "+1", "+1", "heart", "bulb")
FOLDER = Path(tempfile.gettempdir()) / f"butine-bench-{os.getuid()}"
SHAPE = 8
"""To be counted up when what is made changes, so that no older file is taken for it."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How many ideas and standing votes."""

    ideas: int
    votes: int


@dataclass
class Kept:
    """One idea to be, and what became of it."""

    id: int
    author: str
    submitted: datetime
    status: Status = Status.PENDING
    decided: datetime | None = None
    answered: datetime | None = None
    week: str = ""
    voters: int = 0
    history: list[tuple[datetime, str | None, Step, str]] = field(default_factory=list)


def member(number: int) -> str:
    """A member's id; the first of them the fake Slack knows too."""
    return f"U0M{number:07}"


def seeded(size: Size) -> Path:
    """The database of that size, made if there is none of today; to be copied, not written to."""
    now = datetime.now(UTC)
    FOLDER.mkdir(exist_ok=True, mode=0o700)
    path = FOLDER / f"{SHAPE}-{size.ideas}-{size.votes}-{now:%Y%m%d}.db"
    if not path.exists():
        for old in FOLDER.glob(f"*-{size.ideas}-{size.votes}-*.db"):
            old.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:  # others may be making it at the same time
            making = Path(folder) / "making.db"
            asyncio.run(_make(size, making, now))
            making.rename(path)
    return path


def card_of(idea_id: int, at: datetime) -> str:
    """The message that shows a published idea."""
    return f"{IDEAS}:{int(at.timestamp())}.{idea_id:06}"


async def _make(size: Size, path: Path, now: datetime) -> None:
    database = Database.open(f"sqlite:///{path}")
    workspace = await database.write(lambda session: workspaces.ensure(session, "slack", TEAM))
    rules = rules_of(Settings()).voting
    await database.write(
        partial(voting.recount_if_rules_changed, workspace_id=workspace, voting=rules, now=now)
    )  # writes down which rules hold, before there is anything to count
    await database.close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("PRAGMA synchronous = OFF"))
        Seeder(connection, workspace, size, now).run()
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()


class Seeder:
    """Makes everything, by chance, but always the same for one size and moment."""

    def __init__(self, connection: Connection, workspace: int, size: Size, now: datetime) -> None:
        self._connection = connection
        self._workspace = workspace
        self._size = size
        self._now = now
        self._chance = random.Random(size.ideas)  # noqa: S311  no secret
        self._language = Language(self._chance)
        self._found_by: list[Row] = []
        self._mondays = list(_mondays(now, size.ideas / IDEAS_A_WEEK))

    def run(self) -> None:
        """Members, ideas with all that belongs to them, votes and digests."""
        kept = [self._lived(number) for number in range(1, self._size.ideas + 1)]
        self._share_votes(kept)
        digests, entries = self._shortlist(kept)
        self._insert("member", self._members())
        self._connection.execute(text("UPDATE workspace SET last_number = :n"), {"n": self._size.ideas})
        self._insert("idea", map(self._idea, kept))
        self._insert_words()
        self._insert_stems(kept)
        self._insert("digest", digests)
        self._insert("digest_entry", entries)
        self._insert("history", (row for idea in kept for row in self._history(idea)))
        self._insert("outbox", (row for idea in kept for row in self._outbox(idea)))
        self._insert("inbox", map(self._inbox, (idea for idea in kept if idea.submitted > self._now - INBOX_KEPT)))
        # As they came, whichever idea they are for: one week's lie together on the disk.
        gestures = sorted((row for idea in kept for row in self._gestures(idea)), key=itemgetter("at"))
        self._insert("gesture", iter(gestures))

    def _insert(self, table: str, rows: Iterator[Row]) -> None:
        statement = insert(SQLModel.metadata.tables[table])
        while chunk := list(islice(rows, CHUNK)):
            self._connection.execute(statement, chunk)

    def _insert_words(self) -> None:
        statement = text("INSERT INTO idea_search (rowid, title, body) VALUES (:rowid, :title, :body)")
        self._connection.execute(statement, self._found_by)

    def _insert_stems(self, kept: list[Kept]) -> None:
        """What new ideas are compared with: everything that was ever published."""
        public = {idea.id for idea in kept if any(step is Step.APPROVED for _, _, step, _ in idea.history)}
        holders: dict[str, list[int]] = {}
        for row in self._found_by:
            if row["rowid"] in public:
                for stem in {*row["title"].split(), *row["body"].split()}:
                    holders.setdefault(stem, []).append(row["rowid"])
        ids = {stem: place for place, stem in enumerate(holders, start=1)}
        workspace = self._workspace
        stems = (
            {"id": ids[stem], "workspace_id": workspace, "term": stem, "ideas": len(ideas)}
            for stem, ideas in holders.items()
        )
        self._insert("stem", stems)
        rows = ({"stem_id": ids[stem], "idea_id": idea} for stem, ideas in holders.items() for idea in ideas)
        self._insert("stem_of_idea", rows)

    def _members(self) -> Iterator[Row]:
        for number in range(MEMBERS):
            yield {
                "workspace_id": self._workspace,
                "id": member(number),
                "name": f"Membre {number}",
                "locale": "fr-FR",
            }

    def _lived(self, number: int) -> Kept:
        age = timedelta(weeks=(self._size.ideas - number + self._chance.random()) / IDEAS_A_WEEK)
        idea = Kept(number, member(self._chance.randrange(MEMBERS)), self._now - age)
        idea.history.append((idea.submitted, idea.author, Step.SUBMITTED, ""))
        decided = idea.submitted + timedelta(hours=self._chance.uniform(1, 40))
        if decided >= self._now:
            return idea
        idea.decided = decided
        fate = self._chance.random()
        if fate < 0.2:  # noqa: PLR2004  a fifth is refused, a twentieth taken back
            idea.status = Status.REFUSED
            idea.history.append((decided, member(0), Step.REFUSED, "Cela existe déjà."))
        elif fate < 0.25:  # noqa: PLR2004
            idea.status = Status.WITHDRAWN
            idea.history.append((decided, idea.author, Step.WITHDRAWN, ""))
        else:
            idea.status = Status.PUBLISHED
            idea.history.append((decided, member(0), Step.APPROVED, ""))
        return idea

    def _share_votes(self, kept: list[Kept]) -> None:
        """A few ideas have very many votes, most have few."""
        published = [idea for idea in kept if idea.status is Status.PUBLISHED]
        self._chance.shuffle(published)
        most = min(MEMBERS // 2, self._size.votes // 20)
        weights = [1 / (rank + 10) for rank in range(len(published))]
        share = self._size.votes / sum(weights)
        for idea, weight in zip(published, weights, strict=True):
            idea.voters = min(int(share * weight), most)
        left = self._size.votes - sum(idea.voters for idea in published)
        while left > 0:
            for idea in published[-left:]:
                idea.voters += 1
            left -= min(left, len(published))

    def _shortlist(self, kept: list[Kept]) -> tuple[Iterator[Row], Iterator[Row]]:
        """Each week's best of that week; most of them got their answer since."""
        digests: list[Row] = []
        entries: list[Row] = []
        by_week: dict[datetime, list[Kept]] = {monday: [] for monday in self._mondays}
        for idea in kept:
            if idea.status is Status.PUBLISHED and idea.decided:
                following = next((monday for monday in self._after(idea.decided)), None)
                if following:
                    by_week[following].append(idea)
        for id_, (monday, ideas) in enumerate(by_week.items(), start=1):
            year, week, _ = monday.isocalendar()
            period = f"{year}-W{week:02}"
            counts = {"proposed": IDEAS_A_WEEK, "published": len(ideas), "voters": MEMBERS // 4}
            since = monday - timedelta(weeks=1)
            digests.append(
                {"id": id_, "workspace_id": self._workspace, "period": period, "since": since, "until": monday} | counts
            )
            best = sorted(ideas, key=lambda idea: -idea.voters)[:SHORTLISTED_A_WEEK]
            for rank, idea in enumerate(best, start=1):
                entries.append({"digest_id": id_, "idea_id": idea.id, "rank": rank, "votes": idea.voters})
                self._answer(idea, monday, period)
        return iter(digests), iter(entries)

    def _after(self, moment: datetime) -> Iterator[datetime]:
        place = int((moment - self._mondays[0]) / timedelta(weeks=1)) if self._mondays else 0
        yield from (monday for monday in self._mondays[max(place - 1, 0) : place + 3] if monday > moment)

    def _answer(self, idea: Kept, monday: datetime, period: str) -> None:
        idea.status = Status.SHORTLISTED
        idea.history.append((monday, None, Step.SHORTLISTED, period))
        answered = monday + timedelta(days=self._chance.uniform(2, 40))
        if answered >= self._now or self._chance.random() < 0.1:  # noqa: PLR2004  a tenth still waits
            return
        idea.answered = answered
        idea.status = self._chance.choice((Status.RETAINED, Status.DECLINED, Status.DELIVERED, Status.IN_PROGRESS))
        steps = {Status.IN_PROGRESS: [Status.RETAINED], Status.DELIVERED: [Status.RETAINED, Status.IN_PROGRESS]}
        for status in [*steps.get(idea.status, []), idea.status]:
            idea.history.append((answered, member(0), Step.STATUS_SET, status.value))

    def _idea(self, idea: Kept) -> Row:
        title, need = self._language.text(4, 10)[:120], self._language.text(10, 30)
        proposal = self._language.text(15, 45)
        self._found_by.append(
            {
                "rowid": idea.id,
                "title": " ".join(search.terms(title)),
                "body": " ".join(search.terms(f"{need}\n{proposal}\n")),
            }
        )
        is_published = idea.status in PUBLIC
        return {
            "id": idea.id,
            "workspace_id": self._workspace,
            "number": idea.id,
            "title": title,
            "need": need,
            "proposal": proposal,
            "benefit": "",
            "author_id": idea.author,
            "status": idea.status,
            "supporters": idea.voters,
            "shown": 0,
            "submitted_at": idea.submitted,
            "changed_at": idea.answered or idea.decided or idea.submitted,
            "published_at": idea.decided if is_published else None,
            "decided_by": member(0) if idea.decided and idea.status is not Status.WITHDRAWN else None,
            "reason": "Cela existe déjà." if idea.status is Status.REFUSED else None,
        }

    def _history(self, idea: Kept) -> Iterator[Row]:
        for at, who, step, detail in idea.history:
            yield {
                "workspace_id": self._workspace,
                "idea_id": idea.id,
                "at": at,
                "member_id": who,
                "step": step,
                "detail": detail,
            }

    def _outbox(self, idea: Kept) -> Iterator[Row]:
        at = idea.decided or idea.submitted
        stamp = f"{int(at.timestamp())}.{idea.id:06}"
        review = {"channel": announcing.REVIEW, "message": f"{REVIEW}:{stamp}"}
        yield self._shown(idea, f"card:{idea.id}:{announcing.REVIEW}", announcing.REVIEW_CARD, review)
        if any(step is Step.APPROVED for _, _, step, _ in idea.history):
            card = {"channel": announcing.IDEAS, "message": card_of(idea.id, at)}
            card["permalink"] = f"https://valdoise.slack.com/archives/{IDEAS}/p{stamp.replace('.', '')}"
            yield self._shown(idea, f"card:{idea.id}:{announcing.IDEAS}", announcing.IDEA_CARD, card)
        notices = {
            Step.APPROVED: announcing.APPROVED_NOTICE,
            Step.REFUSED: announcing.REFUSED_NOTICE,
            Step.STATUS_SET: announcing.STATUS_NOTICE,
        }
        for _, _, step, detail in idea.history:
            if view := notices.get(step):
                direct = {"member_id": idea.author, "message": f"D{idea.author[1:]}:{stamp}"}
                yield self._shown(idea, f"notice:{idea.id}:{view}:{idea.author}:{detail}", view, direct)

    def _shown(self, idea: Kept, key: str, view: str, where: Row) -> Row:
        at = idea.decided or idea.submitted
        wanted = 1 + (idea.voters if view == announcing.IDEA_CARD else bool(idea.decided))
        empty: Row = {"channel": None, "member_id": None, "permalink": None, "subject": {}}
        times = {"created_at": idea.submitted, "due_at": at, "wanted": wanted, "shown": wanted, "attempts": 0}
        return {
            "workspace_id": self._workspace,
            "key": key,
            "view": view,
            "idea_id": idea.id,
            **empty,
            **times,
            **where,
        }

    def _inbox(self, idea: Kept) -> Row:
        reply = {"card": None, "replaces": False}
        id_ = f"command:{idea.id}.{idea.id * 7919}"
        return {"workspace_id": self._workspace, "id": id_, "received_at": idea.submitted, "reply": reply}

    def _gestures(self, idea: Kept) -> Iterator[Row]:
        if not idea.voters or idea.decided is None:
            return
        extra = int(idea.voters * TAKEN_BACK)
        voters = self._chance.sample(range(MEMBERS), idea.voters + extra + 1)
        others = [voter for voter in map(member, voters) if voter != idea.author][: idea.voters + extra]
        for place, voter in enumerate(others):
            at = idea.decided + timedelta(days=self._chance.expovariate(1 / 7))
            yield {
                "idea_id": idea.id,
                "member_id": voter,
                "emoji": EMOJI[self._chance.randrange(len(EMOJI))],
                "workspace_id": self._workspace,
                "is_present": place < idea.voters,
                "at": at if at < self._now else idea.decided + (self._now - idea.decided) * self._chance.random(),
            }


def _mondays(now: datetime, weeks: float) -> Iterator[datetime]:
    """The moments of the digests there have been, oldest first."""
    last = (now - timedelta(days=now.weekday())).replace(hour=8, minute=0, second=0, microsecond=0)
    last = last if last <= now else last - timedelta(weeks=1)
    for back in range(int(weeks), -1, -1):
        if (monday := last - timedelta(weeks=back)) > now - timedelta(weeks=weeks):
            yield monday
