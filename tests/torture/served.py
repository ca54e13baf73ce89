"""Butine as a process with a clock that the test sets, forked from one that has its modules loaded, so quick to start.

The clock is all that differs from `butine run`; test_kills.py has that itself.
"""

import asyncio
import logging
import multiprocessing
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bot.app import App
from bot.config import load
from tests.ports import free_port
from tests.torture.processes import START_SECONDS, STOP_SECONDS, until

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "tests.torture.served",
        "bot.chat.mattermost.platform",
        "bot.chat.slack.platform",
        "storage.migrations",
        "psycopg",
        "sqlalchemy.dialects.postgresql.psycopg",
        "sqlalchemy.dialects.sqlite",
    ]
)


class Clock:
    """The machine's time, moved by as many seconds as stand in a file, so that several processes have the same."""

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            self._write(0.0)

    def __call__(self) -> datetime:
        """The time."""
        (seconds,) = struct.unpack("d", self.file.read_bytes())
        return datetime.now(UTC) + timedelta(seconds=seconds)

    def set(self, now: datetime) -> None:
        """From now on it is that time, and goes on from there."""
        self._write((now - datetime.now(UTC)).total_seconds())

    def _write(self, seconds: float) -> None:
        new = self.file.with_suffix(".new")
        new.write_bytes(struct.pack("d", seconds))
        new.replace(self.file)  # whoever reads meanwhile has the old time or the new one


class Served:
    """One process; `given` are its settings, but for the port."""

    def __init__(self, name: str, given: Mapping[str, str], clock_file: Path) -> None:
        self.name = name
        self.port = free_port()
        self._given = {**given, "BUTINE_WEB__PORT": str(self.port)}
        self._clock_file = clock_file
        self._process: ForkServerProcess | None = None
        self._ready: Connection | None = None

    @property
    def address(self) -> str:
        """Where it listens, without "/" at the end."""
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Start it, and don't wait."""
        self._ready, far = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=_serve, args=(self._given, self._clock_file, self.name, far), daemon=True)
        self._process.start()
        far.close()

    async def is_ready(self) -> None:
        """Return once it runs."""
        assert self._ready
        await until(self._ready.poll, START_SECONDS)
        self._ready.recv()

    async def start(self) -> None:
        """Start it, and return once it runs."""
        self.begin()
        await self.is_ready()

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process:
            self._process.kill()

    def terminate(self) -> None:
        """Ask it to end, as a service manager does."""
        if self._process:
            self._process.terminate()

    async def ended(self) -> int:
        """Return once it has ended: its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        await asyncio.to_thread(process.join, STOP_SECONDS)
        code = process.exitcode
        assert code is not None, f"{self.name} does not end"
        process.close()
        return code


def _serve(given: Mapping[str, str], clock_file: Path, name: str, ready: Connection) -> None:
    log = clock_file.parent / f"{name}.log"
    logging.basicConfig(level=logging.INFO, filename=log, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    async def run() -> None:
        await App(load(environ=given), Clock(clock_file)).run(ready.send)

    asyncio.run(run())
