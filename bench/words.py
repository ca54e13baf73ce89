"""The words that the bench has people say: real ideas (tests/data), varied; and a vocabulary as uneven as a language's.

Who says them, and where, is decided elsewhere.
"""

import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path

IDEAS = Path(__file__).parent.parent / "tests" / "data" / "ideas.toml"
PLACES = (
    *("au siège", "à la cité administrative", "à Cergy", "à Pontoise", "à Argenteuil", "à Sarcelles", "à Persan"),
    *("au collège de Magny", "à la PMI de Garges", "aux archives", "à l’accueil", "dans les crèches", "à Bezons"),
)
MARK = re.compile(r"\(réf\. (\d{7})\)")
"""What makes each text one of its kind, and its idea known again in the database."""
VOCABULARY = 20_000


@cache
def _told() -> tuple[str, ...]:
    with IDEAS.open("rb") as file:
        ideas = tomllib.load(file)["idea"]
    parts = ("title", "need", "proposal", "benefit", "text")
    return tuple(" ".join(str(idea[part]) for part in parts if part in idea) for idea in ideas)


def sentences() -> list[str]:
    """Every sentence of the real ideas, once."""
    found = (sentence.strip() for told in _told() for sentence in re.split(r"(?<=[.!?…])\s+", told))
    return list(dict.fromkeys(sentence for sentence in found if len(sentence) > 20))  # noqa: PLR2004  no scraps


def proposal(number: int) -> str:
    """What somebody types after /idea; different for each number, and always the same for one."""
    chance = random.Random(number)  # noqa: S311  no secret
    chosen = chance.sample(sentences(), chance.randint(1, 3))
    return f"{' '.join(chosen)} Essayons d’abord {chance.choice(PLACES)} (réf. {number:07})."


class Language:
    """Texts whose words are as unevenly frequent as in real ones (Zipf)."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        real = Counter(re.findall(r"[\w’'-]+", " ".join(_told())))
        words = [word for word, _ in real.most_common()]
        known = set(words)
        words += [word for word in _made_up(VOCABULARY) if word not in known]
        self.words: Sequence[str] = words[:VOCABULARY]
        self._weights = list(accumulate(1 / (rank + 2.7) for rank in range(len(self.words))))

    def text(self, least: int, most: int) -> str:
        """So many words."""
        chosen = self._chance.choices(self.words, cum_weights=self._weights, k=self._chance.randint(least, most))
        told = " ".join(chosen)
        return told[:1].upper() + told[1:]


def _made_up(count: int) -> Iterator[str]:
    """Words that nobody uses, as a long tail of names and technical terms would be."""
    chance = random.Random(2015)  # noqa: S311  no secret
    heads = ("ba", "cor", "dé", "for", "gra", "in", "lu", "mé", "no", "pla", "ré", "sa", "tri", "ver", "zo", "pré")
    middles = ("bi", "ca", "di", "fo", "gu", "la", "mi", "no", "pé", "ri", "si", "ta", "vo", "xa")
    tails = ("age", "eur", "tion", "ment", "ité", "oir", "ure", "elle", "ique", "isme", "er", "ance", "ier", "ois")
    for _ in range(3 * count):
        inside = "".join(chance.choices(middles, k=chance.randint(1, 3)))
        yield chance.choice(heads) + inside + chance.choice(tails)
