"""How SQLite is written to: one thread, and groups that are committed together. What is written, others say."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, InternalError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlmodel import Session

from storage.errors import NotSaved

T = TypeVar("T")
Work = Callable[[Session], T]

GROUP_SIZE = 128
UNSERVED_SQLSTATES = {"25006", "25P03", "42501"}
"""A server that takes no writes, as a standby, one that has ended a transaction which was silent for too long, and one
where the account has not the right (postgresql.org/docs/current/errcodes-appendix.html)."""


class Writer:
    """One thread that owns SQLite's only writing connection and commits what waits in groups.

    One fsync, at the commit, serves them all. There are no savepoints: each would have the full-text index write its
    part to disk, which costs more than all the rest. Where one fails after it changed something, its group is undone
    and tried again in halves.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: Connection | None = None
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
                self._disconnect()
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
            connection = self._connected()
            with connection.begin(), Session(connection, expire_on_commit=False) as session:
                has_begun = True
                driver: Any = connection.connection.driver_connection
                for job in group:
                    job.run(session, driver)
        except Exception as error:  # noqa: BLE001  whatever it was, nobody may be told that it is saved
            self._disconnect()
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
        _answer(group)

    def _connected(self) -> Connection:
        """Kept from group to group: to take one and give it back costs as much as an idea's statements."""
        if self._kept is None:
            self._kept = self._engine.connect()
        return self._kept

    def _disconnect(self) -> None:
        """After a failure nothing of it may be left in the connection that the next group gets."""
        if self._kept is not None:
            connection, self._kept = self._kept, None
            connection.close()

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
        self.loop = future.get_loop()
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

    def settle(self) -> None:
        """Tell whoever waits, in their own event loop."""
        if self._future.done():  # its caller has gone
            return
        if self.error is not None:
            self._future.set_exception(self.error)
        else:
            self._future.set_result(self._result)


def _answer(jobs: "list[_Job]") -> None:
    """Tell everybody at once: waking an event loop costs more than all that it then does."""
    for loop, waiting in groupby(jobs, key=lambda job: job.loop):
        with suppress(RuntimeError):  # a loop that is closed has nobody left who waits, and others do
            loop.call_soon_threadsafe(_settle, list(waiting))


def _settle(jobs: "list[_Job]") -> None:
    for job in jobs:
        job.settle()


def _told(error: Exception) -> Exception:
    """What a caller is told: their own work's error, or that it is not saved, with what the driver said."""
    cause = error.error if isinstance(error, _WorkFailed) else error
    if isinstance(error, _WorkFailed) and not is_failure(cause):
        return cause
    not_saved = NotSaved(str(getattr(cause, "orig", None) or cause))
    not_saved.__cause__ = cause
    return not_saved


def is_failure(error: Exception) -> bool:
    """Whether the database itself failed, rather than refused what it was given.

    SQLite's driver reports damage by the base class. PostgreSQL's counts some failures among mistakes.
    """
    if isinstance(error, InternalError | ProgrammingError):
        return getattr(error.orig, "sqlstate", None) in UNSERVED_SQLSTATES
    return isinstance(error, OperationalError) or type(error) is DatabaseError
