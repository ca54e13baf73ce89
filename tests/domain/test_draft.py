"""How a quickly typed text becomes an idea, and what an idea may hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.draft import TEXT_LIMIT, TITLE_LIMIT, Draft, checked, limit_of, shows, split
from bot.errors import InvalidInput


@pytest.mark.parametrize(
    "typed, expected",
    [
        ("Des vélos partagés", Draft("Des vélos partagés")),
        ("Des vélos. Dix suffiraient.", Draft("Des vélos", proposal="Dix suffiraient.")),
        ("Des vélos ? Oui ! Dix.", Draft("Des vélos ?", proposal="Oui ! Dix.")),
        ("Des vélos\nDix suffiraient.\nAu parking.", Draft("Des vélos", proposal="Dix suffiraient.\nAu parking.")),
        ("Des vélos. Dix.\nAu parking.", Draft("Des vélos. Dix", proposal="Au parking.")),
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
    assert split(f"{line}\nAu parking.") == Draft("Des vélos", proposal=proposal)


@pytest.mark.parametrize(
    "typed",
    [
        "M. Dupont propose un vestiaire",
        "Il faudrait que M. le Maire voie cela",
        "Voir Mme. Dupont, le Dr. Martin et St. Ouen",
        "Comme à l’art. 12 du règlement",
        "Ask Mr. Jones, e.g. Tuesday",
        "Vélos, douches, etc. pour tous",
        "Et si… on ouvrait le guichet",
        "Et si... Le samedi",
        "« Zéro papier ! » pour tous",
        "1. Un local vélo",
        "Covoiturage. Le parking est plein",
        "Bonjour. Il faudrait un local vélo",
        "Bonjour à toutes et à tous ! Il faudrait un local vélo",
        "des vélos. dix suffiraient",
    ],
)
def test_only_the_end_of_a_sentence_that_can_be_a_title_divides_a_line(typed: str) -> None:
    """Not an abbreviation's stop, a point's number, a greeting or a single word, and not where the sentence goes on."""
    assert split(typed) == Draft(typed)
    assert split(f"{typed}. Il le faut.") == Draft(typed, proposal="Il le faut.")


@pytest.mark.parametrize(
    "typed, expected",
    [
        ("Le « zéro papier ». Il le faut", Draft("Le « zéro papier »", proposal="Il le faut")),
        ("« Zéro papier ! » Il le faut", Draft("« Zéro papier ! »", proposal="Il le faut")),
        ("Des vélos. 10 suffiraient", Draft("Des vélos", proposal="10 suffiraient")),
        ("Des vélos ! « Dix » ?", Draft("Des vélos !", proposal="« Dix » ?")),
        ("Des vélos. 🚲 partout", Draft("Des vélos", proposal="🚲 partout")),
    ],
)
def test_a_sentence_ends_where_no_small_letter_follows(typed: str, expected: Draft) -> None:
    assert split(typed) == expected


@pytest.mark.parametrize(
    "greeting",
    [
        "Bonjour,",
        "Bonjour à tous",
        "Hello!",
        "Madame, Monsieur,",
        "Bonjour Madame, Monsieur,",
        "Mesdames et Messieurs,",
        "Bonjour à toutes, à tous,",
        "Monsieur le Directeur,",
        "Cher·es collègues,",
        "Dear colleagues, dear friends,",
    ],
)
def test_a_greeting_has_no_title_to_itself(greeting: str) -> None:
    assert split(f"{greeting}\n\nUn local vélo\nAu sous-sol") == Draft(
        f"{greeting} Un local vélo", proposal="Au sous-sol"
    )
    assert split(greeting).title == greeting
    assert split("Hi-vis jackets\nFor everybody") == Draft("Hi-vis jackets", proposal="For everybody")
    assert split("Monsieur Vélo\nUn atelier") == Draft("Monsieur Vélo", proposal="Un atelier")


@pytest.mark.parametrize("end", ["…", "...", " !", " ?", " etc.", " de 9 h à 17 h.", " avec M."])
def test_a_title_loses_its_full_stop_and_no_other_sign(end: str) -> None:
    assert split("Ouvrir le samedi.").title == "Ouvrir le samedi"
    assert split(f"Ouvrir le samedi{end}").title == f"Ouvrir le samedi{end}"


def test_lines_that_show_nothing_are_no_first_line() -> None:
    assert split("\u200b\n \n\u2800\nUn local vélo\nAu sous-sol") == Draft("Un local vélo", proposal="Au sous-sol")


def test_a_sentence_fits_where_it_does_without_its_full_stop() -> None:
    title = "Il " + "a" * (TITLE_LIMIT - 3)
    assert split(f"{title}. Oui") == Draft(title, proposal="Oui")


def test_a_sentence_that_is_too_long_is_cut_between_words_and_kept_whole_below() -> None:
    text = "mot " * 40 + "fin"
    draft = split(text)
    assert draft.title == "mot " * 28 + "mot…"
    assert draft.proposal == text


def test_a_single_endless_word_is_cut() -> None:
    draft = split("a" * 500)
    assert draft == Draft("a" * (TITLE_LIMIT - 1) + "…", proposal="a" * 500)


def solid(text: str) -> str:
    """The text without its white space, and without what it begins with that shows nothing."""
    while text and not shows(text[0]):
        text = text[1:]
    return "".join(text.split())


BLANKS = (
    *("\u00ad", "\u115f", "\u1160", "\u200b", "\u202e", "\u2060"),
    *("\u2800", "\u3164", "\ufe0f", "\uffa0", "\ufeff"),
)
TYPED = st.text(alphabet=st.sampled_from("abÀM .!?…»\n\r\t,;é👍\u200b"), max_size=400) | st.text(max_size=400)


@given(TYPED)
def test_nothing_of_the_text_is_lost(text: str) -> None:
    if not shows(text):
        with pytest.raises(InvalidInput):
            split(text)
        return
    draft = split(text)
    assert 0 < len(draft.title) <= TITLE_LIMIT
    kept = {solid(draft.title + stop + draft.proposal) for stop in ("", ".")} | {solid(draft.proposal)}
    assert solid(text) in kept
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


@pytest.mark.parametrize("title", ["", "  ", "\n\t", *BLANKS, "\u3164 \u200b\u200b"])
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


def test_blanks_that_are_not_kept_make_no_title_too_long() -> None:
    assert checked(Draft("mot" + " " * 120 + "fin")).title == "mot fin"


def test_outer_white_space_goes_and_a_title_is_one_line() -> None:
    draft = checked(Draft(" Un\ntitre \t long ", " besoin\r\nde \r\n", "\n p\n\nq ", " b "))
    assert draft == Draft("Un titre long", "besoin\nde", "p\n\nq", "b")
