"""The figures of growth: how long one answer takes with a hundred times the ideas and votes."""

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.butine import Butine
from bench.driver import Order
from bench.ground import Failed, Ground, eventually
from bench.requests import require_ideas
from bench.rows import Row
from bench.traffic import SLACK_PATH, Wanted
from bench.words import Language
from storage import search

SEARCHED = 8
AN_IDEA = json.dumps("nº\N{NO-BREAK SPACE}").strip('"')
"""In every answer that names an idea: neither a refusal nor a search that finds nothing is what is measured."""
SECONDS, FEWEST = 15.0, 5
"""What is slow is asked less often, but often enough for a median."""


@dataclass(frozen=True)
class Asked:
    """What is typed after /idea, and what every answer must hold; no text stands for an idea that is proposed."""

    name: str
    texts: tuple[str, ...]
    target: float
    expected: str = ""
    by_moderator: bool = False


def asked(database: Path) -> tuple[Asked, ...]:
    """Everything that is asked of a Butine over that database."""
    return (
        Asked("/idea text", (), 1.3),
        Asked("/idea top", ("top",), 1.3, AN_IDEA),
        Asked("/idea search", tuple(f"search {words}" for words in searched(database)), 2.0, AN_IDEA),
        Asked("/idea list", ("list",), 1.3, AN_IDEA),
        Asked("/idea digest preview", ("digest preview",), 1.3, AN_IDEA, by_moderator=True),
    )


def searched(database: Path) -> Iterator[str]:
    """Words of ideas that are there, from a common one to a rare one, alone and in pairs: each finds something."""
    rank = {word: place for place, word in enumerate(Language(random.Random(0)).words)}  # noqa: S311  no secret
    query = "SELECT lower(proposal) FROM idea WHERE status = 'published' ORDER BY id LIMIT ?"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        told = [str(text).split() for (text,) in connection.execute(query, (SEARCHED,))]
    for place, said in enumerate(told):
        words = sorted({word for word in said if search.terms(word)}, key=lambda word: rank.get(word, len(rank)))
        at = place * (len(words) - 2) // (SEARCHED - 1)
        yield words[at]
        yield f"{words[at]} {words[at + 1]}"


def sizes(ground: Ground) -> Iterator[Row]:
    """Each answer's p50 over Slack HTTP, one at a time, large beside small; then the digest itself."""
    small, large = ground.dose.small, ground.dose.large
    with ground.butine("slack", size=small) as one, ground.butine("slack", size=large) as other:
        both = one, other
        for butine in both:
            _p50s(ground, butine, Asked("warming", (), 0.0), ground.dose.warming)
        questions = list(zip(*(asked(butine.database) for butine in both), strict=True))
        took: dict[str, tuple[list[float], list[float]]] = {each.name: ([], []) for each, _ in questions}
        acknowledged: tuple[list[int], list[int]] = ([], [])
        for _ in range(ground.dose.rounds):
            for question in questions:
                for side, (butine, each) in enumerate(zip(both, question, strict=True)):
                    p50, numbers = _p50s(ground, butine, each, ground.dose.asked)
                    took[each.name][side].append(p50)
                    if not each.texts:
                        acknowledged[side].extend(numbers)
        for side, butine in enumerate(both):
            eventually(partial(require_ideas, butine.database, acknowledged[side]))
        posted = [_post_digest(ground, butine) for butine in both]
    told = {"ideas": [small.ideas, large.ideas], "votes": [small.votes, large.votes]}
    for each, _ in questions:
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
    outcome = ground.drive(Order(wanted, chat, times, SECONDS, lines=1, expected=each.expected))
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
