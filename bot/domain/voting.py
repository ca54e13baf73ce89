"""What counts as a vote: at most one per member and idea, whatever the emoji and whatever the order of events."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

import emoji

COMMAND = ""
"""Stands in the place of an emoji for the typed `vote` and `unvote`."""

LONGEST_AHEAD = timedelta(days=1)
"""By how much chat's clock and this machine's may differ. What was kept with a later time would stand until then,
whatever its member does."""

_EDGES = re.compile(r"^[\s:]+|[\s:]+$")
_TONE = re.compile(
    r"::skin-tone-[2-6]$|_(?:light|medium_light|medium|medium_dark|dark)_skin_tone$",
)


@dataclass(frozen=True, slots=True)
class Voting:
    """The workspace's rules: which emoji count (canonical), and whether authors may support their own idea."""

    emoji: frozenset[str]
    own_ideas: bool = False

    @classmethod
    def of(cls, names: Iterable[str], *, own_ideas: bool) -> "Voting":
        """The rules as configured, with emoji by any of their names."""
        return cls(frozenset(map(canonical, names)), own_ideas)

    def counts(self, name: str) -> bool:
        """Whether a reaction of that name is a way of voting."""
        return canonical(name) in self.emoji

    def is_fitting(self, author_id: str, member_id: str) -> bool:
        """Whether a gesture of this member can count for an idea of that author."""
        return self.own_ideas or author_id != member_id


@dataclass(frozen=True, slots=True)
class Held:
    """The last known state of one gesture of one member at one idea."""

    is_present: bool
    at: datetime


@dataclass(slots=True)
class Ballot:
    """All gestures of one member at one idea: by the emoji as the platform names it, `COMMAND` for the typed one.

    Some platforms let a member hold one emoji under several names and tones, and tell of each when it goes.
    """

    held: dict[str, Held] = field(default_factory=dict)

    def apply(self, name: str, *, is_present: bool, at: datetime) -> bool:
        """Take a gesture in; the later one wins, and at the same instant the one that takes away.

        Returns whether that changed anything. Any order and any repetition of the same gestures end alike.
        """
        old = self.held.get(name)
        if old and (at, not is_present) <= (old.at, not old.is_present):
            return False
        self.held[name] = Held(is_present, at)
        return True

    def observe(self, present: Iterable[str], at: datetime, since: datetime) -> list[str]:
        """Take in which reactions the platform shows at `at`; returns the names whose state or time that changed.

        What was known as present keeps its time: it is not a new gesture. Events later than `at` stand, unless it was a
        clock that was wrong which said so. `since` is when the message came to be: that it does not show an earlier
        gesture, made at another one, says nothing.
        """
        now_present = set(present)
        from_ahead = [name for name, held in self.held.items() if held.at > at + LONGEST_AHEAD]
        for name in from_ahead:
            self.held[name] = replace(self.held[name], at=at if name == COMMAND else since)
        known = {name for name in self.held if name != COMMAND}
        changed = [
            name
            for name in known | now_present
            if (name in now_present) != (name in self.held and self.held[name].is_present)
            and (name in now_present or self.held[name].at >= since)
        ]
        changed = [name for name in changed if self.apply(name, is_present=name in now_present, at=at)]
        return list(dict.fromkeys([*from_ahead, *changed]))

    def is_vote(self, counting: frozenset[str]) -> bool:
        """Whether the gestures amount to a vote: the typed one, or a counting reaction made after a typed `unvote`."""
        typed = self.held.get(COMMAND)
        if typed and typed.is_present:
            return True
        return any(
            held.is_present and (typed is None or held.at > typed.at)
            for name, held in self.held.items()
            if canonical(name) in counting
        )


def voters(ballots: Mapping[str, Ballot], author_id: str, voting: Voting) -> list[str]:
    """The members whose gestures at an idea amount to a vote."""
    return sorted(
        member
        for member, ballot in ballots.items()
        if voting.is_fitting(author_id, member) and ballot.is_vote(voting.emoji)
    )


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """One name for all of an emoji's aliases and skin tones; a custom emoji's name stays as it is."""
    bare = name
    while (shorter := _TONE.sub("", _EDGES.sub("", bare))) != bare:
        bare = shorter
    glyph = f":{bare}:" if ":" in bare else emoji.emojize(f":{bare}:", language="alias")
    return (bare if glyph == f":{bare}:" else glyph.removesuffix("\ufe0f")).lower()


def is_standard(name: str) -> bool:
    """Whether there is an emoji of that name everywhere; another may be a workspace's own."""
    return emoji.is_emoji(canonical(name))
