"""The ranking: who comes first, who is left out, and who gets a chance beside it."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.shortlist import late_chances, rank, top
from storage.tables import Idea, Status

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def idea(number: int, supporters: int = 0, waited_days: int = 0, shown: int = 0) -> Idea:
    """A published idea."""
    return Idea(
        workspace_id=1,
        number=number,
        title=f"Idée {number}",
        author_id="camille",
        status=Status.PUBLISHED,
        supporters=supporters,
        shown=shown,
        submitted_at=NOW,
        changed_at=NOW,
        published_at=NOW - timedelta(days=waited_days),
    )


def numbers(ideas: list[Idea]) -> list[int]:
    """The ideas' numbers."""
    return [each.number for each in ideas]


def test_most_supporters_come_first() -> None:
    assert numbers(rank([idea(1, 2), idea(2, 5), idea(3, 3)])) == [2, 3, 1]


def test_of_equals_the_one_that_waited_longest_comes_first_then_the_lower_number() -> None:
    assert numbers(rank([idea(1, 2, 1), idea(2, 2, 9), idea(4, 2, 1), idea(3, 2, 1)])) == [2, 1, 3, 4]


def test_without_a_day_of_publication_that_of_submission_tells() -> None:
    imported = idea(9, 2)
    imported.published_at, imported.submitted_at = None, NOW - timedelta(days=30)
    assert numbers(rank([idea(1, 2, 1), imported])) == [9, 1]


def test_what_nobody_supports_has_no_place() -> None:
    assert numbers(top([idea(1), idea(2, 1), idea(3)], 5)) == [2]
    assert top([], 5) == []


IDEAS = st.lists(
    st.builds(idea, st.integers(1, 40), st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)),
    max_size=20,
    unique_by=lambda each: each.number,
)


@given(IDEAS, st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_order_in_which_ideas_come_does_not_matter(ideas: list[Idea], size: int, random: Random) -> None:
    mixed = list(ideas)
    random.shuffle(mixed)
    assert numbers(top(mixed, size)) == numbers(top(ideas, size))


@given(IDEAS, st.integers(1, 6))
def test_nobody_outside_the_shortlist_has_more_supporters_than_somebody_on_it(ideas: list[Idea], size: int) -> None:
    chosen = top(ideas, size)
    left = [each for each in ideas if each.number not in numbers(chosen)]
    assert len(chosen) == min(size, sum(each.supporters > 0 for each in ideas))
    assert not chosen or all(each.supporters <= chosen[-1].supporters for each in left)


def test_chances_go_to_those_named_least_and_among_them_to_the_newest() -> None:
    ideas = [idea(1, shown=0), idea(2, shown=1), idea(3, shown=0), idea(4, 9), idea(5, shown=2)]
    assert numbers(late_chances(ideas, [ideas[3]], 3)) == [3, 1, 2]
    assert late_chances(ideas, [], 0) == []


@given(IDEAS, st.integers(1, 6), st.integers(0, 4))
def test_a_chance_is_never_for_what_is_on_the_shortlist(ideas: list[Idea], size: int, count: int) -> None:
    chosen = top(ideas, size)
    late = late_chances(ideas, chosen, count)
    assert not set(numbers(chosen)) & set(numbers(late))
    assert len(late) == min(count, len(ideas) - len(chosen))
