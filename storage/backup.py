"""A sound copy of a SQLite database while it is in use. PostgreSQL has pg_dump for that."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

PAGES_AT_ONCE = 1000


class CopyFailed(Exception):
    """SQLite could not read the source or write the copy, or the copy is not sound."""


def copy(source: Path, target: Path, on_progress: Callable[[int, int], None]) -> None:
    """Copy a live database, write-ahead log included, and check the copy; `on_progress(done, total)` in pages.

    It is the database as it was when the copying began, whatever is written meanwhile. The copy appears under its name
    only once it is whole. Raises FileExistsError for a target that exists,
    FileNotFoundError for a source that does not, OSError or CopyFailed for what the disk refuses.
    """
    if target.exists():
        raise FileExistsError(target)
    if not source.exists():
        raise FileNotFoundError(source)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as live,
            closing(sqlite3.connect(part)) as made,
        ):
            # SQLite begins a copy anew after each write of another process, unless what is copied is held still.
            live.execute("BEGIN")
            live.execute("SELECT count(*) FROM sqlite_master").fetchone()
            live.backup(made, pages=PAGES_AT_ONCE, progress=lambda _, left, total: on_progress(total - left, total))
            made.execute("PRAGMA journal_mode=DELETE")
            if made.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise CopyFailed(part.name)
        part.rename(target)
    except sqlite3.Error as error:
        raise CopyFailed(str(error)) from error
    finally:
        part.unlink(missing_ok=True)
