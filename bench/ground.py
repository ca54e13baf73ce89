"""What measurements stand on: processes for each turn, numbers that no other turn has, and folders on a disk.

What is measured, and what is a figure, is its neighbours' part.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

from bench.butine import Butine
from bench.driver import Order, Outcome, carry_out, drive
from bench.processes import Process
from bench.seed import Size, seeded
from bench.traffic import Chat

NUMBERS_A_TURN = 20_000
LATE_SECONDS = 60.0


class Failed(Exception):
    """An error came back, or something acknowledged is not in the database: then no figure counts."""


@dataclass(frozen=True)
class Dose:
    """How much is measured.

    `warming` are the requests before those that count: each member of the fakes once. `is_shared`: one Butine serves
    all turns over the same database, one peer all turns against it, and the load comes from this process, which is
    quick, and measures little.
    """

    rounds: int
    warming: int
    seconds: float
    asked: int
    burst: int
    starts: int
    settling: float
    cards: Size
    small: Size
    large: Size
    is_shared: bool = False


WHOLE = Dose(
    rounds=3,
    warming=200,
    seconds=5.0,
    asked=100,
    burst=1_000,
    starts=7,
    settling=3.0,
    cards=Size(1_000, 0),
    small=Size(1_000, 20_000),
    large=Size(100_000, 2_000_000),
)
QUICK = Dose(
    rounds=1,
    warming=4,
    seconds=0.1,
    asked=2,
    burst=8,
    starts=1,
    settling=0.0,
    cards=Size(40, 200),
    small=Size(40, 200),
    large=Size(60, 300),
    is_shared=True,
)


class Ground:
    """Everything is gone when it is left."""

    def __init__(self, chat: Chat, folder: Path, dose: Dose) -> None:
        self.chat = chat
        self.dose = dose
        self._folder = folder
        self._turns = count()
        self._shared: dict[Size, Butine] = {}
        self._peers: dict[tuple[str, ...], Process] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack:
            for butine in self._shared.values():
                require_quiet(butine)

    def drive(self, order: Order) -> Outcome:
        """Have an order carried out: by a process of its own, unless it is to be quick."""
        return asyncio.run(carry_out(order)) if self.dose.is_shared else drive(order)

    def first_number(self) -> int:
        """The first of numbers that are this turn's own."""
        return next(self._turns) * NUMBERS_A_TURN

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for one turn."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            yield Path(name)

    @contextmanager
    def peer(self, *arguments: str) -> Iterator[Process]:
        """A peer (bench/peers.py) of this turn."""
        if self.dose.is_shared:
            if arguments not in self._peers:
                folder = self._stack.enter_context(self.scratch())
                self._peers[arguments] = self._stack.enter_context(_peer(arguments, folder))
            yield self._peers[arguments]
            return
        with self.scratch() as folder, _peer(arguments, folder) as process:
            yield process

    @contextmanager
    def butine(self, *platforms: str, size: Size | None = None) -> Iterator[Butine]:
        """A Butine of this turn, over a new database, or over a copy of the seeded one of that size."""
        if self.dose.is_shared:
            yield self._one_for_all(size or self.dose.small)
            return
        with self.scratch() as folder:
            process = self._started(folder, platforms, size)
            with process:
                yield process
            require_quiet(process)

    def _one_for_all(self, size: Size) -> Butine:
        if size not in self._shared:
            folder = self._stack.enter_context(self.scratch())
            self._shared[size] = self._stack.enter_context(self._started(folder, ("slack", "mattermost"), size))
        return self._shared[size]

    def _started(self, folder: Path, platforms: tuple[str, ...], size: Size | None) -> Butine:
        if size:
            shutil.copy(seeded(size), folder / "butine.db")
        return Butine(self.chat, folder, *platforms)


def eventually(require: Callable[[], None]) -> None:
    """Raise Failed only if it still does after a while: what was acknowledged late may be stored a little later yet."""
    end = time.monotonic() + LATE_SECONDS
    while True:
        try:
            require()
            return
        except Failed:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _peer(arguments: Sequence[str], folder: Path) -> Process:
    return Process(["-m", "bench.peers", *arguments], folder)


def require_quiet(process: Process) -> None:
    """Raise Failed where it logged an error. Warnings may be: of old messages the fakes know no reactions."""
    lines = [line for line in process.said().splitlines() if " ERROR " in line or " CRITICAL " in line]
    if lines:
        raise Failed(f"Butine logged {len(lines)} errors: {lines[:3]}")
