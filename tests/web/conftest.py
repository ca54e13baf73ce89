"""A room, open in a test server or in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Browser, async_playwright

from bot.chat.web.platform import WebRoom
from bot.http import Listener
from tests.chromium import CHROMIUM_FLAGS
from tests.web.rooms import CHANNELS, IDEA, Clock, Router, Scene, hints
from tests.web.stage import Stage, answer


@pytest.fixture
def room_file(tmp_path: Path) -> Path:
    """Where the room keeps its messages."""
    return tmp_path / "room.db"


@pytest.fixture
async def scene(room_file: Path) -> AsyncIterator[Scene]:
    """An open room, and the means to act in it."""
    clock, router = Clock(), Router()
    room = WebRoom(
        room_file, CHANNELS, language="fr", command="/idea", clock=clock, hints=hints, hosts=("ideas.example.org",)
    )
    app = web.Application()
    app.add_routes(room.routes())
    await room.start(router)
    async with TestClient(TestServer(app)) as client:
        yield Scene(room, router, clock, client)
        await room.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A running browser, for all tests: starting one takes longer than most of them."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser: Browser, room_file: Path) -> AsyncIterator[Stage]:
    """A room that is served, with one card in the ideas channel, and nothing that went wrong on a page."""
    clock, router = Clock(), Router(answer)
    room = WebRoom(room_file, CHANNELS, language="fr", command="/idea", clock=clock, hints=hints)
    await room.start(router)
    listener = Listener("127.0.0.1", 0, "0", room.routes())
    await listener.start()
    await room.post("ideas", IDEA, "card:12")
    # Without motion: what moves is drawn again and again, by a processor that others wait for.
    context = await browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    stage = Stage(room, router, listener, context)
    yield stage
    await stage.context.close()
    await room.close()
    await listener.stop()
    assert stage.errors == []
