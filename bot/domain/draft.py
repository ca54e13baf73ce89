"""What a proposed idea may look like: lengths, and how a quickly typed text becomes a title and a proposal."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import dropwhile
from typing import Self

from bot.errors import InvalidInput
from storage.tables import Idea

TITLE_LIMIT = 120
TEXT_LIMIT = 3000  # what the smallest platform form takes: Slack's and Mattermost's text areas

_HAIL = "bonjour|bonsoir|salut|coucou|hello|hi|hey|dear"
_GREETING = rf"(?:{_HAIL})(?![\w-])[^\n,.!?…]*+[^\n\w]*+"
_IS_GREETING = re.compile(_GREETING, re.IGNORECASE)
# As a letter has it: "Madame, Monsieur," with more than one comma, or words that only the comma makes a greeting.
_SALUTATION = rf"(?:{_HAIL}|mesdames|madame|messieurs|monsieur|(?:mes )?ch[eè]re?s?)(?![\w-])[^\n]{{0,60}},[ \t]*"
_FIRST_LINE = re.compile(rf"(?:(?:{_GREETING}|{_SALUTATION})\n\s*)?[^\n]*", re.IGNORECASE)
# An ellipsis may as well be in the middle of one.
_SENTENCE_END = re.compile(r"(?:[!?]+|(?<!\.)\.)(?:\s*[»”\")\]])*\s+")
_ABBREVIATION = re.compile(
    r"""(?:.*[(«“"’'])?(?:
        (?:\w\.-?)*\w | n[º°]  # initials, e.g., c.-à-d., and what numbers the points of a list
      | Me | (?i:M(?:M|me|mes|lle|gr|r|rs|s) | Dr | Pr | Prof | Ste? | art | av | bât | bd | cf | chap | env | etc | ex
      | fig | max | min | no | pp | réf | tél | vol | vs)
    )\.""",
    re.VERBOSE,
)
_FULL_STOP = re.compile(r"(?<=[\w»”)])\.$")
_TWO_WORDS = re.compile(r"[^\W\d_]\S*\s.*?[^\W\d_]", re.DOTALL)
_BLANK = re.compile(r"[ \t\r\f\v]+")
_LINE_BREAK = re.compile(r"[\x0b\x0c\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


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

    def whole(self) -> str:
        """All of it as one text, which can be pasted and sent again."""
        return "\n\n".join(filter(None, self.texts().values()))


def checked(draft: Draft) -> Draft:
    """The draft with outer white space gone, its title in one line whose words are a single blank apart.

    Raises InvalidInput for a missing title or a text that is too long.
    """
    title = required("title", _BLANK.sub(" ", draft.title.replace("\n", " ")))
    return Draft(title, **{name: _fitting(name, text) for name, text in draft.texts().items() if name != "title"})


def required(field: str, text: str) -> str:
    """A text that has to be there, with outer white space gone. Raises InvalidInput where it shows nothing, or is too
    long.
    """
    if not shows(text):
        raise InvalidInput(field, "required")
    return _fitting(field, text)


def _fitting(field: str, text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    limit, length = limit_of(field), len(text)
    if length > limit:
        raise InvalidInput(field, "too_long", limit, length)
    return text


def sound(text: str) -> str:
    """The text as it can be kept and shown. Control characters, of which PostgreSQL refuses one and terminals obey
    others, and half a surrogate pair, which can't be encoded, become the replacement character; what word processors
    and other systems end a line with becomes the end of a line.
    """
    text = _CONTROL.sub("\ufffd", _LINE_BREAK.sub("\n", text))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol that are drawn as nothing."""


def shows(text: str) -> bool:
    """Whether there is anything to be seen of the text: not white space, marks of direction and the like alone."""
    kinds = (unicodedata.category(char) for char in text if char not in _BLANKS)
    return any(kind not in {"Cc", "Cf"} and kind[0] not in "MZ" for kind in kinds)


def limit_of(field: str) -> int:
    """The most characters that a field takes."""
    return TITLE_LIMIT if field == "title" else TEXT_LIMIT


def split(text: str) -> Draft:
    """Title and proposal of a text typed in one go. Raises InvalidInput("text", …) for one that is too long.

    The first line or sentence is the title, without its full stop, and the rest the proposal. Where that is longer than
    a title may be, the title is its beginning, cut between words, and the proposal holds the whole text, so that
    nothing is lost.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    text = "\n".join(dropwhile(lambda line: not shows(line), lines)).strip()
    if len(text) > TEXT_LIMIT:
        raise InvalidInput("text", "too_long", TEXT_LIMIT, len(text))
    end = _title_end(text)
    title = text[:end].rstrip()
    if not _is_abbreviated(title):
        title = _FULL_STOP.sub("", title)
    if len(title) > TITLE_LIMIT:
        return checked(Draft(_cut(title), proposal=text))
    return checked(Draft(title, proposal=text[end:]))


def _title_end(text: str) -> int:
    """Where the first line ends, or its first sentence where the line is all there is or too long for a title.

    A greeting that has the first line to itself is taken together with the next one.
    """
    rest = _FIRST_LINE.sub("", text, count=1)
    line_end = len(text) - len(rest)
    if rest.strip() and line_end <= TITLE_LIMIT:
        return line_end
    ends = (found.end() for found in _SENTENCE_END.finditer(text, 0, min(line_end, TITLE_LIMIT + 2)))
    return next((end for end in ends if _is_sentence(text[:end].rstrip(), text[end:].lstrip())), line_end)


def _is_sentence(head: str, following: str) -> bool:
    """Whether the text may be divided here: the head can stand alone as a title, and something else begins."""
    return (
        not following[:1].islower()
        and _TWO_WORDS.search(head) is not None
        and not _is_abbreviated(head)
        and not _IS_GREETING.fullmatch(head)
    )


def _is_abbreviated(text: str) -> bool:
    """Whether the stop at the end of the text belongs to its last word."""
    return any(map(_ABBREVIATION.fullmatch, text.split()[-1:]))


def _cut(text: str) -> str:
    head = text[: TITLE_LIMIT - 1]
    at_word, _, _ = head.rpartition(" ")
    return (at_word or head).rstrip(" ,;:") + "…"
