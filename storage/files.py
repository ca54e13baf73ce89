"""New files that appear under their name only once they are whole. What is in them, others say."""

import fcntl
import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def new_file(target: Path, mode: int = 0o666) -> Iterator[Path]:
    """A file beside the target, to be filled; it takes the target's name at the end, or is gone if anything fails.

    Each has a name of its own, so that two that write the same target at once do not write into one file: the later
    one is refused. What was left of one that was killed is removed. `mode` as in open(2), less the umask, from the
    first moment on; who owns it may always write. Raises FileExistsError for a target that exists, also one that was
    made meanwhile, and OSError for what the disk refuses.
    """
    if os.path.lexists(target):
        raise FileExistsError(target)
    _clear(target)
    part, held = _begin(target, mode)
    try:
        yield part
        _sync(part)
        _name(part, target)
    finally:
        os.close(held)
        _remove(part)


def _begin(target: Path, mode: int) -> tuple[Path, int]:
    """The new file, locked for as long as its descriptor is open."""
    while True:
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        held = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode | 0o600)
        with suppress(OSError):  # some network drives have no locks: nobody clears there, either
            fcntl.flock(held, fcntl.LOCK_EX)
        if part.exists():
            return part, held
        os.close(held)  # it was cleared before it was locked


def _clear(target: Path) -> None:
    """Remove what nobody writes any more: those who do hold a lock."""
    for part in target.parent.glob(f"{glob.escape(target.name)}.{'[0-9a-f]' * 8}.part"):
        with suppress(OSError), part.open("rb") as left:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(part)


def _remove(part: Path) -> None:
    """With what a database puts beside its file."""
    for beside in part.parent.glob(f"{glob.escape(part.name)}-*"):
        beside.unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """A network's disk may say only here that it is full; and no power cut shall leave a name without content."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _name(part: Path, target: Path) -> None:
    """Renaming alone would overwrite what another process has made meanwhile."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # memory sticks and some network drives have no links
        target.touch(exist_ok=False)
        part.rename(target)
