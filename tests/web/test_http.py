"""The HTTP listener: a sign of life, what platforms bring along, a port that is taken, and what is no request."""

import asyncio
import logging
import socket
from contextlib import suppress

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


async def test_a_connection_over_which_no_request_comes_is_closed() -> None:
    """Whether nothing comes at all, or a beginning without an end."""
    listener = Listener("127.0.0.1", 0, "1.2.3", idle_seconds=0.05)
    await listener.start()
    for beginning in (b"", b"GET / HTTP/1.1\r\nX-Never-ends: "):
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(beginning)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
    await listener.stop()


async def test_an_answer_may_take_longer_than_a_quiet_connection_may() -> None:
    """The room's live pages are answered for hours."""
    is_over = asyncio.Event()

    async def live(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await is_over.wait()
        await response.write(b"last words")
        return response

    listener = Listener("127.0.0.1", 0, "1.2.3", [web.get("/live", live)], idle_seconds=0.05)
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(reader.readline(), 30)
    quiet, later = await asyncio.open_connection("127.0.0.1", listener.port)
    assert await asyncio.wait_for(quiet.read(), 30) == b""
    is_over.set()
    assert b"last words" in await asyncio.wait_for(reader.read(), 30)
    for each in (writer, later):
        each.close()
    await listener.stop()


async def test_more_connections_than_are_meant_are_refused_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """Asyncio alone takes all there are, and then writes thousands of lines a second that it can take no more."""
    listener = Listener("127.0.0.1", 0, "1.2.3", connections=2)
    await listener.start()
    first, second = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(2)]
    for _ in range(3):
        with suppress(ConnectionError):
            reader, _writer = await asyncio.open_connection("127.0.0.1", listener.port)
            assert await asyncio.wait_for(reader.read(), 30) == b""
    assert [record.name for record in caplog.records] == ["bot.http"]
    first[1].write(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"200 OK" in await asyncio.wait_for(first[0].read(), 30)
    assert (await fetch(listener, "/health"))[0] == 200
    second[1].close()
    await listener.stop()


async def test_connections_that_come_all_at_once_are_not_more_than_are_meant() -> None:
    listener = Listener("127.0.0.1", 0, "1.2.3", connections=40)
    await listener.start()
    open_ones = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(36)]
    burst = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(8)]
    streams = [await asyncio.open_connection(sock=each) for each in burst]
    answers = []
    for _, writer in streams:
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    for reader, _ in streams:
        with suppress(ConnectionError):
            answers.append(await asyncio.wait_for(reader.readline(), 30))
    assert [answer for answer in answers if answer] == [b"HTTP/1.1 200 OK\r\n"] * 4
    for _, writer in (*open_ones, *streams):
        writer.close()
    await listener.stop()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde",
    ],
    ids=["long", "negative", "smuggled", "not packed"],
)
async def test_what_is_no_http_leaves_nothing_in_the_log(garbage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody who reaches the address can send it, as often as they like."""
    caplog.set_level(logging.INFO)
    listener = Listener("127.0.0.1", 0, "1.2.3")
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(garbage)
    assert (await asyncio.wait_for(reader.read(), 30)).split()[1].startswith(b"4")
    writer.close()
    await listener.stop()
    assert caplog.text == ""
