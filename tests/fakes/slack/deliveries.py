"""How Slack delivers: signed HTTP requests, or envelopes over Socket Mode's websockets; again where nobody says yes."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from itertools import count
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.fakes.slack.clock import Clock

Json = dict[str, Any]
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
InsteadOfHello = Literal["", "close", "wait", "link_disabled", "too_many_websockets"]
RETRIES_AFTER = (0.0, 60.0, 300.0)
"""Seconds before an event is delivered again."""


class Transport(Protocol):
    """Brings a payload to the app; returns what it acknowledged with, or None where it did not."""

    async def deliver(self, kind: str, payload: Json, retry: int = 0) -> Json | None: ...


class Http:
    """Signed requests to one address."""

    def __init__(self, clock: Clock, session: aiohttp.ClientSession, url: str) -> None:
        self._clock = clock
        self._session = session
        self._url = url
        self.statuses: list[int] = []

    async def deliver(self, kind: str, payload: Json, retry: int = 0) -> Json | None:
        body, content_type = encoded(kind, payload)
        headers = self.signed(body) | {"Content-Type": content_type}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_error"}
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            self.statuses.append(answer.status)
            text = await answer.text()
            if answer.status != 200:
                return None
            return dict(json.loads(text)) if answer.content_type == "application/json" and text else {}

    def signed(self, body: bytes, at: int | None = None, secret: str = SECRET) -> dict[str, str]:
        """The headers that make a request genuine."""
        timestamp = str(at if at is not None else int(self._clock.now().timestamp()))
        signed = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={signed.hexdigest()}"}


def encoded(kind: str, payload: Mapping[str, Any]) -> tuple[bytes, str]:
    """The body of a delivery, and its type."""
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


class Sockets:
    """Socket Mode: the app connects, and each payload goes to any one of its connections."""

    def __init__(self, ack_seconds: float = 5.0) -> None:
        self.open: list[web.WebSocketResponse] = []
        self.is_silent = False
        self.instead_of_hello: InsteadOfHello = ""
        self.is_dead = False
        self.refusals = 0
        self._ended = asyncio.Event()
        self.connections = 0
        self.reached = asyncio.Event()
        self._numbers = count(1)
        self._acknowledged: dict[str, asyncio.Future[Json]] = {}
        self.ack_seconds = ack_seconds
        self.connected = asyncio.Event()

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        """One connection."""
        if self.refusals:  # by a proxy on the way, for instance
            self.refusals -= 1
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.connections += 1
        self.reached.set()
        if self.instead_of_hello:
            await self._turn_away(socket)
            return socket
        await socket.send_json({"type": "hello", "num_connections": len(self.open) + 1})
        self.open.append(socket)
        self.connected.set()
        if self.is_dead:  # nothing is read, so that not even a goodbye is answered
            await self._ended.wait()
        try:
            async for message in socket:
                if message.type == WSMsgType.PING and not self.is_silent:
                    await socket.pong(message.data)
                elif message.type == WSMsgType.TEXT:
                    answer = json.loads(message.data)
                    waiting = self._acknowledged.get(answer["envelope_id"])
                    if waiting and not waiting.done():
                        waiting.set_result(answer.get("payload") or {})
        finally:
            if socket in self.open:
                self.open.remove(socket)
        return socket

    async def _turn_away(self, socket: web.WebSocketResponse) -> None:
        """Slack has a reason, or a proxy opens what it can't carry."""
        if self.instead_of_hello == "wait":
            async for _ in socket:  # until the other end has enough of it
                pass
        elif self.instead_of_hello != "close":
            debug_info = {"host": "applink-2"}
            await socket.send_json({"type": "disconnect", "reason": self.instead_of_hello, "debug_info": debug_info})
        await socket.close()

    async def deliver(self, kind: str, payload: Json, retry: int = 0) -> Json | None:
        number = next(self._numbers)
        envelope = {"envelope_id": f"e-{number}", "type": kind, "payload": payload, "accepts_response_payload": True}
        if kind == "events_api":
            envelope |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        acknowledged = asyncio.get_running_loop().create_future()
        self._acknowledged[f"e-{number}"] = acknowledged
        await self.connected.wait()
        await self.open[number % len(self.open)].send_json(envelope)
        try:
            return await asyncio.wait_for(acknowledged, self.ack_seconds)
        except TimeoutError:
            return None

    async def next_connection(self) -> None:
        """Wait until the app has connected once more."""
        self.connected.clear()
        await asyncio.wait_for(self.connected.wait(), 10)

    def forget_all_but_the_newest(self) -> None:
        """Deliver over the newest connection alone."""
        del self.open[:-1]

    async def say(self, message: Json) -> None:
        """Send something to every connection."""
        for socket in list(self.open):
            await socket.send_json(message)

    async def close(self) -> None:
        self._ended.set()
        for socket in list(self.open):
            await socket.close()
