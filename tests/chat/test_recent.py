"""A memory that keeps what was put in last."""

from bot.chat.recent import Recent


def test_the_oldest_goes_and_what_is_put_in_again_is_new() -> None:
    recent: Recent[str, int] = Recent(2)
    recent["a"], recent["b"] = 1, 2
    recent["a"] = 3
    recent["c"] = 4
    assert list(recent.items()) == [("a", 3), ("c", 4)]


def test_what_is_looked_for_first_counts_as_put_in_where_it_is_new_alone() -> None:
    recent: Recent[str, int] = Recent(2)
    recent["a"], recent["b"] = 1, 2
    assert recent.setdefault("a", 3) == 1
    assert recent.setdefault("c", 4) == 4
    assert list(recent) == ["b", "c"]
