"""What the room keeps: people, messages, reactions, and the log of changes that live pages follow.

Knows SQLite and nothing else: not who may see what, not how a message is drawn, not what Butine makes of it.
"""

import asyncio
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bot.chat.web.schema import TIME_ZONE, open_file

CHANGES_KEPT = 5000
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody one can be in the room."""

    id: str
    name: str
    locale: str
    time_zone: str
    is_moderator: bool


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji under a message, with the ids of those who hold it, first come first; None is Butine."""

    emoji: str
    members: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as kept. Without `author` it is Butine's and `content` a written card, else plain text.

    `only_for` is the one persona who sees it; `thread` the message it answers.
    """

    id: int
    place: str
    thread: int | None
    author: str | None
    only_for: str | None
    content: str
    posted_at: datetime
    replies: int = 0
    reactions: tuple[Reaction, ...] = ()


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message about to be kept; the fields are those of `Message`. `key` makes it unique in its place."""

    place: str
    content: str
    key: str | None = None
    thread: int | None = None
    author: str | None = None
    only_for: str | None = None
    reaction: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Something that live pages should show: a message new, edited, reacted to or gone, or the people (None)."""

    seq: int
    message: int | None
    is_new: bool


class RoomStore:
    """The room's file, open. Synchronous, for one thread; every method that writes has committed when it returns."""

    def __init__(self, path: str | Path, now: datetime) -> None:
        self._db = open_file(path, now)
        self.latest_change: int = self._value("SELECT seq FROM sqlite_sequence WHERE name = 'change'")
        self._last_change = self.latest_change

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _value(self, sql: str, *arguments: object) -> int:
        row = self._db.execute(sql, arguments).fetchone()
        return int(row[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        self._last_change = self.latest_change
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # some failures end it by themselves
                self._db.execute("ROLLBACK")
            raise
        self.latest_change = self._last_change

    def _changed(self, message: int | None, *, is_new: bool = False) -> int:
        cursor = self._db.execute("INSERT INTO change (message, is_new) VALUES (?, ?)", (message, is_new))
        self._last_change = cursor.lastrowid or 0
        self._db.execute("DELETE FROM change WHERE seq <= ?", (self._last_change - CHANGES_KEPT,))
        return self._last_change

    def secret(self) -> str:
        """A random text, made with the file, that signs the pages' tokens."""
        return str(self._db.execute("SELECT value FROM setting WHERE name = 'secret'").fetchone()[0])

    # People

    def people(self) -> list[Persona]:
        """Everybody, in the order they came."""
        return [_persona(row) for row in self._db.execute("SELECT * FROM persona ORDER BY rowid")]

    def persona(self, id_: str) -> Persona | None:
        """One of them, or None."""
        row = self._db.execute("SELECT * FROM persona WHERE id = ?", (id_,)).fetchone()
        return _persona(row) if row else None

    def add_persona(self, name: str, locale: str, *, is_moderator: bool) -> Persona:
        """Somebody new, with an id made of the name."""
        stem = _slug(name)
        with self._writing():
            taken = {row["id"] for row in self._db.execute("SELECT id FROM persona")}
            id_ = next(id_ for id_ in _candidates(stem) if id_ not in taken)
            self._db.execute("INSERT INTO persona VALUES (?, ?, ?, ?, ?)", (id_, name, locale, TIME_ZONE, is_moderator))
            self._changed(None)
        return Persona(id_, name, locale, TIME_ZONE, is_moderator)

    # Messages

    def post(self, draft: NewMessage, at: datetime) -> Message:
        """Keep a message, or give the one that is there already under the same key in the same place."""
        with self._writing():
            existing = self._find(draft.place, draft.key)
            if existing is None:
                existing = self._insert(draft, at)
        return self._known(existing)

    def _find(self, place: str, key: str | None) -> int | None:
        row = self._db.execute("SELECT id FROM message WHERE place = ? AND key = ?", (place, key)).fetchone()
        return int(row["id"]) if row else None

    def _insert(self, draft: NewMessage, at: datetime) -> int:
        cursor = self._db.execute(
            "INSERT INTO message (place, thread, author, only_for, key, content, posted_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                draft.place,
                draft.thread,
                draft.author,
                draft.only_for,
                draft.key,
                draft.content,
                at.astimezone(UTC).isoformat(),
            ),
        )
        id_ = cursor.lastrowid or 0
        if draft.reaction:
            self._db.execute("INSERT INTO reaction (message, emoji, member) VALUES (?, ?, NULL)", (id_, draft.reaction))
        self._changed(id_, is_new=True)
        if draft.thread is not None:
            self._changed(draft.thread)
        return id_

    def edit(self, id_: int, content: str) -> None:
        """Put `content` in the message's place; the same content again changes nothing."""
        with self._writing():
            edited = self._db.execute(
                "UPDATE message SET content = ? WHERE id = ? AND content <> ?", (content, id_, content)
            )
            if edited.rowcount:
                self._changed(id_)

    def remove(self, id_: int) -> None:
        """Take a message away for good."""
        with self._writing():
            if self._db.execute("DELETE FROM message WHERE id = ?", (id_,)).rowcount:
                self._changed(id_)

    def message(self, id_: int) -> Message | None:
        """One message with its reactions and number of replies, or None."""
        return next(iter(self._messages("id = ?", (id_,), 1)), None)

    def _known(self, id_: int) -> Message:
        return self._messages("id = ?", (id_,), 1)[0]

    def find(self, place: str, key: str) -> Message | None:
        """Butine's message with that key in that place, or None."""
        found = self._messages("place = ? AND key = ? AND author IS NULL AND only_for IS NULL", (place, key), 1)
        return found[0] if found else None

    def timeline(
        self, place: str, thread: int | None, member: str, *, before: int | None = None, limit: int
    ) -> list[Message]:
        """The last `limit` messages of a channel or thread that `member` may see, older than `before`, oldest first.

        A thread begins with the message it answers.
        """
        view, arguments = ("thread IS NULL", ()) if thread is None else ("(thread = ? OR id = ?)", (thread, thread))
        older, bound = ("", ()) if before is None else (" AND id < ?", (before,))
        found = self._messages(
            f"place = ? AND {view} AND (only_for IS NULL OR only_for = ?){older}",
            (place, *arguments, member, *bound),
            limit,
        )
        return found[::-1]

    def _messages(self, where: str, arguments: Sequence[object], limit: int) -> list[Message]:
        rows = self._db.execute(
            "SELECT *, (SELECT count(*) FROM message AS reply WHERE reply.thread = message.id"  # noqa: S608  `where` is ours
            f" AND reply.only_for IS NULL) AS replies FROM message WHERE {where} ORDER BY id DESC LIMIT ?",
            (*arguments, limit),
        ).fetchall()
        reactions = self.reactions([row["id"] for row in rows])
        return [_message(row, reactions[row["id"]]) for row in rows]

    # Reactions

    def reactions(self, messages: Sequence[int]) -> dict[int, tuple[Reaction, ...]]:
        """The reactions under each of these messages, in the order they came; messages that aren't there are empty."""
        found: dict[int, dict[str, list[str | None]]] = {message: {} for message in messages}
        for message in messages:
            rows = self._db.execute("SELECT emoji, member FROM reaction WHERE message = ? ORDER BY id", (message,))
            for row in rows:
                found[message].setdefault(row["emoji"], []).append(row["member"])
        return {
            message: tuple(Reaction(emoji, tuple(members)) for emoji, members in held.items())
            for message, held in found.items()
        }

    def existing(self, messages: Sequence[int]) -> list[int]:
        """Those of the messages that are there and public in their place."""
        return [
            message
            for message in messages
            if self._db.execute("SELECT 1 FROM message WHERE id = ? AND only_for IS NULL", (message,)).fetchone()
        ]

    def react(self, message: int, emoji: str, member: str, *, is_present: bool) -> int | None:
        """Put a reaction on or take it off; the change's number, or None where that was so already."""
        with self._writing():
            if is_present:
                sql = "INSERT OR IGNORE INTO reaction (message, emoji, member) VALUES (?, ?, ?)"
            else:
                sql = "DELETE FROM reaction WHERE message = ? AND emoji = ? AND member = ?"
            touched = self._db.execute(sql, (message, emoji, member)).rowcount
            return self._changed(message) if touched else None

    # Changes and what was seen

    def changes(self, after: int, limit: int) -> list[Change] | None:
        """What changed after `after`, oldest first; None where the log doesn't reach back that far."""
        if after < self.latest_change - CHANGES_KEPT:
            return None
        rows = self._db.execute(
            "SELECT seq, message, is_new FROM change WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
        )
        return [Change(row["seq"], row["message"], bool(row["is_new"])) for row in rows]

    def mark_seen(self, member: str, place: str) -> None:
        """Note that `member` has seen everything in `place`."""
        self._db.execute(
            "INSERT INTO seen (member, place, message)"
            " SELECT ?, ?, coalesce(max(id), 0) FROM message WHERE place = ?"
            " ON CONFLICT (member, place) DO UPDATE SET message = max(message, excluded.message)"
            " WHERE excluded.message > message",
            (member, place, place),
        )

    def unread(self, member: str, place: str) -> int:
        """How many messages of others came into `place`, outside threads, since `member` was last there."""
        return self._value(
            "SELECT count(*) FROM message WHERE place = ?1 AND thread IS NULL AND only_for IS NULL"
            " AND author IS NOT ?2"
            " AND id > coalesce((SELECT message FROM seen WHERE member = ?2 AND place = ?1), 0)",
            place,
            member,
        )


class Room:
    """A `RoomStore` for use on the event loop: each call runs in the one thread that owns the file.

    `on_change` is called on the loop whenever something was written that live pages should show.
    """

    def __init__(self, path: str | Path, on_change: Callable[[], None]) -> None:
        self._path = path
        self._on_change = on_change
        self._announced = 0
        self._thread = ThreadPoolExecutor(1, "room")
        self._store: RoomStore | None = None

    async def open(self, now: datetime) -> None:
        """Open the file. Raises `sqlite3.Error` or OSError."""
        self._store = await asyncio.get_running_loop().run_in_executor(self._thread, RoomStore, self._path, now)
        self._announced = self._store.latest_change

    async def close(self) -> None:
        """Wait for calls under way and close the file. Harmless when called twice."""
        store, self._store = self._store, None
        if store is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, store.close)
        self._thread.shutdown()

    async def run(self, call: Callable[[RoomStore], Result]) -> Result:
        """What `call` gives, called with the store. Raises `sqlite3.Error`, also when the room isn't open."""
        store = self._store
        if store is None:
            raise sqlite3.ProgrammingError("the room is not open")
        result = await asyncio.get_running_loop().run_in_executor(self._thread, call, store)
        if store.latest_change != self._announced:
            self._announced = store.latest_change
            self._on_change()
        return result


def _persona(row: sqlite3.Row) -> Persona:
    return Persona(row["id"], row["name"], row["locale"], row["time_zone"], bool(row["is_moderator"]))


def _message(row: sqlite3.Row, reactions: tuple[Reaction, ...]) -> Message:
    return Message(
        id=row["id"],
        place=row["place"],
        thread=row["thread"],
        author=row["author"],
        only_for=row["only_for"],
        content=row["content"],
        posted_at=datetime.fromisoformat(row["posted_at"]),
        replies=row["replies"],
        reactions=reactions,
    )


def _slug(name: str) -> str:
    bare = unicodedata.normalize("NFKD", name.split(maxsplit=1)[0]).lower()
    return "".join(letter for letter in bare if letter.isascii() and letter.isalnum()) or "person"


def _candidates(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}{number}"
        number += 1
