"""The author's part: propose, complete, propose again, take back."""

import pytest
from sqlmodel import Session

from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.errors import IdeaNotFound, InvalidInput, NotPermitted, WrongStatus
from bot.usecases import moderation, submission
from storage.tables import Status
from tests.usecases.builders import NOW, World

FULL = Draft("Des vélos", "Trop de voitures", "Dix vélos", "Moins de bruit")


def test_a_proposed_idea_waits_under_the_next_number_with_its_text(session: Session, world: World) -> None:
    submitted = submission.submit(session, world.camille, FULL, NOW).idea
    second = submission.submit(session, world.sam, Draft("Un vestiaire"), NOW).idea
    assert (submitted.number, submitted.title, second.number) == (1, "Des vélos", 2)
    first = world.idea(1)
    assert (first.title, first.need, first.proposal, first.benefit) == (
        "Des vélos",
        "Trop de voitures",
        "Dix vélos",
        "Moins de bruit",
    )
    assert (first.author_id, first.status, first.supporters) == ("camille", Status.PENDING, 0)
    assert first.submitted_at == first.changed_at == NOW
    assert first.published_at is None
    assert world.steps(first) == [("submitted", "camille", "")]


def test_each_workspace_numbers_its_own_ideas(world: World, elsewhere: World) -> None:
    assert [world.propose().number, elsewhere.propose().number, world.propose().number] == [1, 1, 2]


def test_before_publication_only_the_review_channel_is_told(world: World) -> None:
    world.propose()
    (item,) = world.outbox().values()
    assert (item.key, item.view, item.channel, item.member_id) == ("card:1:review", "review_card", "review", None)


def test_an_idea_that_can_t_be_taken_leaves_nothing(session: Session, world: World) -> None:
    for draft in (Draft(" "), Draft("x" * 121), Draft("x", need="x" * 3001)):
        with pytest.raises(InvalidInput):
            submission.submit(session, world.camille, draft, NOW)
    assert world.outbox() == {}
    assert world.propose().number == 1


def test_similar_ideas_are_named_if_they_are_open_to_votes(session: Session, world: World, elsewhere: World) -> None:
    alike = world.publish("Des vélos partagés pour les visites à domicile", world.sam)
    world.propose("Des vélos partagés pour les visites")  # pending: nobody else may know of it
    world.publish("Un distributeur de soupe")
    elsewhere.publish("Des vélos partagés pour les visites à domicile")
    done = submission.submit(session, world.camille, Draft("Vélo partagé pour une visite à domicile"), NOW)
    assert [idea.number for idea in done.similar] == [alike.number]


def test_at_most_three_similar_ideas_are_named(session: Session, world: World) -> None:
    for _ in range(5):
        world.publish("Des vélos partagés pour les visites à domicile", world.sam)
    done = submission.submit(session, world.camille, Draft("Des vélos partagés pour les visites à domicile"), NOW)
    assert len(done.similar) == 3


def test_ones_own_similar_ideas_are_named_only_where_one_may_support_them(session: Session, world: World) -> None:
    """However many they are, those of others are still named."""
    title = "Des vélos partagés pour les visites à domicile"
    others = [world.publish(title, world.sam) for _ in range(2)]
    own = [world.publish(title) for _ in range(20)]
    done = submission.submit(session, world.camille, Draft(title), NOW)
    assert [idea.number for idea in done.similar] == [idea.number for idea in reversed(others)]
    done = submission.submit(session, world.camille, Draft(title), NOW, may_support_own=True)
    assert [idea.number for idea in done.similar] == [idea.number for idea in own[:-4:-1]]


# Editing


def test_a_pending_idea_is_completed_in_place(session: Session, world: World) -> None:
    idea = world.propose()
    edited = submission.edit(session, world.camille, idea.number, FULL, world.later(hours=1))
    assert not edited.is_resubmitted
    assert (idea.title, idea.need, idea.proposal, idea.benefit) == tuple(
        getattr(FULL, name) for name in ("title", "need", "proposal", "benefit")
    )
    assert (idea.status, idea.changed_at, idea.submitted_at) == (Status.PENDING, world.now, NOW)
    assert world.steps(idea)[-1] == ("edited", "camille", "")
    assert world.wanted() == {"card:1:review": 2}


def test_a_refused_idea_that_is_edited_waits_again(session: Session, world: World) -> None:
    idea = world.refuse()
    edited = submission.edit(session, world.camille, idea.number, FULL, world.later(hours=1))
    assert edited.is_resubmitted
    assert (idea.status, idea.reason, idea.decided_by, idea.reminded_at) == (Status.PENDING, None, None, None)
    assert world.steps(idea)[-1] == ("resubmitted", "camille", "")
    moderation.approve(session, world.ines, idea.number, world.later(hours=1))
    assert idea.status is Status.PUBLISHED


def test_editing_answers_the_moderators_question(session: Session, world: World) -> None:
    idea = world.propose()
    moderation.ask(session, world.nadia, idea.number, "Pour qui ?", NOW)
    submission.edit(session, world.camille, idea.number, FULL, NOW)
    assert (idea.question, idea.asked_by) == (None, None)


def new_texts(world: World) -> list[tuple[str | None, str]]:
    """What the review channel is told beside its cards, in order: where, and after which step."""
    return [(row.channel, row.subject["step"]) for row in world.outbox().values() if row.view == "new_text"]


def test_moderators_are_told_of_each_new_text_that_they_asked_for(session: Session, world: World) -> None:
    """Their card is but edited, far up the channel, which nobody is told of."""
    idea = world.refuse()
    submission.edit(session, world.camille, idea.number, FULL, world.later(hours=1))
    assert new_texts(world) == [("review", "resubmitted")]
    moderation.ask(session, world.nadia, idea.number, "Pour qui ?", world.later(hours=1))
    submission.edit(session, world.camille, idea.number, FULL, world.later(hours=1))
    moderation.refuse(session, world.nadia, idea.number, "Non", world.later(hours=1))
    submission.edit(session, world.camille, idea.number, FULL, world.later(hours=1))
    assert [step for _, step in new_texts(world)] == ["resubmitted", "edited", "resubmitted"]


def test_and_of_none_that_they_did_not_ask_for(session: Session, world: World) -> None:
    idea = world.propose()
    submission.edit(session, world.camille, idea.number, FULL, world.later(hours=1))
    submission.withdraw(session, world.camille, idea.number, world.later(hours=1))
    assert new_texts(world) == []


def test_an_edited_idea_is_found_by_its_new_words(session: Session, world: World) -> None:
    idea = world.publish("Une tisanerie", world.sam)
    pending = world.propose("Une trottinette")
    submission.edit(session, world.camille, pending.number, Draft("Une grande tisanerie"), NOW)
    moderation.approve(session, world.nadia, pending.number, NOW)
    found = submission.submit(session, world.ines, Draft("La tisanerie"), NOW).similar
    assert {each.number for each in found} == {idea.number, pending.number}
    assert submission.submit(session, world.ines, Draft("La trottinette"), NOW).similar == ()


def test_an_edit_that_can_t_be_taken_changes_nothing(session: Session, world: World) -> None:
    idea = world.refuse()
    with pytest.raises(InvalidInput):
        submission.edit(session, world.camille, idea.number, Draft(""), NOW)
    assert (idea.status, idea.reason) == (Status.REFUSED, "Déjà fait")


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING, Status.REFUSED}))
def test_a_text_that_people_vote_on_or_that_is_gone_is_not_edited(
    session: Session, world: World, status: Status
) -> None:
    idea = world.in_status(status)
    with pytest.raises(WrongStatus) as refused:
        submission.edit(session, world.camille, idea.number, FULL, NOW)
    assert (refused.value.number, refused.value.status, refused.value.action) == (1, status, "edit")
    with pytest.raises(WrongStatus):
        submission.editable_idea(session, world.camille, idea.number)


def test_an_editable_idea_is_the_idea_itself(session: Session, world: World) -> None:
    idea = world.propose()
    assert submission.editable_idea(session, world.camille, idea.number) is idea


# Withdrawing


def test_a_pending_idea_is_withdrawn_without_a_word_in_the_ideas_channel(session: Session, world: World) -> None:
    idea = world.propose()
    submission.withdraw(session, world.camille, idea.number, world.later(hours=1))
    assert (idea.status, idea.changed_at) == (Status.WITHDRAWN, world.now)
    assert world.wanted() == {"card:1:review": 2}
    assert world.steps(idea)[-1] == ("withdrawn", "camille", "")


def test_a_refused_idea_can_be_withdrawn(session: Session, world: World) -> None:
    idea = world.refuse()
    submission.withdraw(session, world.camille, idea.number, NOW)
    assert idea.status is Status.WITHDRAWN


def test_a_second_click_within_a_minute_proposes_nothing(session: Session, world: World) -> None:
    def click(text: str = "Des vélos", by: Caller = world.camille) -> int:
        return submission.submit_once(session, by, Draft(text), world.now).idea.number

    assert [click(), click("  Des vélos \n"), click(by=world.sam), click("Des motos")] == [1, 1, 2, 3]
    world.later(seconds=59)
    assert click("Des motos") == 3
    world.later(seconds=1)
    assert click("Des motos") == 4
    moderation.refuse(session, world.nadia, 4, "Non", world.now)
    assert click("Des motos") == 5


def test_who_comes_too_late_is_not_told_that_a_moderator_withdrew_it(session: Session, world: World) -> None:
    idea = world.publish()
    submission.withdraw(session, world.camille, idea.number, NOW)
    with pytest.raises(WrongStatus) as refused:
        moderation.refuse(session, world.ines, idea.number, "Non", NOW)
    assert (refused.value.status, refused.value.by) == (Status.WITHDRAWN, None)


def test_a_published_idea_that_is_withdrawn_says_so_in_both_channels(session: Session, world: World) -> None:
    idea = world.publish()
    before = world.wanted()
    submission.withdraw(session, world.camille, idea.number, NOW)
    assert world.wanted()["card:1:review"] == before["card:1:review"] + 1
    assert world.wanted()["card:1:ideas"] == before["card:1:ideas"] + 1


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING, Status.REFUSED, Status.PUBLISHED}))
def test_what_was_shortlisted_is_no_more_withdrawn(session: Session, world: World, status: Status) -> None:
    idea = world.in_status(status)
    with pytest.raises(WrongStatus):
        submission.withdraw(session, world.camille, idea.number, NOW)
    assert idea.status is status


# Who may


def test_another_member_is_told_that_there_is_no_such_idea_until_it_is_published(
    session: Session, world: World
) -> None:
    idea = world.propose()
    for act in (
        lambda: submission.edit(session, world.sam, idea.number, FULL, NOW),
        lambda: submission.withdraw(session, world.sam, idea.number, NOW),
        lambda: submission.editable_idea(session, world.sam, idea.number),
    ):
        with pytest.raises(IdeaNotFound):
            act()
        idea.status = Status.PUBLISHED
        with pytest.raises(NotPermitted) as refused:
            act()
        assert refused.value.needs == "author"
        idea.status = Status.PENDING
    assert idea.title != "Des vélos"


def test_moderators_do_not_act_in_the_authors_place(session: Session, world: World) -> None:
    idea = world.propose()
    with pytest.raises(NotPermitted):
        submission.withdraw(session, world.nadia, idea.number, NOW)
    with pytest.raises(NotPermitted):
        submission.edit(session, world.nadia, idea.number, FULL, NOW)


def test_an_unknown_number_is_not_found_nor_one_of_another_workspace(
    session: Session, world: World, elsewhere: World
) -> None:
    elsewhere.propose()
    with pytest.raises(IdeaNotFound) as unknown:
        submission.withdraw(session, world.camille, 1, NOW)
    assert unknown.value.number == 1
