"""The Socket Mode transport: the SDK's client, and a watchdog that replaces it when it has gone silent.

The SDK reconnects by itself at refreshes, warnings and lost pongs; that it may fail to do so is on record
(python-slack-sdk#1110, #1446, bolt-python#1529), so the watchdog believes in traffic alone.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import aiohttp
from aiohttp import WSMessage, WSMsgType
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.chat.slack import inbound
from bot.chat.slack.api import proxy_for
from bot.chat.slack.listeners import OK, TAKEN_IN
from bot.chat.under_way import UnderWay
from bot.errors import ChatError, ChatUnavailable, NeedsMending

log = logging.getLogger(__name__)

PING_SECONDS = 5.0
SILENCE_SECONDS = 40.0
"""Longer than the SDK needs to notice by itself; with LOOK_SECONDS still within a minute."""
LOOK_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
CONNECT_SECONDS = 20.0
GREETING_SECONDS = 10.0
CLOSE_SECONDS = 3.0
ACKNOWLEDGE_SECONDS = 3.0
"""After which Slack takes no acknowledgement any more."""

SWITCHED_OFF = "link_disabled"
"""Why it turns away whoever connects, where Socket Mode is off (docs.slack.dev/apis/events-api/using-socket-mode)."""

Dispatch = Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]
SayAfterwards = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class Connection(SocketModeClient):
    """The SDK's client, which reconnects by itself; but not without a greeting, as it would do so without a pause."""

    is_greeted = False
    turned_away = ""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401  the SDK's own
        super().__init__(*given, **named)
        self.is_answered = asyncio.Event()

    async def connect(self) -> None:
        """The SDK's own; each connection is to be greeted."""
        self.is_greeted = False
        await super().connect()  # type: ignore[no-untyped-call]  # the SDK forgot "-> None"

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  the SDK's own
        """The SDK's own, where the connection that is over was one."""
        if self.is_greeted:
            await super().connect_to_new_endpoint(force)
        else:
            self._turn_away("no hello")

    def take_word(self, text: str) -> bool:
        """Note what Slack says of the connection itself; whether that is a greeting."""
        kind, reason = _word_of(text)
        if kind == "disconnect" and not self.is_greeted:
            self._turn_away(reason or kind)
        elif kind == "hello":
            self.is_greeted, self.turned_away = True, ""
            self.is_answered.set()
        return kind == "hello"

    def _turn_away(self, reason: str) -> None:
        self.turned_away = self.turned_away or reason
        self.is_answered.set()


class Sockets:
    """One Socket Mode connection after another. `new_address` gives where to connect; `clock` counts seconds.

    `on_reconnect` is called when a connection other than the first has been greeted: events may have been missed.
    `say_afterwards` has a command's response_url and the message that its acknowledgement could not bring.
    """

    def __init__(
        self,
        web_client: AsyncWebClient,
        app_token: str,
        new_address: Callable[[], Awaitable[str]],
        under_way: UnderWay,
        clock: Callable[[], float],
        on_reconnect: Callable[[], None],
        say_afterwards: SayAfterwards,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._web_client = web_client
        self._app_token = app_token
        self._new_address = new_address
        self._under_way = under_way
        self._clock = clock
        self._on_reconnect = on_reconnect
        self._say_afterwards = say_afterwards
        self._was_greeted = False
        self._ping_seconds = ping_seconds
        self._dispatch: Dispatch | None = None
        self._client: Connection | None = None
        self._watching: asyncio.Task[None] | None = None
        self._pong: float | None = None
        self._heard_at = 0.0
        self._alive_at = 0.0
        self._next_try_at = 0.0
        self._pause = LOOK_SECONDS
        self._mending = ""

    async def open(self, dispatch: Dispatch) -> None:
        """Connect, and hand on what comes. Raises ChatError."""
        self._dispatch = dispatch
        await self._connect()
        self._alive_at = self._clock()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        leaving = {asyncio.create_task(_leave(client))} if client else set()
        if self._watching:
            self._watching.cancel()
            leaving.add(self._watching)  # which may have to leave one, too
        if leaving:
            await asyncio.wait(leaving)

    @property
    def deaf_seconds(self) -> float:
        """How long ago the last sign of life was, where that is longer than it may be; a new connection is none yet."""
        silence = self._clock() - self._alive_at
        return silence if silence >= SILENCE_SECONDS else 0.0

    async def look(self) -> bool:
        """Whether there was a sign of life lately; otherwise the connection is replaced by a new one, in its time."""
        client = self._client
        pong = client.last_ping_pong_time if client and client.is_greeted else None
        # That the SDK forgets the last pong's time, when it gives up, is no sign of life.
        if pong is not None and pong != self._pong:
            self._pong = pong
            self._note_life()
        turned_away = client.turned_away if client else ""
        if not turned_away and self._clock() - self._heard_at < SILENCE_SECONDS:
            return True
        if self._clock() < self._next_try_at:
            return False
        log.warning("Slack's socket is %s, opening another one", turned_away or "silent")
        try:
            await self._connect()
        except ChatError as error:
            self._put_off(error)
        if client:
            await _leave(client)
        return False

    def _put_off(self, error: ChatError) -> None:
        """The next try comes after the pause that Slack asks for, or after ever longer ones."""
        is_passing = isinstance(error, ChatUnavailable) and not isinstance(error, NeedsMending)
        asked = error.retry_after if isinstance(error, ChatUnavailable) else None
        wait, reason = max(self._pause, asked or 0.0), str(error)
        self._next_try_at = self._clock() + wait
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        if not is_passing and reason != self._mending:
            self._mending = reason
            log.error(
                "Slack gives no socket until something is mended (%s): see to the app-level token and to Socket Mode; "
                "until then nobody in Slack is heard",
                reason,
            )
        else:
            log.warning("no new socket yet (%s), the next try is in %.0f s", reason, wait)

    def _note_life(self) -> None:
        self._heard_at = self._alive_at = self._clock()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception:  # it has to go on watching
                log.exception("the socket could not be watched")

    async def _connect(self) -> None:
        address = await self._new_address()
        client = Connection(self._app_token, web_client=self._web_client, ping_interval=self._ping_seconds)
        client.on_message_listeners.append(partial(self._hear, client))
        client.proxy = proxy_for(address)
        client.wss_uri = address
        client.socket_mode_request_listeners.append(self._take)
        try:
            await _be_greeted(client)
        except BaseException:  # Butine's end, too, which waits for no greeting
            await _leave(client)
            raise
        self._client = client
        self._pong, self._heard_at = client.last_ping_pong_time, self._clock()
        self._pause, self._next_try_at, self._mending = LOOK_SECONDS, 0.0, ""

    async def _hear(self, client: Connection, message: WSMessage) -> None:
        is_greeting = message.type is WSMsgType.TEXT and client.take_word(str(message.data))
        if client.is_greeted:
            self._note_life()
        if is_greeting:
            if self._was_greeted:
                self._on_reconnect()
            self._was_greeted = True

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        if self._under_way.is_closing or self._dispatch is None:
            return  # not acknowledged, so it comes again
        await asyncio.shield(self._under_way.start(self._take_in(client, request, self._dispatch)))

    async def _take_in(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest, dispatch: Dispatch) -> None:
        payload: dict[str, Any] | None = None
        try:
            inbound.check(request.payload)
        except inbound.Damaged as error:
            log.warning("a damaged %s envelope is left aside: %s", request.type, error)
        else:
            answered = await dispatch(AsyncBoltRequest(mode="socket_mode", body=request.payload))
            if answered.status not in TAKEN_IN:
                return
            payload = _payload(answered)
        if await self._acknowledge(client, request.envelope_id, payload):
            return
        # An event comes again, and has no second effect; a command's answer was to go with this and would be lost.
        if payload and "command" in request.payload and request.payload.get("response_url"):
            await self._say_afterwards(str(request.payload["response_url"]), payload)

    async def _acknowledge(
        self, client: AsyncBaseSocketModeClient, envelope: str, payload: dict[str, Any] | None
    ) -> bool:
        """Whether it left in time. It is not cancelled: the SDK would release a lock that another one holds."""
        sending = self._under_way.start(client.send_socket_mode_response(SocketModeResponse(envelope, payload)))
        done, _ = await asyncio.wait({sending}, timeout=ACKNOWLEDGE_SECONDS)
        try:
            if done:
                sending.result()
                return True
        except (OSError, RuntimeError, AttributeError):  # the socket went meanwhile
            log.info("an envelope could not be acknowledged", exc_info=True)
        return False


async def _be_greeted(client: Connection) -> None:
    """Connect, and wait for Slack's word. Raises ChatUnavailable."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect()
            await client.is_answered.wait()
    except TimeoutError as error:
        raise ChatUnavailable("socket mode: timeout") from error
    if client.turned_away:
        raise _turned_away(client.turned_away)


async def try_out(session: aiohttp.ClientSession, address: str, seconds: float = GREETING_SECONDS) -> None:
    """Open a connection, and close it as soon as Slack has greeted. Raises ChatUnavailable, NeedsMending where Socket
    Mode is switched off.

    Nothing that comes over it meanwhile is acknowledged, so that events come again over another one; a command or click
    does not, hence the haste.
    """
    closing = aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS)
    try:
        async with (
            asyncio.timeout(seconds),
            session.ws_connect(address, timeout=closing, proxy=proxy_for(address)) as socket,
        ):
            async for message in socket:
                kind, reason = _word_of(str(message.data)) if message.type is WSMsgType.TEXT else ("", "")
                if kind == "hello":
                    return
                if kind == "disconnect":
                    raise _turned_away(reason)
    except aiohttp.ClientResponseError as error:  # its words have the whole address, which opens a socket
        raise ChatUnavailable(f"HTTP {error.status}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ChatUnavailable(str(error) or type(error).__name__) from error
    raise ChatUnavailable("no hello")


def _word_of(text: str) -> tuple[str, str]:
    """What Slack says of the connection itself, and why: "hello" or "disconnect", "" for all else that comes over it.
    What a member wrote never stands at the top level.
    """
    try:
        said = json.loads(text) if '"hello"' in text or '"disconnect"' in text else None
    except ValueError:
        return "", ""
    if not isinstance(said, dict) or said.get("type") not in {"hello", "disconnect"}:
        return "", ""
    return said["type"], str(said.get("reason") or "")


def _turned_away(reason: str) -> ChatUnavailable:
    return NeedsMending(reason) if reason == SWITCHED_OFF else ChatUnavailable(reason or "disconnect")


def _payload(answered: BoltResponse) -> dict[str, Any] | None:
    if not answered.body or answered.status != OK:
        return None
    return dict(json.loads(answered.body))


async def _leave(client: SocketModeClient) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()  # type: ignore[no-untyped-call]  # as above
    except Exception:  # whatever it is, nobody needs this connection any more
        log.info("a socket did not close well", exc_info=True)
    finally:
        # Where the other end does not say goodbye, the SDK does not come to these.
        for task in (client.message_processor, client.current_session_monitor, client.message_receiver):
            if task:
                task.cancel()
        await client.aiohttp_client_session.close()
