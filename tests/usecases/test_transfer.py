"""Ideas out of Butine and into it: whole, once, and nothing that they should not bring along."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import Session

from bot.domain.draft import Draft
from bot.errors import InvalidInput
from bot.usecases import digesting, moderation, reading, submission, transfer, voting
from bot.usecases.transfer import BroughtIn, IdeaRecord, Retitled
from storage import workspaces
from storage.tables import Idea, Status
from tests.usecases.builders import NOW, SIZES, VOTING, WEEKLY, World

THEN = datetime(2019, 3, 4, 10, 30, tzinfo=UTC)


def bring_in(world: World, *records: Mapping[str, Any]) -> list[Idea]:
    """Import, as from JSON."""
    parsed = [IdeaRecord.model_validate(record) for record in records]
    return transfer.bring_in(world.session, world.workspace_id, parsed, VOTING, world.now).added


def export(world: World) -> list[Mapping[str, Any]]:
    """Everything, as for JSON."""
    return list(transfer.export(world.session, world.workspace_id, VOTING))


def test_an_import_of_an_export_is_the_same_under_new_numbers(world: World, elsewhere: World, session: Session) -> None:
    world.propose()
    submission.edit(
        session, world.camille, 1, Draft("Titre", "Besoin", "Ligne 1\nLigne 2", "Gain"), world.later(hours=1)
    )
    world.refuse("Déjà fait")
    idea = world.publish()
    world.support(idea, "sam", "ines")
    moderation.set_status(session, world.nadia, world.in_status(Status.SHORTLISTED).number, Status.RETAINED, world.now)
    moderation.set_status(session, world.nadia, world.publish().number, Status.SHORTLISTED, world.now)
    elsewhere.propose("Déjà là", elsewhere.sam)

    before = export(world)
    brought = bring_in(elsewhere, *before)
    assert [each.number for each in brought] == [2, 3, 4, 5, 6]
    after = [record for record in export(elsewhere) if record["title"] != "Déjà là"]
    assert [{**record, "number": record["number"] - 1} for record in after] == before


def test_what_is_here_already_is_left_alone(world: World, elsewhere: World) -> None:
    world.publish()
    records = export(world)
    assert len(bring_in(elsewhere, *records, *records)) == 1
    assert bring_in(elsewhere, *records) == []
    assert bring_in(world, *records) == []


def test_an_idea_whose_title_was_corrected_is_known_by_its_author_and_time_of_submission(world: World) -> None:
    """Here, or in the file; which of its titles is the right one, the operator is told."""
    for hour in range(2):
        world.later(hours=hour)
        world.propose(f"Idée {hour + 1}")
    records = [IdeaRecord.model_validate(record) for record in export(world)]
    submission.edit(world.session, world.camille, 1, Draft("Corrigée ici"), world.now)
    records[1].title = " Corrigée là "
    brought = transfer.bring_in(world.session, world.workspace_id, records, VOTING, world.now)
    assert brought.added == []
    assert brought.retitled == [Retitled("Idée 1", 1, "Corrigée ici"), Retitled("Corrigée là", 2, "Idée 2")]


def test_a_microsecond_or_the_author_makes_another_idea(world: World) -> None:
    record = {"title": "A", "author": "old-1", "submitted_at": THEN}
    later = {**record, "submitted_at": THEN + timedelta(microseconds=1)}
    assert len(bring_in(world, record, later, {**record, "author": "old-2"})) == 3


def test_where_ideas_share_author_and_time_the_title_tells_them_apart(world: World) -> None:
    """As in a list that has only days: none of them may be lost, in whatever parts and however often they come."""
    first, second, third = ({"title": title, "author": "old-1", "submitted_at": THEN} for title in "ABC")
    assert len(bring_in(world, first, second)) == 2, "they share it in the file"
    assert len(bring_in(world, third)) == 1, "those that are here share it"
    assert bring_in(world, third, first, second, first) == []


def test_of_a_file_that_comes_in_parts_none_is_lost(world: World) -> None:
    records = [IdeaRecord.model_validate({"title": title, "author": "old-1", "submitted_at": THEN}) for title in "ABAC"]
    shared = transfer.shared_moments(records)
    for part, number in zip((records[:1], records[1:2], records[2:]), (1, 1, 1), strict=True):
        brought = transfer.bring_in(world.session, world.workspace_id, part, VOTING, world.now, shared)
        assert (len(brought.added), brought.retitled) == (number, [])


def test_one_that_is_taken_for_another_at_the_same_time_is_not_left_out_silently(world: World) -> None:
    """A new idea and a corrected title look the same here."""
    record = {"title": "A", "author": "old-1", "submitted_at": THEN}
    bring_in(world, record)
    other = IdeaRecord.model_validate({**record, "title": "B"})
    brought = transfer.bring_in(world.session, world.workspace_id, [other], VOTING, world.now)
    assert brought == BroughtIn([], [Retitled("B", 1, "A")])


def test_title_and_author_are_enough(world: World) -> None:
    (idea,) = bring_in(world, {"title": "  Des vélos ", "author": "old-1"})
    assert (idea.title, idea.author_id, idea.status, idea.submitted_at) == ("Des vélos", "old-1", Status.PENDING, NOW)
    assert world.steps(idea) == [("submitted", "old-1", "")]
    assert bring_in(world, {"title": "Des vélos", "author": "old-1"}) == []


def test_an_authors_name_is_kept_and_does_not_replace_what_chat_told(world: World, session: Session) -> None:
    bring_in(world, {"title": "A", "author": "old-1", "author_name": "Odile Vieux"})
    bring_in(world, {"title": "B", "author": "sam", "author_name": "S. Smith (parti)"})
    assert workspaces.names(session, world.workspace_id, ["old-1", "sam"]) == {
        "old-1": "Odile Vieux",
        "sam": "Sam Smith",
    }
    assert workspaces.locale_of(session, world.workspace_id, "sam") == "en"


def test_a_pending_idea_goes_to_the_moderators_and_a_public_one_to_its_channel(world: World) -> None:
    bring_in(
        world,
        {"title": "A", "author": "old-1"},
        {"title": "B", "author": "old-1", "status": "published"},
        {"title": "C", "author": "old-1", "status": "refused", "reason": "Non"},
        {"title": "D", "author": "old-1", "status": "delivered", "published_at": THEN.isoformat()},
        {"title": "E", "author": "old-1", "status": "withdrawn"},
    )
    assert list(world.outbox()) == ["card:1:review", "card:2:ideas", "card:4:ideas"]
    exported = {record["title"]: record["published_at"] for record in export(world)}
    assert exported["D"] == "2019-03-04T10:30:00Z"
    assert exported["B"] is not None
    assert exported["A"] is exported["C"] is exported["E"] is None


def test_supporters_come_along_once_each_without_the_author_and_can_take_their_vote_back(world: World) -> None:
    (idea,) = bring_in(
        world,
        {"title": "B", "author": "camille", "status": "published", "supporters": ["sam", "sam", "ines", "camille"]},
    )
    assert idea.supporters == 2
    assert voting.supporters_of(world.session, idea, VOTING) == ["ines", "sam"]
    voting.cast(world.session, world.sam, idea.number, VOTING, world.later(minutes=1), is_present=False)
    assert idea.supporters == 1


def test_supporters_from_elsewhere_are_not_this_week_s_voters(world: World, session: Session) -> None:
    record = {"title": "Ancienne", "author": "ines", "status": "published", "supporters": ["sam", "nadia"]}
    (idea,) = bring_in(world, {**record, "submitted_at": THEN, "published_at": THEN + timedelta(days=2)})
    bring_in(world, {**record, "title": "Non datée à la publication", "submitted_at": THEN})
    now = world.later(days=1)
    assert digesting.preview(session, world.workspace_id, WEEKLY.coming(now), SIZES, now).voters == 0
    voting.cast(session, world.camille, idea.number, VOTING, now, is_present=True)
    now = world.later(days=1)
    assert digesting.preview(session, world.workspace_id, WEEKLY.coming(now), SIZES, now).voters == 1


def test_an_idea_that_is_not_public_has_no_supporters(world: World) -> None:
    (idea,) = bring_in(world, {"title": "B", "author": "camille", "supporters": ["sam"]})
    assert idea.supporters == 0


def test_an_imported_idea_can_be_found_and_shown(world: World, session: Session) -> None:
    history = [
        {"at": THEN.isoformat(), "member": "old-1", "step": "submitted"},
        {"at": (THEN + timedelta(days=1)).isoformat(), "member": None, "step": "status_set", "detail": "retained"},
    ]
    (idea,) = bring_in(
        world, {"title": "Une ruche", "author": "old-1", "status": "retained", "history": history, "number": 77}
    )
    assert reading.find(session, world.sam, "ruches", "").ideas == (idea,)
    assert [line.at for line in reading.show(session, world.sam, 1).history] == [THEN, THEN + timedelta(days=1)]


@pytest.mark.parametrize(
    "record",
    [
        {"title": "A"},
        {"author": "x"},
        {"title": "A", "author": "x", "colour": "red"},
        {"title": "A", "author": "x", "status": "merged-with-nothing"},
        {"title": "A", "author": "x", "submitted_at": "2019-03-04T10:30:00"},
        {"title": "A", "author": "x", "submitted_at": "9999-12-31T23:59:59-05:00"},
        {"title": "A", "author": "x", "published_at": "0001-01-01T00:00:00+05:00"},
        {"title": "A", "author": "x", "history": [{"at": "9999-12-31T23:59:59-05:00", "step": "submitted"}]},
        {"title": "A", "author": "x", "history": [{"at": "2019-03-04T10:30:00Z", "step": "unknown"}]},
        {"title": "A", "author": "x", "history": [{"at": "2019-03-04T10:30:00Z", "step": "status_set"}]},
        {"title": "A", "author": "x", "history": [{"at": "2019-03-04T10:30:00Z", "step": "status_set", "detail": "?"}]},
        {
            "title": "A",
            "author": "x",
            "history": [{"at": "2019-03-04T10:30:00Z", "step": "submitted", "colour": "red"}],
        },
    ],
)
def test_a_record_that_could_not_be_kept_or_shown_is_refused(record: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        IdeaRecord.model_validate(record)


@pytest.mark.parametrize("record", [{"title": "x" * 121, "author": "x"}, {"title": " ", "author": "x"}])
def test_a_text_that_no_form_would_take_is_refused(world: World, record: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        bring_in(world, record)


def test_an_export_is_in_order_and_of_one_workspace(world: World, elsewhere: World) -> None:
    elsewhere.propose("Ailleurs")
    for _ in range(3):
        world.propose()
    assert [record["number"] for record in export(world)] == [1, 2, 3]
    assert export(World.new(world.session, "T3")) == []


def test_a_shortlisted_idea_whose_history_does_not_say_since_when_waits_from_its_import_on(
    session: Session, world: World
) -> None:
    """Another status that was set is no shortlisting."""
    history = [{"at": THEN.isoformat(), "member": "nadia", "step": "status_set", "detail": "published"}]
    bring_in(world, {"title": "A", "author": "old-1", "status": "shortlisted", "history": history})
    world.later(days=1)
    waiting = digesting.preview(session, world.workspace_id, WEEKLY.latest(world.now), SIZES, world.now).waiting
    assert [(idea.title, since) for idea, since in waiting] == [("A", NOW)]
