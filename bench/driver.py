"""The process that generates load: reads one order on standard input, carries it out, prints what came back as JSON.

It makes and signs everything before it begins, so that while it measures it does little else than wait.
"""

import asyncio
import dataclasses
import gc
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bench.lines import as_fast_as_it_goes, at_a_rate
from bench.processes import ROOT
from bench.traffic import Chat, Wanted, requests

LINES = 16
LATE_MS = 2_500.0
"""After this long a command in Slack is acknowledged although it is not yet stored: Slack would not wait longer."""


@dataclass(frozen=True)
class Order:
    """What to send and how: as fast as it goes for `seconds` and at most `most` requests, or `most` at a `rate`.

    As fast as it goes, an answer whose body does not hold `expected` is an error.
    """

    wanted: Wanted
    chat: Chat
    most: int
    seconds: float = 60.0
    rate: float | None = None
    lines: int = LINES
    expected: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came back; times in milliseconds. `late` answers came after LATE_MS."""

    requests: int
    seconds: float
    rate: float
    p50: float
    p99: float
    longest: float
    late: int
    statuses: dict[str, int]
    acknowledged: Sequence[int]

    @property
    def errors(self) -> int:
        """How many were not answered with 200, or otherwise than expected."""
        return self.requests - self.statuses.get("200", 0)


def percentile(times: Sequence[float], share: float) -> float:
    """The time within which that share of all was done; 0 for none at all."""
    ordered = sorted(times)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def drive(order: Order) -> Outcome:
    """Have an order carried out by a process of its own."""
    given = json.dumps(dataclasses.asdict(order))
    done = subprocess.run(
        [sys.executable, "-m", "bench.driver"], input=given, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT
    )
    return Outcome(**json.loads(done.stdout))


def _order(given: dict[str, Any]) -> Order:
    return Order(Wanted(**given.pop("wanted")), Chat(**given.pop("chat")), **given)


async def carry_out(order: Order) -> Outcome:
    """Prepare everything, then send it."""
    prepared = list(islice(requests(order.wanted, order.chat), order.most))
    if order.rate is None:
        seen = await as_fast_as_it_goes(order.wanted.url, prepared, order.seconds, order.lines, order.expected.encode())
    else:
        seen = await at_a_rate(order.wanted.url, prepared, order.rate, order.lines)
    millis = [1000 * each for each in seen.times]
    return Outcome(
        len(millis),
        seen.seconds,
        len(millis) / seen.seconds,
        percentile(millis, 0.5),
        percentile(millis, 0.99),
        max(millis, default=0.0),
        sum(each >= LATE_MS for each in millis),
        {str(status): times for status, times in seen.statuses.items()},
        seen.acknowledged,
    )


if __name__ == "__main__":
    gc.disable()  # a collection would be taken for the server's delay
    outcome = asyncio.run(carry_out(_order(json.load(sys.stdin))))
    json.dump(dataclasses.asdict(outcome), sys.stdout)
