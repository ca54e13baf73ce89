"""The shape of what is kept: tables and their enums. No queries and no rules.

Every moment is an aware UTC datetime. Members are known by their platform's user id within a workspace.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Enum,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database; SQLite itself has no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses a naive datetime: it could mean any instant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(value)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the datetime its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


# SQLite numbers rows by itself only where the key is declared INTEGER.
BigKey = BigInteger().with_variant(Integer(), "sqlite")


class Status(StrEnum):
    """Where an idea stands; what may follow what is in bot/domain/lifecycle.py."""

    PENDING = "pending"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    PUBLISHED = "published"
    SHORTLISTED = "shortlisted"
    RETAINED = "retained"
    IN_PROGRESS = "in_progress"
    DELIVERED = "delivered"
    DECLINED = "declined"


class Step(StrEnum):
    """What happened to an idea, as its history tells it."""

    SUBMITTED = "submitted"
    EDITED = "edited"
    QUESTIONED = "questioned"
    APPROVED = "approved"
    REFUSED = "refused"
    RESUBMITTED = "resubmitted"
    WITHDRAWN = "withdrawn"
    SHORTLISTED = "shortlisted"
    STATUS_SET = "status_set"


def _values(kind: type[StrEnum]) -> list[str]:
    return [member.value for member in kind]


def _as_text(kind: type[StrEnum]) -> Enum:
    """Plain text in the database, so that a new member needs no migration; unknown text is refused on reading."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=20,
        values_callable=_values,
    )


StatusText = _as_text(Status)
StepText = _as_text(Step)


class Workspace(SQLModel, table=True):
    """One Slack team, Mattermost team or web room. `last_number` is its newest idea's number."""

    __table_args__ = (UniqueConstraint("platform", "external_id"),)
    id: int | None = Field(default=None, primary_key=True)
    platform: str
    external_id: str
    last_number: int = 0


class Member(SQLModel, table=True):
    """A person as last seen in chat."""

    workspace_id: int = Field(primary_key=True, foreign_key="workspace.id")
    id: str = Field(primary_key=True)
    name: str
    locale: str | None = None


class Idea(SQLModel, table=True):
    """An idea. `supporters` counts its votes, `shown` the digests that named it before it was shortlisted."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "number"),
        Index("idea_by_status", "workspace_id", "status", "number"),
        Index("idea_by_author", "workspace_id", "author_id", "number"),
        Index("idea_by_rank", "workspace_id", "status", "supporters", "published_at"),
        Index("idea_by_showing", "workspace_id", "status", "shown", text("number DESC")),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    workspace_id: int = Field(foreign_key="workspace.id")
    number: int
    title: str
    need: str = ""
    proposal: str = ""
    benefit: str = ""
    author_id: str
    status: Status = Field(default=Status.PENDING, sa_type=StatusText)
    supporters: int = 0
    shown: int = 0
    submitted_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str | None = None
    reason: str | None = None
    question: str | None = None
    asked_by: str | None = None
    reminded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


@dataclass(frozen=True, slots=True)
class Brief:
    """An idea in brief: which it is and how it stands. It costs a fraction of an `Idea`, and changes nothing."""

    id: int
    workspace_id: int
    number: int
    title: str
    author_id: str
    status: Status
    supporters: int


AnyIdea = Idea | Brief


class HistoryEntry(SQLModel, table=True):
    """Who did what to an idea, and when; `member_id` is None where Butine did it by itself."""

    __tablename__ = "history"
    __table_args__ = (
        Index("history_by_idea", "idea_id", "id"),
        Index("history_by_time", "workspace_id", "at"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    workspace_id: int = Field(foreign_key="workspace.id")
    idea_id: int = Field(foreign_key="idea.id", sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
    member_id: str | None = None
    step: Step = Field(sa_type=StepText)
    detail: str = ""


class Gesture(SQLModel, table=True):
    """The last known state of one way of voting: a reaction's emoji as chat names it, or "" for the typed command.

    `at` is the platform's time of the last change, which decides between events that come out of order.
    """

    __table_args__ = (
        Index("gesture_by_time", "workspace_id", "at", "member_id"),
        Index("gesture_by_member", "workspace_id", "member_id"),
    )
    idea_id: int = Field(primary_key=True, foreign_key="idea.id", sa_type=BigInteger)
    member_id: str = Field(primary_key=True)
    emoji: str = Field(primary_key=True)
    workspace_id: int = Field(foreign_key="workspace.id")
    is_present: bool
    at: datetime = Field(sa_type=UtcDateTime)


class InboxEvent(SQLModel, table=True):
    """An event whose effects are committed, with the reply it got: a second delivery gets the same one."""

    __tablename__ = "inbox"
    workspace_id: int = Field(primary_key=True, foreign_key="workspace.id")
    id: str = Field(primary_key=True)
    received_at: datetime = Field(sa_type=UtcDateTime, index=True)
    reply: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class OutboxItem(SQLModel, table=True):
    """Something that chat must come to show, once per key.

    It waits while `shown < wanted`: a card that goes out of date gets a higher `wanted`, however often, and is
    rendered from the present state when it is sent. `channel` or `member_id` says where to. `message` is the
    platform's reference once posted; `created_at` is before that, and later than any message that is gone.
    `lease_until` is set while a process is sending it; if it is still set after a crash, the send is uncertain.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("workspace_id", "key"),
        Index("outbox_by_message", "workspace_id", "message"),
        Index("outbox_by_idea", "workspace_id", "idea_id", "view"),
        Index(
            "outbox_waiting",
            "due_at",
            sqlite_where=text("shown < wanted AND parked_reason IS NULL"),
            postgresql_where=text("shown < wanted AND parked_reason IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    workspace_id: int = Field(foreign_key="workspace.id")
    key: str
    view: str
    channel: str | None = None
    member_id: str | None = None
    idea_id: int | None = Field(default=None, foreign_key="idea.id", sa_type=BigInteger)
    subject: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    wanted: int = 1
    shown: int = 0
    attempts: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    message: str | None = None
    permalink: str | None = None
    parked_reason: str | None = None


class Digest(SQLModel, table=True):
    """One period's digest in one workspace; `is_missed` where its day went by while Butine was away."""

    __table_args__ = (UniqueConstraint("workspace_id", "period"),)
    id: int | None = Field(default=None, primary_key=True)
    workspace_id: int = Field(foreign_key="workspace.id")
    period: str
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    is_missed: bool = False
    proposed: int = 0
    published: int = 0
    voters: int = 0


class DigestEntry(SQLModel, table=True):
    """An idea as a digest named it, frozen: its rank in the shortlist, or None for a chance given to a late one."""

    __tablename__ = "digest_entry"
    digest_id: int = Field(primary_key=True, foreign_key="digest.id")
    idea_id: int = Field(primary_key=True, foreign_key="idea.id", sa_type=BigInteger)
    rank: int | None = None
    votes: int = 0


class Stem(SQLModel, table=True):
    """A word of public ideas in any of its forms, and in how many of them it stands: how rare it is."""

    __table_args__ = (UniqueConstraint("workspace_id", "term"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    workspace_id: int = Field(foreign_key="workspace.id")
    term: str
    ideas: int = 1


class StemOfIdea(SQLModel, table=True):
    """A public idea holds a stem."""

    __tablename__ = "stem_of_idea"
    __table_args__ = ({"sqlite_with_rowid": False},)
    stem_id: int = Field(primary_key=True, foreign_key="stem.id", sa_type=BigInteger)
    idea_id: int = Field(primary_key=True, foreign_key="idea.id", sa_type=BigInteger)


class Note(SQLModel, table=True):
    """One value that Butine keeps for itself, by name."""

    name: str = Field(primary_key=True)
    value: str


def present(value: int | None) -> int:
    """The key of a row that has been flushed; it is None only before."""
    if value is None:
        raise ValueError(value)
    return value
