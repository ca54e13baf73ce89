"""The weekly digest: what it says, and that it is frozen. Which week's it is has tests of its own."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bot.domain.voting import Voting
from bot.errors import AlreadyDone
from bot.usecases import digesting, moderation, submission, voting
from bot.usecases.digesting import Contents, Sizes
from bot.usecases.voting import Reaction
from storage.tables import Digest, Idea, Status
from tests.usecases.builders import NOW, OWN_COUNTS, SIZES, VOTING, WEEKLY, World
from tests.usecases.digests import digests, named, period_of, publish


def preview(world: World) -> Contents:
    """What it would say now."""
    return digesting.preview(world.session, world.workspace_id, period_of(world.now), SIZES, world.now)


def test_a_digest_freezes_the_most_supported_and_gives_late_ones_a_chance(world: World, ranked: list[Idea]) -> None:
    contents = publish(world)
    assert named(contents) == ([(1, 3), (2, 2), (3, 1)], [6, 5])
    assert [idea.status for idea in ranked] == [Status.SHORTLISTED] * 3 + [Status.PUBLISHED] * 3
    assert [idea.shown for idea in ranked] == [0, 0, 0, 0, 1, 1]
    assert world.steps(ranked[0])[-1] == ("shortlisted", None, "2026-W49")
    assert contents.names == {"camille": "Camille Martin"}


def test_chat_is_to_show_the_digest_and_the_shortlisted_ideas_cards(world: World, ranked: list[Idea]) -> None:
    before = world.wanted()
    publish(world)
    after = world.wanted()
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {"digest:2026-W49", "card:1:ideas", "card:2:ideas", "card:3:ideas"}
    assert world.outbox()["digest:2026-W49"].channel == "digest"


def test_a_period_has_one_digest(world: World, ranked: list[Idea]) -> None:
    publish(world)
    with pytest.raises(AlreadyDone) as done:
        publish(world)
    assert done.value.period == "2026-W49"
    assert len(digests(world)) == 1
    assert [idea.status for idea in ranked].count(Status.SHORTLISTED) == 3


def test_two_processes_that_claim_a_period_meet_the_unique_key(world: World) -> None:
    world.session.add(Digest(workspace_id=world.workspace_id, period="2026-W49", since=NOW, until=NOW))
    world.session.flush()
    world.session.add(Digest(workspace_id=world.workspace_id, period="2026-W49", since=NOW, until=NOW))
    with pytest.raises(IntegrityError):
        world.session.flush()


def test_each_workspace_has_its_own(world: World, elsewhere: World, ranked: list[Idea]) -> None:
    foreign = elsewhere.publish()
    elsewhere.support(foreign, "sam")
    assert named(publish(elsewhere))[0] == [(1, 1)]
    assert named(publish(world))[0] == [(1, 3), (2, 2), (3, 1)]
    assert "digest:2026-W49" in elsewhere.outbox()


def test_an_idea_is_shortlisted_once_and_chances_go_round(world: World, ranked: list[Idea]) -> None:
    publish(world)
    world.later(days=7)
    assert named(publish(world)) == ([(4, 1)], [6, 5])
    world.later(days=7)
    newcomer = world.publish()
    assert named(publish(world)) == ([], [newcomer.number, 6])
    world.later(days=7)
    assert named(publish(world)) == ([], [newcomer.number, 5])


def test_sizes_are_the_operators(world: World, ranked: list[Idea]) -> None:
    assert named(publish(world, Sizes(1, 0))) == ([(1, 3)], [])


def test_a_preview_says_the_same_and_changes_nothing(world: World, ranked: list[Idea]) -> None:
    world.session.flush()
    before = world.wanted()
    seen = preview(world)
    assert not world.session.dirty
    assert not world.session.new
    assert (digests(world), world.wanted()) == ([], before)
    told = publish(world)
    assert named(seen) == named(told)
    assert (seen.since, seen.until, seen.proposed, seen.published, seen.voters) == (
        told.since,
        told.until,
        told.proposed,
        told.published,
        told.voters,
    )


# What it says beside the shortlist


@pytest.mark.parametrize("figure", ["proposed", "published", "voters"])
def test_one_figure_of_the_week_is_worth_a_digest(world: World, figure: str) -> None:
    nothing = preview(world)
    assert nothing.is_empty
    one: dict[str, Any] = {figure: 1}
    assert not replace(nothing, **one).is_empty


def test_it_counts_what_happened_since_the_last_one(session: Session, world: World) -> None:
    first = world.publish()
    world.propose()
    world.support(first, "sam", "ines")
    world.later(minutes=1)
    contents = publish(world)
    assert (contents.since, contents.until) == (WEEKLY.latest(world.now).due_at, world.now)
    assert (contents.proposed, contents.published, contents.voters) == (2, 1, 2)
    until = world.now
    other = world.publish()
    world.support(other, "sam")
    world.later(days=7)
    contents = publish(world)
    assert (contents.since, contents.until) == (until, world.now)
    assert (contents.proposed, contents.published, contents.voters) == (1, 1, 1)


def test_it_tells_decisions_once_and_what_waits_for_its_answer_until_it_has_it(
    session: Session, world: World, ranked: list[Idea]
) -> None:
    contents = publish(world)
    shortlisted_at = world.now
    assert (contents.decisions, contents.waiting) == ((), ())
    world.later(days=1)
    moderation.set_status(session, world.nadia, 1, Status.RETAINED, world.now)
    moderation.set_status(session, world.nadia, 2, Status.DECLINED, world.now)
    world.later(days=6)
    contents = publish(world)
    assert [(line.detail, idea.number) for line, idea in contents.decisions] == [("retained", 1), ("declined", 2)]
    assert [(idea.number, since) for idea, since in contents.waiting] == [(3, shortlisted_at)]
    world.later(days=7)
    contents = publish(world)
    assert contents.decisions == ()
    assert [idea.number for idea, _ in contents.waiting] == [3, 4]


def test_of_several_decisions_on_an_idea_only_the_last_stands(
    session: Session, world: World, ranked: list[Idea]
) -> None:
    """A slip that was corrected is no news; nor does one decision hide another idea's."""
    publish(world)
    for number, status in ((2, Status.DECLINED), (1, Status.RETAINED), (2, Status.RETAINED), (1, Status.IN_PROGRESS)):
        moderation.set_status(session, world.nadia, number, status, world.later(hours=1))
    world.later(hours=1)
    told = [(line.detail, idea.number) for line, idea in preview(world).decisions]
    assert told == [("retained", 2), ("in_progress", 1)]


def test_a_shortlisting_that_was_taken_back_is_no_decision(session: Session, world: World) -> None:
    idea = world.publish()
    for status in (Status.SHORTLISTED, Status.PUBLISHED):
        moderation.set_status(session, world.nadia, idea.number, status, world.later(hours=1))
    world.later(hours=1)
    assert preview(world).decisions == ()


def test_what_was_shortlisted_once_more_waits_since_then(session: Session, world: World) -> None:
    """By hand, taken back, and by the votes of a later week."""
    idea = world.publish()
    for status in (Status.SHORTLISTED, Status.PUBLISHED):
        moderation.set_status(session, world.nadia, idea.number, status, world.later(hours=1))
    world.support(idea, "sam")
    world.later(days=7)
    publish(world)
    since = world.now
    world.later(days=7)
    assert preview(world).waiting == ((idea, since),)


def test_what_a_moderator_shortlisted_waits_for_its_answer_as_well(session: Session, world: World) -> None:
    idea = world.publish()
    moderation.set_status(session, world.nadia, idea.number, Status.SHORTLISTED, world.later(hours=1))
    since = world.now
    world.later(days=8)
    assert preview(world).waiting == ((idea, since),)
    moderation.set_status(session, world.nadia, idea.number, Status.DECLINED, world.now)
    assert preview(world).waiting == ()


@pytest.mark.parametrize("waiting, left_out", [(10, 0), (11, 1)])
def test_it_says_how_many_more_wait_than_it_names(session: Session, world: World, waiting: int, left_out: int) -> None:
    for _ in range(waiting):
        moderation.set_status(session, world.nadia, world.publish().number, Status.SHORTLISTED, world.now)
    world.later(days=1)
    contents = publish(world)
    assert (len(contents.waiting), contents.waiting_left_out) == (10, left_out)
    moderation.set_status(session, world.nadia, 1, Status.RETAINED, world.later(hours=1))
    (digest,) = digests(world)
    assert digesting.posted_contents(session, digest.id or 0).waiting_left_out == 0


def test_a_decision_at_the_very_moment_of_the_digest_is_told_by_the_next(
    session: Session, world: World, ranked: list[Idea]
) -> None:
    publish(world)
    moderation.set_status(session, world.nadia, 1, Status.RETAINED, world.now)
    world.later(days=7)
    assert [idea.number for _, idea in publish(world).decisions] == [1]


@pytest.mark.parametrize("rules, voters", [(VOTING, 0), (OWN_COUNTS, 1)], ids=["not_counted", "counted"])
def test_who_only_reacted_to_their_own_idea_is_a_voter_where_that_counts(
    session: Session, world: World, rules: Voting, voters: int
) -> None:
    voting.recount_if_rules_changed(session, world.workspace_id, rules, world.now)
    message = world.posted(world.publish())
    reaction = Reaction(message, "camille", "+1", world.now, is_present=True)
    voting.react(session, world.workspace_id, reaction, rules, world.now)
    world.later(minutes=1)
    seen = preview(world)
    assert (seen.voters, [named.votes for named in seen.shortlist]) == (voters, [1] * voters)


# Frozen


def test_ranks_and_votes_are_frozen_while_titles_go_on(session: Session, world: World, ranked: list[Idea]) -> None:
    told = publish(world)
    (digest,) = digests(world)
    ranked[0].title = "Un titre corrigé"
    ranked[3].supporters = ranked[4].supporters = 40
    moderation.set_status(session, world.nadia, 2, Status.RETAINED, world.later(hours=1))
    session.flush()
    frozen = digesting.posted_contents(session, digest.id or 0)
    assert named(frozen) == named(told)
    assert frozen.shortlist[0].idea.title == "Un titre corrigé"
    assert (frozen.since, frozen.until, frozen.proposed, frozen.voters) == (told.since, told.until, 6, 3)
    assert frozen.decisions == ()


def test_an_idea_withdrawn_after_its_late_chance_keeps_its_place_in_the_frozen_digest(
    session: Session, world: World, ranked: list[Idea]
) -> None:
    told = publish(world)
    submission.withdraw(session, world.camille, 6, world.later(hours=1))
    (digest,) = digests(world)
    assert named(digesting.posted_contents(session, digest.id or 0)) == named(told)
