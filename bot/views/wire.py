"""Cards as JSON and back, so that they can be kept and shown again."""

import json
from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from typing import Any

from bot.views import cards

_KINDS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        cards.Actions,
        cards.Button,
        cards.Card,
        cards.Heading,
        cards.Items,
        cards.Link,
        cards.Menu,
        cards.Note,
        cards.Option,
        cards.Paragraph,
        cards.Quotation,
        cards.Strong,
    )
}
_PARTS = {kind: tuple((field.name, field.default) for field in fields(kind)) for kind in _KINDS.values()}
_KIND = "is"


def encode(value: Any) -> Any:  # noqa: ANN401  JSON has no closer type
    """JSON-ready: a value of bot/views/cards.py becomes an object that names its kind, and what is not as usual."""
    kind = type(value)
    if kind is str:
        return value
    if kind in _PARTS:
        encoded = {_KIND: kind.__name__}
        for name, usual in _PARTS[kind]:
            if (part := getattr(value, name)) != usual:
                encoded[name] = encode(part)
        return encoded
    if kind is tuple:
        return [encode(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def decode(value: Any) -> Any:  # noqa: ANN401  as above
    """The value that `encode` was given."""
    if isinstance(value, list):
        return tuple(decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind = _KINDS[value[_KIND]]
    parts = {name: decode(part) for name, part in value.items() if name != _KIND}
    if "style" in parts:
        parts["style"] = cards.Style(parts["style"])
    return kind(**parts)


def written(card: cards.Card) -> str:
    """The card as JSON text; equal cards give equal texts."""
    return json.dumps(encode(card), ensure_ascii=False)


def read(text: str) -> cards.Card:
    """The card that `written` made the text of, in this version or an older one."""
    card = decode(json.loads(text))
    if not isinstance(card, cards.Card):
        raise TypeError(text)
    return card
