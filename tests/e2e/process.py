"""Butine as a process of its own, as an operator runs it: start, stop, kill, start again."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.ports import free_port

ADDRESS = re.compile(r"http://\S+/")


class Butine:
    """One installation in one folder, on one free port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    @property
    def database(self) -> Path:
        return self.folder / "butine.db"

    def start(self) -> str:
        """Start, and return the address that it prints."""
        environment = {**os.environ, "BUTINE_WEB__PORT": str(self.port), "LC_ALL": "fr_FR.UTF-8"}
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot", "run"],
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout
        line = self._process.stdout.readline()
        found = ADDRESS.search(line)
        assert found, line + (self.folder / "log").read_text()
        return found[0]

    def stop(self) -> int:
        """Ask it to end, as a service manager does; returns its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        process.communicate(timeout=20)
        return process.returncode

    def run(self, *arguments: str) -> str:
        """What a command of the command line prints; it has to succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "fr_FR.UTF-8"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout
