"""How a quickly typed text becomes an idea, and what an idea may hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.draft import TEXT_LIMIT, TITLE_LIMIT, Draft, checked, limit_of, split
from bot.errors import InvalidInput


@pytest.mark.parametrize(
    "typed, expected",
    [
        ("Des vélos partagés", Draft("Des vélos partagés")),
        ("Des vélos. Dix suffiraient.", Draft("Des vélos.", proposal="Dix suffiraient.")),
        ("Des vélos ? Oui ! Dix.", Draft("Des vélos ?", proposal="Oui ! Dix.")),
        ("Des vélos\nDix suffiraient.\nAu parking.", Draft("Des vélos", proposal="Dix suffiraient.\nAu parking.")),
        ("Des vélos. Dix.\nAu parking.", Draft("Des vélos. Dix.", proposal="Au parking.")),
        ("Des vélos\r\nDix.", Draft("Des vélos", proposal="Dix.")),
        ("Version 2.5 du logiciel", Draft("Version 2.5 du logiciel")),
        ("  Des\tvélos  \n", Draft("Des vélos")),
    ],
)
def test_the_first_line_or_sentence_is_the_title(typed: str, expected: Draft) -> None:
    assert split(typed) == expected


def test_a_long_first_line_gives_its_first_sentence() -> None:
    line = "Des vélos. " + "Dix suffiraient pour commencer. " * 5
    proposal = line.removeprefix("Des vélos. ") + "\nAu parking."
    assert split(f"{line}\nAu parking.") == Draft("Des vélos.", proposal=proposal)


def test_a_sentence_that_is_too_long_is_cut_between_words_and_kept_whole_below() -> None:
    text = "mot " * 40 + "fin"
    draft = split(text)
    assert draft.title == "mot " * 28 + "mot…"
    assert draft.proposal == text


def test_a_single_endless_word_is_cut() -> None:
    draft = split("a" * 500)
    assert draft == Draft("a" * (TITLE_LIMIT - 1) + "…", proposal="a" * 500)


def solid(text: str) -> str:
    """The text without its white space."""
    return "".join(text.split())


TYPED = st.text(alphabet=st.sampled_from("ab .!?…\n\r\t,;é👍"), max_size=400) | st.text(max_size=400)


@given(TYPED)
def test_nothing_of_the_text_is_lost(text: str) -> None:
    if not text.strip():
        with pytest.raises(InvalidInput):
            split(text)
        return
    draft = split(text)
    assert 0 < len(draft.title) <= TITLE_LIMIT
    assert solid(draft.title + draft.proposal) == solid(text) or solid(draft.proposal) == solid(text)
    assert draft.need == draft.benefit == ""
    assert draft == checked(draft)


def test_a_text_is_refused_where_it_is_longer_than_the_smallest_form_takes() -> None:
    with pytest.raises(InvalidInput) as refused:
        split("a b " * (TEXT_LIMIT // 4) + "cd")
    error = refused.value
    assert (error.field, error.problem, error.limit, error.length) == ("text", "too_long", TEXT_LIMIT, TEXT_LIMIT + 2)
    assert split("  " + "a b " * (TEXT_LIMIT // 4) + "\n" * 9).title  # outer white space is no text


def test_the_longest_text_fits() -> None:
    assert split("a" * TEXT_LIMIT).proposal == "a" * TEXT_LIMIT


@pytest.mark.parametrize("title", ["", "  ", "\n\t"])
def test_an_idea_needs_a_title(title: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(Draft(title, "need"))
    assert (refused.value.field, refused.value.problem) == ("title", "required")


@pytest.mark.parametrize("field", ["title", "need", "proposal", "benefit"])
def test_each_field_has_its_limit(field: str) -> None:
    limit = limit_of(field)
    texts = {"title": "Titre"}
    assert getattr(checked(Draft(**texts | {field: "x" * limit})), field) == "x" * limit
    with pytest.raises(InvalidInput) as refused:
        checked(Draft(**texts | {field: "x" * (limit + 1)}))
    error = refused.value
    assert (error.field, error.problem, error.limit, error.length) == (field, "too_long", limit, limit + 1)


def test_outer_white_space_goes_and_a_title_is_one_line() -> None:
    draft = checked(Draft(" Un\ntitre \t long ", " besoin\r\nde \r\n", "\n p\n\nq ", " b "))
    assert draft == Draft("Un titre long", "besoin\nde", "p\n\nq", "b")
