"""Butine as a process of its own, started as an operator starts it, and ended as a power cut does.

What it is sent, and what it must have kept, is not known here.
"""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.ports import free_port

ADDRESS = re.compile(rb"http://\S+/")
SOURCE = Path(__file__).parents[2]
"""The Butine that these tests are of, whichever is installed."""
START_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.05


async def until(look: Callable[[], object], seconds: float) -> None:
    """Return once `look` finds something in what another process does. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110  nothing in this process hears of it
            await asyncio.sleep(POLL_SECONDS)


class Butine:
    """One installation in one folder, on one free port, with the settings of `given`."""

    def __init__(self, folder: Path, given: Mapping[str, str], bytecode: Path, name: str = "butine") -> None:
        self.port = free_port()
        self.log = folder / f"{name}.log"
        self._folder = folder
        self._given = given
        self._bytecode = bytecode
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Where it listens, without "/" at the end."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> float:
        """Start, and return once it says that it runs; the seconds that it took."""
        began = asyncio.get_running_loop().time()
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), "BUTINE_WEB__PORT": str(self.port), **self._given}
        if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
            # What is installed has its bytecode: compiling it at each start would be most of the start.
            environment["PYTHONPYCACHEPREFIX"] = str(self._bytecode)
        with self.log.open("a") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=self._folder, env=environment, stdout=-1, stderr=log
            )
        assert process.stdout
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        assert ADDRESS.search(line), line.decode() + self.log.read_text()[-4000:]
        return asyncio.get_running_loop().time() - began

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process and self._process.returncode is None:
            self._process.kill()

    async def ended(self) -> int:
        """Return once it has ended: its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        async with asyncio.timeout(STOP_SECONDS):
            await process.communicate()
        assert process.returncode is not None
        return process.returncode
