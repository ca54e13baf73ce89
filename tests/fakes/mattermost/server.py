"""A Mattermost server on loopback: REST and websocket, and calls to integrations as the real one makes them."""

import json
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from aiohttp import ClientSession, web

from tests.fakes.held import Held
from tests.fakes.mattermost import answers
from tests.fakes.mattermost.administration import Administration
from tests.fakes.mattermost.answers import VERSION, Json
from tests.fakes.mattermost.integrations import Integrations
from tests.fakes.mattermost.sockets import Sockets
from tests.fakes.mattermost.world import Refusal, World, forbidden

Handler = Callable[[web.Request, str], Awaitable[Any]]


class FakeMattermost:
    """Listens between `start` and `stop`. `world` is what it keeps; `failures` are answered first, one a request.

    `meets` is asked about each request, with its body, what it meets: "429:SECONDS", a status of three digits,
    "page:STATUS", which is a proxy's own page, "late", which is done half a minute later, "reset_before" or
    "reset_after" it is done, "garbled", done but the answer is cut off, or "" for nothing.
    `watch` is told of each post as it has "arrived" and again when it is "accepted", and may keep its sender waiting.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.world = World(clock)
        self.sockets = Sockets(self.world)
        self.integrations = Integrations(self.world)
        self._administration = Administration(self.world, self.integrations)
        self.world.tell = self.sockets.tell
        self.failures: list[tuple[str, int, dict[str, str]]] = []
        self.swallowed: list[str] = []
        self.meets: Callable[[str, Json], str] = lambda _request, _body: ""
        self.held = Held(clock)
        self.requests: list[str] = []
        self.watch: Callable[[str, web.Request, Json], Awaitable[None]] = _nobody
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a free port."""
        self.integrations.session = ClientSession(headers={"User-Agent": "Mattermost-Bot/1.1"})
        app = web.Application()
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"http{'s' if tls else ''}://localhost:{self._runner.addresses[0][1]}"
        self.integrations.site_url = self.url

    async def stop(self) -> None:
        """Stop listening."""
        await self.sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.integrations.session.close()

    def _routes(self) -> list[web.RouteDef]:
        paths: dict[str, Handler] = {
            "GET /config/client": self._client_config,
            "GET /users/me": self._me,
            "GET /users/username/{name}": self._user_by_name,
            "GET /users/{user}": self._user,
            "POST /users/ids": self._users,
            "GET /teams/name/{name}": self._team_by_name,
            "GET /teams/{team}/channels/name/{name}": self._channel_by_name,
            "GET /channels/{channel}": self._channel,
            "GET /channels/{channel}/members": self._members,
            "GET /channels/{channel}/members/{user}": self._member,
            "GET /channels/{channel}/posts": self._posts_of,
            "POST /channels/direct": self._direct,
            "POST /posts": self._create,
            "POST /posts/ephemeral": self._ephemeral,
            "POST /posts/ids/reactions": self._bulk,
            "GET /posts/{post}": self._post,
            "DELETE /posts/{post}": self._delete,
            "PUT /posts/{post}/patch": self._patch,
            "GET /posts/{post}/thread": self._thread,
            "GET /posts/{post}/reactions": self._reactions,
            "POST /posts/{post}/actions/{action:[A-Za-z0-9]+}": self._act,
            "POST /reactions": self._react,
            "DELETE /users/{user}/posts/{post}/reactions/{emoji}": self._unreact,
            "POST /actions/dialogs/open": self._open_dialog,
            "POST /actions/dialogs/submit": self._submit_dialog,
            "POST /commands/execute": self._execute,
            **self._administration.handlers(),
        }
        routes = []
        for name, handler in paths.items():
            verb, path = name.split(" ")
            routes.append(web.route(verb, f"/api/v4{path}", self._handler(handler)))
        return [*routes, web.get("/api/v4/websocket", self._websocket), web.route("*", "/{rest:.*}", self._nowhere)]

    def _handler(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.requests.append(f"{request.method} {request.path}")
            for failure in self.failures:
                if f"{request.method} {request.path}".startswith(failure[0]):
                    self.failures.remove(failure)
                    problem = answers.error(failure[1], "fake.failure", "", self.world.new_id())
                    return web.json_response(problem, status=failure[1], headers=failure[2])
            body = await request.json() if request.can_read_body else {}
            failure_met = self.meets(f"{request.method} {request.path}", body if isinstance(body, dict) else {})
            if failure_met[:3].isdecimal():
                problem = answers.error(int(failure_met[:3]), "fake.failure", "", self.world.new_id())
                headers = {"Retry-After": failure_met[4:]} if failure_met[4:] else {}
                return web.json_response(problem, status=int(failure_met[:3]), headers=headers)
            if failure_met.startswith("page:"):
                return _page(int(failure_met[5:]))
            if failure_met == "late":
                return await self.held.late(lambda: self._answer(handler, request, ""))
            if failure_met == "reset_before":
                return _reset(request)
            return await self._answer(handler, request, failure_met)

        return handle

    async def _answer(self, handler: Handler, request: web.Request, failure: str) -> web.StreamResponse:
        try:
            answer = await handler(request, self._user_of(request))
        except Refusal as refusal:
            problem = answers.error(refusal.status, refusal.code, refusal.message, self.world.new_id())
            return self._json(problem, refusal.status)
        if failure == "reset_after":
            return _reset(request)
        if failure == "garbled":
            return web.Response(text=json.dumps(answer)[:-1], content_type="application/json")
        for swallowed in self.swallowed:
            if f"{request.method} {request.path}" == swallowed:
                self.swallowed.remove(swallowed)
                return _reset(request)  # done, and nobody hears of it
        is_new = request.method == "POST" and request.path.endswith(
            ("/posts", "/direct", "/commands", "/bots", "/channels", "/members")
        )
        return self._json(answer, 201 if is_new else 200)

    def _json(self, answer: object, status: int) -> web.Response:
        date = format_datetime(self.world.clock(), usegmt=True)
        headers = {"Content-Type": "application/json", "X-Version-Id": VERSION, "Date": date}
        return web.Response(body=json.dumps(answer).encode(), status=status, headers=headers)

    def _user_of(self, request: web.Request) -> str:
        if request.path.endswith("/config/client"):
            return ""
        user = self.world.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if user is None or self.world.users[user]["delete_at"]:
            raise Refusal(
                401, "api.context.session_expired.app_error", "Invalid or expired session, please login again."
            )
        return user

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if self.sockets.is_cut_off:
            code = "api.web_socket.connect.upgrade.app_error"
            return self._json(answers.error(400, code, "URL Blocked because of CORS.", self.world.new_id()), 400)
        try:
            return await self.sockets.serve(request, self._user_of(request))
        except Refusal as refusal:
            return self._json(answers.error(401, refusal.code, "", self.world.new_id()), 401)

    async def _nowhere(self, _request: web.Request) -> web.Response:
        missing = answers.error(404, "api.context.404.app_error", "Sorry, we could not find the page.", "")
        return self._json(missing, 404)

    # Who and where

    async def _client_config(self, _request: web.Request, _user: str) -> Json:
        return {
            "AsymmetricSigningPublicKey": self.world.public_key(),
            "CollapsedThreads": "always_on" if self.world.is_current else "disabled",
            "PostEditTimeLimit": str(self.world.edit_seconds),
            "SiteName": "Mattermost",
            "Version": "5.37.0",
        }

    async def _me(self, _request: web.Request, user: str) -> Json:
        return answers.as_self(self.world.users[user])

    async def _user(self, request: web.Request, _user: str) -> Json:
        found = self.world.users.get(_id(request, "user"))
        if found is None:
            raise Refusal(404, "app.user.missing_account.const", "Unable to find the user.")
        return found

    async def _users(self, request: web.Request, _user: str) -> list[Json]:
        return [self.world.users[id_] for id_ in await request.json() if id_ in self.world.users]

    async def _user_by_name(self, request: web.Request, _user: str) -> Json:
        for found in self.world.users.values():
            if found["username"] == request.match_info["name"]:
                return found
        raise Refusal(404, "app.user.missing_account.const", "Unable to find the user.")

    async def _team_by_name(self, request: web.Request, user: str) -> Json:
        for id_, team in self.world.teams.items():
            if team["name"] == request.match_info["name"] and (
                self.world.is_admin(user) or user in self.world.team_members[id_]
            ):
                return team
        raise Refusal(404, "app.team.get_by_name.missing.app_error", "Unable to find the existing team.")

    async def _channel_by_name(self, request: web.Request, user: str) -> Json:
        for channel in self.world.channels.values():
            if (channel["team_id"], channel["name"]) == (request.match_info["team"], request.match_info["name"]):
                if channel["delete_at"] and request.query.get("include_deleted") != "true":
                    break
                if (
                    channel["type"] == "P"
                    and not self.world.is_admin(user)
                    and user not in self.world.members[channel["id"]]
                ):
                    break
                return channel
        raise Refusal(404, "app.channel.get_by_name.missing.app_error", "Channel does not exist.")

    async def _channel(self, request: web.Request, user: str) -> Json:
        channel = self.world.channels.get(request.match_info["channel"])
        if channel is None:
            raise Refusal(404, "app.channel.get.existing.app_error", "Unable to find the existing channel.")
        if channel["type"] != "O" and user not in self.world.members[channel["id"]]:
            raise forbidden()
        return channel

    async def _members(self, request: web.Request, user: str) -> list[Json]:
        if not self.world.may_read(user, request.match_info["channel"]):
            raise forbidden()
        return list(self.world.members[request.match_info["channel"]].values())

    async def _member(self, request: web.Request, user: str) -> Json:
        channel = request.match_info["channel"]
        if not self.world.is_admin(user) and not self.world.may_read(user, channel):
            raise forbidden()
        found = self.world.members[channel].get(_id(request, "user"))
        if found is None:
            raise Refusal(404, "app.channel.get_member.missing.app_error", "No channel member found.")
        return found

    async def _direct(self, request: web.Request, user: str) -> Json:
        both = await request.json()
        if user not in both or not all(each in self.world.users for each in both):
            raise Refusal(400, "api.channel.create_direct_channel.invalid_user.app_error", "Invalid user.")
        return self.world.channels[self.world.conversation(*both)]

    # Posts

    async def _create(self, request: web.Request, user: str) -> Json:
        given = await request.json()
        await self.watch("arrived", request, given)
        answer = self.world.post(user, given)
        await self.watch("accepted", request, given)
        return answer

    async def _ephemeral(self, _request: web.Request, _user: str) -> Json:
        raise forbidden()

    async def _post(self, request: web.Request, user: str) -> Json:
        found = self.world.existing(_id(request, "post"))
        if not self.world.may_read(user, found["channel_id"]):
            raise forbidden()
        return self.world.shown(found)

    async def _patch(self, request: web.Request, user: str) -> Json:
        found = self.world.posts.get(_id(request, "post"))
        if found is None or found["delete_at"] or found["user_id"] != user:
            raise forbidden()
        if user not in self.world.members[found["channel_id"]]:
            raise forbidden()
        return self.world.edit(found["id"], await request.json())

    async def _delete(self, request: web.Request, user: str) -> Json:
        if self.world.existing(_id(request, "post"))["user_id"] != user:
            raise forbidden()
        self.world.delete(request.match_info["post"])
        return {"status": "OK"}

    async def _thread(self, request: web.Request, _user: str) -> Json:
        root = self.world.existing(_id(request, "post"))
        posts = [root, *(post for post in self.world.posts.values() if post["root_id"] == root["id"])]
        shown = {post["id"]: self.world.shown(post) for post in posts if not post["delete_at"]}
        return {"order": [root["id"]], "posts": shown, "next_post_id": "", "prev_post_id": ""}

    async def _posts_of(self, request: web.Request, user: str) -> Json:
        channel = request.match_info["channel"]
        if not self.world.may_read(user, channel):
            raise forbidden()
        page, size = int(request.query.get("page", 0)), int(request.query.get("per_page", 60))
        posts = [p for p in self.world.posts.values() if p["channel_id"] == channel and not p["delete_at"]]
        posts = sorted(posts, key=lambda post: -int(post["create_at"]))[page * size : (page + 1) * size]
        shown = {post["id"]: self.world.shown(post) for post in posts}
        return {"order": list(shown), "posts": shown, "next_post_id": "", "prev_post_id": ""}

    async def _react(self, request: web.Request, user: str) -> Json:
        given = await request.json()
        post = self.world.posts.get(given["post_id"])
        if given["user_id"] != user or post is None or not self.world.may_read(user, post["channel_id"]):
            raise forbidden()
        return self.world.react(user, given["post_id"], given["emoji_name"])

    async def _unreact(self, request: web.Request, user: str) -> Json:
        if request.match_info["user"] != user:
            raise forbidden()
        self.world.unreact(user, request.match_info["post"], request.match_info["emoji"])
        return {"status": "OK"}

    async def _reactions(self, request: web.Request, _user: str) -> list[Json] | None:
        return self.world.reactions.get(request.match_info["post"]) or None

    async def _bulk(self, request: web.Request, user: str) -> dict[str, list[Json]]:
        ids = await request.json()
        for post in ids:
            found = self.world.posts.get(post)
            if found is None or not self.world.may_read(user, found["channel_id"]):
                raise forbidden()
        return {post: self.world.reactions.get(post, []) for post in ids}

    # Integrations

    async def _act(self, request: web.Request, user: str) -> Json:
        given = await request.json()
        trigger = await self.integrations.act(
            user,
            request.match_info["post"],
            request.match_info["action"],
            given.get("selected_option", ""),
            given.get("cookie", ""),
        )
        return {"status": "OK", "trigger_id": trigger}

    async def _open_dialog(self, request: web.Request, _user: str) -> Json:
        self.integrations.open_dialog(await request.json())
        return {"status": "OK"}

    async def _submit_dialog(self, request: web.Request, user: str) -> Json:
        return await self.integrations.submit(user, await request.json())

    async def _execute(self, request: web.Request, user: str) -> Json:
        given = await request.json()
        return await self.integrations.execute(user, given["channel_id"], given["command"])


def _id(request: web.Request, name: str) -> str:
    value = request.match_info[name]
    if len(value) != 26:
        raise Refusal(
            400, "api.context.invalid_url_param.app_error", f"Invalid or missing {name}_id parameter in request URL."
        )
    return value


async def _nobody(_moment: str, _request: web.Request, _given: Json) -> None:
    """Nobody watches."""


def _page(status: int) -> web.Response:
    """What a proxy shows while it does not lead to the server."""
    headers = {"Location": "/maintenance"} if 300 <= status < 400 else {}
    return web.Response(text="<html>Maintenance</html>", content_type="text/html", status=status, headers=headers)


def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.abort()
    return web.Response()
