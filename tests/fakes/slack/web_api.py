"""Slack's Web API over HTTP, with the failures that it is known for."""

import asyncio
import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

from aiohttp import web
from slack_sdk.errors import SlackObjectFormationError

from tests.fakes.held import Held
from tests.fakes.slack import blockkit
from tests.fakes.slack.state import BOT, BOT_ID, RESPONSE_SECONDS, RESPONSES, TEAM, Conversation, Json, State

BOT_TOKEN, APP_TOKEN = "xoxb-genuine", "xapp-genuine"
READS = {"public": "channels:read", "private": "groups:read", "direct": "im:read"}
HISTORIES = {"public": "channels:history", "private": "groups:history", "direct": "im:history"}
SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "conversations.open": "im:write",
    "users.info": "users:read",
    "reactions.get": "reactions:read",
    "reactions.add": "reactions:write",
}
ALL_SCOPES = frozenset(
    {*SCOPES.values(), "commands", *HISTORIES.values(), READS["public"], READS["private"]},
)
TIERS = {
    "chat.update": 50,
    "conversations.history": 50,
    "conversations.info": 50,
    "conversations.members": 100,
    "conversations.open": 50,
    "reactions.add": 50,
    "reactions.get": 50,
    "users.info": 100,
}
"""Calls a minute."""
MODALS = 3
"""On top of each other (docs.slack.dev/surfaces/modals)."""


class Failure(Exception):
    """Slack says no."""

    def __init__(self, error: str, **more: object) -> None:
        super().__init__(error)
        self.answer = {"ok": False, "error": error, **more}


class WebApi:
    """The methods, over one state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.scopes = set(ALL_SCOPES)
        self.needed: set[str] = set()
        self.calls: list[tuple[str, float, Json]] = []
        self.refused: list[tuple[str, str]] = []
        self.wss_url: Callable[[], str] = str
        self._failures: dict[str, deque[str]] = defaultdict(deque)
        self.meets: Callable[[str, Json], str] = lambda _method, _given: ""
        self.released = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.held = Held(state.clock.now)
        self.changed = asyncio.Event()

    def fail(self, method: str, how: str, times: int = 1) -> None:
        """Let the next calls fail, in one of these ways; `meets` is asked about all others.

        "429:SECONDS"; a status of three digits, or "html"; "hang" until the test is over; "slow", which is done and
        answered once `may_answer` is set; "late", which is done half a minute later; "reset_before" or "reset_after"
        it is done; "garbled", done, but the answer is cut off; an error.
        Of "response_url" as a method: a status or "reset_before".
        """
        self._failures[method].extend([how] * times)

    def counted(self, method: str) -> int:
        """How often a method was called."""
        return Counter(name for name, _, _ in self.calls)[method]

    def busiest_minute(self, method: str) -> int:
        """The most calls of a method within any sixty seconds."""
        moments = [moment for name, moment, _ in self.calls if name == method]
        return max((sum(start <= moment < start + 60 for moment in moments) for start in moments), default=0)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        method = request.match_info["method"]
        given = await _arguments(request)
        self.calls.append((method, self.state.clock.seconds(), given))
        self.changed.set()
        failure = self._failures[method].popleft() if self._failures[method] else self.meets(method, given)
        if failure == "hang":
            await self.released.wait()
        if failure == "slow":
            await self.may_answer.wait()
            failure = ""
        if failure == "late":

            async def do() -> web.StreamResponse:
                return self._answered(method, request, given, "")

            return await self.held.late(do)
        if failure == "reset_before":
            return _reset(request)
        if failure.startswith("429"):
            headers = {"Retry-After": failure.partition(":")[2]}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        if failure.isdecimal() or failure == "html":
            status = int(failure) if failure.isdecimal() else 503
            return web.Response(status=status, text="<html>upstream</html>", content_type="text/html")
        return self._answered(method, request, given, failure)

    def _answered(self, method: str, request: web.Request, given: Json, failure: str) -> web.StreamResponse:
        try:
            answer = self._done(method, request, given, "" if failure in ("reset_after", "garbled") else failure)
        except (Failure, SlackObjectFormationError) as error:
            answer = error.answer if isinstance(error, Failure) else {"ok": False, "error": "invalid_blocks"}
            self.refused.append((method, str(answer["error"])))
        self.changed.set()
        if failure == "reset_after":
            return _reset(request)
        if failure == "garbled":
            return web.Response(text=json.dumps(answer)[:-1], content_type="application/json")
        date = format_datetime(self.state.clock.now(), usegmt=True)
        return web.json_response(answer, headers={"X-OAuth-Scopes": ",".join(sorted(self.scopes)), "Date": date})

    def _done(self, method: str, request: web.Request, given: Json, failure: str) -> Json:
        if failure:
            raise Failure(failure)
        self._authorise(method, request)
        run = getattr(self, method.replace(".", "_"), None)
        if run is None:
            raise Failure("unknown_method")
        return {"ok": True, **run(given)}

    def _authorise(self, method: str, request: web.Request) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != (APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN):
            raise Failure("invalid_auth" if token else "not_authed")
        if method in SCOPES:
            self._need(SCOPES[method])

    def _need(self, scope: str) -> None:
        self.needed.add(scope)
        if scope not in self.scopes:
            raise Failure("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def _channel(self, id_: str, scopes: dict[str, str] | None = None) -> Conversation:
        channel = self.state.channels.get(id_)
        if channel is None or (channel.is_private and BOT not in channel.members):
            raise Failure("channel_not_found")
        if scopes:
            self._need(scopes["direct" if channel.is_direct else "private" if channel.is_private else "public"])
        if BOT not in channel.members:
            raise Failure("not_in_channel")
        return channel

    def _message(self, channel: str, ts: str) -> Json:
        found = self._channel(channel).messages.get(ts)
        if found is None:
            raise Failure("message_not_found")
        return found

    # The methods, by their names with "_" for "."

    def auth_test(self, _given: Json) -> Json:
        return {
            "url": "https://valdoise.slack.com/",
            "team": "Val-d’Oise",
            "user": "butine",
            "team_id": TEAM,
            "user_id": BOT,
            "bot_id": BOT_ID,
        }

    def apps_connections_open(self, _given: Json) -> Json:
        return {"url": self.wss_url()}

    def chat_postMessage(self, given: Json) -> Json:  # noqa: N802  Slack's name
        channel = self._channel(given["channel"])
        if channel.is_archived:
            raise Failure("is_archived")
        if problem := blockkit.message_problem(given):
            raise Failure(problem)
        ts = self.state.ts()
        message = {
            "type": "message",
            "user": BOT,
            "bot_id": BOT_ID,
            "channel": channel.id,
            "ts": ts,
            "reactions": {},
            **{name: given[name] for name in ("text", "blocks", "metadata", "thread_ts") if given.get(name)},
        }
        channel.messages[ts] = message
        return {"channel": channel.id, "ts": ts, "message": message}

    def chat_update(self, given: Json) -> Json:
        message = self._message(given["channel"], given["ts"])
        if message["user"] != BOT:
            raise Failure("cant_update_message")
        if self._channel(given["channel"]).is_archived:  # docs.slack.dev/reference/methods/chat.update
            raise Failure("is_inactive")
        if problem := blockkit.message_problem(given):
            raise Failure(problem)
        message |= {"text": given.get("text", ""), "blocks": given.get("blocks") or []}
        return {"channel": given["channel"], "ts": given["ts"], "text": message["text"]}

    def chat_delete(self, given: Json) -> Json:
        if self._message(given["channel"], given["ts"])["user"] != BOT:
            raise Failure("cant_delete_message")
        del self.state.channels[given["channel"]].messages[given["ts"]]
        return {"channel": given["channel"], "ts": given["ts"]}

    def conversations_open(self, given: Json) -> Json:
        if given["users"] not in self.state.users:
            raise Failure("user_not_found")
        if self.state.users[given["users"]]["deleted"] and not self.state.has_direct(given["users"]):
            raise Failure("user_disabled")  # what there is already can still be written to (python-slack-sdk#1156)
        return {"channel": {"id": self.state.direct(given["users"]).id}}

    def conversations_history(self, given: Json) -> Json:
        channel = self._channel(given["channel"], HISTORIES)
        after, before = given.get("oldest") or "", given.get("latest") or "~"
        newest_first = [message for ts, message in reversed(channel.messages.items()) if after < ts < before]
        start, limit = int(given.get("cursor") or 0), int(given.get("limit") or 100)
        page = newest_first[start : start + limit]
        if given.get("include_all_metadata") not in ("1", "true", True):
            page = [{name: part for name, part in message.items() if name != "metadata"} for message in page]
        return {"messages": page} | _cursor(start + limit, len(newest_first))

    def conversations_info(self, given: Json) -> Json:
        channel = self.state.channels.get(given["channel"])
        if channel is None or (channel.is_private and BOT not in channel.members):
            raise Failure("channel_not_found")
        self._need(READS["private" if channel.is_private else "public"])
        return {"channel": _shown(channel)}

    def conversations_members(self, given: Json) -> Json:
        members = sorted(self._channel(given["channel"], READS).members)
        start, limit = int(given.get("cursor") or 0), int(given.get("limit") or 100)
        return {"members": members[start : start + limit]} | _cursor(start + limit, len(members))

    def users_conversations(self, given: Json) -> Json:
        mine = [channel for channel in self._listed(given) if BOT in channel.members]
        return {"channels": [_shown(channel) for channel in mine]} | _cursor(0, 0)

    def conversations_list(self, given: Json) -> Json:
        named = [_shown(channel) | {"is_member": BOT in channel.members} for channel in self._listed(given)]
        return {"channels": named} | _cursor(0, 0)

    def _listed(self, given: Json) -> list[Conversation]:
        self._need(READS["public"])
        self._need(READS["private"])
        has_archived = given.get("exclude_archived") not in ("1", "true", True)
        channels = [channel for channel in self.state.channels.values() if not channel.is_direct]
        return [channel for channel in channels if has_archived or not channel.is_archived]

    def users_info(self, given: Json) -> Json:
        user = self.state.users.get(given["user"])
        if user is None:
            raise Failure("user_not_found")
        if given.get("include_locale") in ("1", "true", True):
            return {"user": user}
        return {"user": {name: part for name, part in user.items() if name != "locale"}}

    def reactions_add(self, given: Json) -> Json:
        message = self._message(given["channel"], given["timestamp"])
        if self._channel(given["channel"]).is_archived:
            raise Failure("is_archived")
        holders = message["reactions"].setdefault(given["name"], [])
        if BOT in holders:
            raise Failure("already_reacted")
        holders.append(BOT)
        return {}

    def reactions_get(self, given: Json) -> Json:
        message = self._message(given["channel"], given["timestamp"])
        is_full = given.get("full") in ("1", "true", True)
        reactions = [
            {"name": name, "users": users if is_full else users[:5], "count": len(users)}
            for name, users in message["reactions"].items()
            if users
        ]
        return {"type": "message", "message": {**message, "reactions": reactions}}

    def views_open(self, given: Json) -> Json:
        member = self._whose(given)
        self.state.close_views(member)  # another modal takes the place of all that was open
        return {"view": self.push(member, given["view"])}

    def views_push(self, given: Json) -> Json:
        return {"view": self.push(self._whose(given), given["view"])}

    def _whose(self, given: Json) -> str:
        member, error = self.state.use_trigger(given["trigger_id"])
        if error:
            raise Failure(error)
        return member

    def push(self, member: str, view: Any) -> Json:  # noqa: ANN401  JSON
        """Show a modal on top of a member's others, of which there may be three."""
        below = [each["id"] for each in self.state.views_of(member)]
        if len(below) == MODALS:
            raise Failure("push_limit_reached")
        id_ = f"V{self.state.number():08}"
        place = {"id": id_, "previous_view_id": below[-1] if below else None, "root_view_id": [*below, id_][0]}
        shown = {**self._valid(view, "modal"), **place, "hash": str(self.state.number())}
        self.state.views[id_] = shown | {"member": member}
        return shown

    def views_update(self, given: Json) -> Json:
        if given["view_id"] not in self.state.views:
            raise Failure("not_found")
        self.state.views[given["view_id"]] |= self._valid(given["view"], "modal")
        return {"view": self.state.views[given["view_id"]]}

    def views_publish(self, given: Json) -> Json:
        self.state.homes[given["user_id"]] = self._valid(given["view"], "home")
        return {"view": given["view"]}

    def _valid(self, view: Any, kind: str) -> Json:  # noqa: ANN401  JSON
        if isinstance(view, str):
            view = json.loads(view)
        if view["type"] != kind:
            raise Failure("invalid_arguments")
        if problem := blockkit.view_problem(view):
            raise Failure(problem)
        return dict(view)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """An answer through a response URL."""
        given = await request.json()
        if failures := self._failures["response_url"]:
            failure = failures.popleft()
            return _reset(request) if failure == "reset_before" else web.Response(status=int(failure))
        url = self.state.response_urls.get(request.match_info["id"])
        if url is None or url.uses >= RESPONSES or self.state.clock.seconds() - url.born > RESPONSE_SECONDS:
            return web.Response(status=404, text="expired_url")
        replaced = url.private if given.get("replace_original") else None
        if problem := self.show_privately(url.member, url.channel, given, replaced):
            return web.Response(status=400, text=problem)
        url.uses += 1
        return web.Response(text="ok")

    def show_privately(self, member: str, channel: str, given: Json, replaced: Json | None = None) -> str | None:
        """Show a message to one member, or say what is wrong with it."""
        if problem := blockkit.message_problem(given):
            self.refused.append(("response_url", problem))
            return problem
        private = {"channel": channel, "text": given.get("text", ""), "blocks": given.get("blocks") or []}
        if replaced is not None:
            replaced |= private
        else:
            self.state.private.setdefault(member, []).append(private | {"ts": self.state.ts()})
        self.changed.set()
        return None


def _shown(channel: Conversation) -> Json:
    return {"id": channel.id, "name": channel.name, "is_private": channel.is_private}


def _cursor(following: int, total: int) -> Json:
    return {"response_metadata": {"next_cursor": str(following) if following < total else ""}}


def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.abort()
    return web.Response()


async def _arguments(request: web.Request) -> Json:
    if request.content_type == "application/json":
        return dict(await request.json())
    given: Json = {**request.query, **await request.post()}
    for name in ("blocks", "metadata", "view"):
        if isinstance(given.get(name), str):
            given[name] = json.loads(given[name])
    return given
