"""Mattermost's websocket: events in the order in which they come, a connection that is kept up, and gaps noticed.

What an event means is the neighbours' matter. (mattermostdriver's own websocket opens no `wss` on Python ≥ 3.10.)
"""

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from bot.errors import ChatUnavailable

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 25.0
"""A ping this often; without its pong the connection counts as lost. A sign of life of the wire itself."""
PROVED_SECONDS = 30.0
"""A connection that has lasted so long is a good one, although nothing has come over it: a ping was answered."""
CONNECT_SECONDS = 15.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 60.0
MESSAGE_LIMIT = 4 * 1024 * 1024

Json = dict[str, Any]


def address_of(url: str) -> str:
    """The websocket's address on the server at `url`, which is http or https."""
    return f"{url.replace('http', 'ws', 1)}/api/v4/websocket"


async def try_out(url: str, token: str, ca_file: Path | None) -> None:
    """Have the websocket of the server at `url` stand once, and close it. Raises `ChatUnavailable`."""

    async def ignore(_event: Json) -> None:
        """Only whether it stands is of interest."""

    address = address_of(url)
    socket = Socket(address, token, trust_of(address, ca_file), ignore, lambda: None, random=lambda: 0.0)
    await socket.start()
    await socket.close()


def trust_of(url: str, ca_file: Path | None) -> ssl.SSLContext | bool:
    """Whom to trust: the certificates of `ca_file`, else the system's. Raises OSError for a file of neither."""
    if not url.startswith("wss"):
        return True
    return ssl.create_default_context(cafile=ca_file)


class Socket:
    """Keeps one websocket up between `start` and `close`.

    `on_event` gets each event, one after the other. `on_gap` is called where events may have been missed: after an
    absence that the server could not bridge, and where numbers are missing. `random` gives the jitter, 0 to 1;
    `seconds` is a clock that only runs forward.
    """

    def __init__(
        self,
        url: str,
        token: str,
        ssl_context: ssl.SSLContext | bool,  # noqa: FBT001  aiohttp's own
        on_event: Callable[[Json], Awaitable[None]],
        on_gap: Callable[[], None],
        *,
        random: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._token = token
        self._ssl = ssl_context
        self._on_event = on_event
        self._on_gap = on_gap
        self._random = random
        self._sleep = sleep
        self._seconds = seconds
        self._lost_at: float | None = None
        self._connected_at: float | None = None
        self._connection = ""
        self._next = 0
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once the first connection stands, or raise `ChatUnavailable`; from then on reconnect alone."""
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep_up(first))
        try:
            await first
        except BaseException:
            await self.close()
            raise

    @property
    def deaf_seconds(self) -> float:
        """How long ago the connection was lost, if there is no other yet that has proved good."""
        return 0.0 if self._lost_at is None or self._is_proved() else self._seconds() - self._lost_at

    def _is_proved(self) -> bool:
        """A server may take a connection and drop it again at once; one that goes on where it was may be quiet."""
        return self._connected_at is not None and self._seconds() - self._connected_at >= PROVED_SECONDS

    async def close(self) -> None:
        """Disconnect. Harmless when called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _keep_up(self, first: asyncio.Future[None]) -> None:
        async with aiohttp.ClientSession(trust_env=True) as session:
            while True:
                try:
                    await self._listen(session, first)
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    if not first.done():
                        first.set_exception(ChatUnavailable(f"websocket: {_words(error)}"))
                        return
                    log.warning("websocket: %s", _words(error))
                except Exception as error:
                    log.exception("websocket: ended by what nobody expected")
                    if not first.done():
                        first.set_exception(ChatUnavailable(f"websocket: {_words(error)}"))
                        return
                    self._on_gap()
                if self._lost_at is None or self._is_proved():
                    self._lost_at = self._seconds()
                self._connected_at = None
                if not first.done():
                    first.set_exception(ChatUnavailable("websocket: closed by the server"))
                    return
                await self._sleep(self._pause())

    def _pause(self) -> float:
        """Twice as long after each failure, and never the same for two: a server that comes back is not stormed."""
        longest = min(FIRST_PAUSE_SECONDS * 2.0**self._failures, LONGEST_PAUSE_SECONDS)
        self._failures = min(self._failures + 1, 16)
        return longest * (0.5 + self._random() / 2)

    async def _listen(self, session: aiohttp.ClientSession, first: asyncio.Future[None]) -> None:
        params = {"connection_id": self._connection, "sequence_number": str(self._next)} if self._connection else {}
        timeout = aiohttp.ClientWSTimeout(ws_close=5.0)
        async with asyncio.timeout(CONNECT_SECONDS):
            socket = await session.ws_connect(
                self._url,
                params=params,
                headers={"Authorization": f"Bearer {self._token}"},
                heartbeat=HEARTBEAT_SECONDS,
                max_msg_size=MESSAGE_LIMIT,
                timeout=timeout,
                ssl=self._ssl,
            )
        async with socket:
            self._connected_at = self._seconds()
            if not first.done():
                first.set_result(None)
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                try:
                    await self._take(message.data)
                except Exception:  # one event that can't be taken must not end the others
                    log.exception("websocket: an event was not taken in")
                    self._on_gap()

    async def _take(self, text: str) -> None:
        try:
            event = json.loads(text)
            kind, data, number = event.get("event"), event.get("data"), event.get("seq")
        except (ValueError, AttributeError):
            log.warning("websocket: an event that is none")
            return
        if not isinstance(kind, str) or not isinstance(number, int) or not isinstance(data, dict):
            return  # an answer, not an event
        self._failures = 0
        self._lost_at = None
        if kind == "hello":
            self._greet(str(data.get("connection_id", "")))
        elif number != self._next:
            log.warning("websocket: event %s came where %s was due", number, self._next)
            self._on_gap()
        self._next = number + 1
        await self._on_event(event)

    def _greet(self, connection: str) -> None:
        """A new connection's first event; the same id again says that nothing was missed."""
        had, self._connection = self._connection, connection
        if had and had != connection:
            log.info("websocket: connected anew, events may have been missed")
            self._on_gap()


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
        return getattr(cause, "verify_message", "") or str(cause)
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"{error.status} {error.message}"
    if isinstance(error, TimeoutError):
        return "no connection in time"
    return str(error) or type(error).__name__
