"""The HTTP transport: Slack's requests are checked here before anything else sees them.

Garbage, unsigned, stale, replayed and oversized requests are answered 400, 401 or 413 and change nothing
(docs.slack.dev/authentication/verifying-requests-from-slack). Of what may be Slack's own, the log alone tells: anybody
who reaches the address can send its like, and is not to decide what /health says.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.chat.slack import inbound
from bot.chat.slack.api import Pace
from bot.chat.slack.listeners import NOBODY_LISTENS, OK, TAKEN_IN
from bot.chat.under_way import UnderWay

log = logging.getLogger(__name__)

PATH = "/slack/events"
BODY_LIMIT = 512 * 1024
BODY_SECONDS = 3.0
STALE_SECONDS = 300
REMEMBERED_SECONDS, REMEMBERED_AT_MOST = 2 * STALE_SECONDS, 20_000
"""What is older is refused by its time alone; twice as long, for a clock that is set back by a little."""
WARNING_SECONDS = 60.0
"""Between two warnings of one kind, however many requests are refused."""
UNSIGNED = (
    "requests without this app's signature are refused: where Slack gets no answer, slack.signing_secret is not the "
    "Signing Secret that the app's page shows (Basic Information); otherwise they are a stranger's"
)
STALE = (
    "requests with this app's signature are refused, as their time and this machine's are %.0f s apart: set its clock "
    "right; where it is, somebody repeats old requests"
)
BAD, UNKNOWN, LARGE, CLOSED = 400, 401, 413, 503

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"

Dispatch = Callable[[AsyncBoltRequest], Coroutine[Any, Any, BoltResponse]]


class Rejected(Exception):
    """A request that is turned away with that status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Accepted:
    """The signatures of what was taken in, for as long as it could be repeated."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._since: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, signature: str) -> bool:
        return signature in self._since

    def __len__(self) -> int:
        return len(self._since)

    def add(self, signature: str) -> None:
        """One more; those that are old enough are forgotten."""
        now = self._clock().timestamp()
        self._since[signature] = now
        while len(self) > REMEMBERED_AT_MOST or now - next(iter(self._since.values())) > REMEMBERED_SECONDS:
            self._since.popitem(last=False)


class Door:
    """Lets genuine requests through to Bolt, once each. `clock` is the time of day, `pace` keeps warnings apart."""

    def __init__(self, secret: str, clock: Callable[[], datetime], pace: Pace, under_way: UnderWay) -> None:
        self._secret = secret.encode()
        self._clock = clock
        self._pace = pace
        self._under_way = under_way
        self._dispatch: Dispatch | None = None
        self._accepted = Accepted(clock)

    def open(self, dispatch: Dispatch) -> None:
        """From now on requests are handed on."""
        self._dispatch = dispatch

    def routes(self) -> list[web.RouteDef]:
        """What the listener is to answer."""
        return [web.route("*", PATH, self.answer)]

    async def answer(self, request: web.Request) -> web.Response:
        """The answer to one request."""
        try:
            body = await self._body(request)
            signature = self._checked(request.headers, body)
            delivery = self._read(request, body)
        except Rejected as rejected:
            return web.Response(status=rejected.status)
        if self._dispatch is None or self._under_way.is_closing:
            return web.Response(status=CLOSED)
        # Closing waits for all of it: what is stored is to be told as well, while there is still a way to tell it.
        answered = await asyncio.shield(self._under_way.start(self._dispatch(delivery)))
        if answered.status in TAKEN_IN:
            # Only what was taken in counts as seen: what failed is to be delivered again, perhaps in the same second.
            self._accepted.add(signature)
        return _response(answered)

    async def _body(self, request: web.Request) -> bytes:
        if request.method != "POST":
            raise Rejected(BAD)
        if (request.content_length or 0) > BODY_LIMIT:
            raise Rejected(LARGE)
        body = bytearray()
        try:
            if request.content.is_eof():  # nearly always: nothing is to be waited for
                body += request.content.read_nowait()
            else:
                async with asyncio.timeout(BODY_SECONDS):
                    async for chunk in request.content.iter_any():
                        body += chunk
                        if len(body) > BODY_LIMIT:
                            break
        except Exception as error:  # aiohttp's own, for a broken encoding of the transfer
            raise Rejected(BAD) from error
        if len(body) > BODY_LIMIT:
            raise Rejected(LARGE)
        return bytes(body)

    def _checked(self, headers: Mapping[str, str], body: bytes) -> str:
        timestamp = headers.get("X-Slack-Request-Timestamp", "")
        signature = headers.get("X-Slack-Signature", "")
        if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
            raise Rejected(UNKNOWN)
        signed = hmac.new(self._secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(f"v0={signed}", signature):
            self._warn(UNSIGNED)
            raise Rejected(UNKNOWN)
        apart = abs(self._clock().timestamp() - int(timestamp))
        if apart > STALE_SECONDS:
            self._warn(STALE, apart)
            raise Rejected(UNKNOWN)
        if signature in self._accepted:
            raise Rejected(UNKNOWN)
        return signature

    def _warn(self, words: str, *values: object) -> None:
        if self._pace.take_turn(words, WARNING_SECONDS, at_once=1):
            log.warning(words, *values)

    def _read(self, request: web.Request, body: bytes) -> AsyncBoltRequest:
        try:
            text = body.decode("utf-8")
            if request.content_type == _JSON:
                payload: Any = json.loads(text)
            elif request.content_type == _FORM:
                fields = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict"))
                payload = json.loads(fields["payload"]) if "payload" in fields else fields
            else:
                payload = None
            inbound.check(payload)
        except (ValueError, RecursionError, inbound.Damaged) as error:
            raise Rejected(BAD) from error
        try:
            return AsyncBoltRequest(body=payload, mode="socket_mode")  # Bolt's word for a body that is read already
        except Exception as error:  # Bolt looks for teams and users in places that the check above doesn't know
            raise Rejected(BAD) from error


def _response(answered: BoltResponse) -> web.Response:
    status = OK if answered.status == NOBODY_LISTENS else answered.status
    content_type = answered.first_headers().get("content-type", "text/plain").partition(";")[0]
    body = answered.body if status == answered.status else ""
    return web.Response(status=status, text=body, content_type=content_type)
