"""Which ideas make a period's shortlist, and which late ones get a chance to be seen."""

from collections.abc import Iterable, Sequence

from storage.tables import Idea


def rank(ideas: Iterable[Idea]) -> list[Idea]:
    """Most supporters first; equal ones by who has waited longest since publication, then by number."""
    return sorted(ideas, key=lambda idea: (-idea.supporters, idea.published_at or idea.submitted_at, idea.number))


def top(ideas: Iterable[Idea], size: int) -> list[Idea]:
    """The shortlist: the first `size` of the ranking, leaving out what nobody supports."""
    return [idea for idea in rank(ideas) if idea.supporters > 0][:size]


def late_chances(ideas: Iterable[Idea], shortlist: Sequence[Idea], count: int) -> list[Idea]:
    """Of the others, the `count` that digests have named least so far; among those, the newest."""
    chosen = {idea.number for idea in shortlist}
    others = [idea for idea in ideas if idea.number not in chosen]
    return sorted(others, key=lambda idea: (idea.shown, -idea.number))[:count]
