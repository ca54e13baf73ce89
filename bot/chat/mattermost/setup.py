"""Setting up Mattermost once with an administrator's token, which is used and forgotten: bot, channels, command.

Each step looks first and does only what is missing, so that it may be repeated. What is said about it is not known
here.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bot.chat.mattermost.callbacks import COMMAND_PATH
from bot.chat.mattermost.inbound import OPEN, is_id
from bot.chat.mattermost.rest import NOT_FOUND, Denied, Rest, Unauthorised

BOT_NAME = "butine"
TOKEN_NAME = "Butine"  # noqa: S105  a description

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be there. `channels` as configured, by use; `command` with its slash; `hint` and `about` for the
    autocompletion.
    """

    team: str
    channels: Mapping[str, str]
    command: str
    callback_url: str
    hint: str
    about: str
    token: str = ""
    """A bot's token that is configured already; it is kept if it works."""


@dataclass(frozen=True, slots=True)
class Done:
    """One step: what it was about, whether it changed something, and with what."""

    step: str
    value: str
    is_new: bool


class CannotSetUp(Exception):
    """A step that can't be done; `reason` names the sentence."""

    def __init__(self, reason: str, value: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value


async def set_up(admin: Rest, bot: Rest | None, wanted: Wanted) -> AsyncIterator[Done]:
    """Do what is missing, and tell each step. `bot` is the account of `wanted.token`. Raises CannotSetUp."""
    try:
        me = await admin.me()
    except Unauthorised as error:
        raise CannotSetUp("admin_token", wanted.team) from error
    if "system_admin" not in str(me.get("roles", "")).split():
        raise CannotSetUp("no_admin", str(me["username"]))
    async for done in _server(admin, wanted):
        yield done
    user, step, is_new = await _bot(admin)
    yield Done(step, BOT_NAME, is_new)
    try:
        team = str((await admin.team_by_name(wanted.team))["id"])
    except Denied as error:
        raise CannotSetUp("no_team", wanted.team) from error
    await admin.call("post", f"/teams/{team}/members", {"team_id": team, "user_id": user})
    for name in sorted(set(wanted.channels.values())):
        channel, is_new = await _channel(admin, team, name, is_private=name == wanted.channels["review"])
        await admin.call("post", f"/channels/{channel}/members", {"user_id": user})
        yield Done("channel", name, is_new)
    command, is_new = await _command(admin, team, wanted)
    yield Done("command", wanted.command, is_new)
    yield Done("command_token", command, is_new)
    if bot is not None and await _is_token_of(bot, user):
        yield Done("token", wanted.token, is_new=False)
        return
    made = await admin.call("post", f"/users/{user}/tokens", {"description": TOKEN_NAME})
    yield Done("token", str(made["token"]), is_new=True)


async def _server(admin: Rest, wanted: Wanted) -> AsyncIterator[Done]:
    """Bots and their tokens are allowed, and the server may call Butine."""
    settings = (await admin.call("get", "/config")).get("ServiceSettings", {})
    changes: Json = {}
    for name in ("EnableBotAccountCreation", "EnableUserAccessTokens", "EnableCommands"):
        if not settings.get(name):
            changes[name] = True
    host = urlsplit(wanted.callback_url).hostname or ""
    allowed = str(settings.get("AllowedUntrustedInternalConnections") or "")
    if host not in allowed.replace(",", " ").split():
        changes["AllowedUntrustedInternalConnections"] = f"{allowed} {host}".strip()
    if changes:
        await admin.call("put", "/config/patch", {"ServiceSettings": changes})
    for name, value in changes.items():
        yield Done("server", f"{name} = {value}", is_new=True)


async def _bot(admin: Rest) -> tuple[str, str, bool]:
    """Its id, and what was done about it. A server deactivates bots with the administrator who made them."""
    try:
        found = await admin.call("get", f"/users/username/{BOT_NAME}")
    except Denied as error:
        if error.status != NOT_FOUND:
            raise
        made = await admin.call("post", "/bots", {"username": BOT_NAME, "display_name": "Butine"})
        return str(made["user_id"]), "bot", True
    if not found.get("is_bot"):
        raise CannotSetUp("name_taken", BOT_NAME)
    if found.get("delete_at"):
        await admin.call("post", f"/bots/{found['id']}/enable")
        return str(found["id"]), "bot_enabled", True
    return str(found["id"]), "bot", False


async def _channel(admin: Rest, team: str, name: str, *, is_private: bool) -> tuple[str, bool]:
    try:
        found = await (admin.channel(name) if is_id(name) else admin.channel_by_name(team, name, may_be_archived=True))
    except Denied as error:
        if error.status != NOT_FOUND or is_id(name):
            raise CannotSetUp("no_such_channel", name) from error
    else:
        if found.get("delete_at"):
            raise CannotSetUp("channel_archived", name)
        if is_private and found.get("type") == OPEN:
            raise CannotSetUp("review_open", name)
        return str(found["id"]), False
    kind = "P" if is_private else OPEN
    given = {"team_id": team, "name": name, "display_name": name.capitalize(), "type": kind}
    return str((await admin.call("post", "/channels", given))["id"]), True


async def _command(admin: Rest, team: str, wanted: Wanted) -> tuple[str, bool]:
    """The command's token. Another app's command of that name is left alone."""
    trigger, url = wanted.command.removeprefix("/").lower(), wanted.callback_url + COMMAND_PATH
    shape = {
        "team_id": team,
        "trigger": trigger,
        "method": "P",
        "url": url,
        "display_name": "Butine",
        "description": wanted.about,
        "auto_complete": True,
        "auto_complete_hint": wanted.hint,
        "auto_complete_desc": wanted.about,
    }
    for found in await admin.call("get", "/commands", None, team_id=team, custom_only="true"):
        if found["trigger"] == trigger and not found.get("delete_at"):
            if found.get("display_name") != "Butine" and found["url"] != url:
                raise CannotSetUp("command_taken", wanted.command)
            if any(found.get(name) != value for name, value in shape.items()):
                await admin.call("put", f"/commands/{found['id']}", {**found, **shape})
            return str(found["token"]), False
    return str((await admin.call("post", "/commands", shape))["token"]), True


async def _is_token_of(bot: Rest, user: str) -> bool:
    try:
        return str((await bot.me())["id"]) == user
    except Exception:  # noqa: BLE001  whatever is wrong with it, it needs another one
        return False
