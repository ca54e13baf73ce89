"""Calls that block run in threads of their own, and none keeps Butine from ending."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bot.chat.mattermost.workers import Workers

ROOT = Path(__file__).parent.parent.parent
ENDS_AMID_A_CALL = """
import asyncio, socket
from bot.chat.mattermost.rest import Rest

async def main():
    rest = Rest("http://127.0.0.1:{port}", "token")
    call = asyncio.create_task(rest.me())
    await asyncio.get_running_loop().run_in_executor(None, input)
    rest.close()

asyncio.run(main())
"""


async def test_a_call_gives_its_result_or_its_error() -> None:
    workers = Workers(2, "test")
    assert await asyncio.wrap_future(workers.submit(lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        await asyncio.wrap_future(workers.submit(lambda: 1 // 0))
    workers.close()


async def test_as_many_calls_as_there_are_threads_run_side_by_side() -> None:
    workers, all_there = Workers(3, "test"), threading.Barrier(3, timeout=20)
    await asyncio.gather(*(asyncio.wrap_future(workers.submit(all_there.wait)) for _ in range(3)))
    workers.close()


async def test_closing_cancels_what_waits_and_lets_the_rest_end() -> None:
    workers, has_begun, may_end = Workers(1, "test"), threading.Event(), threading.Event()

    def call() -> str:
        has_begun.set()
        may_end.wait(20)
        return "done"

    under_way, waiting = workers.submit(call), workers.submit(lambda: "never")
    assert await asyncio.to_thread(has_begun.wait, 20)
    workers.close()
    may_end.set()
    assert await asyncio.wrap_future(under_way) == "done"
    assert waiting.cancelled()


async def test_the_process_ends_though_a_server_is_silent() -> None:
    """The call's own timeout is twenty seconds; a service manager kills after ten."""
    is_called = asyncio.Event()

    async def be_silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_called.set()
        await writer.wait_closed()

    server = await asyncio.start_server(be_silent, "127.0.0.1", 0)
    program = ENDS_AMID_A_CALL.format(port=server.sockets[0].getsockname()[1])
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT, stdin=subprocess.PIPE)
    async with asyncio.timeout(60):
        await is_called.wait()
    async with asyncio.timeout(10):
        await process.communicate(b"end\n")
    assert process.returncode == 0
    server.close()
