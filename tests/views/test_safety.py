"""A member's words are never anything but text: no link's address, no action, no name of a form."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.views.actions import Click
from bot.views.cards import Actions, Card, Items, Link, Menu, Note, Paragraph, Span
from bot.views.texts import LANGUAGES, Texts
from tests.views.samples import CARDS, FORMS, LINKS, NAMES, Words

HOSTILE = ["javascript:alert(1)", "https://evil.example/", "<!channel>", "@all", "{number}", "%s", "](x)", "approve"]
texts = st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=40)
words = st.builds(Words, texts, texts, texts)


def unmarked(value: str) -> str:
    """A button's value or a form's context without the mark of what was shown: a digest of words, and none of them."""
    return re.sub(r",[0-9a-f]{32}$", "", value)


def spans_of(card: Card) -> list[Span]:
    """Every span of a card."""
    found: list[Span] = []
    for block in card.blocks:
        if isinstance(block, Paragraph | Note):
            found += block.spans
        elif isinstance(block, Items):
            found += [span for item in block.items for span in item]
    return found


@pytest.mark.parametrize("name", CARDS)
@given(words=words, language=st.sampled_from(LANGUAGES))
@settings(max_examples=5)
def test_links_lead_where_butine_or_the_platform_say(name: str, words: Words, language: str) -> None:
    card = CARDS[name](Texts(language), words)
    assert {span.url for span in spans_of(card) if isinstance(span, Link)} <= set(LINKS.values())
    made = CARDS[name](Texts(language), Words())
    assert [type(block) for block in card.blocks] == [type(block) for block in made.blocks]
    assert (card.tone, card.reaction) == (made.tone, made.reaction)


@pytest.mark.parametrize("name", CARDS)
@given(words=words)
@settings(max_examples=3)
def test_buttons_do_what_they_did(name: str, words: Words) -> None:
    """Only the one that keeps a search as an idea carries a member's words, and only as its value."""
    pairs = zip(CARDS[name](Texts("fr"), words).blocks, CARDS[name](Texts("fr"), Words()).blocks, strict=True)
    for given_words, made in pairs:
        if isinstance(made, Menu):
            assert given_words == made
        if isinstance(given_words, Actions) and isinstance(made, Actions):
            for button, expected in zip(given_words.buttons, made.buttons, strict=True):
                assert (button.label, button.action, button.confirm) == (
                    expected.label,
                    expected.action,
                    expected.confirm,
                )
                assert unmarked(button.value) == unmarked(expected.value) or button.action == Click.CAPTURE


@pytest.mark.parametrize("name", FORMS)
@given(words=words)
@settings(max_examples=5)
def test_forms_keep_their_names_and_fields(name: str, words: Words) -> None:
    form, made = FORMS[name](Texts("fr"), words), FORMS[name](Texts("fr"), Words())
    assert (form.name, unmarked(form.context), form.title) == (made.name, unmarked(made.context), made.title)
    assert [field.name for field in form.fields] == [field.name for field in made.fields]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("title", HOSTILE)
def test_words_are_shown_as_typed(language: str, title: str) -> None:
    card = CARDS["idea_open"](Texts(language), Words(title, title, title))
    assert card.blocks[0] == type(card.blocks[0])(title)  # type: ignore[call-arg, arg-type]  # a heading
    assert title in card.summary
    assert NAMES["camille"] in str(card.blocks[1])
