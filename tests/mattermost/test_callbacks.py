"""The addresses that Mattermost calls, before strangers: they cost little, in memory and in the log."""

import asyncio
import logging
from typing import cast

import pytest
from aiohttp import ClientSession

from bot.chat.mattermost.callbacks import Callbacks
from bot.chat.mattermost.desk import Desk
from bot.http import Listener


class Nobody:
    """A desk to which nothing gets through."""

    click = submission = command = None


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    callbacks = Callbacks("fr", body_seconds=0.05)
    callbacks.open(cast("Desk", Nobody()))
    listener = Listener("127.0.0.1", 0, "0", callbacks.routes())
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"POST /mattermost/command HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\ntoken=")
    assert (await asyncio.wait_for(reader.readline(), 30)).split()[1] == b"408"
    writer.close()
    await listener.stop()


@pytest.mark.parametrize("is_ended", [True, False])
async def test_a_body_that_breaks_off_or_is_not_packed_as_it_says_leaves_no_traceback(
    caplog: pytest.LogCaptureFixture, *, is_ended: bool
) -> None:
    """Anybody who reaches the address can send its like, as often as they like."""
    callbacks = Callbacks("fr")
    callbacks.open(cast("Desk", Nobody()))
    listener = Listener("127.0.0.1", 0, "0", callbacks.routes())
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    packing = b"" if is_ended else b"Content-Encoding: gzip\r\n"
    length = b"Content-Length: 9\r\n\r\n" if is_ended else b"Content-Length: 6\r\n\r\n"
    writer.write(b"POST /mattermost/command HTTP/1.1\r\nHost: x\r\n" + packing + length + b"token=")
    if is_ended:
        writer.write_eof()
    answered = await asyncio.wait_for(reader.readline(), 30)
    assert answered.split()[1:2] == ([] if is_ended else [b"400"])
    writer.close()
    await listener.stop()
    assert caplog.text == ""


async def test_of_garbage_that_comes_again_and_again_the_log_has_a_line_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    now = 0.0
    callbacks = Callbacks("fr", seconds=lambda: now)
    callbacks.open(cast("Desk", Nobody()))
    listener = Listener("127.0.0.1", 0, "0", callbacks.routes())
    await listener.start()
    async with ClientSession(f"http://127.0.0.1:{listener.port}") as session:
        for now in (0.0, 0.5, 0.9, 1.0, 1.5):  # noqa: B007  the clock reads it
            for path in ("/mattermost/action", "/mattermost/dialog"):
                async with session.post(path, data=b"{") as response:
                    assert response.status == 400
    await listener.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "/mattermost/action: unreadable",
        "/mattermost/dialog: unreadable",
    ] * 2
