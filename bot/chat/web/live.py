"""Live pages: one stream of server-sent events each, that follows the room's log of changes.

A stream holds nothing but its place in the log, so a slow or sleeping browser costs no memory and misses nothing.
What a change looks like is the window's matter.
"""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from aiohttp import web

from bot.chat.web.room import Room, RoomStore
from bot.chat.web.window import Swap, Window

BATCH = 50
HEARTBEAT = 15.0
PATIENCE = 20.0


class Streams:
    """All the open streams. `patience` is how many seconds a browser may take to read what it is sent."""

    def __init__(self, room: Room, heartbeat: float = HEARTBEAT, patience: float = PATIENCE) -> None:
        self._room = room
        self._heartbeat = heartbeat
        self._patience = patience
        self._news: set[asyncio.Event] = set()
        self._is_closing = False

    def wake(self) -> None:
        """Something changed: every stream looks into the log."""
        for news in self._news:
            news.set()

    def close(self) -> None:
        """End every stream at once, and those that begin later."""
        self._is_closing = True
        self.wake()

    async def follow(self, response: web.StreamResponse, window: Window, after: int) -> None:
        """Send what changes in `window` after the change number `after`, until either side ends it.

        Ends without a word where the browser is gone or doesn't read; it comes back and says where it was.
        """
        news = asyncio.Event()
        self._news.add(news)
        try:
            await self._follow(response, window, after, news)
        except (TimeoutError, ConnectionError, sqlite3.Error):
            pass
        finally:
            self._news.discard(news)

    async def _follow(self, response: web.StreamResponse, window: Window, after: int, news: asyncio.Event) -> None:
        await self._send(response, b"retry: 1000\n\n")
        while not self._is_closing:
            news.clear()
            found = await self._room.run(partial(_news, window, after))
            if found is None:
                await self._send(response, b"event: reload\ndata: \n\n")
                return
            latest, swaps = found
            if latest > after:
                after = latest
                await self._send(response, _event(latest, swaps))
                continue
            await self._wait(response, news)

    async def _wait(self, response: web.StreamResponse, news: asyncio.Event) -> None:
        if self._is_closing:
            return
        try:
            async with asyncio.timeout(self._heartbeat):
                await news.wait()
        except TimeoutError:
            await self._send(response, b":\n\n")

    async def _send(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(self._patience):
            await response.write(data)


def _news(window: Window, after: int, store: RoomStore) -> tuple[int, list[Swap]] | None:
    changes = store.changes(after, BATCH)
    if changes is None:
        return None
    return (changes[-1].seq if changes else after), window.swaps(store, changes)


def _event(number: int, swaps: Sequence[Swap]) -> bytes:
    data = json.dumps([asdict(swap) for swap in swaps], ensure_ascii=False)
    return f"id: {number}\ndata: {data}\n\n".encode()
