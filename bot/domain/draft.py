"""What a proposed idea may look like: lengths, and how a quickly typed text becomes a title and a proposal."""

import re
from dataclasses import dataclass
from typing import Self

from bot.errors import InvalidInput
from storage.tables import Idea

TITLE_LIMIT = 120
TEXT_LIMIT = 3000  # what the smallest platform form takes: Slack's and Mattermost's text areas

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_BLANK = re.compile(r"[ \t\r\f\v]+")


@dataclass(frozen=True, slots=True)
class Draft:
    """The four texts of an idea, as its author wrote them."""

    title: str
    need: str = ""
    proposal: str = ""
    benefit: str = ""

    @classmethod
    def of(cls, idea: Idea) -> Self:
        """An idea's texts."""
        return cls(idea.title, idea.need, idea.proposal, idea.benefit)

    def texts(self) -> dict[str, str]:
        """The four by name."""
        return {"title": self.title, "need": self.need, "proposal": self.proposal, "benefit": self.benefit}


def checked(draft: Draft) -> Draft:
    """The draft with outer white space gone. Raises InvalidInput for a missing title or a text that is too long."""
    clean = Draft(*(text.replace("\r\n", "\n").strip() for text in draft.texts().values()))
    title = _BLANK.sub(" ", clean.title.replace("\n", " "))
    if not title:
        raise InvalidInput("title", "required")
    for name, text in clean.texts().items():
        limit, length = limit_of(name), len(text)
        if length > limit:
            raise InvalidInput(name, "too_long", limit, length)
    return Draft(title, clean.need, clean.proposal, clean.benefit)


def limit_of(field: str) -> int:
    """The most characters that a field takes."""
    return TITLE_LIMIT if field == "title" else TEXT_LIMIT


def split(text: str) -> Draft:
    """Title and proposal of a text typed in one go. Raises InvalidInput("text", …) for one that is too long.

    The first line or sentence is the title and the rest the proposal. Where that is longer than a title may be, the
    title is its beginning, cut between words, and the proposal holds the whole text, so that nothing is lost.
    """
    text = text.replace("\r\n", "\n").strip()
    if len(text) > TEXT_LIMIT:
        raise InvalidInput("text", "too_long", TEXT_LIMIT, len(text))
    line, _, rest = text.partition("\n")
    sentence, *more = _SENTENCE_END.split(line, maxsplit=1)
    title, proposal = (
        (line, rest) if rest.strip() and len(line) <= TITLE_LIMIT else (sentence, "\n".join([*more, rest]))
    )
    if len(title) > TITLE_LIMIT:
        return checked(Draft(_cut(title), proposal=text))
    return checked(Draft(title, proposal=proposal))


def _cut(text: str) -> str:
    head = text[: TITLE_LIMIT - 1]
    at_word, _, _ = head.rpartition(" ")
    return (at_word or head).rstrip(" ,;:") + "…"
