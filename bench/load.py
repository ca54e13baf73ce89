"""`python -m bench.load`: hours of a busy organisation against one Butine, and what that did to it; writes load.json.

The fakes and the people on them are in this process, Butine is in its own. What people do is crowd.py's part.
"""

import asyncio
import dataclasses
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import click
from rich.table import Table

from bench import report
from bench.butine import Butine
from bench.chat import MATTERMOST_TEAM, MATTERMOST_TOKEN, mattermost_team, slack_workspace
from bench.crowd import Act, Day, MattermostCrowd, SlackCrowd
from bench.driver import percentile
from bench.ground import require_quiet
from bench.requests import require_ideas
from bench.seed import FOLDER
from bench.traffic import Chat
from tests.fakes.slack.deliveries import SECRET
from tests.fakes.slack.state import BOT, IDEAS, TEAM
from tests.fakes.slack.web_api import BOT_TOKEN

MEMBERS = 300
MIXED_A_SECOND = 30_000 / 3600
"""Slack's own ceiling of events for one workspace (docs.slack.dev/apis/events-api)."""
IDEAS_A_SECOND = 20.0
SAMPLE_SECONDS = 5.0
LAST_SECONDS = 60
"""What comes over the websocket, which nobody acknowledges, is given this long at the end."""
P99_MS, LONGEST_MS, MEMORY_MIB, DESCRIPTORS = 1_000.0, 2_500.0, 30.0, 8
MOMENTS = 5
"""So many samples say how many descriptors there are at the beginning and at the end: connections come and go."""
Vote = tuple[str, str, str]


@dataclass
class Sample:
    """Butine at one moment; `descriptors` without the connections that chat keeps open to it, as many as it likes."""

    seconds: float
    memory_mib: float
    descriptors: int


@dataclass
class Run:
    """What one run showed. `lost` names what was acknowledged and is not in the database."""

    name: str
    seconds: float
    events: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    ideas: int = 0
    votes: int = 0
    lost: list[str] = field(default_factory=list)

    def steady(self) -> list[Sample]:
        """The samples after the warm-up, which is a fifth of the run, five minutes at most."""
        warm = min(self.seconds / 5, 300.0)
        return [sample for sample in self.samples if sample.seconds >= warm] or self.samples[-1:]

    def told(self) -> dict[str, Any]:
        """Everything, and whether it is good enough."""
        millis = [1000 * each for each in self.times]
        memory = [sample.memory_mib for sample in self.steady()]
        descriptors = [sample.descriptors for sample in self.steady()]
        first, last = median(descriptors[:MOMENTS]), median(descriptors[-MOMENTS:])
        seen: dict[str, Any] = {
            "name": self.name,
            "seconds": self.seconds,
            "events": dict(self.events),
            "events_a_second": sum(self.events.values()) / self.seconds,
            "acknowledged": len(millis),
            "p50_ms": percentile(millis, 0.5),
            "p99_ms": percentile(millis, 0.99),
            "longest_ms": max(millis, default=0.0),
            "errors": dict(self.errors),
            "ideas_acknowledged_and_in_the_database_exactly_once": self.ideas,
            "votes_equal_to_what_chat_shows": self.votes,
            "lost": self.lost,
            "memory_mib": _spread(memory),
            "descriptors": _spread(descriptors) | {"start": first, "end": last},
            "samples": [dataclasses.asdict(sample) for sample in self.samples],
        }
        return seen | {
            "is_accepted": not self.errors
            and not self.lost
            and seen["p99_ms"] < P99_MS
            and seen["longest_ms"] < LONGEST_MS
            and max(abs(each - memory[0]) for each in memory) <= MEMORY_MIB
            and abs(last - first) <= DESCRIPTORS
        }


def _spread(values: list[float] | list[int]) -> dict[str, float]:
    return {"start": values[0], "end": values[-1], "lowest": min(values), "highest": max(values)}


class Town:
    """Two chat platforms full of people, and the Butine that serves both."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chance = random.Random(95)  # noqa: S311  no secret

    async def live(self, name: str, seconds: float, rate: float) -> Run:
        """One run: so many events a second, whatever comes back."""
        run = Run(name, seconds)
        slack, slack_people = slack_workspace(MEMBERS)
        mattermost, command, mattermost_people = mattermost_team(MEMBERS)
        await slack.start()
        await mattermost.start()
        chat = Chat(
            *("", slack.api_url, SECRET, TEAM, BOT, BOT_TOKEN, IDEAS, slack_people),
            *(
                mattermost.url,
                MATTERMOST_TOKEN,
                MATTERMOST_TEAM,
                command["team_id"],
                "",
                command["token"],
                "",
                mattermost_people,
            ),
        )
        butine = await asyncio.to_thread(Butine, chat, self._folder, "slack", "mattermost")
        try:
            command["url"] = f"{butine.url}/mattermost/command"
            slack.use_http(f"{butine.url}/slack/events")
            async with aiohttp.ClientSession() as session:
                here = SlackCrowd(slack, slack_people, self._chance)
                there = MattermostCrowd(mattermost, command, mattermost_people, self._chance, session)
                day = Day(here, there, self._chance)
                await self._spend(run, butine, day, rate)
                await self._settle(butine, here, there)
        finally:
            await asyncio.to_thread(butine.stop)
            await slack.stop()
            await mattermost.stop()
        self._compare(run, butine, here, there, day)
        return run

    async def _spend(self, run: Run, butine: Butine, day: Day, rate: float) -> None:
        choose = day.mixed if run.name == MIXED else day.proposing
        under_way: set[asyncio.Task[None]] = set()
        start = time.perf_counter()
        sampling = asyncio.create_task(_sample(run, butine, start, day))
        for place in range(int(run.seconds * rate)):
            if (wait := start + place / rate - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            name, act = choose()
            task = asyncio.create_task(_done(run, name, act))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        sampling.cancel()
        run.samples.append(Sample(time.perf_counter() - start, butine.resident_mib, butine.own_descriptors))

    async def _settle(self, butine: Butine, here: SlackCrowd, there: MattermostCrowd) -> None:
        for _ in range(LAST_SECONDS):
            if _slack_votes(here) | _mattermost_votes(there) == await asyncio.to_thread(_votes_kept, butine.database):
                return
            await asyncio.sleep(1)

    def _compare(self, run: Run, butine: Butine, here: SlackCrowd, there: MattermostCrowd, day: Day) -> None:
        """What chat shows and what is kept must be the same, and Butine must have logged no error."""
        require_ideas(butine.database, day.acknowledged)
        run.ideas = len(day.acknowledged)
        shown = _slack_votes(here) | _mattermost_votes(there)
        kept = _votes_kept(butine.database)
        run.votes = len(shown & kept)
        run.lost += [f"vote {each}" for each in sorted(shown ^ kept)[:20]]
        require_quiet(butine)


async def _done(run: Run, name: str, act: Act) -> None:
    run.events[name] += 1
    start = time.perf_counter()
    try:
        is_acknowledged = await act()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        run.errors[f"{name}: {type(error).__name__}"] += 1
        return
    if is_acknowledged is not None:
        run.times.append(time.perf_counter() - start)
        if not is_acknowledged:
            run.errors[f"{name}: refused"] += 1


async def _sample(run: Run, butine: Butine, start: float, day: Day) -> None:
    while True:
        run.samples.append(Sample(time.perf_counter() - start, butine.resident_mib, butine.own_descriptors))
        day.tidy()
        await asyncio.sleep(SAMPLE_SECONDS)


def _slack_votes(crowd: SlackCrowd) -> set[Vote]:
    return {
        (f"{IDEAS}:{card['ts']}", member, emoji)
        for card in crowd.cards()
        for emoji, members in card["reactions"].items()
        for member in members
        if member != BOT
    }


def _mattermost_votes(crowd: MattermostCrowd) -> set[Vote]:
    world = crowd.mattermost.world
    return {
        (card["id"], row["user_id"], row["emoji_name"])
        for card in crowd.cards()
        for row in world.reactions[card["id"]]
        if not world.users[row["user_id"]].get("is_bot")
    }


def _votes_kept(database: Path) -> set[Vote]:
    query = (
        "SELECT message, gesture.member_id, emoji FROM gesture JOIN outbox ON outbox.idea_id = gesture.idea_id"
        " AND outbox.view = 'idea_card' WHERE is_present AND emoji != ''"
    )
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return {(str(message), str(member), str(emoji)) for message, member, emoji in connection.execute(query)}


MIXED, PROPOSING = "a busy day", "ideas alone"


def _table(runs: list[dict[str, Any]]) -> Table:
    made = Table("run", "events", "p50", "p99", "longest", "errors", "memory", "descriptors", "accepted")
    for run in runs:
        memory, descriptors = run["memory_mib"], run["descriptors"]
        made.add_row(
            f"{run['name']}, {run['seconds']:.0f} s",
            f"{sum(run['events'].values()):,} ({run['events_a_second']:.2f}/s)",
            *(f"{run[name]:,.0f} ms" for name in ("p50_ms", "p99_ms", "longest_ms")),
            str(sum(run["errors"].values()) + len(run["lost"])),
            f"{memory['start']:.0f} → {memory['end']:.0f} MiB ({memory['lowest']:.0f} … {memory['highest']:.0f})",
            f"{descriptors['start']} → {descriptors['end']} ({descriptors['lowest']} … {descriptors['highest']})",
            "yes" if run["is_accepted"] else "NO",
        )
    return made


@click.command()
@click.option("--mixed", type=float, default=3600.0, help="Seconds of a busy day, at 30,000 events an hour.")
@click.option("--ideas", type=float, default=600.0, help="Seconds of 20 ideas a second.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("load.json"), help="Where to write.")
def main(mixed: float, ideas: float, out: Path) -> None:
    """Put Butine under load; exits with 1 where a run is not good enough. 0 seconds leave a run out."""
    FOLDER.mkdir(exist_ok=True, mode=0o700)
    runs: list[dict[str, Any]] = []
    for name, seconds, rate in ((MIXED, mixed, MIXED_A_SECOND), (PROPOSING, ideas, IDEAS_A_SECOND)):
        if not seconds:
            continue
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            run = asyncio.run(Town(Path(folder)).live(name, seconds, rate)).told()
        runs.append(run)
        click.echo(json.dumps({key: run[key] for key in ("name", "events", "errors", "lost")}), err=True)
    report.show(_table(runs))
    report.save({"machine": report.machine(), "runs": runs}, out)
    sys.exit(0 if all(run["is_accepted"] for run in runs) else 1)


if __name__ == "__main__":
    main()
