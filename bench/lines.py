"""A load generator that costs little: ready-made HTTP/1.1 requests over a few kept connections.

What the requests say is traffic.py's part.
"""

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Request = tuple[int, bytes]
"""A number to know it by, and what is sent."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"
LOST = 0
"""The status of a request whose connection broke."""
OTHER = 1
"""The status of an answer that is another than the one that was asked for."""
OK = 200
PATIENCE_SECONDS = 60.0


class Line(asyncio.Protocol):
    """One connection, one request at a time; `answered` is called with the line and the status.

    An answer counts as OK only where its body holds `expected`.
    """

    def __init__(self, answered: "Callable[[Line, int], None]", expected: bytes = b"") -> None:
        self._answered = answered
        self._expected = expected
        self._transport: asyncio.Transport | None = None
        self._got = b""
        self.number = -1
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(transport)
        self._transport = transport

    def send(self, request: Request, since: float) -> None:
        """Send it; its time counts from `since`."""
        self.number, self.since = request[0], since
        if self._transport is None or self._transport.is_closing():
            self.connection_lost(None)
        else:
            self._transport.write(request[1])

    def data_received(self, data: bytes) -> None:
        self._got += data
        head = self._got.find(HEAD_END)
        if head < 0:
            return
        length = _LENGTH.search(self._got, 0, head + 2)
        size = head + len(HEAD_END) + (int(length[1]) if length else 0)
        if len(self._got) < size:
            return
        status = int(self._got[9:12])
        if status == OK and self._got.find(self._expected, head, size) < 0:
            status = OTHER
        self._got = self._got[size:]
        if self.number >= 0:
            self._answered(self, status)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        if self.number >= 0:
            self._answered(self, LOST)

    def close(self) -> None:
        """Hang up."""
        self.number = -1
        if self._transport is not None:
            self._transport.close()


@dataclass
class Seen:
    """What came back: statuses, seconds for each answer, the numbers that were answered 200, and over how long."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)

    def take(self, number: int, status: int, seconds: float) -> None:
        """One answer."""
        self.statuses[status] += 1
        self.times.append(seconds)
        if status == OK:
            self.acknowledged.append(number)


class _Run:
    """One measurement: its lines, what it has seen, and when it is over."""

    def __init__(self, total: int | None = None) -> None:
        self.seen = Seen()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines: list[Line] = []
        self._total = total

    async def open(self, url: str, lines: int, following: Callable[[Line], None], expected: bytes = b"") -> list[Line]:
        """Connect; a line that has its answer is handed to `following`."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
        loop = asyncio.get_running_loop()

        def answered(line: Line, status: int) -> None:
            self.seen.take(line.number, status, time.perf_counter() - line.since)
            line.number = -1
            if status == LOST:
                self._end(ConnectionError("the server hung up"))
                return
            following(line)
            if len(self.seen.times) == self._total:
                self._end()

        opened = [await loop.create_connection(lambda: Line(answered, expected), host, port) for _ in range(lines)]
        self._lines = [line for _, line in opened]
        return self._lines

    def end_if_idle(self) -> None:
        """It is over where no line waits for an answer."""
        if all(line.number < 0 for line in self._lines):
            self._end()

    def _end(self, error: Exception | None = None) -> None:
        if self.over.done():
            return
        if error:
            self.over.set_exception(error)
        else:
            self.over.set_result(None)

    async def result(self, start: float, patience: float) -> Seen:
        """What was seen, when it is over."""
        async with asyncio.timeout(patience + PATIENCE_SECONDS):
            await self.over
        self.seen.seconds = time.perf_counter() - start
        for line in self._lines:
            line.close()
        return self.seen


async def as_fast_as_it_goes(
    url: str, requests: Sequence[Request], seconds: float, lines: int, expected: bytes = b""
) -> Seen:
    """Each line sends its next request as soon as it has an answer, until the time or the requests are over.

    `expected` is what every answer must hold.
    """
    run, waiting = _Run(), iter(requests)

    def following(line: Line) -> None:
        now = time.perf_counter()
        request = next(waiting, None) if now < end else None
        if request is None:
            run.end_if_idle()
        else:
            line.send(request, now)

    opened = await run.open(url, lines, following, expected)
    start = time.perf_counter()
    end = start + seconds
    for line in opened:
        following(line)
    return await run.result(start, seconds)


async def at_a_rate(url: str, requests: Sequence[Request], rate: float, lines: int) -> Seen:
    """So many requests set out in a second, whatever comes back. One that finds no line free waits, and that counts."""
    run = _Run(total=len(requests))
    free: deque[Line] = deque()
    late: deque[tuple[Request, float]] = deque()

    def following(line: Line) -> None:
        if late:
            line.send(*late.popleft())
        else:
            free.append(line)

    free.extend(await run.open(url, lines, following))
    start = time.perf_counter()

    async def pace() -> None:
        for place, request in enumerate(requests):
            if (wait := start + place / rate - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            if free:
                free.popleft().send(request, time.perf_counter())
            else:
                late.append((request, time.perf_counter()))

    pacing = asyncio.create_task(pace())
    seen = await run.result(start, len(requests) / rate)
    await pacing
    return seen
