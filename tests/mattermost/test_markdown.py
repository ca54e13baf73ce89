"""A text on its way into a post and back: what people copy from there comes in as it was first written."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.emoji_names import with_emoji
from bot.chat.mattermost import inbound
from bot.chat.mattermost.markdown import GAP, escaped, heading, spans
from bot.views.cards import Link, Strong


def shown(markdown: str) -> str:
    """What a post with that Markdown says: escapes are undone, zero-width spaces are in it."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown))


def copied(text: str) -> str:
    """What a reader copies from a post with that text."""
    return shown(escaped(text))


def typed(text: str) -> str:
    """What Butine takes in where that is typed."""
    return inbound.typed({"text": text}).text


@pytest.mark.parametrize(
    "text",
    [
        "#12",
        "vote #12",
        "@sam",
        "~idees",
        "https://example.org",
        "www.example.org",
        "www2.example.org",
        "example.org/idees",
        ":butine:",
        "=====",
        "a\n==",
        r"C:\Users\x",
        r"\*",
    ],
)
def test_a_copied_text_comes_back_without_gaps(text: str) -> None:
    assert GAP in copied(text)
    assert typed(copied(text)) == text
    form = {"user_id": "u", "state": "s", "submission": {"need": copied(text)}}
    assert inbound.submitted(form).values == {"need": text}


@given(st.text(alphabet="aw1 @#$~:.=/\\-+*_[&<>|!\n"))
def test_any_text_comes_back_but_for_the_spaces_before_its_lines(text: str) -> None:
    assert typed(copied(text)) == with_emoji("\n".join(line.lstrip(" ") for line in text.split("\n")))


def test_emoji_chosen_from_the_picker_come_in_as_emoji() -> None:
    """The web client writes their names into the message box."""
    assert typed("Un café :coffee: et un vélo :bike: ") == "Un café ☕ et un vélo 🚲 "
    assert typed(copied("Un café :coffee:")) == "Un café ☕", "copied from an older post"
    form = {"user_id": "u", "state": "s", "submission": {"need": ":+1_light_skin_tone: :butine:"}}
    assert inbound.submitted(form).values == {"need": "👍🏻 :butine:"}


def test_other_zero_width_spaces_stay() -> None:
    assert typed(f"mot{GAP}coupé") == f"mot{GAP}coupé"


def test_words_beside_bold_ones_and_links_keep_the_space_between() -> None:
    parts = (Strong("1 soutien"), " · Réagissez, ", Link("nº 7", "https://example.org/7"), " · 2 soutiens")
    assert spans(parts) == "**1 soutien** · Réagissez, [nº 7](https://example.org/7) · 2 soutiens"


@pytest.mark.parametrize(
    "parts", [("    mot",), ("    ", "mot"), ("\t", " ", "mot"), (Strong(" "), "    mot"), ("a\n", "    mot")]
)
def test_no_line_begins_with_spaces_that_make_a_code_block(parts: tuple[str | Strong, ...]) -> None:
    assert spans(parts).split("\n")[-1] == "mot"


@given(st.lists(st.text(alphabet="aw1 #:.=/-+*\t\n")))
def test_words_are_as_far_apart_in_pieces_as_in_one_piece(parts: list[str]) -> None:
    pieces = [shown(spans(made)).replace(GAP, "").split("\n") for made in (parts, ["".join(parts)])]
    assert [line.split() for line in pieces[0]] == [line.split() for line in pieces[1]]


@pytest.mark.parametrize("title", ["Apprendre le C#", "#", "F# et C##"])
def test_a_title_keeps_the_hash_at_its_end(title: str) -> None:
    """Hashes that end a heading's line close it, and are not shown."""
    made = heading(title)
    assert not made.endswith("#")
    assert typed(shown(made).removeprefix("#### ")) == title


@pytest.mark.parametrize("text", [r"C:\Users\x", "\\\\serveur\\partage", r"\1. \é"])
def test_a_backslash_is_parted_from_what_follows_not_doubled(text: str) -> None:
    """Mattermost takes two of them before a letter or digit for two."""
    assert not re.search(r"\\\\\w", escaped(text))
    assert shown(escaped(text)).replace(GAP, "") == text


@pytest.mark.parametrize(
    "text",
    ["evil.com/x", "*evil.com/x*", "a.b.info/", "é.fr/x", "www2.evil", "WWW.evil", "x.y.:butine:", "a+b-:x", "a-:/"],
)
def test_no_address_becomes_a_link(text: str) -> None:
    """What Mattermost looks for wherever words begin, after an escaped mark too (the web client's marked, `url`)."""
    made = html.unescape(escaped(text))
    assert not re.search(r"[A-Za-z][A-Za-z\d.+-]*:(?:/|[^\W_])|(?i:www)\d{0,3}\.|\.[^\W\d_]{2,4}/", made)
    assert typed(copied(text)) == text


def test_no_formula_is_made_of_dollars() -> None:
    assert "$" not in escaped("de 5$ à 10$, $$x$$")
    assert typed(copied("de 5$ à 10$, $$x$$")) == "de 5$ à 10$, $$x$$"
    assert typed(f"${GAP}x${GAP}") == "$x$", "as older posts have it"
