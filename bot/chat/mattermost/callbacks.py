"""The HTTP addresses that Mattermost calls: the command, buttons and dialogs. Limits, and refusals without a word.

What is believed, and what is answered, the desk decides.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from bot.chat.mattermost import inbound
from bot.chat.mattermost.desk import Desk
from bot.chat.mattermost.inbound import Json, Unreadable
from bot.chat.mattermost.trust import Forged
from bot.chat.under_way import UnderWay
from bot.views.texts import Texts

Delivery = TypeVar("Delivery")
log = logging.getLogger(__name__)

BODY_LIMIT = 256 * 1024
BODY_SECONDS = 10.0
WARNING_SECONDS = 1.0
"""Between two lines about the same thing, however many such requests come."""
COMMAND_PATH, ACTION_PATH, DIALOG_PATH = "/mattermost/command", "/mattermost/action", "/mattermost/dialog"


class Callbacks:
    """Answers the three addresses once it is `open`ed; before and after that it asks to come back later.

    `language` is of what it says then. A body that has not come within `body_seconds` is not waited for. `seconds` is a
    clock that only runs forward.
    """

    def __init__(
        self,
        language: str,
        *,
        body_seconds: float = BODY_SECONDS,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._language = language
        self._body_seconds = body_seconds
        self._seconds = seconds
        self._warned: dict[tuple[str, str], float] = {}
        self._desk: Desk | None = None
        self._under_way = UnderWay()

    def routes(self) -> Sequence[web.RouteDef]:
        """What the HTTP listener is to answer."""
        return [
            web.post(COMMAND_PATH, self._command),
            web.post(ACTION_PATH, self._action),
            web.post(DIALOG_PATH, self._dialog),
        ]

    def open(self, desk: Desk) -> None:
        """Answer from now on."""
        self._desk = desk

    async def close(self) -> None:
        """Take no more, and see through what is under way, for as long as a stop may take."""
        self._desk = None
        await self._under_way.close()

    async def _command(self, request: web.Request) -> web.Response:
        def typed(body: str) -> inbound.Typed:
            return inbound.typed(dict(parse_qsl(body, keep_blank_values=True)))

        return await self._answer(request, typed, Desk.command)

    async def _action(self, request: web.Request) -> web.Response:
        return await self._answer(request, lambda body: inbound.clicked(json.loads(body)), Desk.click)

    async def _dialog(self, request: web.Request) -> web.Response:
        if self._desk is None:
            # Of any other answer clients make nothing: they close the form, and what was written is gone.
            return web.json_response({"error": Texts(self._language)("problem.not_saved")})
        return await self._answer(request, lambda body: inbound.submitted(json.loads(body)), Desk.submission)

    async def _answer(
        self,
        request: web.Request,
        read: Callable[[str], Delivery],
        answer: Callable[[Desk, Delivery], Coroutine[Any, Any, Json]],
    ) -> web.Response:
        desk = self._desk
        if desk is None:
            return web.Response(status=503)
        if (request.content_length or 0) > BODY_LIMIT:
            return web.Response(status=413)
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=408)
        except (ConnectionError, web.RequestPayloadError):  # its sender hung up, or packed it otherwise than it says
            return web.Response(status=400)
        if len(body) > BODY_LIMIT:
            return web.Response(status=413)
        try:
            delivery = read(body.decode())
        except (Unreadable, ValueError, RecursionError):
            self._warn(request.path, "unreadable")
            return web.Response(status=400)
        try:
            # In a task of its own: a server that hangs up doesn't end it.
            return web.json_response(await asyncio.shield(self.see_through(answer(desk, delivery))))
        except Forged as error:
            self._warn(request.path, f"refused ({error.reason})")
            return web.Response(status=403)

    def _warn(self, path: str, what: str) -> None:
        """Whoever sends garbage all day must not fill the disk with it."""
        now, last = self._seconds(), self._warned.get((path, what))
        if last is None or now - last >= WARNING_SECONDS:
            self._warned[path, what] = now
            log.warning("%s: %s", path, what)

    def see_through(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Have something done that closing waits for."""
        return self._under_way.start(work)
