"""The moderators' part: one decides, once, with a reason where the answer is no."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session

from bot.domain.permissions import Caller
from bot.errors import IdeaNotFound, InvalidInput, NotPermitted, WrongStatus
from bot.usecases import digesting, moderation
from storage.tables import Status, Step, present
from tests.usecases.builders import NOW, SIZES, WEEKLY, World

Act = Callable[[Session, Caller, int], object]
WAIT = timedelta(days=3)

MODERATORS_ACTS: dict[str, Act] = {
    "approve": lambda session, caller, number: moderation.approve(session, caller, number, NOW),
    "refuse": lambda session, caller, number: moderation.refuse(session, caller, number, "Non", NOW),
    "ask": lambda session, caller, number: moderation.ask(session, caller, number, "Qui ?", NOW),
}
each_act = pytest.mark.parametrize("act", MODERATORS_ACTS.values(), ids=MODERATORS_ACTS.keys())


def test_an_approved_idea_is_published_and_its_author_told(session: Session, world: World) -> None:
    idea = world.propose()
    decided = moderation.approve(session, world.nadia, idea.number, world.later(hours=2))
    assert (decided.idea, decided.step) == (idea, Step.APPROVED)
    assert (idea.status, idea.decided_by) == (Status.PUBLISHED, "nadia")
    assert idea.published_at == idea.changed_at == world.now
    assert world.steps(idea)[-1] == ("approved", "nadia", "")
    rows = world.outbox()
    assert list(rows) == ["card:1:review", "card:1:ideas", "notice:1:approved_notice:camille"]
    assert (rows["card:1:ideas"].view, rows["card:1:ideas"].channel) == ("idea_card", "ideas")
    assert rows["notice:1:approved_notice:camille"].member_id == "camille"


def test_a_refused_idea_keeps_its_reason_and_never_leaves_the_review_channel(session: Session, world: World) -> None:
    idea = world.propose()
    decided = moderation.refuse(session, world.nadia, idea.number, "  Déjà fait \n", NOW)
    assert decided.step is Step.REFUSED
    assert (idea.status, idea.decided_by, idea.reason) == (Status.REFUSED, "nadia", "Déjà fait")
    assert world.steps(idea)[-1] == ("refused", "nadia", "Déjà fait")
    assert {(row.view, row.channel, row.member_id) for row in world.outbox().values()} == {
        ("review_card", "review", None),
        ("refused_notice", None, "camille"),
    }


def test_each_refusal_of_one_idea_is_told(session: Session, world: World) -> None:
    idea = world.refuse()
    idea.status = Status.PENDING
    moderation.refuse(session, world.ines, idea.number, "Toujours pas", world.later(days=1))
    assert sum(row.view == "refused_notice" for row in world.outbox().values()) == 2


def test_a_question_reaches_the_author_and_leaves_the_idea_pending(session: Session, world: World) -> None:
    idea = world.propose()
    decided = moderation.ask(session, world.nadia, idea.number, "Pour qui ?", NOW)
    assert decided.step is Step.QUESTIONED
    assert (idea.status, idea.question, idea.asked_by) == (Status.PENDING, "Pour qui ?", "nadia")
    assert world.steps(idea)[-1] == ("questioned", "nadia", "Pour qui ?")
    assert world.wanted()["card:1:review"] == 2
    assert [row.member_id for row in world.outbox().values() if row.view == "question_notice"] == ["camille"]


def test_a_decision_closes_the_question(session: Session, world: World) -> None:
    idea = world.propose()
    moderation.ask(session, world.nadia, idea.number, "Pour qui ?", NOW)
    moderation.approve(session, world.ines, idea.number, NOW)
    assert (idea.question, idea.asked_by) == (None, None)


@pytest.mark.parametrize("words", ["", "  \n", "\u200b"])
def test_a_refusal_needs_a_reason_and_a_question_its_words(session: Session, world: World, words: str) -> None:
    idea = world.propose()
    with pytest.raises(InvalidInput) as unreasoned:
        moderation.refuse(session, world.nadia, idea.number, words, NOW)
    assert (unreasoned.value.field, unreasoned.value.problem) == ("reason", "required")
    with pytest.raises(InvalidInput) as unasked:
        moderation.ask(session, world.nadia, idea.number, words, NOW)
    assert (unasked.value.field, unasked.value.problem) == ("question", "required")
    assert idea.status is Status.PENDING


def test_a_reason_ends_its_lines_as_all_texts_do(session: Session, world: World) -> None:
    idea = world.propose()
    moderation.refuse(session, world.nadia, idea.number, " Déjà fait,\r\nen mars.\r\n", NOW)
    assert idea.reason == "Déjà fait,\nen mars."


def test_a_reason_has_a_limit(session: Session, world: World) -> None:
    idea = world.propose()
    with pytest.raises(InvalidInput) as refused:
        moderation.refuse(session, world.nadia, idea.number, "x" * 3001, NOW)
    error = refused.value
    assert (error.problem, error.limit, error.length) == ("too_long", 3000, 3001)
    moderation.refuse(session, world.nadia, idea.number, "x" * 3000, NOW)


@each_act
def test_what_moderators_do_is_refused_to_members_the_author_included(session: Session, world: World, act: Act) -> None:
    idea = world.propose()
    before = world.wanted()
    for caller in (world.camille, world.sam):
        with pytest.raises(NotPermitted) as refused:
            act(session, caller, idea.number)
        assert refused.value.needs == "moderator"
    with pytest.raises(NotPermitted):
        act(session, world.sam, 99)  # the answer betrays nothing
    assert (idea.status, world.wanted()) == (Status.PENDING, before)


@each_act
def test_of_two_moderators_the_first_wins_and_the_second_is_told_who_it_was(
    session: Session, world: World, act: Act
) -> None:
    for decide, status in ((world.publish, Status.PUBLISHED), (world.refuse, Status.REFUSED)):
        idea = decide()
        before = (world.wanted(), world.steps(idea))
        with pytest.raises(WrongStatus) as refused:
            act(session, world.ines, idea.number)
        assert (refused.value.status, refused.value.by) == (status, "nadia")
        assert (world.wanted(), world.steps(idea)) == before


@each_act
def test_there_is_nothing_to_decide_for_an_unknown_number(session: Session, world: World, act: Act) -> None:
    with pytest.raises(IdeaNotFound):
        act(session, world.nadia, 99)


# How far an idea has come


def test_an_idea_goes_its_way_from_shortlist_to_delivery(session: Session, world: World) -> None:
    idea = world.publish()
    for status in (Status.SHORTLISTED, Status.RETAINED, Status.IN_PROGRESS, Status.DELIVERED):
        decided = moderation.set_status(session, world.nadia, idea.number, status, world.later(days=1))
        assert decided.step is Step.STATUS_SET
        assert (idea.status, idea.decided_by, idea.changed_at) == (status, "nadia", world.now)
        assert world.steps(idea)[-1] == ("status_set", "nadia", status.value)
    notices = [row for row in world.outbox().values() if row.view == "status_notice"]
    assert [row.subject["occasion"].partition("@")[0] for row in notices] == [
        "shortlisted",
        "retained",
        "in_progress",
        "delivered",
    ]
    assert {row.member_id for row in notices} == {"camille"}
    assert world.wanted()["card:1:ideas"] == 5


def test_a_status_that_does_not_follow_is_refused(session: Session, world: World) -> None:
    idea = world.publish()
    with pytest.raises(WrongStatus) as refused:
        moderation.set_status(session, world.nadia, idea.number, Status.DELIVERED, NOW)
    assert refused.value.action == "set_status"
    assert idea.status is Status.PUBLISHED


def test_a_slip_is_taken_back(session: Session, world: World) -> None:
    """What a moderator shortlisted by hand returns to the votes, and what was called delivered goes on."""
    idea = world.publish()
    for status in (Status.SHORTLISTED, Status.PUBLISHED):
        moderation.set_status(session, world.nadia, idea.number, status, world.later(hours=1))
    world.support(idea, "sam")
    session.refresh(idea)
    assert (idea.status, idea.supporters) == (Status.PUBLISHED, 1)
    for status in (Status.SHORTLISTED, Status.RETAINED, Status.DELIVERED, Status.IN_PROGRESS):
        moderation.set_status(session, world.nadia, idea.number, status, world.later(hours=1))
    assert idea.status is Status.IN_PROGRESS


def test_what_a_digest_has_shortlisted_does_not_return_to_the_votes(session: Session, world: World) -> None:
    """The shortlist is frozen: whoever voted for it is owed an answer."""
    idea = world.publish()
    world.support(idea, "sam")
    digesting.publish(session, world.workspace_id, WEEKLY.coming(world.now), SIZES, world.now)
    with pytest.raises(WrongStatus):
        moderation.set_status(session, world.nadia, idea.number, Status.PUBLISHED, world.later(hours=1))
    assert idea.status is Status.SHORTLISTED


def test_members_set_no_status(session: Session, world: World) -> None:
    idea = world.in_status(Status.SHORTLISTED)
    with pytest.raises(NotPermitted):
        moderation.set_status(session, world.camille, idea.number, Status.RETAINED, NOW)
    with pytest.raises(IdeaNotFound):
        moderation.set_status(session, world.nadia, 99, Status.RETAINED, NOW)
    assert idea.status is Status.SHORTLISTED


# Reminders


def test_an_idea_that_waits_too_long_is_brought_up_again(session: Session, world: World) -> None:
    idea = world.propose()
    assert moderation.overdue(session, world.workspace_id, WAIT, world.later(days=3, seconds=-1)) == []
    assert moderation.remind(session, world.workspace_id, WAIT, "d1", world.now) == []
    assert "reminder:d1" not in world.outbox()
    assert moderation.remind(session, world.workspace_id, WAIT, "d1", world.later(seconds=1)) == [idea]
    assert world.outbox()["reminder:d1"].channel == "review"


def test_a_day_has_one_reminder(session: Session, world: World) -> None:
    world.propose()
    moderation.remind(session, world.workspace_id, WAIT, "d1", world.later(days=4))
    world.propose()
    world.session.flush()
    moderation.remind(session, world.workspace_id, timedelta(0), "d1", world.now)
    assert world.wanted()["reminder:d1"] == 1


def test_of_many_that_wait_all_are_brought_up_one_day_after_the_other(session: Session, world: World) -> None:
    many = [world.propose() for _ in range(moderation.REMINDED_AT_ONCE + 5)]
    world.later(days=4)
    first = moderation.remind(session, world.workspace_id, WAIT, "d1", world.now)
    assert moderation.remind(session, world.workspace_id, WAIT, "d1", world.now) == [], "the day has its own"
    assert all(idea.reminded_at is None for idea in many[len(first) :])
    second = moderation.remind(session, world.workspace_id, WAIT, "d2", world.later(days=1))
    assert [idea.number for idea in (*first, *second)] == [idea.number for idea in many]
    assert world.outbox()["reminder:d2"].subject == {"ideas": [present(idea.id) for idea in second]}


def test_a_reminder_names_who_has_waited_longest_for_one_so_that_a_long_queue_has_all_its_turns(
    session: Session, world: World
) -> None:
    """By the time that the last are due for the first time, the first are due again."""
    wait, days = timedelta(days=1), 3
    many = [world.propose() for _ in range(days * moderation.REMINDED_AT_ONCE)]
    for turn in range(2):
        named: list[int] = []
        for day in range(days):
            brought_up = moderation.remind(session, world.workspace_id, wait, f"d{turn}{day}", world.later(days=1))
            named += [idea.number for idea in brought_up]
        assert named == [idea.number for idea in many]


def test_what_was_brought_up_is_not_brought_up_again_before_another_wait(session: Session, world: World) -> None:
    idea = world.propose()
    moderation.remind(session, world.workspace_id, WAIT, "d1", world.later(days=4))
    assert moderation.remind(session, world.workspace_id, WAIT, "d2", world.later(days=1)) == []
    assert moderation.remind(session, world.workspace_id, WAIT, "d4", world.later(days=2)) == [idea]
    assert sorted(key for key in world.outbox() if key.startswith("reminder")) == ["reminder:d1", "reminder:d4"]


def test_a_clock_that_was_ahead_for_a_while_holds_no_reminder_up(session: Session, world: World) -> None:
    """What it wrote lies far in the future; what was brought up today already is not again."""
    idea = world.propose()
    today = world.later(days=4)
    moderation.remind(session, world.workspace_id, WAIT, "d90", today + timedelta(days=86))
    assert moderation.remind(session, world.workspace_id, WAIT, "d4", today) == [idea]
    assert idea.reminded_at == today
    assert moderation.remind(session, world.workspace_id, WAIT, "d6", world.later(days=2)) == []


def test_an_idea_that_was_just_changed_waits_anew(session: Session, world: World) -> None:
    idea = world.propose()
    world.later(days=2)
    moderation.ask(session, world.nadia, idea.number, "Pour qui ?", world.now)
    assert moderation.overdue(session, world.workspace_id, WAIT, world.later(days=2)) == []
    assert moderation.overdue(session, world.workspace_id, WAIT, world.later(days=1)) == [idea]


def test_an_idea_that_was_changed_since_it_was_brought_up_waits_anew(session: Session, world: World) -> None:
    """Its author is thinking about a question: the moderators have done their part."""
    idea = world.propose()
    moderation.remind(session, world.workspace_id, WAIT, "d3", world.later(days=3))
    moderation.ask(session, world.nadia, idea.number, "Pour qui ?", world.later(days=2))
    assert moderation.overdue(session, world.workspace_id, WAIT, world.later(days=2)) == []
    assert moderation.overdue(session, world.workspace_id, WAIT, world.later(days=1)) == [idea]


def test_what_a_clock_that_was_ahead_has_changed_waits_since_it_was_brought_up(session: Session, world: World) -> None:
    idea = world.propose()
    moderation.remind(session, world.workspace_id, WAIT, "d3", world.later(days=3))
    moderation.ask(session, world.nadia, idea.number, "Pour qui ?", world.now + timedelta(days=90))
    assert moderation.overdue(session, world.workspace_id, WAIT, world.later(days=2)) == []
    assert moderation.overdue(session, world.workspace_id, WAIT, world.later(days=1)) == [idea]


def test_decided_ideas_and_those_of_other_workspaces_are_not_overdue(
    session: Session, world: World, elsewhere: World
) -> None:
    world.publish()
    world.refuse()
    elsewhere.propose()
    assert moderation.overdue(session, world.workspace_id, WAIT, world.later(days=30)) == []
