"""What a figure is: ours beside the peer's, over the rounds. How it is measured is not known here."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


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
