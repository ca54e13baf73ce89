"""Who may talk to the room over HTTP: the right host, origin and token, before anything of a request is read.

Which persona may do what is not decided here.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Collection
from urllib.parse import urlsplit

from aiohttp import web

COOKIE = "butine_room"
TOKEN_HEADER = "X-Room-Token"  # noqa: S105  a header's name
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refusal = Callable[[web.Request, int, str], web.StreamResponse]


class Guard:
    """Stands before each of the room's handlers.

    `hosts` are names by which the room may be called beside the loopback ones, each with or without a port;
    `refusal` makes the answer to a request that is turned away, from a status and a problem.
    """

    def __init__(self, hosts: Collection[str], refusal: Refusal) -> None:
        self._hosts = {host.lower() for host in hosts}
        self._refusal = refusal
        self.secret = ""

    def before(self, handler: Handler, *, is_write: bool = False) -> Handler:
        """The handler, reached only by requests that may pass; its responses carry the security headers."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            refused = self._refused(request, is_write=is_write)
            response = await handler(request) if refused is None else self._refusal(request, *refused)
            if not response.prepared:
                response.headers.update({name: HEADERS[name] for name in HEADERS if name not in response.headers})
            return response

        return guarded

    def _refused(self, request: web.Request, *, is_write: bool) -> tuple[int, str] | None:
        host = request.headers.get("Host", "").lower()
        if not self._is_own(host, request):
            return 421, "host"
        origin = request.headers.get("Origin")
        if origin is not None and not _is_of(origin, host):
            return 403, "origin"
        if is_write and not self._has_token(request):
            return 403, "token"
        return None

    def _is_own(self, host: str, request: web.Request) -> bool:
        if host in self._hosts:
            return True
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname, parts.port or 80
        except ValueError:
            return False
        return name in {*LOOPBACK, *self._hosts} and port == _bound_port(request)

    def _has_token(self, request: web.Request) -> bool:
        cookie = request.cookies.get(COOKIE, "")
        token = request.headers.get(TOKEN_HEADER, "")
        return bool(cookie) and hmac.compare_digest(_bytes(token), self._token(cookie).encode())

    def _token(self, cookie: str) -> str:
        return hmac.digest(self.secret.encode(), _bytes(cookie), "sha256").hex()

    def token(self, request: web.Request) -> tuple[str, str | None]:
        """The token for a page, and the cookie to set with it where the browser has none yet."""
        cookie = request.cookies.get(COOKIE)
        if cookie:
            return self._token(cookie), None
        cookie = secrets.token_hex(32)
        return self._token(cookie), cookie


def _is_of(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == host
    except ValueError:
        return False


def _bytes(header: str) -> bytes:
    """Of what a header says, which need not be text."""
    return header.encode("utf-8", "surrogateescape")


def _bound_port(request: web.Request) -> int | None:
    name = request.get_extra_info("sockname")
    return int(name[1]) if isinstance(name, tuple) else None
