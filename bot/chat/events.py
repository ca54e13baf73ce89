"""What can happen in chat, and what is said in return: the values that cross the port.

Platforms make events out of payloads and render replies; what an event means is decided in acts.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.views.cards import Card, Form


@dataclass(frozen=True, slots=True)
class Event:
    """Something a member did.

    `id` is the platform's own identity of the event: a redelivery carries the same one. `at` (aware, UTC) is the
    platform's time of it, which a reaction always has, and otherwise that of its arrival. `member` is the platform's
    user id.
    """

    id: str
    member: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CommandTyped(Event):
    """The slash command; `text` is what follows it, unchanged."""

    text: str


@dataclass(frozen=True, slots=True)
class ButtonClicked(Event):
    """A button of a card; `message` is the message it stands in, None where that was private."""

    action: str
    value: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class FormSubmitted(Event):
    """A form, with every field's text by name."""

    form: str
    context: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReactionChanged(Event):
    """A reaction put on (`is_present`) or taken off `message`; `emoji` is the platform's name for it."""

    message: str
    emoji: str
    is_present: bool


@dataclass(frozen=True, slots=True)
class HomeOpened(Event):
    """A member opened their own page of Butine; `Reply.card` is what to show there."""


@dataclass(frozen=True, slots=True)
class MessageChosen(Event):
    """A member wants to make an idea of a message; `author` is whose words it is, None where nobody's."""

    text: str
    author: str | None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the member alone gets in return.

    At most one of: `card`, shown privately (in place of the private card whose button was clicked, where
    `replaces` is set); `form`, opened; `field_errors`, sentences by field name that keep the submitted form open.
    None of them: the event is accepted and nothing is said.
    """

    card: Card | None = None
    form: Form | None = None
    field_errors: Mapping[str, str] | None = None
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A posted message: `id` is opaque outside the adapter and unique in the workspace."""

    id: str
    permalink: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A member as the platform knows them; `locale` as it writes it ("fr", "fr-FR", "en_GB"), `time_zone` by IANA."""

    id: str
    name: str
    locale: str | None = None
    time_zone: str | None = None
    is_bot: bool = False
