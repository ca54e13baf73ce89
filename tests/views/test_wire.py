"""A card that is kept as JSON comes back as it was."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.views import cards
from bot.views.texts import LANGUAGES, Texts
from bot.views.wire import decode, encode, read, written
from tests.views.samples import CARDS, Words


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CARDS)
def test_every_card_comes_back(language: str, name: str) -> None:
    made = CARDS[name](Texts(language), Words())
    assert read(written(made)) == made


TEXT = st.text(max_size=20)
SPANS = st.lists(TEXT | st.builds(cards.Strong, TEXT) | st.builds(cards.Link, TEXT, TEXT), max_size=3).map(tuple)
BLOCKS = st.one_of(
    st.builds(cards.Heading, TEXT),
    st.builds(cards.Paragraph, SPANS),
    st.builds(cards.Note, SPANS),
    st.builds(cards.Quotation, TEXT, TEXT),
    st.builds(cards.Items, st.lists(SPANS, max_size=3).map(tuple), st.booleans()),
    st.builds(
        cards.Menu, TEXT, TEXT, st.lists(st.builds(cards.Option, TEXT, TEXT), min_size=1, max_size=3).map(tuple), TEXT
    ),
    st.builds(
        cards.Actions,
        st.lists(
            st.builds(cards.Button, TEXT, TEXT, TEXT, st.sampled_from(cards.Style), st.none() | TEXT), max_size=3
        ).map(tuple),
    ),
)


@given(
    st.builds(
        cards.Card,
        TEXT,
        st.lists(BLOCKS, max_size=4).map(tuple),
        st.sampled_from(["plain", "success", "warning", "error"]),
        st.none() | TEXT,
    )
)
@settings(max_examples=50)
def test_any_card_comes_back(card: cards.Card) -> None:
    assert read(written(card)) == card


def test_a_style_comes_back_as_one() -> None:
    """Renderers compare by identity."""
    button = cards.Button("Refuser", "refuse", "1", cards.Style.DANGER)
    assert decode(json.loads(json.dumps(encode(button)))).style is cards.Style.DANGER


def test_nothing_comes_back_as_nothing() -> None:
    assert encode(None) is None
    assert decode(None) is None


def test_a_card_that_an_older_version_kept_is_read() -> None:
    """0.1.0's room named every part, be it as usual or not."""
    kept = """{"is": "Card", "summary": "Tout", "blocks": [
        {"is": "Paragraph", "spans": ["a", {"is": "Strong", "text": "b"}]},
        {"is": "Items", "items": [["c"]], "numbered": false},
        {"is": "Actions", "buttons": [
            {"is": "Button", "label": "d", "action": "e", "value": "", "style": "normal", "confirm": null}
        ]}
    ], "tone": "plain", "reaction": null}"""
    assert read(kept) == cards.Card(
        "Tout",
        (
            cards.Paragraph(("a", cards.Strong("b"))),
            cards.Items((("c",),)),
            cards.Actions((cards.Button("d", "e"),)),
        ),
    )
