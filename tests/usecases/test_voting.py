"""Votes: by reaction, by typed command, and read again from chat after an absence."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from bot.domain.voting import Voting
from bot.errors import IdeaNotFound, NotPermitted, OwnIdea, WrongStatus
from bot.usecases import voting
from bot.usecases.voting import Reaction
from storage.outbox import PostedCard
from storage.tables import Idea, Status, present
from tests.usecases.builders import NOW, OWN_COUNTS, VOTING, World, new_session


def react(
    world: World, message: str, member: str, emoji: str = "+1", rules: Voting = VOTING, *, is_present: bool = True
) -> bool:
    """A reaction now."""
    return react_at(world, Reaction(message, member, emoji, world.now, is_present), rules)


def react_at(world: World, reaction: Reaction, rules: Voting = VOTING) -> bool:
    """A reaction that comes now, whenever it was made."""
    return voting.react(world.session, world.workspace_id, reaction, rules, world.now)


def cast(world: World, member: str, idea: Idea, *, is_present: bool = True) -> voting.Voted:
    """A typed vote now."""
    return voting.cast(world.session, world.member(member), idea.number, VOTING, world.now, is_present=is_present)


def supporters(world: World, idea: Idea) -> list[str]:
    """Who supports the idea, which must be as many as it counts."""
    found = voting.supporters_of(world.session, idea, VOTING)
    assert idea.supporters == len(found)
    return found


# Typed


def test_a_typed_vote_counts_once(world: World) -> None:
    idea = world.publish()
    before = world.wanted()["card:1:ideas"]
    first, second = cast(world, "sam", idea), cast(world, "sam", idea)
    assert (first.idea, first.is_present, first.has_changed) == (idea, True, True)
    assert not second.has_changed
    assert supporters(world, idea) == ["sam"]
    assert world.wanted()["card:1:ideas"] == before + 1


def test_a_typed_unvote_takes_it_back(world: World) -> None:
    idea = world.publish()
    cast(world, "sam", idea)
    world.later(minutes=1)
    undone = cast(world, "sam", idea, is_present=False)
    assert (undone.is_present, undone.has_changed) == (False, True)
    assert supporters(world, idea) == []
    assert not cast(world, "sam", idea, is_present=False).has_changed


def test_a_typed_vote_for_ones_own_idea_is_refused(world: World) -> None:
    idea = world.publish()
    with pytest.raises(OwnIdea) as refused:
        cast(world, "camille", idea)
    assert refused.value.number == idea.number
    assert supporters(world, idea) == []


def test_it_counts_where_that_is_configured(session: Session, world: World) -> None:
    idea = world.publish()
    voting.cast(session, world.camille, idea.number, OWN_COUNTS, NOW, is_present=True)
    assert idea.supporters == 1


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PUBLISHED}))
def test_only_a_published_idea_takes_votes(world: World, status: Status) -> None:
    idea = world.in_status(status)
    with pytest.raises((WrongStatus, IdeaNotFound)):
        cast(world, "sam", idea)
    with pytest.raises(WrongStatus):
        voting.cast(world.session, world.nadia, idea.number, VOTING, NOW, is_present=True)
    assert idea.supporters == 0


def test_a_vote_does_not_betray_what_is_not_published(world: World) -> None:
    idea = world.propose()
    with pytest.raises(IdeaNotFound):
        cast(world, "sam", idea)
    with pytest.raises(IdeaNotFound):
        voting.cast(world.session, world.sam, 99, VOTING, NOW, is_present=True)


# Reactions


def test_a_reaction_under_an_ideas_card_is_a_vote(world: World) -> None:
    idea = world.publish()
    message = world.posted(idea)
    assert react(world, message, "sam")
    assert supporters(world, idea) == ["sam"]
    assert world.wanted()["card:1:ideas"] == 2
    world.later(minutes=1)
    assert react(world, message, "sam", is_present=False)
    assert supporters(world, idea) == []


def test_several_emoji_and_a_typed_vote_are_one_vote(world: World) -> None:
    idea = world.publish()
    message = world.posted(idea)
    assert react(world, message, "sam", "+1")
    assert not react(world, message, "sam", "thumbsup_dark_skin_tone")
    assert not react(world, message, "sam", "heart")
    assert not cast(world, "sam", idea).has_changed
    world.later(minutes=1)
    assert not react(world, message, "sam", "heart", is_present=False)
    assert supporters(world, idea) == ["sam"]


def test_a_typed_unvote_outdoes_reactions_until_a_new_one(world: World) -> None:
    idea = world.publish()
    message = world.posted(idea)
    react(world, message, "sam", "+1")
    world.later(minutes=1)
    assert cast(world, "sam", idea, is_present=False).has_changed
    assert supporters(world, idea) == []
    world.later(minutes=1)
    assert react(world, message, "sam", "heart")
    assert supporters(world, idea) == ["sam"]


@pytest.mark.parametrize("emoji", ["tada", "-1", "unheard-of"])
def test_other_emoji_are_no_votes(world: World, emoji: str) -> None:
    idea = world.publish()
    assert not react(world, world.posted(idea), "sam", emoji)
    assert supporters(world, idea) == []


def test_a_reaction_elsewhere_is_no_vote(world: World, elsewhere: World) -> None:
    idea = world.publish()
    message = world.posted(idea)
    world.outbox()["card:1:review"].message = "review-1"
    assert not react(world, "unknown", "sam")
    assert not react(world, "review-1", "sam")
    assert not react(elsewhere, message, "sam")
    assert supporters(world, idea) == []


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PUBLISHED}))
def test_what_is_no_more_open_to_votes_is_counted_no_more(world: World, status: Status) -> None:
    idea = world.publish()
    message = world.posted(idea)
    react(world, message, "sam")
    idea.status = status
    assert not react(world, message, "ines")
    assert not react(world, message, "sam", is_present=False)
    assert idea.supporters == 1


def test_the_author_is_told_once_that_their_own_reaction_does_not_count(world: World) -> None:
    idea = world.publish()
    message = world.posted(idea)
    for is_present in (True, False, True):
        world.later(minutes=1)
        assert not react(world, message, "camille", is_present=is_present)
    react(world, message, "camille", "heart")
    notices = [row for row in world.outbox().values() if row.view == "own_vote_notice"]
    assert [(row.member_id, row.wanted) for row in notices] == [("camille", 1)]
    assert supporters(world, idea) == []


def test_an_author_who_takes_their_own_reaction_away_is_told_nothing(world: World) -> None:
    """It may be from when own ideas could be supported."""
    assert not react(world, world.posted(world.publish()), "camille", is_present=False)
    assert not [row for row in world.outbox().values() if row.view == "own_vote_notice"]


def test_of_a_reaction_that_is_no_vote_its_author_is_told_nothing(world: World) -> None:
    assert not react(world, world.posted(world.publish()), "camille", "tada")
    assert not [row for row in world.outbox().values() if row.view == "own_vote_notice"]


def test_where_own_votes_count_the_author_is_told_nothing(world: World) -> None:
    idea = world.publish()
    assert react(world, world.posted(idea), "camille", rules=OWN_COUNTS)
    assert idea.supporters == 1
    assert not [row for row in world.outbox().values() if row.view == "own_vote_notice"]


def test_a_reaction_that_is_delivered_late_does_not_undo_a_later_one(world: World) -> None:
    idea = world.publish()
    message = world.posted(idea)

    def event(minute: int, *, is_present: bool) -> None:
        at = NOW + timedelta(minutes=minute)
        react_at(world, Reaction(message, "sam", "+1", at, is_present))

    event(3, is_present=True)
    event(2, is_present=False)
    event(1, is_present=True)
    assert supporters(world, idea) == ["sam"]


# Supporting another idea instead


def test_support_instead_votes_for_the_other_and_withdraws_ones_own(session: Session, world: World) -> None:
    other, own = world.publish(author=world.sam), world.propose()
    done = voting.support_instead(session, world.camille, other.number, own.number, VOTING, NOW)
    assert (done.idea, done.withdrawn.idea) == (other, own)
    assert own.status is Status.WITHDRAWN
    assert supporters(world, other) == ["camille"]


def test_it_does_both_or_neither(session: Session, world: World) -> None:
    other, shortlisted = world.publish(author=world.sam), world.in_status(Status.SHORTLISTED)
    own, sams = world.propose(), world.propose(author=world.sam)
    attempts = [
        (shortlisted.number, own.number, WrongStatus),
        (99, own.number, IdeaNotFound),
        (own.number, own.number, WrongStatus),
        (other.number, sams.number, IdeaNotFound),
        (other.number, 99, IdeaNotFound),
        (other.number, other.number, NotPermitted),
        (other.number, shortlisted.number, WrongStatus),
    ]
    for number, withdrawn, error in attempts:
        with pytest.raises(error), session.begin_nested():  # as a write transaction does
            voting.support_instead(session, world.camille, number, withdrawn, VOTING, NOW)
        assert (own.status, sams.status, shortlisted.status) == (
            Status.PENDING,
            Status.PENDING,
            Status.SHORTLISTED,
        )
        session.refresh(other)
        assert supporters(world, other) == []


# Clocks that differ


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_a_typed_word_is_the_last_one_whatever_the_clocks_said_before(world: World, seconds: int) -> None:
    idea = world.publish()
    message, chats = world.posted(idea), world.now + timedelta(seconds=seconds)
    react_at(world, Reaction(message, "sam", "+1", chats, is_present=True))
    assert cast(world, "sam", idea, is_present=False).has_changed
    assert supporters(world, idea) == []
    world.later(minutes=-10)  # the clock is put right
    assert cast(world, "sam", idea).has_changed
    assert supporters(world, idea) == ["sam"]


def test_what_a_reaction_changes_is_shown_at_once_where_chats_clock_is_ahead(world: World) -> None:
    idea = world.publish()
    message, chats = world.posted(idea), world.now + timedelta(minutes=4)
    react_at(world, Reaction(message, "sam", "+1", chats, is_present=True))
    assert world.outbox()["card:1:ideas"].due_at == world.now


# After an absence


def observe(world: World, idea: Idea, shown: dict[str, list[str]], at: datetime | None = None) -> bool:
    """Chat shows these members by emoji."""
    card = PostedCard(present(idea.id), "m1", since=NOW)
    return voting.reconcile(world.session, card, shown, VOTING, at or world.now)


def test_votes_cast_while_away_are_found(world: World) -> None:
    idea = world.publish()
    before = world.wanted()["card:1:ideas"]
    assert observe(world, idea, {"+1": ["sam", "ines"], "heart": ["sam"], "tada": ["nadia"], "bulb": ["camille"]})
    assert supporters(world, idea) == ["ines", "sam"]
    assert world.wanted()["card:1:ideas"] == before + 1
    assert not observe(world, idea, {"thumbsup": ["sam", "ines"], "heart": ["sam"], "bulb": ["camille"]})


def test_votes_taken_back_while_away_are_gone_and_typed_ones_stay(world: World) -> None:
    idea = world.publish()
    message = world.posted(idea)
    react(world, message, "sam")
    react(world, message, "ines")
    cast(world, "ines", idea)
    world.later(minutes=5)
    assert observe(world, idea, {})
    assert supporters(world, idea) == ["ines"]


def test_an_observation_does_not_undo_a_typed_unvote(world: World) -> None:
    idea = world.publish()
    react(world, world.posted(idea), "sam")
    world.later(minutes=1)
    cast(world, "sam", idea, is_present=False)
    world.later(minutes=1)
    assert not observe(world, idea, {"+1": ["sam"]})
    assert supporters(world, idea) == []


def test_what_is_closed_to_votes_stays_as_it_is(world: World) -> None:
    idea = world.in_status(Status.SHORTLISTED)
    assert not observe(world, idea, {"+1": ["sam"]})
    assert not voting.reconcile(world.session, PostedCard(4711, "m1", NOW), {"+1": ["sam"]}, VOTING, NOW)
    assert idea.supporters == 0


EVENTS = st.lists(
    st.tuples(st.sampled_from(["sam", "ines", "camille"]), st.sampled_from(["+1", "heart", "tada"]), st.booleans()),
    max_size=10,
)


@given(EVENTS, st.integers(0, 10))
@settings(max_examples=15)
def test_whether_events_are_heard_or_read_from_chat_the_count_is_the_same(
    events: list[tuple[str, str, bool]], heard: int
) -> None:
    with new_session() as session:
        world = World.new(session)
        idea = world.publish()
        message = world.posted(idea)
        shown: dict[str, set[str]] = {}
        for position, (member, emoji, is_present) in enumerate(events):
            world.later(seconds=1)
            holders = shown.setdefault(emoji, set())
            (holders.add if is_present else holders.discard)(member)
            if position < heard:
                react(world, message, member, emoji, is_present=is_present)
        world.later(seconds=1)
        observe(world, idea, {emoji: sorted(holders) for emoji, holders in shown.items()})
        expected = {member for emoji in ("+1", "heart") for member in shown.get(emoji, ())} - {"camille"}
        assert supporters(world, idea) == sorted(expected)


# Rules that change


def test_counts_are_made_anew_when_the_rules_change_and_only_then(session: Session, world: World) -> None:
    idea, quiet = world.publish(), world.publish()
    message = world.posted(idea)
    voting.recount_if_rules_changed(session, world.workspace_id, VOTING, NOW)
    react(world, message, "sam", "heart")
    react(world, message, "ines", "heart")
    react(world, message, "camille", "+1")
    assert voting.recount_if_rules_changed(session, world.workspace_id, VOTING, NOW) == 0

    only_plus = Voting.of(["+1"], own_ideas=True)
    assert voting.recount_if_rules_changed(session, world.workspace_id, only_plus, NOW) == 1
    assert (idea.supporters, quiet.supporters) == (1, 0)
    assert voting.supporters_of(session, idea, only_plus) == ["camille"]
    assert voting.recount_if_rules_changed(session, world.workspace_id, only_plus, NOW) == 0

    assert voting.recount_if_rules_changed(session, world.workspace_id, VOTING, NOW) == 1
    assert supporters(world, idea) == ["ines", "sam"]


@pytest.mark.parametrize("emoji, edits", [(["bulb"], 1), (["+1", "heart", "bulb", "tada"], 0)], ids=["less", "more"])
def test_where_an_emoji_counts_no_more_each_card_gets_the_one_that_does(
    session: Session, world: World, emoji: list[str], edits: int
) -> None:
    """With Butine's own reaction, one tap votes."""
    voting.recount_if_rules_changed(session, world.workspace_id, VOTING, NOW)
    card = f"card:{world.publish().number}:ideas"
    before = world.wanted()[card]
    assert voting.recount_if_rules_changed(session, world.workspace_id, Voting.of(emoji, own_ideas=False), NOW) == 0
    assert world.wanted()[card] == before + edits


def test_a_frozen_count_is_not_made_anew(session: Session, world: World) -> None:
    idea = world.publish()
    react(world, world.posted(idea), "sam", "heart")
    idea.status = Status.SHORTLISTED
    voting.recount_if_rules_changed(session, world.workspace_id, Voting.of(["+1"], own_ideas=False), NOW)
    assert idea.supporters == 1


def test_a_vote_stays_until_the_last_name_of_its_emoji_is_taken_off(world: World) -> None:
    """Mattermost has members hold an emoji under several names and tones at once."""
    idea = world.publish()
    message = world.posted(idea)
    names = ("+1", "thumbsup", "thumbsup_dark_skin_tone")
    for emoji in names:
        world.later(seconds=1)
        react(world, message, "sam", emoji)
    for emoji in names:
        assert supporters(world, idea) == ["sam"]
        assert idea.supporters == 1
        world.later(seconds=1)
        react(world, message, "sam", emoji, is_present=False)
    assert supporters(world, idea) == []
    assert idea.supporters == 0
