"""Cards and forms as JSON and back, so that a reply can be kept and given again."""

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
        cards.Field,
        cards.Form,
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
_PARTS = {kind: tuple(field.name for field in fields(kind)) for kind in _KINDS.values()}
_KIND = "is"


def encode(value: Any) -> Any:  # noqa: ANN401  JSON has no closer type
    """JSON-ready: a value of bot/views/cards.py becomes an object that names its kind."""
    kind = type(value)
    if kind in _PARTS:
        encoded = {name: encode(getattr(value, name)) for name in _PARTS[kind]}
        return {_KIND: kind.__name__, **encoded}
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
    if kind is cards.Button:
        parts["style"] = cards.Style(parts["style"])
    return kind(**parts)
