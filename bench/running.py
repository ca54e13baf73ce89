"""The figures of a process: how soon it is ready, and how much memory it holds."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.butine import Butine
from bench.driver import Order
from bench.ground import Failed, Ground
from bench.processes import ROOT, Process
from bench.rows import Row
from bench.seed import seeded
from bench.traffic import SLACK_PATH, Wanted

IMPORTS = "import slack_bolt.async_app, sqlmodel"
HELP = ("-c", "from bot.cli import main; main(prog_name='butine')", "--help")
"""What the installed `butine` does."""


def starts(ground: Ground) -> Iterator[Row]:
    """From nothing to the address, for Slack over HTTP with the web room, where the database exists already."""
    ours: list[float] = []
    peer: list[float] = []
    with ground.scratch() as folder:
        shutil.copy(seeded(ground.dose.cards), folder / "butine.db")
        for _ in range(ground.dose.starts):
            peer.append(1000 * _seconds_of("-c", IMPORTS))
            with Butine(ground.chat, folder, "slack", "web") as butine:
                ours.append(1000 * butine.seconds_to_ready)
    yield Row("cold start to ready", "ms", f'python -c "{IMPORTS}"', ours, peer, 1.5, "at_most")


def helps(ground: Ground) -> Iterator[Row]:
    """`butine --help`."""
    ours: list[float] = []
    peer: list[float] = []
    for _ in range(ground.dose.starts):
        peer.append(1000 * _seconds_of("-c", "pass"))
        ours.append(1000 * _seconds_of(*HELP))
    yield Row("butine --help", "ms", "python -c pass", ours, peer, 8.0, "at_most")


def _seconds_of(*arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def memory(ground: Ground) -> Iterator[Row]:
    """Resident memory a few seconds after the start, and after a burst of `/idea text`, beside the peer's."""
    peers: list[tuple[float, float]] = []
    empty: list[tuple[float, float]] = []
    large: list[tuple[float, float]] = []
    for _ in range(ground.dose.rounds):
        with ground.peer("slack", ground.chat.slack_api) as peer:
            peers.append(_held(ground, peer, peer.first_line))
        with ground.butine("slack") as butine:
            empty.append(_held(ground, butine, butine.url))
        with ground.butine("slack", size=ground.dose.large) as butine:
            large.append(_held(ground, butine, butine.url))
    of_large = f"resident memory with {ground.dose.large.ideas:,} ideas"
    for moment, when in enumerate(("idle", f"after {ground.dose.burst:,} × /idea text")):
        against = [pair[moment] for pair in peers]
        for name, held in (("resident memory", empty), (of_large, large)):
            ours = [pair[moment] for pair in held]
            yield Row(f"{name}, {when}", "MiB", f"bare Bolt app, {when}", ours, against, 2.0, "at_most")


def _held(ground: Ground, process: Process, address: str) -> tuple[float, float]:
    time.sleep(ground.dose.settling)
    idle = process.resident_mib
    wanted = Wanted("slack_command", address + SLACK_PATH, ground.first_number())
    outcome = ground.drive(Order(wanted, ground.chat, ground.dose.burst))
    if outcome.errors:
        raise Failed(f"{outcome.statuses}")
    return idle, process.resident_mib
