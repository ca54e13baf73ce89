"""What counts as a vote: one per member, whatever the emoji and whatever the order in which gestures arrive."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.voting import COMMAND, Ballot, Held, Voting, canonical, is_standard, voters

START = datetime(2026, 11, 24, 9, tzinfo=UTC)
UP, HEART, BULB = "👍", "❤", "💡"
RULES = Voting.of(["+1", "heart", "bulb"], own_ideas=False)


def at(minute: int) -> datetime:
    """A moment."""
    return START + timedelta(minutes=minute)


# Names of emoji


@pytest.mark.parametrize(
    "name",
    [
        "+1",
        ":+1:",
        "thumbsup",
        "+1::skin-tone-3",
        "thumbsup::skin-tone-6",
        "thumbsup_dark_skin_tone",
        "thumbsup_medium_light_skin_tone",
        "thumbsup_light_skin_tone",
        "+1_medium_skin_tone",
        "+1_medium_dark_skin_tone",
    ],
)
def test_aliases_and_skin_tones_are_one_emoji(name: str) -> None:
    assert canonical(name) == UP
    assert RULES.counts(name)


@pytest.mark.parametrize("name", ["+1", "thumbsup", ":heart:", "+1::skin-tone-3", "rocket", "one", "fr"])
def test_a_standard_emoji_is_known_by_any_of_its_names(name: str) -> None:
    assert is_standard(name)


@pytest.mark.parametrize("name", ["ruche", "nonexistent_thing", "thumsup", ""])
def test_a_name_of_no_standard_emoji_may_be_a_workspaces_own(name: str) -> None:
    assert not is_standard(name)


def test_different_emoji_stay_different() -> None:
    assert len({canonical(name) for name in ("+1", "-1", "heart", "bulb", "thumbsdown", "tada")}) == 5


@pytest.mark.parametrize("name", ["-1", "tada", "thumbsup_all", "parrot", "", "dark_skin_tone"])
def test_what_is_not_configured_does_not_count(name: str) -> None:
    assert not RULES.counts(name)


def test_a_custom_emoji_counts_by_its_own_name() -> None:
    rules = Voting.of(["butine", ":ruche:"], own_ideas=False)
    assert rules.counts("butine")
    assert rules.counts("ruche")
    assert not rules.counts("abeille")
    assert not rules.counts("+1")


@given(st.text(max_size=20))
@settings(max_examples=50)
def test_any_name_has_a_canonical_form_and_that_is_its_own(name: str) -> None:
    found = canonical(name.lower())  # platforms have no capitals in names
    assert canonical(found) == found


# One member's gestures

NAMES = st.sampled_from([COMMAND, UP, HEART, "🎉"])
GESTURES = st.lists(st.tuples(NAMES, st.booleans(), st.integers(0, 8).map(at)), max_size=12)


def ballot_of(gestures: list[tuple[str, bool, datetime]]) -> Ballot:
    """A ballot that took these gestures in, in that order."""
    ballot = Ballot()
    for name, is_present, moment in gestures:
        ballot.apply(name, is_present=is_present, at=moment)
    return ballot


@given(GESTURES, st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_of_the_same_gestures_end_alike(
    gestures: list[tuple[str, bool, datetime]], random: Random
) -> None:
    again = gestures + [gesture for gesture in gestures if random.random() < 0.5]
    random.shuffle(again)
    assert ballot_of(again).held == ballot_of(gestures).held


@given(GESTURES)
def test_a_gesture_taken_in_before_changes_nothing(gestures: list[tuple[str, bool, datetime]]) -> None:
    ballot = ballot_of(gestures)
    for name, is_present, moment in gestures:
        assert not ballot.apply(name, is_present=is_present, at=moment)


def test_of_two_gestures_at_the_same_instant_the_one_that_takes_away_stands() -> None:
    for order in ([True, False], [False, True]):
        assert ballot_of([(UP, is_present, at(1)) for is_present in order]).held == {
            UP: Held(is_present=False, at=at(1))
        }


@given(GESTURES)
def test_a_vote_is_a_typed_one_or_a_counting_reaction_made_after_a_typed_unvote(
    gestures: list[tuple[str, bool, datetime]],
) -> None:
    ballot = ballot_of(gestures)

    def last(name: str) -> tuple[datetime, bool] | None:
        """Of several at one instant, the absent one: True sorts last."""
        found = [(moment, not is_present) for kind, is_present, moment in gestures if kind == name]
        return max(found, default=None)

    typed = last(COMMAND)
    standing = [gesture for gesture in map(last, (UP, HEART)) if gesture and not gesture[1]]
    expected = (typed is not None and not typed[1]) or any(typed is None or mark[0] > typed[0] for mark in standing)
    assert ballot.is_vote(RULES.emoji) is expected


def test_a_typed_unvote_outdoes_the_reactions_before_it_and_not_those_after_it() -> None:
    ballot = ballot_of([(UP, True, at(1)), (COMMAND, False, at(2))])
    assert not ballot.is_vote(RULES.emoji)
    ballot.apply(HEART, is_present=True, at=at(3))
    assert ballot.is_vote(RULES.emoji)


def test_at_the_very_instant_of_a_typed_unvote_a_reaction_is_not_after_it() -> None:
    assert not ballot_of([(UP, True, at(1)), (COMMAND, False, at(1))]).is_vote(RULES.emoji)


def test_taking_off_one_of_two_reactions_keeps_the_vote() -> None:
    ballot = ballot_of([(UP, True, at(1)), (HEART, True, at(2)), (UP, False, at(3))])
    assert ballot.is_vote(RULES.emoji)
    ballot.apply(HEART, is_present=False, at=at(4))
    assert not ballot.is_vote(RULES.emoji)


def test_a_typed_vote_stays_when_a_reaction_goes() -> None:
    assert ballot_of([(COMMAND, True, at(1)), (UP, True, at(2)), (UP, False, at(3))]).is_vote(RULES.emoji)


# Reading what chat shows


@given(GESTURES, st.sets(st.sampled_from([UP, HEART, "🎉"])))
def test_after_an_observation_exactly_what_is_shown_is_held(
    gestures: list[tuple[str, bool, datetime]], shown: set[str]
) -> None:
    before = ballot_of(gestures)
    ballot = ballot_of(gestures)
    changed = ballot.observe(shown, at(10), since=at(0))
    held = {name for name, state in ballot.held.items() if state.is_present and name != COMMAND}
    assert held == shown
    for name in {*ballot.held} - set(changed):
        assert ballot.held[name] == before.held[name]  # what was known is no new gesture
    assert COMMAND not in changed
    assert ballot.observe(shown, at(11), since=at(0)) == []


@given(GESTURES, st.sets(st.sampled_from([UP, HEART])), st.integers(0, 8))
def test_an_event_later_than_the_observation_stands(
    gestures: list[tuple[str, bool, datetime]], shown: set[str], minute: int
) -> None:
    before = ballot_of(gestures)
    ballot = ballot_of(gestures)
    ballot.observe(shown, at(minute), since=at(0))
    for name, held in before.held.items():
        if held.at > at(minute):
            assert ballot.held[name] == held


@given(GESTURES, st.sets(st.sampled_from([UP, HEART])), st.integers(0, 9))
def test_what_was_given_before_the_message_was_there_is_not_missed_under_it(
    gestures: list[tuple[str, bool, datetime]], shown: set[str], minute: int
) -> None:
    before = ballot_of(gestures)
    ballot = ballot_of(gestures)
    ballot.observe(shown, at(10), since=at(minute))
    for name, held in before.held.items():
        if held.is_present and held.at < at(minute):
            assert ballot.held[name] == held


def test_what_a_clock_that_was_ahead_has_kept_can_be_taken_back_after_the_next_reading() -> None:
    """A reading of that day found the reaction; it may not stand for so long as the clock was ahead."""
    ballot = ballot_of([(UP, True, at(0) + timedelta(days=8))])
    assert ballot.observe({UP}, at(10), since=at(0)) == [UP]
    assert ballot.held == {UP: Held(True, at(0))}
    assert ballot.apply(UP, is_present=False, at=at(11))
    assert not ballot.is_vote(RULES.emoji)


def test_what_a_clock_that_was_ahead_has_kept_and_chat_does_not_show_is_gone() -> None:
    ballot = ballot_of([(UP, True, at(0) + timedelta(days=8))])
    assert ballot.observe(set(), at(10), since=at(0)) == [UP]
    assert not ballot.is_vote(RULES.emoji)


def test_a_word_typed_under_a_clock_that_was_ahead_can_be_followed_by_a_reaction() -> None:
    ballot = ballot_of([(UP, True, at(1)), (COMMAND, False, at(0) + timedelta(days=8))])
    assert ballot.observe({UP}, at(10), since=at(0)) == [COMMAND]
    assert not ballot.is_vote(RULES.emoji)
    ballot.apply(HEART, is_present=True, at=at(11))
    assert ballot.is_vote(RULES.emoji)


@given(st.lists(st.tuples(st.sampled_from([UP, HEART]), st.booleans()), max_size=8))
def test_events_that_were_missed_and_one_observation_end_like_the_events(events: list[tuple[str, bool]]) -> None:
    heard = ballot_of([(name, is_present, at(minute)) for minute, (name, is_present) in enumerate(events)])
    shown = {name for name, state in heard.held.items() if state.is_present}
    deaf = Ballot()
    deaf.observe(shown, at(20), since=at(0))
    assert deaf.is_vote(RULES.emoji) is heard.is_vote(RULES.emoji)


# All members


def test_each_member_is_one_voter_whatever_they_hold() -> None:
    ballots = {
        "sam": ballot_of([(UP, True, at(1)), (HEART, True, at(1)), (COMMAND, True, at(1))]),
        "ada": ballot_of([(BULB, True, at(1))]),
        "bob": ballot_of([("🎉", True, at(1))]),
        "eve": ballot_of([(UP, True, at(1)), (UP, False, at(2))]),
    }
    assert voters(ballots, "camille", RULES) == ["ada", "sam"]


@pytest.mark.parametrize("own_ideas", [False, True])
def test_authors_count_for_their_own_idea_only_where_that_is_configured(*, own_ideas: bool) -> None:
    rules = Voting.of(["+1"], own_ideas=own_ideas)
    assert voters({"camille": ballot_of([(UP, True, at(1))])}, "camille", rules) == (["camille"] if own_ideas else [])
    assert rules.is_fitting("camille", "sam")
    assert rules.is_fitting("camille", "camille") is own_ideas
