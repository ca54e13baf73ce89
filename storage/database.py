"""Open, read, write: the same for SQLite and PostgreSQL.

Queries are in the modules by topic; full text, which differs, is in search.py.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import IO

from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlmodel import Session

from storage.errors import NotSaved
from storage.opening import READERS, acquire, engine_for, parse_url, require_newest, upgrade
from storage.writer import T, Work, Writer, is_failure

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
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="database-reader")
        # Apart, so that writes which wait for another process keep nobody from reading.
        self._writers = ThreadPoolExecutor(READERS, thread_name_prefix="database-writer")
        self._engine = engine_for(url, is_reader=self.is_sqlite)
        self._writer = Writer(engine_for(url, is_reader=False)) if self.is_sqlite else None

    @classmethod
    def open(cls, url: str, *, exclusively: bool = False, is_upgraded: bool = True) -> "Database":
        """Check and migrate the database, creating it where it is missing, and open it.

        With `exclusively`, a SQLite file is refused while another process holds it the same way. Unless `is_upgraded`,
        the schema is left as it is, and one that is older or missing is refused. Raises CannotOpen.
        """
        parsed = parse_url(url)
        lock = acquire(parsed) if exclusively and parsed.database and parsed.get_backend_name() == "sqlite" else None
        try:
            if is_upgraded:
                upgrade(parsed)
            else:
                require_newest(parsed)
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
        return await asyncio.get_running_loop().run_in_executor(self._writers, partial(self._write_pooled, work))

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a snapshot that can't be written to. Raises NotSaved if the database failed or is closed."""
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._readers, partial(self._read, work))

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
        self._readers.shutdown()
        self._writers.shutdown()
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
            if is_failure(error):
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
                if is_failure(error):
                    raise NotSaved(str(error.orig)) from error
                raise
        raise AssertionError  # the last attempt returned or raised
