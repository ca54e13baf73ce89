"""People who go on using Butine while its database is not well, and what they were told.

What must hold of it is for the tests to say.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.pool import Pool

from bot.errors import NotTakenIn
from tests.chat.desk import Desk, words
from tests.usecases.builders import RULES

SAVED, NOT_SAVED = "est enregistrée", RULES.texts("fr")("problem.not_saved").replace("\u00a0", " ")
UNEXPECTED = RULES.texts("fr")("problem.unexpected", reference="REF").replace("\u00a0", " ").partition("REF")[0]


@dataclass
class Talk:
    """What was proposed at a desk, by what came of it."""

    desk: Desk
    saved: list[str] = field(default_factory=list)
    not_saved: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    raised: list[NotTakenIn] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    async def propose(self, length: int = 1) -> None:
        """Type an idea of so many sentences. Whoever is not told that it is saved is given all of it back."""
        title = f"Idée sans pareille {next(self._numbers)} !"
        text = " ".join([title, *(f"Phrase {n} de cette idée." for n in range(1, length))])
        told = words(await self.desk.type("camille", text))
        if SAVED in told:
            self.saved.append(title)
            return
        assert told.startswith((NOT_SAVED, UNEXPECTED)), told
        assert text in told
        (self.not_saved if told.startswith(NOT_SAVED) else self.unexpected).append(title)

    async def burst(self, number: int, length: int = 1) -> None:
        """Some ideas at once."""
        await asyncio.gather(*(self.propose(length) for _ in range(number)))

    async def fill_in(self) -> None:
        """Send a form. It closes only where it is saved."""
        title = f"Idée sans pareille {next(self._numbers)} !"
        try:
            reply = await self.desk.submit("camille", "propose", title=title, need="", proposal="", benefit="")
        except NotTakenIn as error:
            self.raised.append(error)
            self.not_saved.append(title)
            return
        told = words(reply)
        if SAVED in told:
            self.saved.append(title)
        else:
            assert told.startswith(UNEXPECTED), told
            self.unexpected.append(title)

    async def react(self, key: str) -> bool:
        """Put a reaction on and off; returns whether it was taken in. What is not is delivered again, or read again."""
        try:
            for is_present in (True, False):
                self.desk.later(milliseconds=5)
                await self.desk.react("sam", key, is_present=is_present)
        except NotTakenIn as error:
            self.raised.append(error)
            return False
        return True


def titles(path: Path) -> list[str]:
    """The newest ideas that another program finds in the file."""
    with closing(sqlite3.connect(path)) as connection:
        return [title for (title,) in connection.execute("SELECT title FROM idea ORDER BY id DESC LIMIT 100")]


def integrity(path: Path) -> str:
    """What SQLite's own check says of the file."""
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


@contextmanager
def connections() -> Iterator[list[sqlite3.Connection]]:
    """Every connection that is opened inside."""
    opened: list[sqlite3.Connection] = []

    def note(connection: sqlite3.Connection, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", note)
    try:
        yield opened
    finally:
        event.remove(Pool, "connect", note)


def writing_one(opened: list[sqlite3.Connection]) -> sqlite3.Connection:
    """Among a database's connections, the one that writes; others were closed again when it was opened."""
    for each in opened:
        with suppress(sqlite3.ProgrammingError):
            if each.execute("PRAGMA query_only").fetchone() == (0,):
                return each
    raise AssertionError
