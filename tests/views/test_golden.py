"""Each card and form word for word, in both languages, as tests/views/golden keeps them.

After a change that is meant: `BUTINE_TESTS_RENEW=1 .venv/bin/pytest tests/views/test_golden.py`, then read the diff.
"""

import os
from pathlib import Path

import pytest

from bot.views.cards import Actions, Card, Form, Menu
from bot.views.plain import plain
from bot.views.texts import LANGUAGES, Texts
from tests.views.samples import CARDS, FORMS, Words

GOLDEN = Path(__file__).parent / "golden"
RENEWS = bool(os.environ.get("BUTINE_TESTS_RENEW"))


def written(card: Card, texts: Texts) -> str:
    """All that a card says, as text."""
    lines = [
        f"{card.tone}: {card.summary}",
        *([f"reaction: {card.reaction}"] if card.reaction else []),
        "",
        plain(card, texts),
    ]
    for block in card.blocks:
        if isinstance(block, Actions):
            lines += [
                "",
                *(f"[{button.label}] {button.action} {button.value} {button.style}" for button in block.buttons),
            ]
            lines += [f"    {button.label}? {button.confirm}" for button in block.buttons if button.confirm]
        if isinstance(block, Menu):
            lines += ["", f"{block.label}: {block.action}"]
            lines += [
                f"  ({'x' if option.value == block.chosen else ' '}) {option.label} {option.value}"
                for option in block.options
            ]
    return "\n".join(lines)


def written_form(form: Form) -> str:
    """All that a form says, as text."""
    lines = [f"{form.name} {form.context}: {form.title}", form.intro]
    for field in form.fields:
        kind = f"{'area' if field.multiline else 'line'} of {field.max_length}{', required' if field.required else ''}"
        lines += [f"{field.name} ({kind}) {field.label}: {field.value}", f"    {field.hint}"]
    return "\n".join([*lines, f"[{form.submit}]"])


@pytest.mark.parametrize("name", [*CARDS, *FORMS])
def test_it_is_word_for_word_what_was_agreed(name: str) -> None:
    parts = []
    for language in LANGUAGES:
        texts, words = Texts(language, "Europe/Paris"), Words()
        made = written(CARDS[name](texts, words), texts) if name in CARDS else written_form(FORMS[name](texts, words))
        parts.append(f"--- {language} ---\n{made}\n")
    path = GOLDEN / f"{name}.txt"
    if RENEWS:
        path.write_text("\n".join(parts), encoding="utf-8")
    assert "\n".join(parts) == path.read_text(encoding="utf-8")


def test_nothing_is_kept_that_nobody_makes() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {*CARDS, *FORMS}
