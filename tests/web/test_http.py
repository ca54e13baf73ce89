"""The HTTP listener: a sign of life, what platforms bring along, and a port that is taken."""

import socket

import aiohttp
import pytest
from aiohttp import web

from bot.errors import ConfigError
from bot.http import Listener


async def fetch(listener: Listener, path: str) -> tuple[int, str]:
    """Status and text of an answer."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{listener.port}{path}") as response:
        return response.status, await response.text()


async def test_it_says_that_it_lives_and_in_which_version() -> None:
    listener = Listener("127.0.0.1", 0, "1.2.3")
    assert listener.port == 0
    await listener.start()
    assert listener.port > 0
    assert await fetch(listener, "/health") == (200, '{"status": "ok", "version": "1.2.3", "unreachable": []}')
    assert await fetch(listener, "/") == (200, "Butine 1.2.3\n")
    assert (await fetch(listener, "/room/token"))[0] == 404
    await listener.stop()
    await listener.stop()


async def test_a_platforms_routes_are_answered_by_the_platform() -> None:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    listener = Listener("127.0.0.1", 0, "1.2.3", [web.get("/", hello), web.get("/slack/events", hello)])
    await listener.start()
    assert await fetch(listener, "/") == (200, "hello")
    assert await fetch(listener, "/slack/events") == (200, "hello")
    await listener.stop()


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as error:
            await Listener("127.0.0.1", port, "1.2.3").start()
    assert error.value.code == "port_in_use"
    assert error.value.values == {"host": "127.0.0.1", "port": str(port)}


async def test_an_address_that_is_not_this_machines_is_named() -> None:
    with pytest.raises(ConfigError) as error:
        await Listener("192.0.2.1", 0, "1.2.3").start()
    assert error.value.code == "cannot_listen"
    assert error.value.values["host"] == "192.0.2.1"
    assert error.value.values["reason"]
