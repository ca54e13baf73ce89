"""Platform-neutral values for what people see: cards, their parts, and forms.

No sentence is made here (the other views do that) and nothing here knows how a platform draws it. Every text
is data: a renderer escapes it for its platform and makes sure that nothing in it notifies, formats or runs.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that stand out within a paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to a URL which Butine or the platform made, never one that a member typed."""

    text: str
    url: str


Span = str | Strong | Link


@dataclass(frozen=True, slots=True)
class Heading:
    """What the card is about; at most one, first."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text of Butine's own."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Small print: dates, counts, what happens next."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Quotation:
    """A member's own words, line breaks kept, under a label."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list, one paragraph an item; numbered when the order is a ranking."""

    items: tuple[tuple[Span, ...], ...]
    numbered: bool = False


class Style(StrEnum):
    """How much a button asks for attention."""

    NORMAL = "normal"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """A button; a click comes back as `ButtonClicked(action, value)`.

    `value` is at most 300 characters, so that it fits into every platform. `confirm` is a question to be
    answered with yes before the click counts, for what can't be undone.
    """

    label: str
    action: str
    value: str = ""
    style: Style = Style.NORMAL
    confirm: str | None = None


@dataclass(frozen=True, slots=True)
class Actions:
    """Buttons in a row."""

    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One of a menu's choices. `label` and `value` have 1 to 75 characters, so that they fit into every platform."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Menu:
    """A choice of one among at most 100 options; it comes back as a click does, `ButtonClicked(action, value)`, with
    the option's value.

    `label` says what is chosen; `chosen` is the value that is in force, one of the options'.
    """

    label: str
    action: str
    options: tuple[Option, ...]
    chosen: str


Block = Heading | Paragraph | Note | Quotation | Items | Actions | Menu
Tone = Literal["plain", "success", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Card:
    """A message: blocks from top to bottom.

    `summary` is one line for notifications and screen readers. `reaction` is the emoji name that the platform
    adds itself under the posted card, so that one tap votes.
    """

    summary: str
    blocks: tuple[Block, ...]
    tone: Tone = "plain"
    reaction: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A text field of a form. `max_length` is in characters; the use-case checks it again."""

    name: str
    label: str
    max_length: int
    value: str = ""
    hint: str = ""
    required: bool = False
    multiline: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A form; it comes back as `FormSubmitted(form=name, context=context, values=…)`.

    `context` is opaque to platforms and at most 300 characters.
    """

    name: str
    title: str
    submit: str
    fields: tuple[Field, ...]
    context: str = ""
    intro: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A command that is offered while typing: what is to be typed, an example of what follows it ("" where nothing
    does), and what it does.
    """

    typed: str
    example: str
    does: str
