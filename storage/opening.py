"""Where a database is and how it is opened: URLs, connections, the newest schema, and what can be wrong with a file.

Reading and writing are in database.py and writer.py.
"""

import fcntl
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import QueuePool

from storage import migrations
from storage.errors import CannotOpen

# Chat platforms wait 3 s for an answer: whoever can't write within this has to be told in time.
LOCK_TIMEOUT_SECONDS = 2.0
OWN_MODE = 0o660
"""Of a new file, less the umask; SQLite gives the files beside it the same. What waits for moderation is in it, who
wrote it, and Butine's own key."""
READERS = 4
"""At once; as many write at once on PostgreSQL."""
SUSPENDED_SECONDS = 30
"""A transaction in which nothing happens for so long is ended: its process is suspended, and others wait for it."""
SILENT_NETWORK = {"connect_timeout": 5, "keepalives_idle": 30, "tcp_user_timeout": 10_000}
"""libpq's: seconds, seconds, milliseconds."""
HURRIED = {
    "lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{SUSPENDED_SECONDS}s",
}
PATIENT = {"lock_timeout": "0", "statement_timeout": "0"}
WHATEVER_IS_SET = {"client_encoding": "utf8", "prepare_threshold": None}
"""Also where the role, the environment or the URL say otherwise: what members write has signs of every script, and a
pooler such as PgBouncer gives each transaction another server connection, which knows no statement prepared before."""
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
"""A third less to write than with spaces and escapes, most of which would be accents; and read by people, too."""


def parse_url(url: str) -> URL:
    """The URL with its driver named, and the file itself where a symbolic link names it: beside that are SQLite's log
    and our lock. Raises CannotOpen for anything but SQLite and PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError for a port that is no number
        # Nothing of it is told, nor the cause, which quotes it: what can't be told apart may hold a password anywhere.
        raise CannotOpen(CannotOpen.MISWRITTEN, "") from None
    # With a second "@" the password ends at the first, and its rest is taken for the host, the name or the query.
    if parsed.get_backend_name() != "sqlite" and url.count("@") > 1:
        raise CannotOpen(CannotOpen.MISWRITTEN, "")
    match parsed.get_backend_name():
        case "sqlite" if parsed.database not in {None, "", ":memory:"}:  # memory keeps nothing
            name = parsed.database or ""
            is_link = Path(name).is_symlink()
            return parsed.set(drivername="sqlite", database=os.path.realpath(name) if is_link else name)
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
    raise CannotOpen(CannotOpen.UNREACHABLE, shown(parsed))


def shown(url: URL) -> str:
    """The URL as it may be printed: without any password."""
    hidden = {name: "***" for name in url.query if "password" in name}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def place(url: URL) -> str:
    """Where all is kept: a file with its whole path, which may depend on the current folder; otherwise as `shown`."""
    return os.path.abspath(url.database or "") if url.get_backend_name() == "sqlite" else shown(url)  # noqa: PTH100  Path would resolve links


def upgrade(url: URL) -> None:
    """Bring the database to the newest schema. Raises CannotOpen, and has then changed nothing in it."""
    if _revision(url) == migrations.HEAD:
        return
    if url.get_backend_name() == "sqlite":
        _make(Path(url.database or ""))
    engine = engine_for(url, is_reader=False, is_patient=True)
    try:
        with _refusal(url):
            migrations.upgrade(engine)
    finally:
        engine.dispose()


def _make(path: Path) -> None:
    """An empty file where there is none, closed to others: SQLite would let the whole machine read it."""
    if not path.exists():
        with suppress(OSError):  # it says why itself
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, OWN_MODE))


def require_newest(url: URL) -> None:
    """Raise CannotOpen unless the database has the newest schema; none is made, and none is changed."""
    found = _revision(url)
    if found is None:
        raise CannotOpen(CannotOpen.EMPTY, shown(url))
    if found != migrations.HEAD:
        raise CannotOpen(CannotOpen.OUTDATED, shown(url), found)


def _revision(url: URL) -> str | None:
    """Which schema it has, None where there is nothing yet; what is not ours is only looked at. Raises CannotOpen."""
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and url.database:
        path = Path(url.database)
        _check_writable(path, shown(url))
        if not path.exists():  # looking would make it
            return None
        require_own_journal(path)
    engine = engine_for(url, is_reader=is_sqlite)
    try:
        with _refusal(url), engine.connect() as connection:
            if not is_sqlite:
                _require_every_sign(connection, url)
            found = migrations.revision_of(connection)
            if found == migrations.HEAD:
                return found
            if found is not None and found not in migrations.known_revisions():
                raise CannotOpen(CannotOpen.TOO_NEW, shown(url), found)
            if found is None and migrations.has_tables(connection):
                raise CannotOpen(CannotOpen.FOREIGN, shown(url))
            return found
    finally:
        engine.dispose()


def _require_every_sign(connection: Connection, url: URL) -> None:
    """Raise CannotOpen where PostgreSQL's database has an encoding that lacks signs: an emoji would be refused."""
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise CannotOpen(CannotOpen.ENCODING, shown(url), encoding)


@contextmanager
def _refusal(url: URL) -> Iterator[None]:
    """What the driver says, as CannotOpen. What PostgreSQL refuses, such as rights, is no damage."""
    try:
        yield
    except DatabaseError as error:
        is_damage = url.get_backend_name() == "sqlite" and not isinstance(error, OperationalError)
        code = CannotOpen.DAMAGED if is_damage else CannotOpen.UNREACHABLE
        raise CannotOpen(code, shown(url), str(error.orig)) from error


_VERSIONS, _NO_WAL = slice(18, 20), b"\x01\x01"
"""Where the header says whether the file is written through a write-ahead log (sqlite.org/fileformat2.html, 1.3.3)."""


def require_own_journal(path: Path) -> None:
    """Raise CannotOpen where the write-ahead log beside the file is another database's.

    A copy that `butine backup` made says that it has none, and Butine's own file says that it has one. What is put in
    the place of a database that was killed finds that one's log there, and SQLite would write it over the copy.
    """
    log = Path(f"{path}-wal")
    if not log.exists() or not log.stat().st_size:
        return
    # By another process: to close the file in this one would end the locks that SQLite holds on it here, whereupon
    # others write over it (sqlite.org/howtocorrupt.html, 2.2). What can't be read is told where it is opened.
    reading = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read(int(sys.argv[2])))"
    read = subprocess.run(  # noqa: S603  Python itself
        [sys.executable, "-I", "-S", "-c", reading, str(path), str(_VERSIONS.stop)], capture_output=True, check=False
    )
    if read.stdout[_VERSIONS] == _NO_WAL:
        raise CannotOpen(CannotOpen.LEFTOVER, str(path), str(log))


def problems_of(url: URL) -> list[str]:
    """What a full check of a SQLite file finds; nothing for a sound one, and for PostgreSQL."""
    if url.get_backend_name() != "sqlite":
        return []
    engine = engine_for(url, is_reader=True)
    try:
        with engine.connect() as connection:
            told = "\n".join(str(row[0]) for row in connection.execute(text("PRAGMA integrity_check(5)")))
            # Older versions put all in one row, below a heading.
            return [line for line in told.splitlines() if line != "ok" and not line.startswith("***")]
    except DatabaseError as error:
        return [str(error.orig)]
    finally:
        engine.dispose()


def engine_for(url: URL, *, is_reader: bool, is_patient: bool = False) -> Engine:
    """`is_patient`: wait for others' locks however long they take, as migrations do (PostgreSQL)."""
    if url.get_backend_name() != "sqlite":
        # The server may have gone since the last use; a ping is cheaper than a lost vote.
        limits = {name: value for name, value in SILENT_NETWORK.items() if name not in url.query}
        engine = create_engine(
            url,
            pool_size=2 * READERS,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={**limits, **WHATEVER_IS_SET},
            json_serializer=_COMPACT.encode,
            hide_parameters=True,
        )
        event.listen(engine, "connect", partial(_prepare_postgresql, is_patient=is_patient))
        return engine
    size = READERS if is_reader else 1
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        json_serializer=_COMPACT.encode,
        hide_parameters=True,  # an error, and its traceback in the log, would have what members wrote
        connect_args={
            "timeout": LOCK_TIMEOUT_SECONDS,
            "check_same_thread": False,
            "isolation_level": None,
        },
    )
    event.listen(engine, "connect", partial(_prepare_sqlite, is_reader=is_reader))
    # A deferred transaction that turns to writing fails at once when another one wrote first; an immediate one waits.
    event.listen(
        engine,
        "begin",
        lambda c: c.exec_driver_sql("BEGIN" if is_reader else "BEGIN IMMEDIATE"),
    )
    return engine


def _prepare_postgresql(connection: Any, _record: object, *, is_patient: bool) -> None:  # noqa: ANN401  psycopg's
    """What the role or the database has set stands for people at a prompt: psycopg reads dates of one style alone."""
    settings = PATIENT if is_patient else HURRIED
    for name, value in {"datestyle": "ISO", **settings}.items():
        connection.execute(f"SET {name} = '{value}'")
    connection.commit()


def _prepare_sqlite(connection: sqlite3.Connection, _record: object, *, is_reader: bool) -> None:
    if is_reader:
        connection.execute("PRAGMA query_only=ON")
        return
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _check_writable(path: Path, name: str) -> None:
    """SQLite opens a file it can't write to without a word, and fails at the first idea."""
    target = path if path.exists() else path.parent
    if (
        path.is_dir()
        or not path.parent.is_dir()
        or not os.access(target, os.W_OK)
        or not os.access(path.parent, os.W_OK)
    ):
        raise CannotOpen(CannotOpen.UNWRITABLE, name, str(path.absolute().parent))


def acquire(url: URL) -> IO[str]:
    """Hold the file's lock for this process: two services on one SQLite file would both send everything."""
    _check_writable(Path(url.database or ""), shown(url))
    path = _lock_of(url)
    try:
        lock = path.open("w")
    except OSError as error:
        raise CannotOpen(CannotOpen.UNLOCKABLE, shown(url), str(path)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise CannotOpen(CannotOpen.IN_USE, shown(url)) from error
    return lock


def check_lock(url: URL) -> None:
    """Raise CannotOpen where this account could not hold the lock, whoever holds it now; nothing is left behind."""
    path = _lock_of(url)
    if url.get_backend_name() != "sqlite" or not path.exists():  # whether it can be made is seen at the database
        return
    try:
        path.open("r+").close()
    except OSError as error:
        raise CannotOpen(CannotOpen.UNLOCKABLE, shown(url), str(path)) from error


def _lock_of(url: URL) -> Path:
    return Path(f"{url.database}.lock")
