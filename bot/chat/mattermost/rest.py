"""Mattermost's REST API through mattermostdriver, which blocks: every call runs in a worker thread, with a timeout.

Answers come back as they are; what they mean is the neighbours' matter.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from mattermostdriver import Driver
from mattermostdriver.client import Client

from bot.chat.mattermost.workers import Workers
from bot.errors import ChatError, ChatRefused, ChatUnavailable, NeedsMending

CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
WORKERS = 8
RATE_LIMIT = "X-RateLimit-Reset"
LONGEST_WAITS = {"Retry-After": 86_400.0, RATE_LIMIT: 300.0}
"""In seconds. The first is a server's or proxy's wish, and is kept; the other, which comes with every answer, is a
guess where a limit was met and there is no wish."""
UNAUTHORISED, NOT_FOUND, TOO_MANY, SERVER_ERROR = 401, 404, 429, 500

Json = dict[str, Any]
Result = TypeVar("Result")


class Untrusted(NeedsMending):
    """The server's certificate is not one to trust."""


class Unauthorised(NeedsMending):
    """The token is not valid, or no longer; it may be mended without starting Butine anew."""


class Denied(ChatRefused):
    """Mattermost's own answer of 4xx: `status`, and as `reason` status and code."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.args = (reason,)
        self.status = status


class Rest:
    """Calls as one account. Raises `ChatUnavailable` and its kinds above, or `Denied`.

    `ca_file` holds the certificates to trust in place of the system's; a call may take `read_seconds`.
    """

    def __init__(self, url: str, token: str, ca_file: Path | None = None, read_seconds: float = READ_SECONDS) -> None:
        parts = urlsplit(url)
        is_secure = parts.scheme == "https"
        options = {
            "scheme": parts.scheme,
            "url": f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname,
            "port": parts.port or (443 if is_secure else 80),
            "basepath": f"{parts.path.rstrip('/')}/api/v4",
            "verify": str(ca_file) if ca_file else True,
            "request_timeout": (CONNECT_SECONDS, read_seconds),
            "token": token,
        }
        self._driver = Driver(options, client_cls=_Client)
        self._driver.client.token = token
        self._workers: Workers | None = Workers(WORKERS, "mattermost")

    async def me(self) -> Json:
        """The account itself."""
        return await self._run(lambda: self._get("/users/me"))

    async def date(self) -> str:
        """The server's time, as the `Date` header of a new answer has it; "" where it has none."""
        return await self._run(
            lambda: str(self._driver.client.make_request("get", "/users/me").headers.get("Date", ""))
        )

    async def client_config(self) -> Json:
        """What the server tells everybody about itself."""
        return await self._run(lambda: self._get("/config/client", format="old"))

    async def team_by_name(self, name: str) -> Json:
        """A team."""
        return await self._run(lambda: self._driver.teams.get_team_by_name(name))

    async def channel(self, channel: str) -> Json:
        """A channel by its id."""
        return await self._run(lambda: self._driver.channels.get_channel(channel))

    async def channel_by_name(self, team: str, name: str, *, may_be_archived: bool = False) -> Json:
        """A channel by its name. An archived one keeps it from others."""
        path, is_asked = f"/teams/{team}/channels/name/{name}", str(may_be_archived).lower()
        channel: Json = await self._run(lambda: self._get(path, include_deleted=is_asked))
        return channel

    async def direct_channel(self, one: str, other: str) -> Json:
        """The conversation of two members, made if there was none."""
        return await self._run(lambda: self._driver.channels.create_direct_message_channel(options=[one, other]))

    async def channel_member(self, channel: str, member: str) -> Json:
        """A membership. Raises `Denied` with 404 where there is none."""
        return await self._run(lambda: self._driver.channels.get_channel_member(channel, member))

    async def user(self, member: str) -> Json:
        """A member's profile."""
        return await self._run(lambda: self._get(f"/users/{member}"))

    async def users(self, members: Sequence[str]) -> list[Json]:
        """Several members' profiles, those who have left included; who isn't there is left out."""
        return await self._run(lambda: self._driver.client.post("/users/ids", options=list(members)))

    async def create_post(self, post: Json) -> Json:
        """Post."""
        return await self._run(lambda: self._driver.posts.create_post(post))

    async def post(self, post: str) -> Json:
        """A post that is there."""
        return await self._run(lambda: self._driver.posts.get_post(post))

    async def patch_post(self, post: str, changes: Json) -> Json:
        """Change a post; `props` are replaced whole."""
        return await self._run(lambda: self._driver.posts.patch_post(post, changes))

    async def delete_post(self, post: str) -> None:
        """Take a post away."""
        await self._run(lambda: self._driver.posts.delete_post(post))

    async def posts_of(self, channel: str, page: int, per_page: int) -> Json:
        """A page of a channel's posts, newest first: `order` and `posts`."""
        params = {"page": page, "per_page": per_page}
        return await self._run(lambda: self._driver.posts.get_posts_for_channel(channel, params=params))

    async def thread(self, post: str) -> Json:
        """A post with all that answers it: `order` and `posts`."""
        return await self._run(lambda: self._driver.posts.get_thread(post))

    async def react(self, member: str, post: str, emoji: str) -> None:
        """Put a reaction on; nothing changes where it is on already."""
        reaction = {"user_id": member, "post_id": post, "emoji_name": emoji}
        await self._run(lambda: self._driver.reactions.create_reaction(options=reaction))

    async def reactions_of(self, posts: Sequence[str]) -> dict[str, list[Json] | None]:
        """Reactions by post. Raises `Denied` with 403 where one of the posts can't be read."""
        return await self._run(lambda: self._driver.client.post("/posts/ids/reactions", options=list(posts)))

    async def open_dialog(self, trigger: str, url: str, dialog: Json) -> None:
        """Show a dialog to whose click or command the trigger is of."""
        request = {"trigger_id": trigger, "url": url, "dialog": dialog}
        await self._run(lambda: self._driver.integration_actions.open_dialog(request))

    async def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:  # noqa: ANN401  JSON
        """Any other call: for setting up and checking."""
        return await self._run(lambda: self._driver.client.make_request(method, path, body, params).json())

    def close(self) -> None:
        """No more calls; those under way are left to their timeouts. Harmless when called twice."""
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()

    def _get(self, path: str, **params: str) -> Any:  # noqa: ANN401  JSON
        return self._driver.client.get(path, params=params)

    async def _run(self, call: Callable[[], Result]) -> Result:
        if self._workers is None:
            raise ChatUnavailable("closed")
        try:
            answer = await asyncio.wrap_future(self._workers.submit(call))
        except ChatError:
            raise
        except requests.exceptions.SSLError as error:
            raise Untrusted(_words(error)) from error
        except requests.exceptions.ConnectTimeout as error:
            raise ChatUnavailable("no connection in time") from error
        except requests.exceptions.RequestException as error:
            raise ChatUnavailable(_words(error), is_uncertain=True) from error
        except ValueError as error:  # no JSON: a proxy's page
            raise ChatUnavailable("answer is no JSON", is_uncertain=True) from error
        if isinstance(answer, requests.Response):  # mattermostdriver's way of saying the same of what was read
            raise ChatUnavailable("answer is no JSON")
        return answer


class _Client(Client):  # type: ignore[misc]  # published without types
    """mattermostdriver's, with kept connections, and errors that tell status and code."""

    def __init__(self, options: Json) -> None:
        super().__init__(options)
        self._own = threading.local()

    def make_request(
        self,
        method: str,
        endpoint: str,
        options: Any = None,  # noqa: ANN401
        params: Json | None = None,
        data: Any = None,  # noqa: ANN401, ARG002
        files: Any = None,  # noqa: ANN401, ARG002
        basepath: str | None = None,  # noqa: ARG002
    ) -> requests.Response:
        """As in the library, but for the errors."""
        if not hasattr(self._own, "session"):
            self._own.session = requests.Session()
        response: requests.Response = self._own.session.request(
            method.upper(),
            self.url + endpoint,
            json=options,
            params=params,
            headers=self.auth_header(),
            verify=self._verify,
            timeout=self.request_timeout,
            allow_redirects=False,
        )
        if not response.ok or response.is_redirect:
            raise _error(response)
        return response


def _error(response: requests.Response) -> ChatError:
    status, code = response.status_code, _code(response)
    reason = f"{status} {code}".rstrip()
    if status == TOO_MANY:
        return ChatUnavailable(reason, retry_after=_wait(response))
    if status >= SERVER_ERROR:
        return ChatUnavailable(reason, retry_after=_wait(response), is_uncertain=True)
    if not code:  # a page or redirect of what stands before Mattermost: it says nothing of what was asked for
        return NeedsMending(f"HTTP {status}")
    if status == UNAUTHORISED:
        return Unauthorised(reason)
    return Denied(status, reason)


def _code(response: requests.Response) -> str:
    """Mattermost's own code for an error, "" where it isn't Mattermost that answers; its words are in any language."""
    try:
        told = json.loads(response.content)
    except (ValueError, RecursionError):
        return ""
    code = told.get("id") if isinstance(told, dict) else None
    return code if isinstance(code, str) else ""


def _wait(response: requests.Response) -> float | None:
    for name, longest in LONGEST_WAITS.items():
        if name == RATE_LIMIT and response.status_code != TOO_MANY:
            continue
        value = response.headers.get(name, "")
        if value.isascii() and value.isdigit():
            return min(float(value), longest)
    return None


def _words(error: BaseException) -> str:
    """What the innermost error says: what is wrong with a certificate, or that nobody listens there."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        within = (getattr(error, "reason", None), error.__cause__, *error.args)
        inner = next((each for each in within if isinstance(each, BaseException)), None)
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
