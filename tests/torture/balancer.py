"""What stands before several Butines: hands each request on to the next of them that listens.

As nginx's round robin does it: a request that one may have received is never given to another.
"""

from collections.abc import Sequence
from typing import Self

from aiohttp import ClientConnectorError, ClientError, ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer

HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-encoding"})


class Balancer:
    """Listens within `async with`. `addresses` are those of the processes, without "/" at the end."""

    def __init__(self) -> None:
        self.addresses: Sequence[str] = ()
        self._turn = 0
        app = web.Application()
        app.add_routes([web.post("/{path:.*}", self._hand_on)])
        self._server = TestServer(app)
        self._http: ClientSession

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        await self._server.start_server()
        self._http = ClientSession(connector=TCPConnector(limit=0, force_close=True))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""
        await self._http.close()
        await self._server.close()

    @property
    def address(self) -> str:
        """Where it listens, without "/" at the end."""
        return str(self._server.make_url("")).rstrip("/")

    async def _hand_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        for _ in self.addresses:
            self._turn += 1
            address = self.addresses[self._turn % len(self.addresses)]
            try:
                async with self._http.post(f"{address}{request.path}", data=body, headers=headers) as answer:
                    kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
                    return web.Response(body=await answer.read(), status=answer.status, headers=kept)
            except ClientConnectorError:
                continue
            except ClientError:
                break
        return web.Response(status=502)
