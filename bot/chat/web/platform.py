"""The web room as a chat platform: the port's promises, kept with the room's own file.

What a page looks like and what comes in over HTTP are its neighbours' matter.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from bot.chat.events import MessageRef, Profile
from bot.chat.platform import OnEvent
from bot.chat.under_way import UnderWay
from bot.chat.web.gestures import Gestures
from bot.chat.web.inbound import Refused
from bot.chat.web.live import Streams
from bot.chat.web.pages import Hints, Pages
from bot.chat.web.places import Place, Places, permalink
from bot.chat.web.room import Message, NewMessage, Persona, Room, RoomStore
from bot.chat.web.schema import look_at_file
from bot.errors import ChatRefused, ChatUnavailable, ConfigError, MessageGone
from bot.views.cards import Card, Hint
from bot.views.wire import written

Result = TypeVar("Result")


def _no_hints(_language: str, /, *, is_moderator: bool) -> Sequence[Hint]:  # noqa: ARG001  as the protocol has it
    return ()


class WebRoom:
    """A chat in the browser. `Platform` has the contract.

    `path` is the room's own SQLite file; `channels` are the channels' names by use ("ideas", "review", "digest");
    `language` is of the posts in them and of what is said to nobody in particular; `hosts` are the names by which
    browsers may call it beside the loopback ones; `hints` gives the commands that are offered while typing. Its
    `routes` go into the HTTP listener; they answer from `start` to `close`.
    """

    name = "web"
    workspace = "room"
    seconds_between_posts = 0.0

    def __init__(
        self,
        path: str | Path,
        channels: Mapping[str, str],
        *,
        language: str,
        command: str,
        clock: Callable[[], datetime],
        hints: Hints = _no_hints,
        hosts: Collection[str] = (),
    ) -> None:
        self._path = path
        self._clock = clock
        self._command = command
        self._places = Places(channels, language)
        self._room = Room(path, self._on_change)
        self._streams = Streams(self._room)
        self._under_way = UnderWay()
        self._pages = Pages(self._room, self._places, self._streams, self._see_through, hints, hosts, language, command)

    def _on_change(self) -> None:
        self._streams.wake()

    async def _see_through(self, gesture: Coroutine[Any, Any, Result]) -> Result:
        """What the gesture gives: a browser that goes away doesn't end it. Raises `Refused` once closing has begun."""
        if self._under_way.is_closing:
            gesture.close()
            raise Refused(503, "closing")
        return await asyncio.shield(self._under_way.start(gesture))

    def routes(self) -> Sequence[web.RouteDef]:
        """What the HTTP listener is to answer: `/` and everything under `/room/`."""
        return self._pages.routes()

    async def start(self, on_event: OnEvent) -> None:
        """Open the file. Raises ConfigError where that can't be done."""
        try:
            await self._room.open(self._clock())
        except (OSError, sqlite3.Error) as error:
            raise _unusable(self._path, error) from error
        gestures = Gestures(self._room, self._places, on_event, self._command, self._clock)
        self._pages.open(gestures, await self._run(RoomStore.secret))

    async def close(self) -> None:
        """End the live pages, see what is under way through, close the file."""
        self._streams.close()
        await self._under_way.close()
        await self._room.close()

    async def post(self, channel: str, card: Card, key: str) -> MessageRef:
        """As the contract says."""
        return await self._post(self._channel(channel), card, key)

    async def direct(self, member: str, card: Card, key: str) -> MessageRef:
        """As the contract says. Raises `ChatRefused` for somebody who isn't there."""
        return await self._post(self._places.direct((await self._persona(member)).id), card, key)

    async def _post(self, place: Place, card: Card, key: str) -> MessageRef:
        draft = NewMessage(place.id, written(card), key, reaction=card.reaction)
        return _ref(await self._run(lambda store: store.post(draft, self._clock())))

    async def update(self, message: str, card: Card) -> MessageRef:
        """As the contract says."""
        number = _number(message)

        def edit(store: RoomStore) -> Message | None:
            found = store.message(number)
            if found is None or found.only_for is not None or found.author is not None:
                return None
            store.edit(number, written(card))
            return found

        edited = await self._run(edit)
        if edited is None:
            raise MessageGone(message)
        return _ref(edited)

    async def find_posted(self, channel: str | None, member: str | None, key: str) -> MessageRef | None:
        """As the contract says."""
        place = self._places.direct(member) if member is not None else self._channel(channel or "")
        found = await self._run(lambda store: store.find(place.id, key))
        return None if found is None else _ref(found)

    async def reactions(self, messages: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """As the contract says."""
        numbers = {_number(message): message for message in messages}

        def held(store: RoomStore) -> dict[str, dict[str, list[str]]]:
            found = store.reactions(store.existing(list(numbers)))
            return {
                numbers[message]: {
                    reaction.emoji: members
                    for reaction in reactions
                    if (members := [member for member in reaction.members if member is not None])
                }
                for message, reactions in found.items()
            }

        return await self._run(held)

    async def profile(self, member: str) -> Profile:
        """As the contract says. Raises `ChatRefused` for somebody who isn't there."""
        persona = await self._persona(member)
        return Profile(persona.id, persona.name, persona.locale, persona.time_zone)

    async def is_moderator(self, member: str) -> bool:
        """As the contract says."""
        persona = await self._run(lambda store: store.persona(member))
        return persona is not None and persona.is_moderator

    def _channel(self, use: str) -> Place:
        place = self._places.channel(use)
        if place is None:
            raise ChatRefused("channel_not_found")
        return place

    async def _persona(self, member: str) -> Persona:
        persona = await self._run(lambda store: store.persona(member))
        if persona is None:
            raise ChatRefused("user_not_found")
        return persona

    async def _run(self, call: Callable[[RoomStore], Result]) -> Result:
        try:
            return await self._room.run(call)
        except sqlite3.Error as error:
            raise ChatUnavailable(str(error)) from error


def look_at_room(path: Path) -> None:
    """Raise the ConfigError that a room with that file would start with; leaves nothing behind."""
    try:
        look_at_file(path)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error


def _unusable(path: str | Path, error: OSError | sqlite3.Error) -> ConfigError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ConfigError("room_database", {"file": str(path), "reason": reason or type(error).__name__})


def _number(message: str) -> int:
    """The message's number in the store; 0, which none has, for an id that this room never gave."""
    return int(message) if re.fullmatch(r"[0-9]{1,18}", message) else 0


def _ref(message: Message) -> MessageRef:
    return MessageRef(str(message.id), permalink(message))
