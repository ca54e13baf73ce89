"""A sound copy of a SQLite database while it is in use. PostgreSQL has pg_dump for that."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from storage.errors import NotSound
from storage.files import new_file
from storage.opening import require_own_journal

PAGES_AT_ONCE = 1000
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
"""Primary codes."""
UNREADABLE = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ}
"""Extended codes: the copy is new and written from end to end, so that only the source is read."""


class CannotRead(Exception):
    """The source is missing, locked, or may not be read."""


class CopyFailed(Exception):
    """SQLite could not write the copy."""


def copy(source: Path, target: Path, on_progress: Callable[[int, int], None]) -> None:
    """Copy a live database, write-ahead log included, and check the copy; `on_progress(done, total)` in pages.

    It is the database as it was when the copying began, whatever is written meanwhile. The copy appears under its name
    only once it is whole, and nobody may read it who may not read the source. Raises FileExistsError for a target that
    exists, CannotRead for a source that does not open, CannotOpen for one beside another's log, NotSound for one that
    is damaged, OSError or CopyFailed for what the target's disk refuses.
    """
    require_own_journal(source)
    try:
        mode = source.stat().st_mode & 0o777
    except OSError as error:
        raise CannotRead(error.strerror) from error
    with new_file(target, mode) as part:
        try:
            with closing(sqlite3.connect(part)) as made:
                made.execute("PRAGMA journal_mode=OFF")  # a copy that fails is thrown away, and its journal would stay
                with closing(_snapshot(source)) as live:
                    _copy_pages(live, made, on_progress)
                made.execute("PRAGMA journal_mode=DELETE")
                told: str = made.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            if _code(error) & 0xFF in DAMAGED:  # the source's, wherever it is found: its pages are copied as they are
                raise NotSound(str(source), str(error)) from error
            raise CopyFailed(str(error)) from error
        if told != "ok":
            # Older versions put a heading above.
            raise NotSound(str(source), next(line for line in told.splitlines() if not line.startswith("***")))


def _snapshot(source: Path) -> sqlite3.Connection:
    """The source as it is now: SQLite begins a copy anew after each write of another process, unless this is held."""
    try:
        live = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise CannotRead(str(error)) from error
    try:
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        live.close()
        if _code(error) & 0xFF in DAMAGED:
            raise
        raise CannotRead(str(error)) from error
    return live


def _copy_pages(live: sqlite3.Connection, made: sqlite3.Connection, on_progress: Callable[[int, int], None]) -> None:
    try:
        live.backup(made, pages=PAGES_AT_ONCE, progress=lambda _, left, total: on_progress(total - left, total))
    except sqlite3.Error as error:
        if _code(error) in UNREADABLE:
            raise CannotRead(str(error)) from error
        raise


def _code(error: sqlite3.Error) -> int:
    """What SQLite said, its primary code in the low byte; 0 where it was not asked at all."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code
