"""Slack as a chat platform: the port's promises, kept with the Web API and one of two transports.

How things look, what comes in and who people are is its neighbours' matter.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import aiohttp
from aiohttp import web

from bot.chat.events import MessageRef, Profile
from bot.chat.platform import OnEvent
from bot.chat.slack.answers import Answers
from bot.chat.slack.api import CALL_SECONDS, DEACTIVATED, Api, Pace, web_client
from bot.chat.slack.channels import Channels
from bot.chat.slack.door import Door
from bot.chat.slack.listeners import Listeners
from bot.chat.slack.mentions import Mentions
from bot.chat.slack.people import People
from bot.chat.slack.posts import Posts
from bot.chat.slack.sockets import PING_SECONDS, Sockets
from bot.chat.slack.voters import Voters
from bot.chat.under_way import UnderWay
from bot.errors import ChatError, ChatRefused, ChatUnavailable, MemberLeft
from bot.views.cards import Card
from bot.views.texts import Texts, known_language

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

CONNECTIONS = 8
"""To Slack at once. More would serve nobody, since it counts calls by the minute, and all that a burst has opened would
stay open."""

LEFT_OUT = "Slack leaves events out, as there are too many of them or too few were taken in: reactions are read again"
LEFT_OUT_SECONDS = 600.0
"""Between two warnings of it."""


@dataclass(frozen=True, slots=True)
class Access:
    """How Slack is reached: `api_url` ends with "/"; Socket Mode needs `app_token`, HTTP `signing_secret`."""

    bot_token: str
    api_url: str
    mode: Literal["socket", "http"] = "socket"
    app_token: str = ""
    signing_secret: str = ""


@dataclass(frozen=True, slots=True)
class Time:
    """`now` is the time of day, `seconds` a clock that only runs forward."""

    now: Callable[[], datetime]
    seconds: Callable[[], float] = time.monotonic
    sleep: Sleep = asyncio.sleep


@dataclass(frozen=True, slots=True)
class _Open:
    """What there is between `start` and `close`."""

    session: aiohttp.ClientSession
    api: Api
    people: People
    channels: Channels
    posts: Posts
    sockets: Sockets | None


class Slack:
    """One workspace. `Platform` has the contract.

    `channels` are the channels' names or ids by use; `language` is of channel posts. Its `routes` go into the HTTP
    listener; in Socket Mode there are none.
    """

    name = "slack"
    seconds_between_posts = 1.0

    def __init__(
        self,
        access: Access,
        channels: Mapping[str, str],
        *,
        language: str,
        time: Time,
        ping_seconds: float = PING_SECONDS,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self.workspace = ""
        self._access = access
        self._configured = channels
        self._language = language
        self._time = time
        self._ping_seconds = ping_seconds
        self._call_seconds = call_seconds
        self._pace = Pace(time.seconds, time.sleep)
        self._under_way = UnderWay()
        self._door = Door(access.signing_secret, time.now, self._pace, self._under_way)
        self._open: _Open | None = None
        self._tell_missed: Callable[[], None] = lambda: None

    def when_missed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called each time that events may have been missed: at each new socket but the first, and where
        Slack says that it has left some out.
        """
        self._tell_missed = tell

    def _miss(self) -> None:
        self._tell_missed()

    def _miss_left_out(self) -> None:
        if self._pace.take_turn(LEFT_OUT, LEFT_OUT_SECONDS, at_once=1):
            log.warning(LEFT_OUT)
        self._miss()

    def routes(self) -> Sequence[web.RouteDef]:
        """What the HTTP listener is to answer."""
        return self._door.routes() if self._access.mode == "http" else ()

    async def start(self, on_event: OnEvent) -> None:
        """As the contract says."""
        self._under_way.open()
        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._call_seconds),
            connector=aiohttp.TCPConnector(limit_per_host=CONNECTIONS),
        )
        try:
            await self._start(on_event, session)
        except BaseException:
            await self.close()
            await session.close()
            raise

    async def _start(self, on_event: OnEvent, session: aiohttp.ClientSession) -> None:
        access, seconds = self._access, self._time.seconds
        client = web_client(access.bot_token, access.api_url, session)
        api = Api(client, self._pace)
        identity = {name: str(value) for name, value in (await api.who_am_i()).items() if value}
        channels = Channels(api, self._configured, seconds)
        people = People(api, channels, seconds)
        people.team, people.organisation = identity["team_id"], identity.get("enterprise_id", "")
        people.bot = identity["user_id"]
        self.workspace = identity["team_id"]
        voters = Voters(people, self._pace)
        posts = Posts(api, voters, identity["user_id"], identity.get("url", ""))
        answers = Answers(api, people, channels, posts, session, self._language, self._time.sleep)
        listeners = Listeners(
            on_event, answers, people, Mentions(api, people), posts, voters, self._under_way, self._time.now
        )
        listeners.when_left_out(self._miss_left_out)
        app = listeners.app(client, identity)
        sockets = None
        if access.mode == "socket":
            sockets = Sockets(
                client,
                access.app_token,
                lambda: api.socket_address(access.app_token),
                self._under_way,
                seconds,
                self._miss,
                answers.say_afterwards,
                self._ping_seconds,
            )
        self._open = _Open(session, api, people, channels, posts, sockets)
        await people.prepare()
        if sockets:
            await sockets.open(app.async_dispatch)
        else:
            self._door.open(app.async_dispatch)

    async def close(self) -> None:
        """As the contract says."""
        await self._under_way.close()
        opened, self._open = self._open, None
        if opened:
            if opened.sockets:
                await opened.sockets.close()
            await opened.people.close()
            await opened.session.close()

    async def post(self, channel: str, card: Card, key: str) -> MessageRef:
        """As the contract says."""
        opened = self._opened()
        return await opened.channels.at(channel, lambda place: opened.posts.post(place, card, key, self._texts()))

    async def direct(self, member: str, card: Card, key: str) -> MessageRef:
        """As the contract says. Raises ChatRefused for somebody who isn't there."""
        opened = self._opened()
        texts = await self._texts_of(member)
        if opened.people.has_left(member):  # Slack takes messages for them that nobody reads
            raise MemberLeft(DEACTIVATED)
        channel = await opened.channels.with_member(member)
        return await opened.posts.post(channel, card, key, texts)

    async def update(self, message: str, card: Card) -> MessageRef:
        """As the contract says."""
        return await self._opened().posts.update(message, card, self._texts())

    async def find_posted(self, channel: str | None, member: str | None, key: str) -> MessageRef | None:
        """As the contract says. Looks as far back as a few thousand messages."""
        opened = self._opened()
        if member:
            return await opened.posts.find(await opened.channels.with_member(member), key)
        return await opened.channels.at(channel or "", lambda place: opened.posts.find(place, key))

    async def reactions(self, messages: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """As the contract says. Fifty messages take a minute: that is the method's tier."""
        return await self._opened().posts.reactions(messages)

    async def profile(self, member: str) -> Profile:
        """As the contract says. Raises ChatRefused for somebody who isn't there."""
        return await self._opened().people.profile(member)

    async def is_moderator(self, member: str) -> bool:
        """As the contract says."""
        return await self._opened().people.is_moderator(member)

    @property
    def deaf_seconds(self) -> float:
        """As the contract says."""
        return self._open.sockets.deaf_seconds if self._open and self._open.sockets else 0.0

    async def look(self) -> bool:
        """Whether the socket lives; the watchdog asks every few seconds."""
        opened = self._opened()
        return await opened.sockets.look() if opened.sockets else True

    def _opened(self) -> _Open:
        if self._open is None:
            raise ChatUnavailable("closed")
        return self._open

    def _texts(self) -> Texts:
        return Texts(self._language, domain="slack")

    async def _texts_of(self, member: str) -> Texts:
        try:
            locale = (await self.profile(member)).locale
        except ChatRefused:
            raise
        except ChatError as error:
            log.warning("no profile for member %s (%s), the workspace's language is taken", member, error)
            locale = None
        return Texts(known_language(locale, self._language), domain="slack")
