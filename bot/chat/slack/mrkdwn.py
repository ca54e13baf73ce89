"""Spans as Slack text that shows them as they are: mrkdwn where that can, rich text where mrkdwn would format them.

Which blocks a card consists of is render.py's part.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from bot.views.cards import Link, Span, Strong

Json = dict[str, Any]
TEXT_LIMIT = 2900
"""Characters of a section's text, escaped; Slack takes 3000."""

LONGEST_ESCAPE, LONGEST_QUOTED = 5, 12
"""Characters that one may become: `&amp;`, and four bytes as `%F0%9F%8D%B0`."""
_ESCAPES: Mapping[str, str] = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# What mrkdwn would turn into something else, with no way of escaping it: emphasis, code, emoji names, quotes, lists.
_FORMATS = re.compile(r"[*_~`]|:[\w+'-]+:|(?m:^[ \t]*(?:>|•))|[\u202a-\u202e\u2066-\u2069]")
_MAY_FORMAT = re.compile(r"[*_~`:>•\u202a-\u202e\u2066-\u2069]")
"""What none of `_FORMATS` does without: most texts have none of it, and looking for one character is quick."""
_EDGE = re.compile(r"^\s|\s$|^$|\n")
_WORD = re.compile(r"\w")


def escape(text: str) -> str:
    """Member text for mrkdwn: the three characters with which everything that notifies or leads somewhere begins."""
    for char, escaped in _ESCAPES.items():  # "&" comes first
        text = text.replace(char, escaped)
    return text


def is_literal(spans: Iterable[Span]) -> bool:
    """Whether mrkdwn shows the spans as they are."""
    parts = [span for span in spans if span != ""]
    texts = [words(span) for span in parts]
    if _MAY_FORMAT.search(whole := "".join(texts)) and any(map(_FORMATS.search, (whole, *texts))):
        return False
    if any(isinstance(one, Strong) and isinstance(other, Strong) for one, other in pairwise(parts)):
        return False
    if any(_EDGE.search(span.text) for span in parts if not isinstance(span, str)):
        return False
    around = zip(parts, ["", *texts], [*texts[1:], ""], strict=False)
    return not any(
        isinstance(span, Strong) and (_WORD.match(before[-1:]) or _WORD.match(after[:1]))
        for span, before, after in around
    )


def words(span: Span) -> str:
    """What is read of it."""
    return span if isinstance(span, str) else span.text


def mrkdwn(spans: Iterable[Span]) -> str:
    """The spans, which have to be literal, as mrkdwn."""
    return "".join(_mrkdwn(span) for span in spans)


def _mrkdwn(span: Span) -> str:
    match span:
        case Strong(text):
            return f"*{escape(text)}*"
        case Link(text, url):
            return f"<{_url(url)}|{escape(text)}>"
    return escape(span)


def _url(url: str) -> str:
    """An address that can't end the link it stands in."""
    return escape(quote(url, safe="%/:=&?~#+!$,;'@()*[]"))


def rich(spans: Iterable[Span]) -> list[Json]:
    """The spans as elements of rich text, where nothing in a text means anything."""
    return [element for span in spans if words(span) for element in (_rich(span),)]


def _rich(span: Span) -> Json:
    match span:
        case Strong(text):
            return {"type": "text", "text": text, "style": {"bold": True}}
        case Link(text, url):
            return {"type": "link", "url": url, "text": text}
    return {"type": "text", "text": span}


def cut(spans: Sequence[Span], limit: int = TEXT_LIMIT) -> Iterator[tuple[Span, ...]]:
    """The spans in portions of at most `limit` escaped characters, divided between lines or words where it can be."""
    if sum(map(_most, spans)) <= limit:
        if whole := tuple(span for span in spans if span != ""):
            yield whole
        return
    portion: list[Span] = []
    room = limit
    for span in spans:
        for piece in pieces(span, limit):
            # A link's address and the marks around words take room too.
            size = len(_mrkdwn(piece))
            if portion and size > room:
                yield tuple(portion)
                portion, room = [], limit
            portion.append(piece)
            room -= size
    if portion:
        yield tuple(portion)


def _most(span: Span) -> int:
    """No fewer characters than it takes, told without escaping it."""
    if isinstance(span, str):
        return LONGEST_ESCAPE * len(span)
    return LONGEST_ESCAPE * len(span.text) + (LONGEST_QUOTED * len(span.url) if isinstance(span, Link) else 0) + 3


def pieces(span: Span, limit: int) -> Iterator[Span]:
    """A span that may be too long, in parts."""
    if not isinstance(span, str):
        yield span
        return
    yield from text_pieces(span, limit)


def text_pieces(text: str, limit: int = TEXT_LIMIT) -> Iterator[str]:
    """A text in parts whose escaped length is at most `limit`, with nothing left out."""
    while LONGEST_ESCAPE * len(text) > limit and len(escape(text)) > limit:
        end, length = 0, 0
        while length + len(_ESCAPES.get(text[end], text[end])) <= limit:
            length += len(_ESCAPES.get(text[end], text[end]))
            end += 1
        at = max(text.rfind("\n", end // 2, end), 0) or max(text.rfind(" ", end // 2, end), 0) or end - 1
        yield text[: at + 1]
        text = text[at + 1 :]
    if text:
        yield text
