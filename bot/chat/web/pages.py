"""The room over HTTP: its routes, and how requests and answers are written.

What a gesture does and what a window shows is decided by its neighbours.
"""

import hashlib
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from bot.chat.web import guard, inbound, render
from bot.chat.web.gestures import Gestures, Outcome
from bot.chat.web.guard import Guard
from bot.chat.web.inbound import Payload, Refused
from bot.chat.web.live import Streams
from bot.chat.web.places import Places
from bot.chat.web.room import Room, RoomStore
from bot.chat.web.window import Asked, Swap, Window
from bot.views.cards import Hint
from bot.views.texts import Texts

PERSONA_COOKIE = "butine_persona"
BODY_LIMIT = 64 * 1024
STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

Answer = Callable[[Payload], Coroutine[Any, Any, dict[str, object]]]
log = logging.getLogger(__name__)


class Hints(Protocol):
    """Gives the commands that a member is offered while typing, in a language."""

    def __call__(self, language: str, /, *, is_moderator: bool) -> Sequence[Hint]: ...


class SeeThrough(Protocol):
    """Runs a gesture to its end, whatever becomes of the request. Raises `Refused` while the room closes."""

    def __call__(self, gesture: Coroutine[Any, Any, dict[str, object]], /) -> Awaitable[dict[str, object]]: ...


class Pages:
    """The room's handlers. They answer from `open` on."""

    def __init__(
        self,
        room: Room,
        places: Places,
        streams: Streams,
        see_through: SeeThrough,
        hints: Hints,
        hosts: Collection[str],
        language: str,
        command: str,
    ) -> None:
        self._room = room
        self._places = places
        self._streams = streams
        self._see_through = see_through
        self._hints = hints
        self._language = language
        self._command = command
        self._guard = Guard(hosts, self._problem)
        self._gestures: Gestures | None = None

    def open(self, gestures: Gestures, secret: str) -> None:
        """Begin to answer; `secret` signs the pages' tokens."""
        self._gestures = gestures
        self._guard.secret = secret

    def routes(self) -> list[web.RouteDef]:
        """Every address of the room."""
        before = self._guard.before
        answers: dict[str, Answer] = {
            "say": partial(self._outcome, Gestures.say),
            "click": partial(self._outcome, Gestures.click),
            "submit": partial(self._outcome, Gestures.submit),
            "react": partial(self._outcome, Gestures.react),
            "dismiss": partial(self._outcome, Gestures.dismiss),
            "people": self._add_person,
        }
        return [
            web.get("/", before(self._page)),
            web.get("/room/token", before(self._token)),
            web.get("/room/stream", before(self._stream)),
            web.get("/room/static/{name}", before(self._static)),
            *(
                web.post(f"/room/{name}", before(self._gesture(answer), is_write=True))
                for name, answer in answers.items()
            ),
        ]

    @property
    def _open_gestures(self) -> Gestures:
        if self._gestures is None:
            raise Refused(503, "closing")
        return self._gestures

    # Reading

    async def _page(self, request: web.Request) -> web.StreamResponse:
        token, cookie = self._guard.token(request)
        try:
            asked = Asked(inbound.number_of(request.query, "message"), inbound.number_of(request.query, "before"))
            window, html = await self._room.run(lambda store: self._opened(store, request, asked, token))
        except Refused as refused:
            return self._problem(request, refused.status, refused.problem)
        except sqlite3.Error as error:
            _log_trouble("The room's file can't be read", error)
            return self._problem(request, 503, "closing")
        response = web.Response(text=html, content_type="text/html", charset="utf-8")
        if cookie:
            response.set_cookie(guard.COOKIE, cookie, httponly=True, samesite="Strict", path="/")
        response.set_cookie(PERSONA_COOKIE, window.persona.id, httponly=True, samesite="Strict", path="/")
        return response

    def _opened(self, store: RoomStore, request: web.Request, asked: Asked, token: str) -> tuple[Window, str]:
        channel = inbound.text_of(request.query, "channel")
        thread = inbound.number_of(request.query, "thread")
        target = store.message(asked.target) if asked.target and thread is None else None
        window = Window.opened(
            store, self._places, self._who(store, request), channel, target.thread if target else thread
        )
        hints = self._hints(window.texts.language, is_moderator=window.persona.is_moderator)
        return window, window.content(store, asked, hints, {"token": token, "command": self._command})

    @staticmethod
    def _who(store: RoomStore, request: web.Request) -> str:
        asked = inbound.text_of(request.query, "as")
        if asked:
            return asked
        last = inbound.text_of(request.cookies, PERSONA_COOKIE)
        return last if store.persona(last) else store.people()[0].id

    async def _token(self, request: web.Request) -> web.StreamResponse:
        token, cookie = self._guard.token(request)
        response = web.json_response({"token": token})
        if cookie:
            response.set_cookie(guard.COOKIE, cookie, httponly=True, samesite="Strict", path="/")
        return response

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        try:
            after = inbound.number_of(
                {"after": request.headers.get("Last-Event-ID") or query.get("after", "")}, "after"
            )
            window = await self._room.run(
                lambda store: Window.opened(
                    store,
                    self._places,
                    inbound.text_of(query, "as"),
                    inbound.text_of(query, "channel"),
                    inbound.number_of(query, "thread"),
                )
            )
        except Refused as refused:
            return self._problem(request, refused.status, refused.problem)
        except sqlite3.Error:
            return self._problem(request, 503, "closing")
        response = web.StreamResponse(headers=guard.HEADERS | {"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await self._streams.follow(response, window, after or 0)
        return response

    async def _static(self, request: web.Request) -> web.StreamResponse:
        file = _files().get(request.match_info["name"])
        if file is None:
            return self._problem(request, 404, "page")
        body, tag, content_type = file
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers, content_type=content_type, charset="utf-8")

    # Gestures

    def _gesture(self, answer: Answer) -> guard.Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                payload = await _payload(request)
                return web.json_response(await self._see_through(answer(payload)))
            except Refused as refused:
                return self._problem(request, refused.status, refused.problem)
            except sqlite3.Error as error:
                _log_trouble("The room's file can't be written", error)
                return self._problem(request, 503, "not_saved")

        return handle

    async def _outcome(
        self, made: Callable[[Gestures, Payload], Awaitable[Outcome]], payload: Payload
    ) -> dict[str, object]:
        outcome = await made(self._open_gestures, payload)
        window = outcome.window

        def drawn(store: RoomStore) -> tuple[list[Swap | None], str | None]:
            swaps = [window.swap(store, message) for message in outcome.messages]
            if outcome.reply is not None:
                swaps.append(window.swap(store, outcome.reply, is_new=True))
            form = window.form(store, outcome.form, outcome.origin) if outcome.form else None
            return swaps, form

        swaps, form = await self._room.run(drawn)
        return {
            "swaps": [asdict(swap) for swap in swaps if swap is not None],
            "form": form,
            "field_errors": outcome.field_errors,
            "keeps_text": outcome.keeps_text,
        }

    async def _add_person(self, payload: Payload) -> dict[str, object]:
        persona = await self._open_gestures.add_person(payload)
        return {"go_to": f"/?as={persona.id}"}

    def _problem(self, request: web.Request, status: int, problem: str) -> web.StreamResponse:
        """The answer to a request that can't be answered: a page to a reader, JSON to the room's own script."""
        texts = Texts(self._language, domain="room")
        sentence = texts(f"room.problem.{problem}")
        if request.method == "GET" and request.path == "/":
            return web.Response(
                status=status, text=render.problem(texts, sentence), content_type="text/html", charset="utf-8"
            )
        return web.json_response({"problem": problem, "sentence": sentence}, status=status)


def _log_trouble(what: str, error: sqlite3.Error) -> None:
    """In a line where the reason says it all: locked, full, read-only."""
    log.error("%s (%s)", what, error, exc_info=None if isinstance(error, sqlite3.OperationalError) else error)


async def _payload(request: web.Request) -> Payload:
    """The JSON object of the body. Raises `Refused`, without having read more than the limit."""
    if request.content_type != "application/json":
        raise Refused(415, "request")
    body = bytearray()
    if (request.content_length or 0) > BODY_LIMIT:
        raise Refused(413, "long")
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise Refused(413, "long")
    except (ConnectionError, web.RequestPayloadError) as error:  # its sender hung up, or packed it otherwise
        raise Refused(400, "request") from error
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "request") from error
    if not isinstance(payload, dict):
        raise Refused(400, "request")
    return payload


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """The static files: name → content, entity tag, content type."""
    found = {}
    for path in STATIC.iterdir():
        body = path.read_bytes()
        found[path.name] = (body, f'"{hashlib.sha256(body).hexdigest()[:20]}"', TYPES[path.suffix])
    return found
