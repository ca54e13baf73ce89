"""The one HTTP listener: the routes that platforms bring along, a sign of life, and limits.

What is answered on those routes is their platforms' matter.
"""

import asyncio
import errno
import logging
import resource
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from http import HTTPStatus

from aiohttp import web
from aiohttp.http import HttpProcessingError

from bot.errors import ConfigError

log = logging.getLogger(__name__)

BODY_LIMIT = 1024 * 1024
SHUTDOWN_SECONDS = 1.0
"""Platforms see through what they take in before this listener stops; what remains is an answer on its way."""
IDLE_SECONDS = 120.0
"""Mattermost's server and the usual proxies give a quiet connection up after ninety. Where Butine is the first to do
so, a request may be lost."""
CONNECTIONS = 1000
"""At once. Who opens more and says nothing must not keep Butine from its database and from chat."""
WARNING_SECONDS = 60.0
OK, FAILING = "ok", "failing"
"""What `/health` says."""


async def _always() -> bool:
    return True


class Listener:
    """Answers on `host:port` between `start` and `stop`: `routes`, `/health`, and `/` where no route has it.

    `unreachable` names the configured platforms that could not be reached yet, or are not heard any more; `keeps` tells
    whether the database takes what comes: where it does not, `/health` is answered with 503. A connection over which no
    request comes whole, but for its body, for `idle_seconds` is closed; what is more than so many `connections`, or
    half of what this process may have open, is closed at once. Routes see to bodies themselves.
    """

    def __init__(
        self,
        host: str,
        port: int,
        version: str,
        routes: Iterable[web.AbstractRouteDef] = (),
        unreachable: Callable[[], Iterable[str]] = tuple,
        keeps: Callable[[], Awaitable[bool]] = _always,
        *,
        idle_seconds: float = IDLE_SECONDS,
        connections: int = CONNECTIONS,
    ) -> None:
        self._host = host
        self._port = port
        self._version = version
        self._runner: web.AppRunner | None = None
        self._routes = list(routes)
        self._unreachable = unreachable
        self._keeps = keeps
        self._idle_seconds = idle_seconds
        self._connections = min(connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._arriving = 0
        self._sockets: asyncio.Server | None = None
        self._warned_at = -WARNING_SECONDS

    @property
    def port(self) -> int:
        """The port it listens on: the configured one, or the one that the system chose for 0."""
        if self._sockets is None or not self._sockets.sockets:
            return self._port
        return int(self._sockets.sockets[0].getsockname()[1])

    def application(self) -> web.Application:
        """What is served."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.add_routes([web.get("/health", self._health), *self._routes])
        if not any(isinstance(route, web.RouteDef) and route.path == "/" for route in self._routes):
            app.add_routes([web.get("/", self._runs)])
        return app

    async def start(self) -> None:
        """Begin to listen. Raises `ConfigError`: "port_in_use", or "cannot_listen" for any other reason."""
        runner = web.AppRunner(
            self.application(),
            access_log=None,
            logger=_log_of_requests(),
            shutdown_timeout=SHUTDOWN_SECONDS,
            keepalive_timeout=self._idle_seconds,
        )
        await runner.setup()
        if runner.server is None:
            raise RuntimeError("the runner is not set up")
        connect, loop = partial(self._connection, runner.server), asyncio.get_running_loop()
        try:
            # As many are accepted at once, before the first of them is asked about below.
            backlog = max(1, min(128, self._connections // 4))
            self._sockets = await loop.create_server(connect, self._host, self._port, backlog=backlog)
        except OSError as error:
            await runner.cleanup()
            where = {"host": self._host, "port": str(self._port)}
            if error.errno == errno.EADDRINUSE:
                raise ConfigError("port_in_use", where) from error
            raise ConfigError("cannot_listen", where | {"reason": error.strerror or str(error)}) from error
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening and let requests under way finish. Harmless when called twice."""
        sockets, self._sockets = self._sockets, None
        if sockets is not None:
            sockets.close()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _connection(self, server: web.Server) -> asyncio.Protocol:
        """What answers over a new connection."""
        loop = asyncio.get_running_loop()
        if len(server.connections) + self._arriving < self._connections:
            self._arriving += 1  # the server knows of it a moment later only, when its transport is there
            loop.call_soon(self._arrive)
            return server()
        now = loop.time()
        if now - self._warned_at >= WARNING_SECONDS:
            self._warned_at = now
            log.warning("%s connections are open: more are refused, whoever opens them", self._connections)
        return _Refusal()

    def _arrive(self) -> None:
        self._arriving -= 1

    async def _health(self, _request: web.Request) -> web.Response:
        is_kept = await self._keeps()
        told = {"status": OK if is_kept else FAILING, "version": self._version}
        return web.json_response(
            {**told, "unreachable": sorted(self._unreachable())},
            status=200 if is_kept else HTTPStatus.SERVICE_UNAVAILABLE,
        )

    async def _runs(self, _request: web.Request) -> web.Response:
        return web.Response(text=f"Butine {self._version}\n")


class _Refusal(asyncio.Protocol):
    """Ends a connection before anything is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is over."""
        if isinstance(transport, asyncio.Transport):
            transport.abort()


def _log_of_requests() -> logging.Logger:
    """For aiohttp: what is no HTTP is answered 400, and brings no traceback; --debug has a line for each."""
    logger = logging.getLogger(f"{__name__}.requests")
    logger.addFilter(_quieted)
    return logger


def _quieted(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, HttpProcessingError | web.RequestPayloadError):
        return True
    record.levelno, record.levelname, record.exc_info = logging.DEBUG, "DEBUG", None
    return log.isEnabledFor(logging.DEBUG)
