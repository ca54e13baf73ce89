"""Calls of Slack's Web API: their pace, and their failures as the port's errors.

Which call is made when is its neighbours' matter. Every call goes to the configured address.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.chat.slack import tickets
from bot.chat.slack.render import Message
from bot.errors import ChatRefused, ChatUnavailable, MemberLeft, MessageGone, NeedsMending

Answer = Mapping[str, Any]

CALL_SECONDS = 10.0
POST_SECONDS = 1.0
"""Between two posts to one channel (docs.slack.dev/apis/web-api/rate-limits)."""
TIER_3_SECONDS = 1.25
"""Between two calls of a method that takes 50 a minute, such as reactions.get; a little more than it has to be."""
PAUSES_AT_MOST = 3
"""As many in a row are kept for one message; whoever waits behind it can do something else meanwhile."""
PAGE = 200
CHANNELS = "public_channel,private_channel"
KEPT_PACES = 1000

GONE = frozenset({"message_not_found", "cant_update_message", "cant_delete_message"})
TOMBSTONE = "tombstone"
"""What a deleted message is that has a thread below it: it stands there without its reactions."""
TRANSIENT = frozenset(
    {
        *("internal_error", "fatal_error", "service_unavailable", "request_timeout", "timeout", "update_failed"),
        *("org_login_required", "team_added_to_org"),  # while a workspace moves into an organisation
        "external_channel_migrating",  # while a channel becomes a shared one, or its own again
        "message_limit_exceeded",  # while too much is posted in the whole workspace
    }
)
MENDABLE = frozenset(
    {
        *("account_inactive", "ekm_access_denied", "invalid_auth", "not_authed", "token_expired", "token_revoked"),
        *("access_denied", "accesslimited", "enterprise_is_restricted", "missing_scope", "no_permission"),
        *("not_allowed_token_type", "socket_mode_not_enabled", "team_access_not_granted", "two_factor_setup_required"),
        *("channel_not_found", "is_archived", "messages_tab_disabled", "not_in_channel"),
        # What they are of an edit: in an archived channel, and where a preference sets a limit to edits.
        *("is_inactive", "edit_window_closed"),
    }
)
"""What the operator, or a moderator, mends in Slack: what waits is to be sent then, not to be given up."""
DEACTIVATED = "user_disabled"
"""What Slack says of who has left, where it says anything (docs.slack.dev/reference/methods/conversations.open)."""
RESTRICTED = "restricted_action"
"""So begin the codes of what a preference of the workspace or a channel's posting permissions forbid."""
OUT_OF_REACH = frozenset({"channel_not_found", "is_archived", "not_in_channel"})
"""Those that say it of one channel alone."""


class Pace:
    """Keeps calls of one kind apart. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._next: dict[str, float] = {}

    async def turn(self, kind: str, seconds: float) -> None:
        """Return when a call of that kind may be made, `seconds` after the one before it."""
        now = self._clock()
        start = max(now, self._next.get(kind, now))
        if len(self._next) > KEPT_PACES:
            self._next = {kept: moment for kept, moment in self._next.items() if moment > now}
        self._next[kind] = start + seconds
        if start > now:
            await self._sleep(start - now)

    def take_turn(self, kind: str, seconds: float, at_once: int) -> bool:
        """Whether a call of that kind may be made now, and count: so many in a row, `seconds` apart on the whole."""
        left = self.left(kind)
        if left > seconds * (at_once - 1):
            return False
        self._next[kind] = self._clock() + left + seconds
        return True

    async def rest(self, kind: str, seconds: float) -> None:
        """Slack asked for a pause."""
        self.put_off(kind, seconds)
        await self._sleep(seconds)

    def put_off(self, kind: str, seconds: float) -> None:
        """Slack asked for a pause, which nobody here waits for."""
        self._next[kind] = max(self._next.get(kind, 0.0), self._clock() + seconds)

    def left(self, kind: str) -> float:
        """The seconds until a call of that kind may be made."""
        return max(self._next.get(kind, 0.0) - self._clock(), 0.0)


@dataclass(frozen=True, slots=True)
class OwnChannel:
    """A channel that the bot is in. Whoever is in the workspace may join a public one."""

    id: str
    is_public: bool


class Api:
    """The calls that Butine makes, as the bot. Each raises ChatError as the port says."""

    def __init__(self, client: AsyncWebClient, pace: Pace) -> None:
        self._client = client
        self._pace = pace

    async def ask(self, call: Awaitable[Any], *, message: str = "", is_write: bool = False) -> Answer:
        """The answer to a call. `is_write`: a lost answer leaves it open whether it was done."""
        return (await self._whole(call, message=message, is_write=is_write))[0]

    async def _whole(
        self, call: Awaitable[Any], *, message: str = "", is_write: bool = False
    ) -> tuple[Answer, Mapping[str, str]]:
        try:
            answer = await call
        except SlackApiError as error:
            raise _refusal(error, message, is_write=is_write) from error
        except aiohttp.ClientConnectorError as error:  # it never left this machine
            raise ChatUnavailable(_reason(error)) from error
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError, AttributeError, ValueError) as error:
            # AttributeError: the SDK's own, for an answer in plain text.
            raise ChatUnavailable(_reason(error), is_uncertain=is_write) from error
        data = answer.data
        if not isinstance(data, dict):
            raise ChatUnavailable("unreadable answer", is_uncertain=is_write)
        return data, answer.headers

    async def who_am_i(self) -> Answer:
        """The bot's own team and user."""
        return await self.ask(self._client.auth_test())

    async def identity_scopes_and_date(self) -> tuple[Answer, set[str], str]:
        """The same, the scopes that the token has, and Slack's time; nothing where the answer doesn't say."""
        answer, headers = await self._whole(self._client.auth_test())
        found = {name.lower(): value for name, value in headers.items()}
        scopes = {scope.strip() for scope in found.get("x-oauth-scopes", "").split(",") if scope.strip()}
        return answer, scopes, found.get("date", "")

    async def post(self, channel: str, message: Message, metadata: Mapping[str, Any] | None = None) -> str:
        """Post a message, at the pace that the channel takes; returns its timestamp."""
        await self._pace.turn(f"post:{channel}", POST_SECONDS)
        call = self._client.chat_postMessage(
            channel=channel,
            text=message.text,
            blocks=list(message.blocks),
            metadata=dict(metadata) if metadata else None,
            parse="none",
            link_names=False,
            unfurl_links=False,
            unfurl_media=False,
        )
        return str((await self.ask(call, is_write=True))["ts"])

    async def update(self, channel: str, ts: str, message: Message, ref: str) -> None:
        """Replace a message; its metadata stays. Raises MessageGone(ref)."""
        await self._pace.turn("chat.update", TIER_3_SECONDS)
        call = self._client.chat_update(
            channel=channel, ts=ts, text=message.text, blocks=list(message.blocks), parse="none", link_names=False
        )
        await self.ask(call, message=ref, is_write=True)

    async def delete(self, channel: str, ts: str) -> None:
        """Take a message away; harmless where it is gone."""
        try:
            await self.ask(self._client.chat_delete(channel=channel, ts=ts), message=ts, is_write=True)
        except MessageGone:
            return

    async def react(self, channel: str, ts: str, name: str) -> None:
        """Put the bot's own reaction on a message; harmless where it is there."""
        await self._pace.turn("reactions.add", TIER_3_SECONDS)
        try:
            await self.ask(self._client.reactions_add(channel=channel, timestamp=ts, name=name), message=ts)
        except ChatRefused as error:
            if error.reason != "already_reacted":
                raise

    async def reactions(self, channel: str, ts: str) -> Answer:
        """A message with everybody who reacted to it, inside the method's tier. Raises MessageGone."""
        pauses = 0
        while True:
            await self._pace.turn("reactions.get", TIER_3_SECONDS)
            try:
                call = self._client.reactions_get(channel=channel, timestamp=ts, full=True)
                answer = await self.ask(call, message=ts)
            except ChatUnavailable as error:
                if error.retry_after is None or pauses == PAUSES_AT_MOST:
                    raise
                pauses += 1
                await self._pace.rest("reactions.get", error.retry_after)
            else:
                if (answer.get("message") or {}).get("subtype") == TOMBSTONE:
                    raise MessageGone(ts)
                return answer

    async def user(self, member: str) -> Answer:
        """A member's profile with locale and time zone; in a pause that Slack asked for, ChatUnavailable at once."""
        call = partial(self._client.users_info, user=member, include_locale=True)
        return dict((await self._unless_paused("users.info", call))["user"])

    async def members(self, channel: str) -> set[str]:
        """Everybody in a channel; in a pause that Slack asked for, ChatUnavailable at once."""
        found: set[str] = set()
        async for answer in self._pages(
            "conversations.members",
            lambda cursor: self._client.conversations_members(channel=channel, cursor=cursor, limit=PAGE),
        ):
            found.update(map(str, answer["members"]))
        return found

    async def own_channels(self) -> "dict[str, OwnChannel]":
        """The channels that the bot is in, by name."""
        try:
            return await self._named_channels("users.conversations", self._client.users_conversations)
        except ChatRefused as error:
            if error.reason != "unknown_method":
                raise
        # What stands in for Slack may know only the method that everybody uses.
        return await self._named_channels("conversations.list", self._client.conversations_list)

    async def _named_channels(self, kind: str, method: Callable[..., Awaitable[Any]]) -> "dict[str, OwnChannel]":
        found: dict[str, OwnChannel] = {}
        async for answer in self._pages(
            kind, lambda cursor: method(types=CHANNELS, exclude_archived=True, cursor=cursor, limit=PAGE)
        ):
            mine = [channel for channel in answer["channels"] if channel.get("is_member", True)]
            found.update(
                {str(each["name"]): OwnChannel(str(each["id"]), each.get("is_private") is False) for each in mine}
            )
        return found

    async def public_channel(self, channel: str) -> str:
        """A public channel's name, "" of a private one; in a pause that Slack asked for, ChatUnavailable at once."""
        call = partial(self._client.conversations_info, channel=channel)
        found = (await self._unless_paused("conversations.info", call))["channel"]
        return str(found.get("name") or "") if found.get("is_private") is False else ""

    async def conversation(self, member: str) -> str:
        """The direct conversation with a member."""
        await self._pace.turn("conversations.open", TIER_3_SECONDS)
        return str((await self.ask(self._client.conversations_open(users=member)))["channel"]["id"])

    async def history(self, channel: str, *, after: str = "", before: str = "") -> Answer:
        """A page of a channel's messages between two timestamps, with their metadata, newest first."""
        await self._pace.turn("conversations.history", TIER_3_SECONDS)
        call = self._client.conversations_history(
            channel=channel,
            oldest=after or None,
            latest=before or None,
            include_all_metadata=True,
            limit=PAGE,
        )
        return await self.ask(call)

    async def open_view(self, trigger: str, view: Mapping[str, Any]) -> None:
        """Open a modal; the trigger lives three seconds."""
        await self.ask(self._client.views_open(trigger_id=trigger, view=dict(view)))

    async def push_view(self, trigger: str, view: Mapping[str, Any]) -> None:
        """Open a modal on top of another."""
        await self.ask(self._client.views_push(trigger_id=trigger, view=dict(view)))

    async def update_view(self, view_id: str, view: Mapping[str, Any]) -> None:
        """Replace what a modal shows."""
        await self.ask(self._client.views_update(view_id=view_id, view=dict(view)))

    async def publish_home(self, member: str, view: Mapping[str, Any]) -> None:
        """Show a member's App Home."""
        await self.ask(self._client.views_publish(user_id=member, view=dict(view)))

    async def socket_address(self, app_token: str) -> str:
        """Where a Socket Mode connection may be opened, once."""
        return str((await self.ask(self._client.apps_connections_open(app_token=app_token)))["url"])

    async def _unless_paused(self, kind: str, call: Callable[[], Awaitable[Any]]) -> Answer:
        """The answer to what somebody may be waiting for; a pause is kept without waiting for its end."""
        if pause := self._pace.left(kind):
            raise ChatUnavailable("ratelimited", retry_after=pause)
        try:
            return await self.ask(call())
        except ChatUnavailable as error:
            if error.retry_after:
                self._pace.put_off(kind, error.retry_after)
            raise

    async def _pages(self, kind: str, call: Callable[[str | None], Awaitable[Any]]) -> AsyncIterator[Answer]:
        cursor: str | None = None
        while True:
            answer = await self._unless_paused(kind, partial(call, cursor))
            yield answer
            cursor = next_cursor(answer)
            if not cursor:
                return


def next_cursor(answer: Answer) -> str:
    """Where the next page begins, "" after the last."""
    return str((answer.get("response_metadata") or {}).get("next_cursor") or "")


def web_client(token: str, api_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """A client of that address that never sends anything twice by itself: a post would double."""
    tickets.keep_out_of_the_log()
    client = AsyncWebClient(token, base_url=api_url, session=session, retry_handlers=[])
    client.proxy = proxy_for(api_url)
    return client


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address; the SDK itself forgets about no_proxy."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme.replace("ws", "http"))


def _refusal(error: SlackApiError, message: str, *, is_write: bool) -> Exception:
    response = error.response
    data = getattr(response, "data", None)
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    reason = str(data.get("error") or "") if isinstance(data, dict) else ""
    if reason in {"ratelimited", "rate_limited"} or status == 429:  # noqa: PLR2004  HTTP's "too many requests"
        return ChatUnavailable("ratelimited", retry_after=_seconds(response))
    if not reason and 400 <= status < 500:  # noqa: PLR2004  HTTP's "your fault": it is not Slack that answers there
        return NeedsMending(f"HTTP {status}")
    if status >= 500 or not reason or reason in TRANSIENT:  # noqa: PLR2004  HTTP's server errors
        return ChatUnavailable(reason or f"HTTP {status}", is_uncertain=is_write)
    if reason in GONE and message:
        return MessageGone(message)
    if reason in MENDABLE or reason.startswith(RESTRICTED):
        needed = data.get("needed") if isinstance(data, dict) else None
        return NeedsMending(f"{reason} ({needed})" if needed else reason)
    return MemberLeft(reason) if reason == DEACTIVATED else ChatRefused(reason)


def _seconds(response: object) -> float:
    headers = getattr(response, "headers", None) or {}
    try:
        return max(float(next(value for name, value in headers.items() if name.lower() == "retry-after")), 1.0)
    except (StopIteration, ValueError):
        return 30.0


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
