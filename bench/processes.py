"""Processes of the bench's own: started, looked at through /proc, and stopped by the ids that they were given."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Self

ROOT = Path(__file__).parent.parent
"""Where the programs are run, so that it is these sources that are measured."""
STOP_SECONDS = 20.0


class DidNotStart(Exception):
    """A process ended before it was ready; holds what it said."""


class Process:
    """A Python program that serves until it is stopped; it is ready once it prints a line that `is_ready` likes."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environ: Mapping[str, str] | None = None,
        is_ready: Callable[[str], bool] = bool,
    ) -> None:
        self._said = folder / f"{arguments[1].replace('.', '-')}.log"
        self._log: IO[bytes] = self._said.open("ab")
        start = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **(environ or {})},
            cwd=ROOT,
        )
        self.first_line = self._first(is_ready)
        self.seconds_to_ready = time.perf_counter() - start

    def _first(self, is_ready: Callable[[str], bool]) -> str:
        if self._process.stdout is None:
            raise DidNotStart
        for line in self._process.stdout:
            if is_ready(line):
                return line.strip()
        self.stop()
        raise DidNotStart(self.said())

    def said(self) -> str:
        """What it wrote on standard error."""
        return self._said.read_text(encoding="utf-8", errors="replace")

    @property
    def resident_mib(self) -> float:
        """Its resident memory."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise DidNotStart("it has ended")

    @property
    def descriptors(self) -> int:
        """How many files and sockets it holds open."""
        return sum(1 for _ in Path(f"/proc/{self._process.pid}/fd").iterdir())

    def stop(self) -> None:
        """Ask it to end, and see that it does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
