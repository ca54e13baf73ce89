"""Open, read, write: the one place that knows how SQLite and PostgreSQL differ in transactions.

Queries are in the modules by topic; full text, which differs too, is in search.py.
"""

import asyncio
import fcntl
import os
import queue
import re
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool
from sqlmodel import Session

from storage import migrations
from storage.errors import CannotOpen, NotSaved

T = TypeVar("T")
Work = Callable[[Session], T]

# Chat platforms wait 3 s for an answer: whoever can't write within this has to be told in time.
LOCK_TIMEOUT_SECONDS = 2.0
READERS = 4
GROUP_SIZE = 128
RETRIED_SQLSTATES = {  # PostgreSQL's manual, appendix A
    "40001",  # serialization failure
    "40P01",  # deadlock
    "23505",  # unique violation: another transaction has just made the same row, and the next attempt finds it
}
ATTEMPTS = 4


class Database:
    """An open, migrated database. Work is a plain function over a Session, run off the event loop."""

    def __init__(self, url: URL, lock: IO[str] | None) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._lock = lock
        self._is_closed = False
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="database")
        self._engine = _engine(url, is_reader=self.is_sqlite)
        self._writer = _Writer(_engine(url, is_reader=False)) if self.is_sqlite else None

    @classmethod
    def open(cls, url: str, *, exclusively: bool = False) -> "Database":
        """Check and migrate the database, creating it where it is missing, and open it.

        With `exclusively`, a SQLite file is refused while another process holds it the same way. Raises CannotOpen.
        """
        parsed = parse_url(url)
        lock = _acquire(parsed) if exclusively and parsed.database and parsed.get_backend_name() == "sqlite" else None
        try:
            upgrade(parsed)
            return cls(parsed, lock)
        except BaseException:
            if lock:
                lock.close()
            raise

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a write transaction and return its result once it is committed and on disk.

        An exception of `work` rolls its changes back and comes through. Raises NotSaved if the database failed or is
        closed. `work` may be run more than once, so it must do nothing but use its session.
        """
        self._require_open()
        if self._writer:
            return await self._writer.submit(work)
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(self._write_pooled, work))

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a snapshot that can't be written to. Raises NotSaved if the database failed or is closed."""
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(self._read, work))

    async def close(self) -> None:
        """Finish the writes that wait, then close every connection."""
        self._is_closed = True
        await asyncio.to_thread(self._close)

    def _require_open(self) -> None:
        if self._is_closed:
            raise NotSaved("closed")

    def _close(self) -> None:
        if self._writer:
            self._writer.stop()
        self._pool.shutdown()
        self._engine.dispose()
        if self._lock:
            self._lock.close()

    def _read(self, work: Work[T]) -> T:
        try:
            with Session(self._engine, expire_on_commit=False) as session:
                if not self.is_sqlite:
                    session.connection(
                        execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                    )
                return work(session)
        except DatabaseError as error:
            if _is_failure(error):
                raise NotSaved(str(error.orig)) from error
            raise

    def _write_pooled(self, work: Work[T]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with (
                    Session(self._engine, expire_on_commit=False) as session,
                    session.begin(),
                ):
                    return work(session)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) in RETRIED_SQLSTATES and attempt < ATTEMPTS:
                    continue
                if _is_failure(error):
                    raise NotSaved(str(error.orig)) from error
                raise
        raise AssertionError  # the last attempt returned or raised


class _Writer:
    """One thread that owns SQLite's only writing connection and commits what waits in groups.

    One fsync, at the commit, serves them all. There are no savepoints: each would have the full-text index write its
    part to disk, which costs more than all the rest. What fails once it has changed something has its group undone,
    and everybody in it tries again alone.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="database-writer", daemon=True)
        self._thread.start()

    async def submit(self, work: Work[T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put(_Job(work, future))
        return await future

    def stop(self) -> None:
        self._waiting.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while True:
            group, is_last = self._next_group()
            if group:
                self._commit(group)
            if is_last:
                return

    def _next_group(self) -> "tuple[list[_Job], bool]":
        group: list[_Job] = []
        job = self._waiting.get()
        while job is not None:
            group.append(job)
            if len(group) == GROUP_SIZE:
                return group, False
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, group: "list[_Job]") -> None:
        """All of the group or none of it: a database that fails in the middle has saved nothing.

        One may be at fault, by what it is, or too large, or on a damaged page: the halves are tried apart until it
        stands alone.
        """
        has_begun = False
        try:
            with self._engine.begin() as connection, Session(connection, expire_on_commit=False) as session:
                has_begun = True
                driver: Any = connection.connection.driver_connection
                for job in group:
                    job.run(session, driver)
        except Exception as error:  # noqa: BLE001  whatever it was, nobody may be told that it is saved
            if has_begun and len(group) > 1:
                middle = len(group) // 2
                self._commit(group[:middle])
                self._commit(group[middle:])
                return
            if not has_begun:
                # Who came meanwhile has waited for the same lock: chat does not wait twice as long.
                group = [*group, *self._arrived()]
            for job in group:
                job.error = _told(error)
        for job in group:
            job.answer()

    def _arrived(self) -> "list[_Job]":
        """What has come meanwhile; the wish to stop is left where it is."""
        jobs: list[_Job] = []
        with suppress(queue.Empty):
            while job := self._waiting.get_nowait():
                jobs.append(job)
            self._waiting.put(None)
        return jobs


class _WorkFailed(Exception):
    """A piece of work failed, and what it changed has to be undone, or may be undone already."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _Job:
    """A piece of work that waits, and who waits for it. `error` is what its caller is to get."""

    def __init__(self, work: Work[Any], future: "asyncio.Future[Any]") -> None:
        self._work = work
        self._future = future
        self._loop = future.get_loop()
        self._result: Any = None
        self.error: Exception | None = None

    def run(self, session: Session, driver: sqlite3.Connection) -> None:
        """Do the work; what it returns is its caller's alone. Raises _WorkFailed."""
        self._result = self.error = None
        before = driver.total_changes
        try:
            self._result = self._work(session)
            session.flush()
        except Exception as error:
            if isinstance(error, SQLAlchemyError) or driver.total_changes != before:
                raise _WorkFailed(error) from error
            self.error = error
        session.expunge_all()

    def answer(self) -> None:
        self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self._future.done():  # its caller has gone
            return
        if self.error is not None:
            self._future.set_exception(self.error)
        else:
            self._future.set_result(self._result)


def parse_url(url: str) -> URL:
    """The URL with its driver named. Raises CannotOpen for anything but SQLite and PostgreSQL."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError for a port that is no number
        raise CannotOpen(CannotOpen.UNREACHABLE, _masked(url)) from error
    match parsed.get_backend_name():
        case "sqlite" if parsed.database not in {None, "", ":memory:"}:  # memory keeps nothing
            return parsed.set(drivername="sqlite")
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
    raise CannotOpen(CannotOpen.UNREACHABLE, shown(parsed))


def shown(url: URL) -> str:
    """The URL as it may be printed: without any password."""
    hidden = {name: "***" for name in url.query if "password" in name}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def upgrade(url: URL) -> None:
    """Bring the database to the newest schema. Raises CannotOpen, and has then changed nothing in it."""
    name = shown(url)
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and url.database:
        _check_writable(Path(url.database), name)
    # A writer's first act turns the file to write-ahead logging: what is not ours is only looked at.
    looking, writing = _engine(url, is_reader=is_sqlite), _engine(url, is_reader=False)
    try:
        with looking.connect() as connection:
            found = migrations.revision_of(connection)
            if found == migrations.HEAD:
                return
            if found is not None and found not in migrations.known_revisions():
                raise CannotOpen(CannotOpen.TOO_NEW, name, found)
            if found is None and migrations.has_tables(connection):
                raise CannotOpen(CannotOpen.FOREIGN, name)
        migrations.upgrade(writing)
    except OperationalError as error:
        raise CannotOpen(CannotOpen.UNREACHABLE, name, str(error.orig)) from error
    except DatabaseError as error:
        raise CannotOpen(CannotOpen.DAMAGED, name, str(error.orig)) from error
    finally:
        looking.dispose()
        writing.dispose()


def problems_of(url: URL) -> list[str]:
    """What a full check of a SQLite file finds; nothing for a sound one, and for PostgreSQL."""
    if url.get_backend_name() != "sqlite":
        return []
    engine = _engine(url, is_reader=True)
    try:
        with engine.connect() as connection:
            told = "\n".join(str(row[0]) for row in connection.execute(text("PRAGMA integrity_check(5)")))
            # Older versions put all in one row, below a heading.
            return [line for line in told.splitlines() if line != "ok" and not line.startswith("***")]
    except DatabaseError as error:
        return [str(error.orig)]
    finally:
        engine.dispose()


def _engine(url: URL, *, is_reader: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        # The server may have gone since the last use; a ping is cheaper than a lost vote.
        return create_engine(url, pool_size=READERS, pool_pre_ping=True)
    size = READERS if is_reader else 1
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
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


def _prepare_sqlite(connection: sqlite3.Connection, _record: object, *, is_reader: bool) -> None:
    if is_reader:
        connection.execute("PRAGMA query_only=ON")
        return
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _is_failure(error: Exception) -> bool:
    """Whether the database itself failed, rather than refused what it was given.

    SQLite's driver reports damage by the base class; PostgreSQL's has operational errors alone.
    """
    return isinstance(error, OperationalError) or type(error) is DatabaseError


def _told(error: Exception) -> Exception:
    """What a caller is told: their own work's error, or that it is not saved, with what the driver said."""
    cause = error.error if isinstance(error, _WorkFailed) else error
    if isinstance(error, _WorkFailed) and not _is_failure(cause):
        return cause
    not_saved = NotSaved(str(getattr(cause, "orig", None) or cause))
    not_saved.__cause__ = cause
    return not_saved


def _masked(url: str) -> str:
    """What is no URL may hold a password all the same."""
    return re.sub(r"//.*@", "//…@", url, flags=re.DOTALL)


def _check_writable(path: Path, name: str) -> None:
    """SQLite opens a file it can't write to without a word, and fails at the first idea."""
    target = path if path.exists() else path.parent
    if (
        path.is_dir()
        or not path.parent.is_dir()
        or not os.access(target, os.W_OK)
        or not os.access(path.parent, os.W_OK)
    ):
        raise CannotOpen(CannotOpen.UNWRITABLE, name)


def _acquire(url: URL) -> IO[str]:
    """Hold the file's lock for this process: two services on one SQLite file would both send everything."""
    path = Path(f"{url.database}.lock")
    try:
        lock = path.open("w")
    except OSError as error:
        raise CannotOpen(CannotOpen.UNWRITABLE, shown(url), str(error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise CannotOpen(CannotOpen.IN_USE, shown(url)) from error
    return lock
