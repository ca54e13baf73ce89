"""What tests of use-cases build on: migrated databases that cost nothing, callers, and ideas in any state."""

import sqlite3
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, col, create_engine, select

from bot.domain.calendar import Weekly
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.domain.voting import Voting
from bot.rules import Rules
from bot.usecases import moderation, submission, voting
from bot.usecases.digesting import Sizes
from storage import ideas, opening, workspaces
from storage.tables import HistoryEntry, Idea, OutboxItem, Status, present

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
"""A Tuesday, 09:00 in Paris."""
VOTING = Voting.of(["+1", "heart", "bulb"], own_ideas=False)
OWN_COUNTS = Voting.of(["+1", "heart", "bulb"], own_ideas=True)
WEEKLY = Weekly("mon", time(9), ZoneInfo("Europe/Paris"))
SIZES = Sizes(3, 2)
RULES = Rules("fr", "/idea", VOTING, "+1", WEEKLY, SIZES, timedelta(days=3))


@lru_cache(maxsize=1)
def template() -> bytes:
    """A migrated, empty SQLite database as bytes: Alembic needs a second for it, once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        opening.upgrade(opening.parse_url(f"sqlite:///{path}"))
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        connection.close()
        return path.read_bytes()


def new_file(folder: Path) -> Path:
    """A migrated, empty database file; the one that is there already, where a test starts Butine anew."""
    path = folder / "butine.db"
    if not path.exists():
        path.write_bytes(template())
    return path


@lru_cache(maxsize=1)
def _engine() -> Engine:
    """One for all tests, because an engine learns its statements anew."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(":memory:", check_same_thread=False)

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)


def new_session() -> Session:
    """A session on a migrated, empty database in memory; it ends the one before."""
    raw = _engine().raw_connection()
    connection = raw.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    connection.rollback()
    connection.deserialize(template())
    connection.execute("PRAGMA foreign_keys=ON")
    raw.close()
    return Session(_engine(), expire_on_commit=False)


@dataclass
class World:
    """A workspace with its people, at a moment that tests move on."""

    session: Session
    workspace_id: int
    now: datetime = NOW
    counted: int = field(default=0)

    @classmethod
    def new(cls, session: Session, external_id: str = "T1") -> "World":
        """A fresh workspace in which everybody was seen."""
        world = cls(session, workspaces.ensure(session, "memory", external_id))
        for member_id, name, locale in (
            ("camille", "Camille Martin", "fr"),
            ("sam", "Sam Smith", "en"),
            ("nadia", "Nadia Benali", "fr"),
            ("ines", "Inès Robert", "fr"),
        ):
            workspaces.saw(session, world.workspace_id, member_id, name, locale)
        return world

    def member(self, member_id: str) -> Caller:
        """Somebody who is no moderator."""
        return Caller(self.workspace_id, member_id)

    @property
    def camille(self) -> Caller:
        """The author of most ideas."""
        return self.member("camille")

    @property
    def sam(self) -> Caller:
        """Another member."""
        return self.member("sam")

    @property
    def nadia(self) -> Caller:
        """A moderator."""
        return Caller(self.workspace_id, "nadia", is_moderator=True)

    @property
    def ines(self) -> Caller:
        """Another moderator."""
        return Caller(self.workspace_id, "ines", is_moderator=True)

    def later(self, **time: float) -> datetime:
        """Move the clock on, and tell the time."""
        self.now += timedelta(**time)
        return self.now

    def propose(self, title: str = "", author: Caller | None = None) -> Idea:
        """A pending idea; without a title it has one that is like no other."""
        self.counted += 1
        words = ("azur", "brise", "corail", "dune", "ecume", "falaise", "givre", "houle", "iris", "jade")
        title = title or f"{words[self.counted % 10]} {words[self.counted // 10 % 10]}x{self.counted}"
        submitted = submission.submit(self.session, author or self.camille, Draft(title), self.now)
        return self.idea(submitted.idea.number)

    def idea(self, number: int) -> Idea:
        """The whole of an idea that is there."""
        idea = ideas.by_number(self.session, self.workspace_id, number)
        assert idea
        return idea

    def publish(self, title: str = "", author: Caller | None = None) -> Idea:
        """A published idea."""
        idea = self.propose(title, author)
        return moderation.approve(self.session, self.nadia, idea.number, self.now).idea

    def refuse(self, reason: str = "Déjà fait") -> Idea:
        """A refused idea."""
        idea = self.propose()
        return moderation.refuse(self.session, self.nadia, idea.number, reason, self.now).idea

    def support(self, idea: Idea, *members: str) -> None:
        """Typed votes."""
        for member_id in members:
            voting.cast(self.session, self.member(member_id), idea.number, VOTING, self.now, is_present=True)

    def in_status(self, status: Status) -> Idea:
        """An idea of Camille's that has come to that status by hand."""
        idea = self.publish()
        idea.status, idea.decided_by = status, "nadia"
        self.session.flush()
        return idea

    def outbox(self) -> dict[str, OutboxItem]:
        """What chat is to show, by key."""
        query = select(OutboxItem).where(OutboxItem.workspace_id == self.workspace_id).order_by(col(OutboxItem.id))
        return {item.key: item for item in self.session.exec(query)}

    def wanted(self) -> dict[str, int]:
        """How often each key was wanted."""
        return {key: item.wanted for key, item in self.outbox().items()}

    def posted(self, idea: Idea, message: str = "", channel: str = "ideas") -> str:
        """Have the idea's card in that channel count as posted; returns its message."""
        item = self.outbox()[f"card:{idea.number}:{channel}"]
        item.message = message or f"m{idea.number}"
        item.permalink = f"https://chat.example/{item.message}"
        item.shown = item.wanted
        self.session.flush()
        return item.message

    def history(self, idea: Idea) -> list[HistoryEntry]:
        """The idea's history."""
        return ideas.history(self.session, present(idea.id))

    def steps(self, idea: Idea) -> list[tuple[str, str | None, str]]:
        """The idea's history, as step, member and detail."""
        return [(line.step.value, line.member_id, line.detail) for line in self.history(idea)]
