"""What can go wrong with the database, as types with values; no sentences."""

from dataclasses import dataclass


class StorageError(Exception):
    """The database did not do what it was asked, and nothing was changed, unless PostgreSQL's last word was lost."""


@dataclass(eq=False)
class NotSaved(StorageError):
    """A transaction could not be committed: locked, full, read-only, gone. It may be tried again unless `is_damage`."""

    reason: str

    def __str__(self) -> str:
        """The reason on one line, as the log has it: PostgreSQL's go over several."""
        return " ".join(self.reason.split())

    @property
    def is_damage(self) -> bool:
        """Whether the file is damaged: SQLite has these words for it and for nothing else."""
        return "disk image is malformed" in self.reason


@dataclass(eq=False)
class CannotOpen(StorageError):
    """The database can't be used at all; `code` is one of the constants of this class, `reason` the driver's words.

    `reason` is the lock's file where that is UNLOCKABLE, the folder where that is UNWRITABLE, the schema where that
    is TOO_NEW or OUTDATED, and the database's encoding where that is ENCODING. It is OUTDATED or EMPTY only for those
    who would have it left as it is.
    Of a URL that is MISWRITTEN nothing is said: it may hold a password in any place.
    """

    code: str
    url: str
    reason: str = ""

    MISWRITTEN = "miswritten"
    UNREACHABLE = "unreachable"
    UNWRITABLE = "unwritable"
    UNLOCKABLE = "unlockable"
    DAMAGED = "damaged"
    TOO_NEW = "too_new"
    OUTDATED = "outdated"
    EMPTY = "empty"
    FOREIGN = "foreign"
    IN_USE = "in_use"
    ENCODING = "encoding"
    LEFTOVER = "leftover"


@dataclass(eq=False)
class NotSound(StorageError):
    """A copy can't be had because the database `source` is damaged; `reason` is SQLite's words."""

    source: str
    reason: str
