"""The shape of the room's SQLite file, and how it is opened and brought up to date.

No query lives here, and nothing of what Butine keeps about ideas: that is another file, of another package.
"""

import errno
import os
import secrets
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

OWN_MODE = 0o660
"""Of a new file, less the umask."""
TIME_ZONE = "Europe/Paris"
SEEDS = (
    ("camille", "Camille Martin", "fr", 0),
    ("sam", "Sam Taylor", "en", 0),
    ("nadia", "Nadia Benali", "fr", 1),
)

# Each entry takes the file from the version before it to its own (PRAGMA user_version). Entries never change.
VERSIONS = (
    """
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE persona (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        locale TEXT NOT NULL,
        time_zone TEXT NOT NULL,
        is_moderator INTEGER NOT NULL
    );
    CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        place TEXT NOT NULL,
        thread INTEGER REFERENCES message (id),
        author TEXT REFERENCES persona (id),    -- NULL: Butine, and content is a card
        only_for TEXT REFERENCES persona (id),  -- NULL: everybody who sees the place
        key TEXT,
        content TEXT NOT NULL,
        posted_at TEXT NOT NULL,
        UNIQUE (place, key)
    );
    CREATE INDEX message_in_view ON message (place, thread, id);
    CREATE INDEX message_in_thread ON message (thread);
    CREATE TABLE reaction (
        id INTEGER PRIMARY KEY,
        message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
        emoji TEXT NOT NULL,
        member TEXT REFERENCES persona (id),    -- NULL: Butine
        UNIQUE (message, emoji, member)
    );
    CREATE TABLE change (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        message INTEGER,                        -- NULL: the list of people
        is_new INTEGER NOT NULL
    );
    CREATE TABLE seen (
        member TEXT NOT NULL REFERENCES persona (id),
        place TEXT NOT NULL,
        message INTEGER NOT NULL,
        PRIMARY KEY (member, place)
    );
    """,
)


def open_file(path: str | Path, now: datetime) -> sqlite3.Connection:
    """A connection to the room's file, made or brought up to date where needed; fsync on every commit.

    Raises `sqlite3.Error`, also for a file that a newer version wrote, and OSError where it may not be written.
    """
    _require_writable(Path(path))
    if not Path(path).exists():  # SQLite would let the whole machine read it
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, OWN_MODE))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            db.execute(f"PRAGMA {pragma}")
        _bring_up_to_date(db, now)
    except BaseException:
        db.close()
        raise
    return db


def look_at_file(path: Path) -> None:
    """Raise what `open_file` would, but make no file and change none; the room may be open meanwhile."""
    _require_writable(path)
    if path.exists():
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
            _require_known(db)


def _require_writable(path: Path) -> None:
    """SQLite opens a file that it can't write to without a word; its log stands beside it."""
    if not path.parent.is_dir():
        number = errno.ENOENT
    elif path.is_dir():
        number = errno.EISDIR
    elif not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        number = errno.EACCES
    else:
        return
    raise OSError(number, os.strerror(number), str(path))


def _require_known(db: sqlite3.Connection) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(VERSIONS):
        raise sqlite3.DatabaseError(f"room file has version {version}, this Butine knows {len(VERSIONS)}")
    return version


def _bring_up_to_date(db: sqlite3.Connection, now: datetime) -> None:
    version = _require_known(db)
    for number, script in enumerate(VERSIONS[version:], start=version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
    if db.execute("SELECT 1 FROM setting WHERE name = 'secret'").fetchone() is None:
        _seed(db, now)


def _seed(db: sqlite3.Connection, now: datetime) -> None:
    db.execute("BEGIN IMMEDIATE")
    # Numbers start at the time the file was made: those of a room that was deleted and made anew never come back,
    # so that a message or event of the old one is never taken for one of the new.
    start = int(now.timestamp())
    db.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [("message", start), ("change", start)])
    db.executemany(
        "INSERT INTO persona (id, name, locale, time_zone, is_moderator) VALUES (?, ?, ?, ?, ?)",
        [(id_, name, locale, TIME_ZONE, is_moderator) for id_, name, locale, is_moderator in SEEDS],
    )
    db.execute("INSERT INTO setting VALUES ('secret', ?)", (secrets.token_hex(32),))
    db.execute("COMMIT")
