"""What Butine has kept, read straight from the database, and held against what was sent.

Works on SQLite and PostgreSQL, beside a Butine that runs.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing

from sqlalchemy import Connection, create_engine, text

from storage.opening import parse_url, problems_of
from tests.torture.town import Sent

SEARCHED = 50
"""So many ideas are looked for by their words: a burst."""
WAITING = "SELECT count(*) FROM outbox WHERE shown < wanted AND parked_reason IS NULL"


class Ledger:
    """Reads one database."""

    def __init__(self, url: str) -> None:
        self._url = parse_url(url)
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = create_engine(self._url)

    def close(self) -> None:
        """Read no more."""
        self._engine.dispose()

    def wrong(self, sent: Iterable[Sent]) -> list[str]:
        """What must not be, each in a few words: ideas that are missing, double or half there, and damage."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql(
                "BEGIN" if self._is_sqlite else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
            )
            ideas = list(sent)
            found = [*self._against(connection, ideas), *self._halves(connection), *self._unfound(connection, ideas)]
        return found + problems_of(self._url) + self._full_text_problems()

    def waiting(self) -> int:
        """How much of what chat must come to show is not there yet."""
        with self._engine.connect() as connection:
            return int(connection.execute(text(WAITING)).scalar_one())

    def parked(self) -> list[str]:
        """What was given up."""
        with self._engine.connect() as connection:
            return list(connection.scalars(text("SELECT key FROM outbox WHERE parked_reason IS NOT NULL")))

    def events(self) -> int:
        """How many events are remembered."""
        with self._engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM inbox")).scalar_one())

    def digests(self) -> tuple[int, int]:
        """How many periods have their digest, and how many of these were missed."""
        with self._engine.connect() as connection:
            missed = list(connection.scalars(text("SELECT is_missed FROM digest")))
        return len(missed), sum(map(bool, missed))

    def titles(self) -> Counter[str]:
        """How often each title is there."""
        with self._engine.connect() as connection:
            return Counter(connection.scalars(text("SELECT title FROM idea")))

    def approvals(self) -> Counter[str]:
        """How often the idea of each title was approved."""
        query = "SELECT i.title FROM history h JOIN idea i ON i.id = h.idea_id WHERE h.step = 'approved'"
        with self._engine.connect() as connection:
            return Counter(connection.scalars(text(query)))

    def supporters(self) -> list[int]:
        """The votes of each idea."""
        with self._engine.connect() as connection:
            return list(connection.scalars(text("SELECT supporters FROM idea")))

    def review_keys(self) -> dict[str, set[str]]:
        """By platform, the keys of the review cards that there must be: one for each idea."""
        query = "SELECT w.platform, i.number FROM idea i JOIN workspace w ON w.id = i.workspace_id"
        keys: dict[str, set[str]] = {}
        with self._engine.connect() as connection:
            for platform, number in connection.execute(text(query)):
                keys.setdefault(platform, set()).add(f"card:{number}:review")
        return keys

    def _against(self, connection: Connection, sent: list[Sent]) -> list[str]:
        """Acknowledged is there once; not acknowledged is there once or not at all; an event is there with its idea."""
        query = "SELECT w.platform, i.title, i.proposal FROM idea i JOIN workspace w ON w.id = i.workspace_id"
        kept = Counter(tuple(map(str, row)) for row in connection.execute(text(query)))
        query = "SELECT w.platform, e.id FROM inbox e JOIN workspace w ON w.id = e.workspace_id"
        events = {(str(platform), str(name)) for platform, name in connection.execute(text(query))}
        wrong = []
        for each in sent:
            times = kept.pop((each.platform, each.title, each.proposal), 0)
            if times > 1 or (each.is_acknowledged and times != 1):
                wrong.append(f"{each.title!r} is there {times} times, acknowledged {each.is_acknowledged}")
            if ((each.platform, each.event_id) in events) != bool(times):
                wrong.append(f"{each.title!r} is there {times} times, its event {each.event_id} is not like it")
            events.discard((each.platform, each.event_id))
        wrong += [f"{what!r} was never sent, and is there {times} times" for what, times in kept.items()]
        wrong += [f"event {event} was never sent" for event in events]
        return wrong

    def _halves(self, connection: Connection) -> list[str]:
        """Ideas without exactly one of each row that belongs to them, and such rows without an idea."""
        ideas = set(connection.scalars(text("SELECT id FROM idea")))
        history = Counter(connection.scalars(text("SELECT idea_id FROM history WHERE step = 'submitted'")))
        cards = Counter(connection.scalars(text("SELECT idea_id FROM outbox WHERE view = 'review_card'")))
        indexed = f"SELECT {'rowid' if self._is_sqlite else 'idea_id'} FROM idea_search"  # noqa: S608  ours
        search = Counter(connection.scalars(text(indexed)))
        wrong = []
        for name, rows in (("history", history), ("card", cards), ("search", search)):
            wrong += [f"idea {key} has {rows[key]} rows in {name}" for key in ideas if rows[key] != 1]
            wrong += [f"{name} has idea {key}, which there is not" for key in rows.keys() - ideas]
        numbers = "SELECT w.platform, w.last_number, count(*), max(i.number) FROM workspace w"
        numbers += " JOIN idea i ON i.workspace_id = w.id GROUP BY w.id, w.platform, w.last_number"
        for platform, last, count, newest in connection.execute(text(numbers)):
            if not last == count == newest:
                wrong.append(f"{platform}: last number {last}, {count} ideas, newest {newest}")
        return wrong

    def _unfound(self, connection: Connection, sent: list[Sent]) -> list[str]:
        """The newest of the ideas that are there, where the index does not find just them by their own words."""
        there = {str(row[0]): int(row[1]) for row in connection.execute(text("SELECT title, id FROM idea"))}
        ideas = [each for each in sent[-SEARCHED:] if each.title in there]
        if not ideas:
            return []
        wrong = []
        for part, (column, weight) in enumerate((("title", "A"), ("body", "B"))):
            words = [each.words[part] for each in ideas]
            if self._is_sqlite:
                query = "SELECT rowid FROM idea_search WHERE idea_search MATCH :words"
                asked = f"{column} : ({' OR '.join(words)})"
            else:
                query = "SELECT idea_id FROM idea_search WHERE terms @@ to_tsquery('simple', :words)"
                asked = " | ".join(f"{word}:{weight}" for word in words)
            found = set(connection.scalars(text(query), {"words": asked}))
            expected = {there[each.title] for each in ideas}
            wrong += [f"idea {key} is not found by its {column}" for key in expected - found]
            wrong += [f"idea {key} is found by another's {column}" for key in found - expected]
        return wrong

    def _full_text_problems(self) -> list[str]:
        """What FTS5's own check finds in a copy: it counts as writing, and SQLite's check leaves it out before 3.44."""
        if not self._is_sqlite:
            return []
        with closing(sqlite3.connect(str(self._url.database))) as file, closing(sqlite3.connect(":memory:")) as copy:
            file.backup(copy)
            try:
                copy.execute("INSERT INTO idea_search (idea_search) VALUES ('integrity-check')")
            except sqlite3.DatabaseError as error:
                return [f"the full text: {error}"]
        return []
