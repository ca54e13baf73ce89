"""A throw-away PostgreSQL cluster on this machine, for tests that need the real one. Knows none of our tables."""

import os
import pwd
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path

import psycopg

from tests.ports import free_port

QUICK = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def programs() -> Path | None:
    """The folder of the newest PostgreSQL server's programs, or None."""
    by_version = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True
    )
    on_path = shutil.which("initdb")
    candidates = [*([Path(on_path).resolve().parent] if on_path else []), *by_version]
    needed = ("initdb", "pg_ctl", "postgres")
    return next((folder for folder in candidates if all((folder / name).exists() for name in needed)), None)


class Cluster:
    """A running server on a free loopback port. `stop` ends it and removes its files."""

    def __init__(self, folder: Path) -> None:
        self._programs = folder
        # Not below pytest's own folder, which only this user may enter: PostgreSQL refuses to run as root.
        self._home = Path(tempfile.mkdtemp(prefix="butine-postgresql-"))
        self._user = _unprivileged()
        if self._user:
            shutil.chown(self._home, self._user)
        self._numbers = count(1)
        self._port = free_port()
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        options = " ".join(f"-c {name}='{value}'" for name, value in {**QUICK, "port": self._port}.items())
        self._run("pg_ctl", "start", "--wait", "--log", str(self._home / "log"), "--options", options)

    def url(self, database: str = "postgres") -> str:
        """Where a database is, as the setting `storage.url` wants it."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def new_database(self, template: str = "template0") -> str:
        """The name of a fresh database, copied from a template: template0 is empty, one of ours is quick to copy."""
        name = f"butine_{next(self._numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return name

    def stop(self) -> None:
        """End the server, whatever is still connected, and remove its files."""
        self._run("pg_ctl", "stop", "--wait", "--mode", "immediate")
        shutil.rmtree(self._home)

    def _run(self, program: str, *arguments: str) -> None:
        data = self._home / "data"
        # Output goes to a file: the server would keep a pipe open for as long as it runs.
        with (self._home / "output").open("w") as output:
            result = subprocess.run(
                [self._programs / program, *arguments, "--pgdata", data],
                user=self._user,
                extra_groups=None if self._user is None else [],
                cwd=self._home,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if result.returncode:
            told = (self._home / "output").read_text() + (
                (self._home / "log").read_text() if (self._home / "log").exists() else ""
            )
            raise RuntimeError(f"{program} failed:\n{told}")


def _unprivileged() -> str | None:
    """Whom root starts the server as; None for an ordinary user, who starts it himself."""
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
