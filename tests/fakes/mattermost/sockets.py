"""The fake server's websockets: numbered events, resumption, and every way of losing them."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.mattermost.answers import VERSION, Json
from tests.fakes.mattermost.world import World

KEPT_EVENTS = 128


@dataclass
class Connection:
    """One client's connection, which outlives its socket for a while."""

    id: str
    user: str
    socket: web.WebSocketResponse | None = None
    sequence: int = 0
    kept: list[Json] = field(default_factory=list)


class Sockets:
    """All connections. `is_reliable`: events are kept for who comes back; else a new socket is a new connection.

    `is_cut_off`: a proxy passes the requests for a socket on without what makes them such.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.connections: dict[str, Connection] = {}
        self.is_reliable = True
        self.is_losing = False
        self.is_cut_off = False
        self.opened = 0
        self._sending: asyncio.Task[None] | None = None
        self._queue: asyncio.Queue[tuple[web.WebSocketResponse, Json]] = asyncio.Queue()

    def tell(self, name: str, data: Json, channel: str, users: set[str], *, alone: str = "") -> None:
        """Send an event to all of these users' connections."""
        for connection in self.connections.values():
            if connection.user not in users:
                continue
            broadcast = {"omit_users": None, "user_id": alone, "channel_id": channel, "team_id": ""}
            event = {"event": name, "data": data, "broadcast": broadcast, "seq": connection.sequence}
            connection.sequence += 1
            if self.is_losing:
                continue
            connection.kept = [*connection.kept, event][-KEPT_EVENTS:]
            if connection.socket is not None and not connection.socket.closed:
                self._queue.put_nowait((connection.socket, event))

    async def serve(self, request: web.Request, user: str) -> web.WebSocketResponse:
        """One socket, until it is closed."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.opened += 1
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        connection = self._resumed(request, user)
        if connection is None:
            connection = Connection(self._world.new_id(), user, socket)
            self.connections[connection.id] = connection
            hello = {"connection_id": connection.id, "server_version": VERSION}
            self.tell_one(connection, "hello", hello)
        else:
            connection.socket = socket
            number = int(request.query["sequence_number"])
            for event in connection.kept:
                if event["seq"] >= number:
                    self._queue.put_nowait((socket, event))
        async for _ in socket:
            pass
        return socket

    def tell_one(self, connection: Connection, name: str, data: Json) -> None:
        """Send an event to one connection alone."""
        others = {id_: other for id_, other in self.connections.items() if other is not connection}
        self.connections = {connection.id: connection}
        self.tell(name, data, "", {connection.user}, alone=connection.user)
        self.connections = {**others, connection.id: connection}

    def _resumed(self, request: web.Request, user: str) -> Connection | None:
        connection = self.connections.get(request.query.get("connection_id", ""))
        if not self.is_reliable or connection is None or connection.user != user:
            return None
        number = int(request.query["sequence_number"])
        is_whole = number == connection.sequence or any(event["seq"] == number for event in connection.kept)
        return connection if is_whole else None

    async def drop(self) -> None:
        """Close every socket as a network does; what happens next is kept for who comes back."""
        for connection in self.connections.values():
            if connection.socket is not None:
                await connection.socket.close(code=1011)
                connection.socket = None

    async def forget(self) -> None:
        """Close every socket and remember no connection, as after a restart."""
        await self.drop()
        self.connections.clear()

    async def settled(self) -> None:
        """Return once everything is sent."""
        await self._queue.join()

    async def close(self) -> None:
        """No more sockets."""
        await self.forget()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        while True:
            socket, event = await self._queue.get()
            try:
                await socket.send_json(event)
            except (ConnectionError, RuntimeError):
                pass
            finally:
                self._queue.task_done()
