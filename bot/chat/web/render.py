"""Cards, forms, messages and the page around them as HTML. Pure: the same values give the same text.

Everything a person typed passes Jinja2's autoescape; nothing is looked up, stored or decided here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlencode

import emoji
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.chat.web import glyphs
from bot.chat.web.places import Place, permalink
from bot.chat.web.room import Message, Persona
from bot.views.cards import Card, Form, Heading, Hint
from bot.views.texts import Texts
from bot.views.wire import read

HUES = 6
LANGUAGE_NAMES = {"fr": "Français", "en": "English"}
# The sentences that the script may have to show; it has none of its own.
SCRIPT_WORDS = (
    "room.field_required",
    "room.field_too_long",
    "room.hints_shown",
    "room.problem.closing",
    "room.problem.empty",
    "room.problem.host",
    "room.problem.long",
    "room.problem.message",
    "room.problem.name_long",
    "room.problem.name_missing",
    "room.problem.not_saved",
    "room.problem.origin",
    "room.problem.page",
    "room.problem.persona",
    "room.problem.place",
    "room.problem.request",
    "room.problem.token",
    "room.problem.unreachable",
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a page, at which place and thread, in which words, and what the others are called."""

    persona: Persona
    place: Place
    thread: int | None
    texts: Texts
    names: Mapping[str, str]

    def name(self, member: str | None) -> str:
        """A member's name; Butine's for None."""
        return "Butine" if member is None else self.names.get(member, member)


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the list of conversations, with its number of unread messages."""

    place: Place
    unread: int


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on a page beside its reader. `messages` are rendered already.

    `older` is the message before which more can be read; `is_latest` says that the page ends with the newest.
    """

    messages: Sequence[str]
    entries: Sequence[Entry]
    people: Sequence[Persona]
    hints: Sequence[Hint]
    config: Mapping[str, object]
    older: int | None
    is_latest: bool
    is_target_missing: bool


def page(reader: Reader, content: Page) -> str:
    """The whole document."""
    config = {
        "as": reader.persona.id,
        "channel": reader.place.name,
        "thread": reader.thread,
        "words": {key.removeprefix("room."): reader.texts(key) for key in SCRIPT_WORDS},
        **content.config,
    }
    return _template("room.html", reader, page=content, config=config)


def message(reader: Reader, shown: Message, *, starts_day: bool = False, is_target: bool = False) -> str:
    """One entry of the timeline."""
    card = read(shown.content) if shown.author is None else None
    return _template(
        "message.html",
        reader,
        message=shown,
        card=card,
        language=language(reader, shown),
        starts_day=starts_day,
        is_target=is_target,
    )


def entries(reader: Reader, places: Sequence[Entry]) -> str:
    """The list of conversations."""
    return _template("places.html", reader, entries=places)


def people(reader: Reader, everybody: Sequence[Persona]) -> str:
    """The list of who one can be."""
    return _template("people.html", reader, people=everybody)


def form(reader: Reader, shown: Form, origin: int | None) -> str:
    """The dialog of a form; `origin` is the private message whose button opened it."""
    return _template("form.html", reader, form=shown, origin=origin)


def problem(texts: Texts, sentence: str) -> str:
    """A page that says why there is nothing else to see."""
    return _environment().get_template("problem.html").render(t=texts, sentence=sentence)


def language(reader: Reader, shown: Message) -> str | None:
    """The language of Butine's message where it is not the page's; what people wrote is in whichever they chose."""
    is_posted = shown.author is None and shown.only_for is None
    return reader.place.language if is_posted and reader.place.language != reader.texts.language else None


def announcement(reader: Reader, shown: Message) -> str:
    """What a screen reader says of a new message."""
    words = read(shown.content).summary if shown.author is None else shown.content
    return reader.texts("room.announcement", name=reader.name(shown.author), words=words[:300])


def unread(texts: Texts, number: int) -> str:
    """What a screen reader says when a message from Butine waits in another conversation."""
    return texts("room.announcement", name="Butine", words=texts.plural("room.unread", number))


def _template(name: str, reader: Reader, **values: object) -> str:
    return _environment().get_template(name).render(reader=reader, t=reader.texts, **values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "kind": _kind,
        "address": _address,
        "permalink": permalink,
        "glyph": glyphs.glyph,
        "emoji_name": _emoji_name,
        "initials": _initials,
        "hue": _hue,
        "title": _title,
        "member_name": _member_name,
    }
    environment.globals |= {"here": _here, "picker": glyphs.PICKER, "languages": LANGUAGE_NAMES}
    return environment


def _kind(value: object) -> str:
    return "text" if isinstance(value, str) else type(value).__name__


def _address(url: str, reader: Reader) -> str | None:
    """A link's address, for one's own persona where it leads into the room; None for a scheme that can do things."""
    if url.startswith("/?"):
        return url if "as=" in url else f"{url}&as={quote(reader.persona.id)}"
    return url if url.startswith(("https://", "http://")) else None


def _here(reader: Reader, **changes: object) -> str:
    """The address of the reader's page, with these parts of it changed; None leaves one out."""
    parts: dict[str, object] = {"as": reader.persona.id, "channel": reader.place.name, "thread": reader.thread}
    parts |= {"as" if name == "persona" else name: value for name, value in changes.items()}
    return "/?" + urlencode({name: value for name, value in parts.items() if value is not None}, safe="@")


def _emoji_name(name: str, texts: Texts) -> str:
    glyph = glyphs.glyph(name)
    words = emoji.demojize(glyph, language=texts.language)
    return words.strip(":").replace("_", " ")


def _initials(name: str) -> str:
    words = name.split()
    return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()


def _hue(member: str) -> int:
    return sum(member.encode()) % HUES


def _title(card: Card) -> str | None:
    first = card.blocks[0] if card.blocks else None
    return first.text if isinstance(first, Heading) else None


def _member_name(member: str | None, reader: Reader) -> str:
    return reader.name(member)
