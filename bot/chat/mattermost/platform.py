"""A Mattermost team as a chat platform: the port's promises, put together from this folder's parts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import random
from typing import Any

from aiohttp import web

from bot.chat.clocks import compared
from bot.chat.events import MessageRef, Profile
from bot.chat.mattermost import inbound
from bot.chat.mattermost.callbacks import ACTION_PATH, DIALOG_PATH, Callbacks
from bot.chat.mattermost.desk import Desk
from bot.chat.mattermost.inbound import Json, Unreadable, is_id
from bot.chat.mattermost.people import People
from bot.chat.mattermost.posts import Posts
from bot.chat.mattermost.rest import READ_SECONDS, Denied, Rest, Unauthorised, Untrusted
from bot.chat.mattermost.trust import Seal, Triggers
from bot.chat.mattermost.websocket import Socket, address_of, trust_of
from bot.chat.platform import OnEvent
from bot.errors import ChatRefused, ChatUnavailable, ConfigError, MessageGone, NotTakenIn
from bot.views.cards import Card

log = logging.getLogger(__name__)

EVENTS_AT_ONCE = 50
NOT_COLLAPSED = "disabled"
"""The server's setting CollapsedThreads where no member has replies collapsed: no longer the default since 7.0."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where Butine works on Mattermost, as the operator configured it.

    `channels` are the channels' names or ids by use ("ideas", "review", "digest"). URLs end without "/".
    """

    url: str
    token: str = field(repr=False)
    team: str
    channels: Mapping[str, str]
    command_token: str = field(repr=False)
    callback_url: str
    ca_file: Path | None = None


class Mattermost:
    """One team of a Mattermost server, as a bot account. `Platform` has the contract.

    `own_key` gives Butine's own random key; `jitter` a number from 0 to 1. Its `routes` go into the HTTP listener; they
    answer from `start` to `close`.
    """

    name = "mattermost"
    seconds_between_posts = 0.1

    def __init__(
        self,
        account: Account,
        *,
        language: str,
        own_key: Callable[[], Awaitable[bytes]],
        clock: Callable[[], datetime],
        jitter: Callable[[], float] = random,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        call_seconds: float = READ_SECONDS,
    ) -> None:
        self._account = account
        self._language = language
        self._own_key = own_key
        self._clock = clock
        self._jitter = jitter
        self._sleep = sleep
        self._call_seconds = call_seconds
        self._callbacks = Callbacks(language)
        self._channels: dict[str, str] = {}
        self._team = ""
        self._me = ""
        self._rest: Rest | None = None
        self._posts: Posts | None = None
        self._people: People | None = None
        self._socket: Socket | None = None
        self._on_event: OnEvent | None = None
        self._tell_missed: Callable[[], None] = _nobody
        self._slots = asyncio.Semaphore(EVENTS_AT_ONCE)

    @property
    def workspace(self) -> str:
        """The team's id."""
        return self._team

    def routes(self) -> Sequence[web.RouteDef]:
        """What the HTTP listener is to answer."""
        return self._callbacks.routes()

    def when_missed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called each time that events may have been missed."""
        self._tell_missed = tell

    def _miss(self) -> None:
        self._tell_missed()

    @property
    def deaf_seconds(self) -> float:
        """As the contract says."""
        return self._socket.deaf_seconds if self._socket else 0.0

    async def start(self, on_event: OnEvent) -> None:
        """As the contract says. Raises ConfigError for a setting that the server does not know."""
        address = address_of(self._account.url)
        try:
            rest = self._rest = Rest(self._account.url, self._account.token, self._account.ca_file, self._call_seconds)
            context = trust_of(address, self._account.ca_file)
        except OSError as error:
            raise ConfigError("ca_file", {"file": str(self._account.ca_file), "reason": str(error)}) from error
        try:
            await self._open(rest, on_event)
            self._socket = Socket(
                address,
                self._account.token,
                context,
                self._hear,
                self._miss,
                random=self._jitter,
                sleep=self._sleep,
            )
            await self._socket.start()
        except BaseException as error:
            await self.close()
            named = settings_error(error, self._account.url)
            if named is not None:
                raise named from error
            raise

    async def _open(self, rest: Rest, on_event: OnEvent) -> None:
        seal = Seal(await self._own_key())
        self._me = str((await rest.me())["id"])
        await self._compare_clocks(rest)
        try:
            self._team = str((await rest.team_by_name(self._account.team))["id"])
        except Denied as error:
            raise ConfigError("no_team", {"team": self._account.team}) from error
        self._channels = {use: await self._channel_id(rest, name) for use, name in self._account.channels.items()}
        config = await rest.client_config()
        triggers = Triggers(str(config.get("AsymmetricSigningPublicKey", "")), self._clock)
        people = People(rest, self._channels["review"], self._clock)
        posts = Posts(
            rest,
            people,
            seal,
            self._me,
            f"{self._account.url}/{self._account.team}",
            self._account.callback_url + ACTION_PATH,
            self._clock,
        )
        self._posts, self._people, self._on_event = posts, people, on_event
        desk = Desk(
            on_event=on_event,
            rest=rest,
            posts=posts,
            people=people,
            seal=seal,
            triggers=triggers,
            command_token=self._account.command_token,
            team=self._team,
            dialog_url=self._account.callback_url + DIALOG_PATH,
            language=self._language,
            whispers=config.get("CollapsedThreads", NOT_COLLAPSED) == NOT_COLLAPSED,
            clock=self._clock,
            later=self._callbacks.see_through,
            sleep=self._sleep,
        )
        self._callbacks.open(desk)

    async def _compare_clocks(self, rest: Rest) -> None:
        """Say early what would otherwise be found out by commands that are refused."""
        clocks = compared(await rest.date(), self._clock())
        if clocks and not clocks.is_same:
            log.warning(
                "the server's clock (%(theirs)s) and this machine's (%(ours)s) are %(apart)s apart: "
                "beyond five minutes commands and clicks are refused",
                clocks.values,
            )

    async def _channel_id(self, rest: Rest, name: str) -> str:
        """A channel that Butine is a member of, by name or id."""
        try:
            channel = await (rest.channel(name) if is_id(name) else rest.channel_by_name(self._team, name))
            await rest.channel_member(str(channel["id"]), self._me)
        except Denied as error:
            raise ConfigError("no_channel", {"channel": name, "team": self._account.team}) from error
        return str(channel["id"])

    async def close(self) -> None:
        """As the contract says."""
        if self._socket is not None:
            await self._socket.close()
        await self._callbacks.close()
        if self._rest is not None:
            self._rest.close()

    async def post(self, channel: str, card: Card, key: str) -> MessageRef:
        """As the contract says."""
        return await self._opened.create(self._channel(channel), card, key)

    async def direct(self, member: str, card: Card, key: str) -> MessageRef:
        """As the contract says."""
        return await self._opened.create(await self._opened.conversation(member), card, key)

    async def update(self, message: str, card: Card) -> MessageRef:
        """As the contract says."""
        if not is_id(message):
            raise MessageGone(message)
        return await self._opened.update(message, card)

    async def find_posted(self, channel: str | None, member: str | None, key: str) -> MessageRef | None:
        """As the contract says."""
        posts = self._opened
        place = await posts.conversation(member) if member is not None else self._channel(channel or "")
        return await posts.find(place, key)

    async def reactions(self, messages: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """As the contract says."""
        return await self._opened.reactions(messages)

    async def profile(self, member: str) -> Profile:
        """As the contract says."""
        if self._people is None:
            raise ChatUnavailable("closed")
        return await self._people.profile(member)

    async def is_moderator(self, member: str) -> bool:
        """As the contract says."""
        if self._people is None:
            raise ChatUnavailable("closed")
        return await self._people.is_moderator(member)

    @property
    def _opened(self) -> Posts:
        if self._posts is None:
            raise ChatUnavailable("closed")
        return self._posts

    def _channel(self, use: str) -> str:
        if use not in self._channels:
            raise ChatRefused("no_such_channel")
        return self._channels[use]

    async def _hear(self, event: Json) -> None:
        """A reaction is handed on in a task of its own; one that could not be kept is found by reading again."""
        try:
            change = inbound.reaction_changed(event, self._clock())
        except Unreadable:
            log.warning("websocket: unreadable reaction")
            return
        on_event, people = self._on_event, self._people
        if change is None or change.member == self._me or on_event is None or people is None:
            return

        async def hand_on() -> None:
            try:
                async with self._slots:
                    if not await people.outsiders_among([change.member]):
                        await on_event(change)
            except NotTakenIn as error:
                log.error("not taken in: %s (%s)", error.event, error.reason)  # noqa: TRY400  the reason says it all
                self._tell_missed()
            except Exception:
                log.exception("not taken in: event %s", change.id)
                self._tell_missed()

        self._callbacks.see_through(hand_on())


def settings_error(error: BaseException, url: str) -> ConfigError | None:
    """Where a setting is the cause of an error, the ConfigError that names it."""
    match error:
        case Untrusted(reason=reason):
            return ConfigError("untrusted", {"url": url, "reason": reason})
        case Unauthorised():
            return ConfigError("mattermost_token", {"url": url})
    return None


def _nobody() -> None:
    """Nobody wants to know."""
