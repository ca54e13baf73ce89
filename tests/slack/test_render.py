"""How cards and forms look in Slack: as they are kept in golden/, and always within Slack's limits.

With BUTINE_TESTS_RENEW=1 the golden files are written anew; read the difference before committing it.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.slack import render
from bot.views.cards import (
    Actions,
    Block,
    Button,
    Card,
    Field,
    Form,
    Heading,
    Items,
    Link,
    Note,
    Paragraph,
    Quotation,
    Span,
    Strong,
    Style,
)
from bot.views.texts import LANGUAGES, Texts
from tests.fakes.slack import blockkit
from tests.fakes.slack.reading import harm, shown
from tests.slack import samples

GOLDEN = Path(__file__).parent / "golden"
CARDS = list(samples.cards(Texts("en")))
FORMS = list(samples.all_forms(Texts("en")))
each_language = pytest.mark.parametrize("language", LANGUAGES)


def golden(name: str, value: object) -> str:
    """What is kept under that name."""
    path = GOLDEN / f"{name}.json"
    if os.environ.get("BUTINE_TESTS_RENEW"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8")


@each_language
@pytest.mark.parametrize("name", CARDS)
def test_a_card_looks_as_it_is_kept(name: str, language: str) -> None:
    card = samples.cards(Texts(language, "Europe/Paris"))[name]
    messages = render.messages(card, Texts(language, domain="slack"))
    drawn = [{"text": message.text, "blocks": list(message.blocks)} for message in messages]
    assert [blockkit.message_problem(message) for message in drawn] == [None] * len(drawn)
    assert json.loads(golden(f"{language}/{name}", drawn)) == drawn


@each_language
@pytest.mark.parametrize("name", FORMS)
def test_a_form_looks_as_it_is_kept(name: str, language: str) -> None:
    form = samples.all_forms(Texts(language, "Europe/Paris"))[name]
    view = render.modal(form, "{}", Texts(language, domain="slack"))
    assert blockkit.view_problem(view) is None
    assert json.loads(golden(f"{language}/form_{name}", view)) == view


def test_nothing_is_kept_that_is_no_more() -> None:
    kept = {path.stem for path in GOLDEN.rglob("*.json")}
    assert kept == {*CARDS, *(f"form_{name}" for name in FORMS)}


TEXT = st.text(
    st.sampled_from("ab é\n<>&*_~`:|!@#•\u00a0\u202e\U0001f600") | st.characters(exclude_categories=["Cs", "Cc"]),
    max_size=400,
)
LONG = st.builds(lambda text, times: text * times, TEXT, st.integers(1, 60))
URLS = st.sampled_from(["https://x.slack.com/archives/C1/p1", "https://e.org/?a=1&b=<c>|d e"])
SPANS = st.lists(TEXT | st.builds(Strong, TEXT) | st.builds(Link, TEXT, URLS), max_size=4).map(tuple)
BUTTONS = st.builds(
    Button,
    TEXT.filter(bool),
    st.sampled_from(["edit", "vote"]),
    st.text(max_size=300),
    st.sampled_from(Style),
    st.none() | TEXT.filter(bool),
)
BLOCKS = st.one_of(
    st.builds(Heading, TEXT),
    st.builds(Paragraph, SPANS),
    st.builds(Note, SPANS),
    st.builds(Quotation, TEXT, LONG),
    st.builds(Items, st.lists(SPANS, max_size=40).map(tuple), st.booleans()),
    st.builds(Actions, st.lists(BUTTONS, min_size=1, max_size=30).map(tuple)),
)


@given(summary=TEXT, blocks=st.lists(BLOCKS, max_size=12))
def test_whatever_a_card_says_it_keeps_within_slacks_limits_and_notifies_nobody(
    summary: str, blocks: list[object]
) -> None:
    card = Card(summary, tuple(blocks))  # type: ignore[arg-type]
    messages = render.messages(card, Texts("fr", domain="slack"))
    assert messages
    for message in messages:
        drawn = {"text": message.text, "blocks": list(message.blocks)}
        assert blockkit.message_problem(drawn) is None
        assert all(found.startswith("https://") for found in harm(drawn))


@given(text=LONG)
def test_nothing_of_a_members_words_is_left_out(text: str) -> None:
    messages = render.messages(Card("s", (Quotation("Besoin", text),)), Texts("fr", domain="slack"))
    read = "".join(shown({"blocks": list(message.blocks)}) for message in messages).removeprefix("Besoin")
    assert squeezed(read) == squeezed(text.replace("\u202f", " "))


@pytest.mark.parametrize("sign", ["> ", ">> "])
@pytest.mark.parametrize(
    "block_of",
    [lambda text: Paragraph((text,)), lambda text: Note((text,)), lambda text: Quotation("Besoin", text)],
    ids=["paragraph", "note", "quotation"],
)
def test_a_long_text_shows_as_it_is_wherever_it_is_divided(block_of: Callable[[str], Block], sign: str) -> None:
    """Also before a sign that makes a quote at the beginning of a line alone."""
    for words in (675, 725):
        text = "mot " * words + sign + "suite"
        (message,) = render.messages(Card("s", (block_of(text),)), Texts("fr", domain="slack"))
        read = shown({"blocks": list(message.blocks)}).removeprefix("Besoin")
        assert squeezed(read) == squeezed(text)


@given(spans=SPANS)
def test_spans_show_as_they_are(spans: tuple[Span, ...]) -> None:
    messages = render.messages(Card("s", (Paragraph(spans),)), Texts("fr", domain="slack"))
    read = "".join(shown({"blocks": list(message.blocks)}) for message in messages)
    whole = "".join(span if isinstance(span, str) else span.text or "" for span in spans)
    if all(not isinstance(span, Link) or span.text for span in spans):
        assert squeezed(read) == squeezed(whole.replace("\u202f", " "))


def squeezed(text: str) -> str:
    """Without white space: where a text is divided, a line may end."""
    return "".join(text.split())


@given(title=TEXT.filter(bool), label=TEXT.filter(bool), value=st.text(max_size=5000), limit=st.integers(1, 4000))
def test_whatever_a_form_asks_it_keeps_within_slacks_limits(title: str, label: str, value: str, limit: int) -> None:
    form = Form("propose", title, label, (Field("title", label, limit, value, label),), intro=title)
    assert blockkit.view_problem(render.modal(form, "{}", Texts("en", domain="slack"))) is None
