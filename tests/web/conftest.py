"""A room, open in a test server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.chat.web.platform import WebRoom
from tests.web.rooms import CHANNELS, Clock, Router, Scene, hints


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
