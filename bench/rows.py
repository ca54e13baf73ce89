"""What a figure is: ours beside the peer's, over the rounds; and what a measurement has at hand. No measuring here."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.seed import Size
from bench.traffic import Chat


@dataclass(frozen=True)
class Dose:
    """How much is measured. `warming` are the requests before those that count: each member of the fakes once."""

    rounds: int
    warming: int
    seconds: float
    asked: int
    small: Size
    large: Size


WHOLE = Dose(
    rounds=3,
    warming=200,
    seconds=5.0,
    asked=100,
    small=Size(1_000, 20_000),
    large=Size(100_000, 2_000_000),
)
QUICK = Dose(rounds=1, warming=8, seconds=0.2, asked=3, small=Size(20, 100), large=Size(40, 200))


@dataclass(frozen=True)
class Bench:
    """What every measurement needs. `folder` is on a disk, and emptied afterwards."""

    chat: Chat
    folder: Path
    dose: Dose


@dataclass(frozen=True)
class Row:
    """One line of the table: each side's value in each round, of which the median counts.

    `bound` is of the ratio ours / peer: "at_least" or "at_most" `target`; of ours alone where there is no peer.
    """

    name: str
    unit: str
    against: str
    ours: Sequence[float]
    peer: Sequence[float]
    target: float
    bound: Literal["at_least", "at_most"]
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """What counts: the ratio of the medians, or ours where there is no peer."""
        ours = statistics.median(self.ours)
        return ours / statistics.median(self.peer) if self.peer else ours

    @property
    def is_reached(self) -> bool:
        """Whether the target is."""
        return self.value >= self.target if self.bound == "at_least" else self.value <= self.target
