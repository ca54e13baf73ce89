"""What is wrong between Butine and Slack: address, tokens, clocks, scopes, channels.

Saying it in words is the check's part.
"""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

import aiohttp

from bot.chat.clocks import compared
from bot.chat.platform import Finding
from bot.chat.slack.api import CALL_SECONDS, Api, Pace, web_client
from bot.chat.slack.channels import CHANNEL_ID
from bot.chat.slack.door import PATH
from bot.chat.slack.manifest import SCOPES
from bot.chat.slack.platform import Access, Time
from bot.chat.slack.sockets import try_out
from bot.errors import ChatError, ChatRefused, ChatUnavailable, NeedsMending

BAD_TOKEN = (
    "account_inactive",
    "invalid_auth",
    "not_allowed_token_type",
    "not_authed",
    "token_expired",
    "token_revoked",
)
LACKS_SCOPE = ("missing_scope", "no_permission")


async def diagnose(access: Access, configured: Mapping[str, str], time: Time) -> AsyncIterator[Finding]:
    """What was found, one after the other; after a bad address or bot token nothing more can be told."""
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        api = Api(web_client(access.bot_token, access.api_url, session), Pace(time.seconds, time.sleep))
        try:
            identity, granted, date = await api.identity_scopes_and_date()
        except ChatError as error:
            yield _of_address(access, _reason(error))
            return
        yield Finding("cli.check.slack", {"team": str(identity.get("team")), "url": access.api_url})
        if clocks := compared(date, time.now()):
            key = "cli.check.slack_clock" if clocks.is_same else "cli.check.slack_clock_differs"
            yield Finding(key, clocks.values, is_problem=not clocks.is_same)
        missing = sorted(set(SCOPES) - granted) if granted else []
        for scope in missing:
            yield Finding("cli.check.slack_scope", {"scope": scope, "use": SCOPES[scope]}, is_problem=True)
        yield await _transport(api, access, session)
        if not {"channels:read", "groups:read"} & set(missing):
            for finding in await _channels(api, access.api_url, configured):
                yield finding


def _of_address(access: Access, reason: str) -> Finding:
    if reason.partition(" ")[0] in BAD_TOKEN:
        return Finding("cli.check.slack_bot_token", {"reason": reason}, is_problem=True)
    return Finding("cli.check.slack_api_url", {"url": access.api_url, "reason": reason}, is_problem=True)


async def _transport(api: Api, access: Access, session: aiohttp.ClientSession) -> Finding:
    if access.mode == "http":
        return Finding("cli.check.slack_http", {"path": PATH})
    try:
        address = await api.socket_address(access.app_token)
    except ChatError as error:
        reason = _reason(error)
        if reason.partition(" ")[0] in (*BAD_TOKEN, *LACKS_SCOPE):
            return Finding("cli.check.slack_app_token", {"reason": reason}, is_problem=True)
        return Finding("cli.check.slack_no_socket", {"reason": reason}, is_problem=True)
    try:
        await try_out(session, address)
    except NeedsMending as error:
        return Finding("cli.check.slack_no_socket", {"reason": error.reason}, is_problem=True)
    except ChatError as error:
        values = {"host": urlsplit(address).hostname or "", "reason": _reason(error)}
        return Finding("cli.check.slack_no_websocket", values, is_problem=True)
    return Finding("cli.check.slack_socket")


async def _channels(api: Api, url: str, configured: Mapping[str, str]) -> list[Finding]:
    try:
        own = await api.own_channels()
    except ChatError as error:
        return [Finding("cli.check.slack_api_url", {"url": url, "reason": _reason(error)}, True)]
    by_id = {channel.id: channel for channel in own.values()}
    found = []
    for use, name in configured.items():
        channel = by_id.get(name) if CHANNEL_ID.fullmatch(name) else own.get(name)
        values = {"setting": f"channels.{use}", "channel": name}
        key = "cli.check.slack_channel" if channel else "cli.check.slack_not_in_channel"
        found.append(Finding(key, values, is_problem=not channel))
        if use == "review" and channel and channel.is_public:
            found.append(Finding("cli.error.review_open", {"value": name}, is_problem=True))
    return found


def _reason(error: ChatError) -> str:
    return error.reason if isinstance(error, ChatUnavailable | ChatRefused) else str(error)
