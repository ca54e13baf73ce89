"""The figures of growth: how long one answer takes with a hundred times the ideas and votes."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

from bench.butine import Butine
from bench.driver import Order
from bench.ground import Failed, Ground, eventually
from bench.requests import require_ideas
from bench.rows import Row
from bench.traffic import SLACK_PATH, Wanted
from bench.words import Language

SECONDS, FEWEST = 15.0, 5
"""What is slow is asked less often, but often enough for a median."""


@dataclass(frozen=True)
class Asked:
    """What is typed after /idea; nothing stands for an idea that is proposed."""

    name: str
    texts: tuple[str, ...]
    target: float
    by_moderator: bool = False


@cache
def asked() -> tuple[Asked, ...]:
    """Everything that is asked. Words that are searched for are common, uncommon and rare ones, alone and in pairs."""
    words = Language(random.Random(0)).words  # noqa: S311  no secret
    singles = [words[rank] for rank in (60, 100, 200, 400, 800, 1_600, 3_200, 6_400)]
    pairs = [f"{one} {other}" for one, other in pairwise(singles)]
    return (
        Asked("/idea text", (), 1.3),
        Asked("/idea top", ("top",), 1.3),
        Asked("/idea search", tuple(f"search {words}" for words in (*singles, *pairs)), 2.0),
        Asked("/idea list", ("list",), 1.3),
        Asked("/idea digest preview", ("digest preview",), 1.3, by_moderator=True),
    )


def sizes(ground: Ground) -> Iterator[Row]:
    """Each answer's p50 over Slack HTTP, one at a time, large beside small; then the digest itself."""
    small, large = ground.dose.small, ground.dose.large
    took: dict[str, tuple[list[float], list[float]]] = {each.name: ([], []) for each in asked()}
    acknowledged: tuple[list[int], list[int]] = ([], [])
    with ground.butine("slack", size=small) as one, ground.butine("slack", size=large) as other:
        for butine in (one, other):
            _p50s(ground, butine, Asked("warming", (), 0.0), ground.dose.warming)
        for _ in range(ground.dose.rounds):
            for each in asked():
                for side, butine in enumerate((one, other)):
                    p50, numbers = _p50s(ground, butine, each, ground.dose.asked)
                    took[each.name][side].append(p50)
                    if not each.texts:
                        acknowledged[side].extend(numbers)
        for side, butine in enumerate((one, other)):
            eventually(partial(require_ideas, butine.database, acknowledged[side]))
        posted = [_post_digest(ground, butine) for butine in (one, other)]
    told = {"ideas": [small.ideas, large.ideas], "votes": [small.votes, large.votes]}
    for each in asked():
        ours, peer = took[each.name][1], took[each.name][0]
        against = f"at {small.ideas:,} ideas, {small.votes:,} votes"
        name = f"{each.name} at {large.ideas:,} ideas, p50"
        yield Row(name, "ms", against, ours, peer, each.target, "at_most", told)
    name = f"the digest at {large.ideas:,} ideas, frozen and stored"
    yield Row(name, "ms", "nothing", posted[1:], [], 1_000, "at_most", told | {"at_small_ms": posted[0]})


def _p50s(ground: Ground, butine: Butine, each: Asked, times: int) -> tuple[float, list[int]]:
    chat = ground.chat
    if each.by_moderator:
        chat = replace(chat, slack_members=chat.slack_members[:1])
    wanted = Wanted("slack_command", butine.url + SLACK_PATH, ground.first_number(), each.texts)
    outcome = ground.drive(Order(wanted, chat, times, SECONDS, lines=1))
    if outcome.errors or outcome.requests < min(times, FEWEST):
        raise Failed(f"{each.name}: {outcome.statuses}")
    return outcome.p50, list(outcome.acknowledged)


def _post_digest(ground: Ground, butine: Butine) -> float:
    """The one digest of the coming week, at a moderator's wish: milliseconds to the acknowledgement."""
    had = _digests(butine.database)

    def require_one_more() -> None:
        if _digests(butine.database) != had + 1:
            raise Failed("the digest was acknowledged, and is not there")

    took, _ = _p50s(ground, butine, Asked("/idea digest now", ("digest now",), 0.0, by_moderator=True), 1)
    eventually(require_one_more)
    return took


def _digests(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM digest").fetchone()[0])
