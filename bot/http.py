"""The one HTTP listener: the routes that platforms bring along, a sign of life, and limits.

What is answered on those routes is their platforms' matter.
"""

import errno
from collections.abc import Callable, Iterable

from aiohttp import web

from bot.errors import ConfigError

BODY_LIMIT = 1024 * 1024
SHUTDOWN_SECONDS = 1.0
"""Platforms see through what they take in before this listener stops; what remains is an answer on its way."""


class Listener:
    """Answers on `host:port` between `start` and `stop`: `routes`, `/health`, and `/` where no route has it.

    `unreachable` names the configured platforms that could not be reached yet, or are not heard any more.
    """

    def __init__(
        self,
        host: str,
        port: int,
        version: str,
        routes: Iterable[web.AbstractRouteDef] = (),
        unreachable: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._host = host
        self._port = port
        self._version = version
        self._runner: web.AppRunner | None = None
        self._routes = list(routes)
        self._unreachable = unreachable

    @property
    def port(self) -> int:
        """The port it listens on: the configured one, or the one that the system chose for 0."""
        if self._runner is None or not self._runner.addresses:
            return self._port
        return int(self._runner.addresses[0][1])

    def application(self) -> web.Application:
        """What is served."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.add_routes([web.get("/health", self._health), *self._routes])
        if not any(isinstance(route, web.RouteDef) and route.path == "/" for route in self._routes):
            app.add_routes([web.get("/", self._runs)])
        return app

    async def start(self) -> None:
        """Begin to listen. Raises `ConfigError`: "port_in_use", or "cannot_listen" for any other reason."""
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            where = {"host": self._host, "port": str(self._port)}
            if error.errno == errno.EADDRINUSE:
                raise ConfigError("port_in_use", where) from error
            raise ConfigError("cannot_listen", where | {"reason": error.strerror or str(error)}) from error
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening and let requests under way finish. Harmless when called twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": self._version, "unreachable": sorted(self._unreachable())})

    async def _runs(self, _request: web.Request) -> web.Response:
        return web.Response(text=f"Butine {self._version}\n")
