"""Cards as text and back, so that the room can keep them.

What a card means and how it looks is not known here.
"""

import json
from dataclasses import fields, is_dataclass

from bot.views import cards
from bot.views.cards import Card, Style

_VALUES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        cards.Strong,
        cards.Link,
        cards.Heading,
        cards.Paragraph,
        cards.Note,
        cards.Quotation,
        cards.Items,
        cards.Button,
        cards.Actions,
        cards.Option,
        cards.Menu,
        cards.Card,
    )
}


def written(card: Card) -> str:
    """The card as JSON; equal cards give equal texts."""
    return json.dumps(_plain(card), ensure_ascii=False)


def read(text: str) -> Card:
    """The card that `written` made the text of."""
    card = _value(json.loads(text))
    assert isinstance(card, Card)  # noqa: S101  `written` takes nothing else
    return card


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if is_dataclass(value):
        return {"is": type(value).__name__} | {
            field.name: _plain(getattr(value, field.name)) for field in fields(value)
        }
    return value


def _value(tree: object) -> object:
    if isinstance(tree, list):
        return tuple(_value(part) for part in tree)
    if isinstance(tree, dict):
        kind = _VALUES[tree.pop("is")]
        parts = {name: _value(part) for name, part in tree.items()}
        if kind is cards.Button:
            parts["style"] = Style(str(parts["style"]))
        return kind(**parts)
    return tree
