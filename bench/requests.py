"""The figures of single requests: how many a second beside bare peers, and how late the latest are.

After each turn the database is read: what was acknowledged must be there, once.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench.driver import Order, Outcome
from bench.ground import Failed, Ground, eventually
from bench.rows import Row
from bench.traffic import MATTERMOST_PATH, SLACK_PATH, Kind, Wanted, voter
from bench.words import MARK

T = TypeVar("T")
FASTEST = 2_500
"""Requests a second that are prepared: a server that does more has its turn over earlier."""
PATHS: dict[Kind, str] = {
    "slack_command": SLACK_PATH,
    "slack_reaction": SLACK_PATH,
    "mattermost_command": MATTERMOST_PATH,
}


def slack(ground: Ground) -> Iterator[Row]:
    """`/idea text` over Slack HTTP: throughput, then how late the latest answers are at half of it."""
    ours, peer = _in_turns(ground, "slack_command", None)
    yield _throughput("/idea text, Slack HTTP", "bare Bolt app", ours, peer, 1.0)
    rates = sorted(min(one.rate, other.rate) for one, other in zip(ours, peer, strict=True))
    rate = rates[len(rates) // 2] / 2
    ours, peer = _in_turns(ground, "slack_command", rate)
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


def mattermost(ground: Ground) -> Iterator[Row]:
    """`/idea text` over Mattermost's callback."""
    sides = _in_turns(ground, "mattermost_command", None)
    yield _throughput("/idea text, Mattermost callback", "bare aiohttp handler", *sides, 0.5)


def reactions(ground: Ground) -> Iterator[Row]:
    """`reaction_added`, each by somebody else, at a thousand ideas' cards."""
    sides = _in_turns(ground, "slack_reaction", None)
    yield _throughput("reaction_added, Slack HTTP", "bare Bolt app", *sides, 1.0)


def _throughput(name: str, against: str, ours: list[Outcome], peer: list[Outcome], target: float) -> Row:
    rates = [each.rate for each in ours], [each.rate for each in peer]
    return Row(name, "requests/s", against, *rates, target, "at_least", _told(ours, peer))


def _told(ours: list[Outcome], peer: list[Outcome]) -> dict[str, object]:
    sides = {"ours": ours, "peer": peer}
    return {
        "answered_before_they_were_stored_at_most": sum(each.late for each in ours),
        "errors": sum(each.errors for each in (*ours, *peer)),
        "acknowledged_and_in_the_database_exactly_once": sum(len(each.acknowledged) for each in ours),
        "requests": {side: [each.requests for each in seen] for side, seen in sides.items()},
        "p50_ms": {side: [each.p50 for each in seen] for side, seen in sides.items()},
        "p99_ms": {side: [each.p99 for each in seen] for side, seen in sides.items()},
        "longest_ms": {side: [each.longest for each in seen] for side, seen in sides.items()},
    }


def _in_turns(ground: Ground, kind: Kind, rate: float | None) -> tuple[list[Outcome], list[Outcome]]:
    """The peer and ours in turns, each in a new process, and ours on a new database."""
    ours: list[Outcome] = []
    peer: list[Outcome] = []
    name = "mattermost" if kind == "mattermost_command" else "slack"
    for _ in range(ground.dose.rounds):
        with ground.peer(name, ground.chat.slack_api) as server:
            peer.append(_turn(ground, kind, server.first_line, rate)[0])
        size = ground.dose.cards if kind == "slack_reaction" else None
        with ground.butine(name, size=size) as butine:
            cards = published_cards(butine.database) if size else {}
            outcome, acknowledged = _turn(ground, kind, butine.url, rate, list(cards))
            ours.append(outcome)
            if size:
                eventually(partial(require_votes, butine.database, acknowledged, cards))
            else:
                eventually(partial(require_ideas, butine.database, acknowledged))
    return ours, peer


def _turn(
    ground: Ground, kind: Kind, address: str, rate: float | None, messages: Sequence[str] = ()
) -> tuple[Outcome, list[int]]:
    """Warm up, measure; what was measured, and all that was acknowledged."""
    seconds, first = ground.dose.seconds, ground.first_number()
    wanted = Wanted(kind, address + PATHS[kind], first, messages=messages or ["C0IDEES0001:1.000001"])
    warm = ground.drive(Order(wanted, ground.chat, ground.dose.warming))
    order = Order(replace(wanted, first=first + ground.dose.warming), ground.chat, int(FASTEST * seconds), seconds)
    if rate is not None:
        order = replace(order, rate=rate, most=max(int(rate * seconds), 1))
    outcome = ground.drive(order)
    if warm.errors or outcome.errors or not outcome.acknowledged:
        raise Failed(f"{kind}: {warm.statuses}, {outcome.statuses}")
    return outcome, [*warm.acknowledged, *outcome.acknowledged]


def published_cards(database: Path) -> dict[str, int]:
    """The messages that show ideas which can be voted for, and those ideas."""
    rows = _read(
        database,
        "SELECT message, idea_id FROM outbox JOIN idea ON idea.id = outbox.idea_id"
        " WHERE view = 'idea_card' AND status = 'published' ORDER BY outbox.id",
    )
    return {str(message): int(str(idea)) for message, idea in rows}


def require_ideas(database: Path, acknowledged: Iterable[int]) -> None:
    """Raise Failed unless each acknowledged idea is there exactly once."""
    found: Counter[int] = Counter()
    for title, proposal in _read(database, "SELECT title, proposal FROM idea"):
        found.update({int(number) for number in MARK.findall(f"{title} {proposal}")})
    _require(acknowledged, found)


def require_votes(database: Path, acknowledged: Iterable[int], cards: Mapping[str, int]) -> None:
    """Raise Failed unless each acknowledged reaction is one vote, at the idea whose card it was put on."""
    query = "SELECT member_id, idea_id FROM gesture WHERE is_present AND member_id LIKE 'U0V%'"
    found = Counter((str(member), int(str(idea))) for member, idea in _read(database, query))
    ideas = list(cards.values())
    _require(((voter(number), ideas[number % len(ideas)]) for number in acknowledged), found)


def _require(wanted: Iterable[T], found: Counter[T]) -> None:
    wrong = [each for each in wanted if found[each] != 1]
    if wrong:
        raise Failed(f"{len(wrong)} acknowledged, and not there exactly once: {wrong[:5]}")


def _read(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
