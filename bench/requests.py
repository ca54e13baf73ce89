"""The figures of single requests: how many a second beside bare peers, and how late the latest are.

After each turn the database is read: what was acknowledged must be there, once.
"""

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bench.butine import Butine
from bench.driver import Order, Outcome, drive
from bench.peers import MATTERMOST_PATH, SLACK_PATH
from bench.processes import Process
from bench.rows import Bench, Row
from bench.seed import Size, seeded
from bench.traffic import Kind, Wanted, voter
from bench.words import MARK

T = TypeVar("T")
WARM = 5_000_000
"""The number of the first request that is not measured."""
WARMING = 200
FASTEST = 2_500
"""Requests a second that are prepared for: no server here does more."""
CARDS = Size(1_000, 0)
PATHS: dict[Kind, str] = {
    "slack_command": SLACK_PATH,
    "slack_reaction": SLACK_PATH,
    "mattermost_command": MATTERMOST_PATH,
}


class Failed(Exception):
    """An error came back, or something acknowledged is not in the database: then no figure counts."""


def slack(bench: Bench) -> Iterator[Row]:
    """`/idea text` over Slack HTTP: throughput, then how late the latest answers are at half of it."""
    ours, peer = _in_turns(bench, "slack_command", None)
    yield Row(
        "/idea text, Slack HTTP",
        "requests/s",
        "bare Bolt app",
        [each.rate for each in ours],
        [each.rate for each in peer],
        1.0,
        "at_least",
        _told(ours, peer),
    )
    rates = sorted(min(one.rate, other.rate) for one, other in zip(ours, peer, strict=True))
    rate = rates[len(rates) // 2] / 2
    ours, peer = _in_turns(bench, "slack_command", rate)
    yield Row(
        "/idea text, Slack HTTP, p99 at half load",
        "ms",
        "bare Bolt app at the same rate",
        [each.p99 for each in ours],
        [each.p99 for each in peer],
        1.5,
        "at_most",
        _told(ours, peer) | {"rate": rate},
    )


def mattermost(bench: Bench) -> Iterator[Row]:
    """`/idea text` over Mattermost's callback."""
    ours, peer = _in_turns(bench, "mattermost_command", None)
    yield Row(
        "/idea text, Mattermost callback",
        "requests/s",
        "bare aiohttp handler",
        [each.rate for each in ours],
        [each.rate for each in peer],
        0.5,
        "at_least",
        _told(ours, peer),
    )


def reactions(bench: Bench) -> Iterator[Row]:
    """`reaction_added`, each by somebody else, at a thousand ideas' cards."""
    ours, peer = _in_turns(bench, "slack_reaction", None)
    yield Row(
        "reaction_added, Slack HTTP",
        "requests/s",
        "bare Bolt app",
        [each.rate for each in ours],
        [each.rate for each in peer],
        1.0,
        "at_least",
        _told(ours, peer),
    )


def _told(ours: list[Outcome], peer: list[Outcome]) -> dict[str, object]:
    return {
        "acknowledged": sum(len(each.acknowledged) for each in ours),
        "found_exactly_once": sum(len(each.acknowledged) for each in ours),
        "errors": sum(each.errors for each in (*ours, *peer)),
        "p50_ms": {"ours": [each.p50 for each in ours], "peer": [each.p50 for each in peer]},
        "p99_ms": {"ours": [each.p99 for each in ours], "peer": [each.p99 for each in peer]},
        "longest_ms": {"ours": [each.longest for each in ours], "peer": [each.longest for each in peer]},
        "requests": {"ours": [each.requests for each in ours], "peer": [each.requests for each in peer]},
    }


def _in_turns(bench: Bench, kind: Kind, rate: float | None) -> tuple[list[Outcome], list[Outcome]]:
    """The peer and ours in turns, each in a new process, and ours on a new database."""
    ours: list[Outcome] = []
    peer: list[Outcome] = []
    for _ in range(bench.dose.rounds):
        with scratch(bench) as folder:
            name = "mattermost" if kind == "mattermost_command" else "slack"
            with Process(["-m", "bench.peers", name, bench.chat.slack_api], folder) as server:
                peer.append(_turn(bench, kind, server.first_line, rate)[0])
        with scratch(bench) as folder:
            ours.append(_ours(bench, kind, rate, folder))
    return ours, peer


def _ours(bench: Bench, kind: Kind, rate: float | None, folder: Path) -> Outcome:
    messages: list[str] = []
    database = folder / "butine.db"
    if kind == "slack_reaction":
        shutil.copy(seeded(CARDS), database)
        messages = published_cards(database)
    with Butine(bench.chat, folder, "mattermost" if kind == "mattermost_command" else "slack") as server:
        outcome, acknowledged = _turn(bench, kind, server.url, rate, messages)
    if kind == "slack_reaction":
        require_votes(database, acknowledged, messages)
    else:
        require_ideas(database, acknowledged)
    return outcome


def _turn(
    bench: Bench, kind: Kind, address: str, rate: float | None, messages: Iterable[str] = ()
) -> tuple[Outcome, list[int]]:
    """Warm up, measure; what was measured, and all that was acknowledged."""
    seconds = bench.dose.seconds
    wanted = Wanted(kind, address + PATHS[kind], WARM, messages=list(messages) or ["C0IDEES0001:1.000001"])
    warm = drive(Order(wanted, bench.chat, bench.dose.warming))
    order = Order(replace(wanted, first=0), bench.chat, int(FASTEST * seconds), seconds)
    if rate is not None:
        order = replace(order, rate=rate, most=max(int(rate * seconds), 1))
    outcome = drive(order)
    if warm.errors or outcome.errors or not outcome.acknowledged:
        raise Failed(f"{kind}: {warm.statuses}, {outcome.statuses}")
    return outcome, [*warm.acknowledged, *outcome.acknowledged]


@contextmanager
def scratch(bench: Bench) -> Iterator[Path]:
    """A folder for one turn."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as name:
        yield Path(name)


def published_cards(database: Path) -> list[str]:
    """The messages of the ideas that can be voted for."""
    rows = _read(
        database,
        "SELECT message FROM outbox JOIN idea ON idea.id = outbox.idea_id"
        " WHERE view = 'idea_card' AND status = 'published' ORDER BY outbox.id",
    )
    return [str(message) for (message,) in rows]


def require_ideas(database: Path, acknowledged: Iterable[int]) -> None:
    """Raise Failed unless each acknowledged idea is there exactly once."""
    found: Counter[int] = Counter()
    for title, proposal in _read(database, "SELECT title, proposal FROM idea"):
        found.update({int(number) for number in MARK.findall(f"{title} {proposal}")})
    _require(acknowledged, found)


def require_votes(database: Path, acknowledged: Iterable[int], messages: list[str]) -> None:
    """Raise Failed unless each acknowledged reaction is one vote, at the idea whose card it was put on."""
    query = (
        "SELECT gesture.member_id, message FROM gesture JOIN outbox ON outbox.idea_id = gesture.idea_id"
        " AND outbox.view = 'idea_card' WHERE is_present AND gesture.member_id LIKE 'U0V%'"
    )
    found = Counter((str(member), str(message)) for member, message in _read(database, query))
    wanted = ((voter(number), messages[number % len(messages)]) for number in acknowledged)
    _require(wanted, found)


def _require(wanted: Iterable[T], found: Counter[T]) -> None:
    wrong = [each for each in wanted if found[each] != 1]
    if wrong:
        raise Failed(f"{len(wrong)} acknowledged, and not there exactly once: {wrong[:5]}")


def _read(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
