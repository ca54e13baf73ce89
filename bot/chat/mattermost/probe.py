"""Looks whether a Mattermost team is as Butine needs it, up to having the server call Butine and waiting for the call.

What is said about it is not known here.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from bot.chat.clocks import compared
from bot.chat.mattermost.callbacks import ACTION_PATH, COMMAND_PATH, DIALOG_PATH
from bot.chat.mattermost.desk import PROBE
from bot.chat.mattermost.inbound import OPEN, Json, Typed, Unreadable, is_id, typed
from bot.chat.mattermost.rest import NOT_FOUND, Denied, Rest
from bot.chat.mattermost.trust import Forged, Triggers, is_same
from bot.chat.mattermost.websocket import address_of
from bot.errors import ChatError, ChatUnavailable

NO_LIMIT = "-1"
NO_SITE_URL = "site_url_required.app_error"
"""How the code ends by which current servers refuse every command of an integration as long as SiteURL is empty."""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at; `code` names the sentence and `values` fill it."""

    code: str
    values: Mapping[str, str]
    is_good: bool


async def look(
    rest: Rest,
    try_websocket: Callable[[], Awaitable[None]],
    url: str,
    team_name: str,
    channels: Mapping[str, str],
    command: str,
    callback_url: str,
    clock: Callable[[], datetime],
) -> AsyncIterator[Found]:
    """Tell what is found, up to the first thing without which nothing else can be looked at.

    `try_websocket` opens it once, or raises ChatUnavailable. Raises ChatError where the server can't be asked at all.
    """
    me = await rest.me()
    yield Found("mattermost_account", {"name": str(me["username"]), "url": url}, bool(me.get("is_bot")))
    if clocks := compared(await rest.date(), clock()):
        yield Found("mattermost_clock", clocks.values, clocks.is_same)
    yield await _websocket(try_websocket, address_of(url))
    seconds = str((await rest.client_config()).get("PostEditTimeLimit") or NO_LIMIT)
    if seconds != NO_LIMIT:
        yield Found("mattermost_edit_limit", {"seconds": seconds}, is_good=False)
    try:
        team = str((await rest.team_by_name(team_name))["id"])
    except Denied:
        yield Found("mattermost_team", {"team": team_name}, is_good=False)
        return
    ideas = ""
    for name in sorted(set(channels.values())):
        try:
            channel = await (rest.channel(name) if is_id(name) else rest.channel_by_name(team, name))
            await rest.channel_member(str(channel["id"]), str(me["id"]))
        except Denied:
            yield Found("mattermost_channel", {"channel": name, "team": team_name}, is_good=False)
            continue
        yield Found("mattermost_channel", {"channel": name, "team": team_name}, is_good=True)
        if name == channels["review"] and channel.get("type") == OPEN:
            yield Found("mattermost_review_open", {"value": name}, is_good=False)
        ideas = str(channel["id"]) if name == channels["ideas"] else ideas
    if not ideas:
        return
    submission = {"url": callback_url + DIALOG_PATH, "channel_id": ideas, "team_id": team, "submission": {}}
    try:
        answer = await rest.call(
            "post", "/actions/dialogs/submit", {**submission, "state": PROBE, "callback_id": PROBE}
        )
        is_there = answer.get("error") == PROBE
    except ChatError:
        is_there = False
    yield Found("mattermost_way_back", {"url": callback_url}, is_there)
    if is_there:
        yield await _command(rest, team, ideas, command)


async def _websocket(try_it: Callable[[], Awaitable[None]], address: str) -> Found:
    try:
        await try_it()
    except ChatUnavailable as error:
        values = {"url": address, "reason": error.reason.removeprefix("websocket: ")}
        return Found("mattermost_websocket", values, is_good=False)
    return Found("mattermost_websocket", {"url": address}, is_good=True)


async def _command(rest: Rest, team: str, channel: str, command: str) -> Found:
    given = {"channel_id": channel, "team_id": team, "command": f"{command} help"}
    values = {"command": command}
    try:
        answer = await rest.call("post", "/commands/execute", given)
    except Denied as error:
        if error.reason.endswith(NO_SITE_URL):
            return Found("mattermost_site_url", values, is_good=False)
        code = "mattermost_command_missing" if error.status == NOT_FOUND else "mattermost_command"
        return Found(code, values, is_good=False)
    except ChatUnavailable:
        return Found("mattermost_command", values, is_good=False)
    return Found("mattermost_command", values, bool(answer.get("text")))


def stand_in(rest: Rest, command_token: str, clock: Callable[[], datetime]) -> Sequence[web.RouteDef]:
    """Routes that answer a probe while Butine itself does not run; they believe no more than it, and do nothing."""

    async def command(request: web.Request) -> web.Response:
        try:
            given = typed(await request.post())
        except Unreadable:
            return web.Response(status=400)
        if not is_same(given.token, command_token) or not await _is_signed(rest, given, clock):
            return web.Response(status=403)
        return web.json_response({"response_type": "ephemeral", "text": PROBE})

    async def dialog(request: web.Request) -> web.Response:
        try:
            payload: Json = await request.json()
            is_probe = payload.get("state") == PROBE
        except (ValueError, AttributeError):
            is_probe = False
        return web.json_response({"error": PROBE}) if is_probe else web.Response(status=403)

    async def action(_request: web.Request) -> web.Response:
        return web.Response(status=403)

    return [web.post(COMMAND_PATH, command), web.post(DIALOG_PATH, dialog), web.post(ACTION_PATH, action)]


async def _is_signed(rest: Rest, given: Typed, clock: Callable[[], datetime]) -> bool:
    try:
        key = str((await rest.client_config()).get("AsymmetricSigningPublicKey", ""))
        Triggers(key, clock).take(given.trigger, given.member)
    except Forged as error:
        return error.reason == "trigger_time"  # what is wrong with the clocks is said apart
    except ChatError:
        return False
    return True
