"""Somebody else's words: whose word counts, and that the first one stands."""

import pytest
from sqlmodel import Session

from bot.domain.draft import Draft
from bot.errors import NotPermitted
from bot.usecases import consent
from bot.usecases.consent import Consent
from storage import ideas
from tests.usecases.builders import NOW, World

KEY = "consent:r1"


@pytest.fixture
def asked(session: Session, world: World) -> World:
    """Sam has asked Camille."""
    consent.ask(session, world.sam, "camille", Draft("Des vélos"), "r1", NOW)
    return world


def state(world: World) -> str:
    """How the request stands."""
    return str(world.outbox()[KEY].subject["state"])


def proposed(world: World) -> list[tuple[str, str]]:
    """Every idea's author and title."""
    return [(idea.author_id, idea.title) for idea in ideas.after(world.session, world.workspace_id, 0, 9)]


def test_an_idea_is_made_in_the_asker_s_name_once_its_author_agrees(session: Session, asked: World) -> None:
    for agrees in (True, True, False):
        consent.answer(session, asked.camille, KEY, NOW, agrees=agrees)
    assert (state(asked), proposed(asked)) == (Consent.GIVEN, [("sam", "Des vélos")])


def test_nobody_else_answers_and_nothing_but_a_request_is_answered(
    session: Session, asked: World, elsewhere: World
) -> None:
    asked.publish()  # of which Camille has a notice
    notice = "notice:1:approved_notice:camille"
    assert asked.outbox()[notice].member_id == "camille"
    attempts = [(asked.sam, KEY), (elsewhere.camille, KEY), (asked.camille, "consent:r2"), (asked.camille, notice)]
    for caller, key in attempts:
        with pytest.raises(NotPermitted):
            consent.answer(session, caller, key, NOW, agrees=True)
    assert state(asked) == Consent.OPEN


@pytest.mark.parametrize("agrees", [True, False])
def test_an_answer_stands_although_the_request_can_t_be_shown_any_more(
    session: Session, asked: World, *, agrees: bool
) -> None:
    consent.answer(session, asked.camille, KEY, NOW, agrees=agrees)
    consent.close_unasked(session, asked.workspace_id, KEY, NOW)
    assert state(asked) == (Consent.GIVEN if agrees else Consent.REFUSED)
