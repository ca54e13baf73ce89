"""Looks whether a Mattermost team is as Butine needs it, up to having the server call Butine and waiting for the call.

Of each sentence the key alone is known here.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from bot.chat.clocks import compared
from bot.chat.mattermost.callbacks import ACTION_PATH, COMMAND_PATH, DIALOG_PATH
from bot.chat.mattermost.desk import PROBE
from bot.chat.mattermost.inbound import OPEN, Json, Typed, Unreadable, is_id, typed
from bot.chat.mattermost.rest import NOT_FOUND, Denied, Rest
from bot.chat.mattermost.trust import Forged, Triggers, is_same
from bot.chat.mattermost.websocket import address_of
from bot.chat.platform import Finding
from bot.errors import ChatError, ChatUnavailable

NO_LIMIT = "-1"
NO_SITE_URL = "site_url_required.app_error"
"""How the code ends by which current servers refuse every command of an integration as long as SiteURL is empty."""


async def look(
    rest: Rest,
    try_websocket: Callable[[], Awaitable[None]],
    url: str,
    team_name: str,
    channels: Mapping[str, str],
    command: str,
    callback_url: str,
    clock: Callable[[], datetime],
) -> AsyncIterator[Finding]:
    """Tell what is found, up to the first thing without which nothing else can be looked at.

    `try_websocket` opens it once, or raises ChatUnavailable. Raises ChatError where the server can't be asked at all.
    """
    me = await rest.me()
    account = {"name": str(me["username"]), "url": url}
    yield _either(bool(me.get("is_bot")), "cli.check.mattermost_account", "cli.check.mattermost_no_bot", account)
    if clocks := compared(await rest.date(), clock()):
        sentences = "cli.check.mattermost_clock", "cli.check.mattermost_clock_differs"
        yield _either(clocks.is_same, *sentences, clocks.values)
    yield await _websocket(try_websocket, address_of(url))
    seconds = str((await rest.client_config()).get("PostEditTimeLimit") or NO_LIMIT)
    if seconds != NO_LIMIT:
        yield _problem("cli.check.mattermost_edit_limit", {"seconds": seconds})
    try:
        team = str((await rest.team_by_name(team_name))["id"])
    except Denied:
        yield _problem("cli.error.no_team", {"team": team_name})
        return
    ideas = ""
    for name in sorted(set(channels.values())):
        values = {"channel": name, "team": team_name}
        try:
            channel = await (rest.channel(name) if is_id(name) else rest.channel_by_name(team, name))
            await rest.channel_member(str(channel["id"]), str(me["id"]))
        except Denied:
            yield _problem("cli.error.no_channel", values)
            continue
        yield Finding("cli.check.mattermost_channel", values)
        if name == channels["review"] and channel.get("type") == OPEN:
            yield _problem("cli.error.review_open", {"value": name})
        ideas = str(channel["id"]) if name == channels["ideas"] else ideas
    if ideas:
        is_there = await _has_way_back(rest, team, ideas, callback_url + DIALOG_PATH)
        sentences = "cli.check.mattermost_way_back", "cli.check.mattermost_no_way_back"
        yield _either(is_there, *sentences, {"url": callback_url})
        if is_there:
            yield await _command(rest, team, ideas, command)


def _either(is_good: bool, good: str, problem: str, values: Mapping[str, str]) -> Finding:  # noqa: FBT001  it chooses
    return Finding(good, values) if is_good else _problem(problem, values)


def _problem(key: str, values: Mapping[str, str]) -> Finding:
    return Finding(key, values, is_problem=True)


async def _websocket(try_it: Callable[[], Awaitable[None]], address: str) -> Finding:
    try:
        await try_it()
    except ChatUnavailable as error:
        values = {"url": address, "reason": error.reason.removeprefix("websocket: ")}
        return _problem("cli.check.mattermost_no_websocket", values)
    return Finding("cli.check.mattermost_websocket", {"url": address})


async def _has_way_back(rest: Rest, team: str, channel: str, dialog_url: str) -> bool:
    """Whether the server reaches Butine, or its stand-in: it is had to send an empty dialog there."""
    given = {"url": dialog_url, "channel_id": channel, "team_id": team, "submission": {}}
    try:
        answer = await rest.call("post", "/actions/dialogs/submit", {**given, "state": PROBE, "callback_id": PROBE})
    except ChatError:
        return False
    return bool(answer.get("error") == PROBE)


async def _command(rest: Rest, team: str, channel: str, command: str) -> Finding:
    given = {"channel_id": channel, "team_id": team, "command": f"{command} help"}
    values = {"command": command}
    try:
        answer = await rest.call("post", "/commands/execute", given)
    except Denied as error:
        if error.reason.endswith(NO_SITE_URL):
            return _problem("cli.check.mattermost_site_url", values)
        if error.status == NOT_FOUND:
            return _problem("cli.check.mattermost_command_missing", values)
        return _problem("cli.check.mattermost_command_token", values)
    except ChatUnavailable:
        return _problem("cli.check.mattermost_command_token", values)
    sentences = "cli.check.mattermost_command", "cli.check.mattermost_command_token"
    return _either(bool(answer.get("text")), *sentences, values)


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
