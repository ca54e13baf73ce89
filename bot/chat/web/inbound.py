"""What the browser sends, checked and made into gestures and events.

Nothing is stored or answered here, and what an event means is the router's to decide.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.chat.events import ButtonClicked, CommandTyped, FormSubmitted, ReactionChanged

MARK = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OTHER_COMMAND = re.compile(r"/[^\s/]+(?=\s|$)")
NAME_LENGTH = 60

Payload = Mapping[str, object]


class Refused(Exception):
    """A request that can't be taken: the HTTP status, and the end of the sentence's key in the catalogue."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Gesture:
    """Who did something and where they stood. `mark` is the browser's own of it; a request sent again has the same."""

    persona: str
    channel: str
    thread: int | None
    mark: str


@dataclass(frozen=True, slots=True)
class Said:
    """Plain words for the others."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """The slash command; `text` is what follows it."""

    text: str


@dataclass(frozen=True, slots=True)
class OtherCommand:
    """Another word behind a slash, which nobody listens to."""

    word: str


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be added to the room."""

    name: str
    language: str
    is_moderator: bool


def text_of(payload: Payload, name: str) -> str:
    """A text of the payload, "" where there is none. Raises `Refused` for anything but text."""
    value = payload.get(name, "")
    if not isinstance(value, str):
        raise Refused(400, "request")
    return _whole(value)


def _whole(text: str) -> str:
    """The text without halves of a character, which JSON can carry and nothing can store."""
    return text.encode("utf-8", "replace").decode()


def number_of(payload: Payload, name: str) -> int | None:
    """A message's number, given as text; None for "". Raises `Refused` for anything else."""
    text = text_of(payload, name)
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Refused(404, "message")
    return int(text)


def gesture(payload: Payload) -> Gesture:
    """The part that every request of a persona has. Raises `Refused`."""
    mark = text_of(payload, "mark")
    if not MARK.fullmatch(mark):
        raise Refused(400, "request")
    return Gesture(text_of(payload, "as"), text_of(payload, "channel"), number_of(payload, "thread"), mark)


def triggers(command: str) -> tuple[str, ...]:
    """What begins a slash command in this room: the configured word, and "/idea" in both languages."""
    return tuple(dict.fromkeys((command, "/idea", "/idée", "/idee")))


def typed(text: str, commands: Sequence[str]) -> Said | Command | OtherCommand:
    """What the text of the message box is. Raises `Refused` where there is none.

    White space before a command comes along with what is copied: said aloud, an idea would be out before moderation.
    """
    begun = text.lstrip()
    if not begun:
        raise Refused(400, "empty")
    word = OTHER_COMMAND.match(begun)
    if word is None:
        return Said(text)
    if _folded(word.group()) in {_folded(command) for command in commands}:
        return Command(begun[word.end() + 1 :])
    return OtherCommand(word.group())


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold()


def command_typed(made: Gesture, text: str, at: datetime) -> CommandTyped:
    """The event of a typed command."""
    return CommandTyped(f"command:{made.persona}:{made.mark}", made.persona, at, text)


def button_clicked(made: Gesture, payload: Payload, message: int | None, at: datetime) -> ButtonClicked:
    """The event of a click; `message` is the one it stands in, None where that is private. Raises `Refused`."""
    return ButtonClicked(
        f"click:{made.persona}:{made.mark}",
        made.persona,
        at,
        text_of(payload, "action"),
        text_of(payload, "value"),
        None if message is None else str(message),
    )


def form_submitted(made: Gesture, payload: Payload, at: datetime) -> FormSubmitted:
    """The event of a form. Raises `Refused`."""
    values = payload.get("values")
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise Refused(400, "request")
    return FormSubmitted(
        f"form:{made.persona}:{made.mark}",
        made.persona,
        at,
        text_of(payload, "form"),
        text_of(payload, "context"),
        {str(name): _whole(value) for name, value in values.items()},
    )


def reaction_changed(
    member: str, message: int, emoji: str, change: int, at: datetime, *, is_present: bool
) -> ReactionChanged:
    """The event of a reaction that the room has stored as its change number `change`."""
    return ReactionChanged(f"reaction:{change}", member, at, str(message), emoji, is_present)


def new_person(payload: Payload, languages: Sequence[str]) -> NewPerson:
    """The person of the small form, the name freed of invisible characters. Raises `Refused`."""
    typed_name = "".join(
        " " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text_of(payload, "name")
    )
    name = " ".join(typed_name.split())
    language = text_of(payload, "language")
    if not name:
        raise Refused(400, "name_missing")
    if len(name) > NAME_LENGTH:
        raise Refused(400, "name_long")
    if language not in languages:
        raise Refused(400, "request")
    return NewPerson(name, language, payload.get("is_moderator") is True)
