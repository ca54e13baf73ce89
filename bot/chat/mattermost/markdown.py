r"""Texts as Mattermost's Markdown: what Butine means to format is formatted, what members typed is shown as typed.

A member's text may notify nobody, lead nowhere and load nothing. Escapes alone do not do: `\@channel` notifies all the
same, and `<url|words>` is turned into a link by servers that read Slack's notation. So `@`, `~`, `:` and others are
parted from what follows by a zero-width space, and angle brackets and `$` are entities. (Seen on a 5.37 server.)
"""

import re
from collections.abc import Sequence

from bot.views.cards import Link, Span, Strong

GAP = "\u200b"
_PARTED = re.compile(f"(?<=[@~$#\\\\]){GAP}|{GAP}(?=[:./=])")
"""What `_mark` and `_at_start` part, or parted in older posts (`$`), as people copy it."""
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f\ufeff]")
# Newer clients make a formula of what two `$` enclose, escaped or parted though they are.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}
# Each begins with the character that it is about: where all do, looking for the first takes a tenth of the time.
_MARKS = re.compile(
    r"[\\`*_\[\]|!&<>@~$]|#(?=\w)|:(?<=[\w+.-]:)"
    r"|\.(?:(?<=[wW]{3}\.)|(?<=[wW]{3}\d\.)|(?<=[wW]{3}\d\d\.)|(?<=[wW]{3}\d\d\d\.))"
    r"|/(?:(?<=\.[^\W\d_]{2}/)|(?<=\.[^\W\d_]{3}/)|(?<=\.[^\W\d_]{4}/))"
)
_LINE_START = re.compile(r"^(?:([#+-])|(\d+)([.)])|(=+))")
_INDENT = re.compile("^ +", re.MULTILINE)


def escaped(text: str) -> str:
    """The text, line by line, so that it is read as it was typed."""
    return "\n".join(_line(line) for line in _UNSEEN.sub("", text.replace("\r\n", "\n")).split("\n"))


def in_one_line(text: str) -> str:
    """As `escaped`, in one line."""
    return escaped(" ".join(text.split()))


def defused(text: str) -> str:
    """For places that are no Markdown, such as a button's label: nobody is notified."""
    return _UNSEEN.sub("", text).replace("@", f"@{GAP}")


def joined(text: str) -> str:
    """A text that may be copied from a post, without the spaces that part it there."""
    return _PARTED.sub("", text)


def spans(parts: Sequence[Span]) -> str:
    """Running text; words of Butine's own are escaped too, because members' names and titles stand in them."""
    return _INDENT.sub("", "".join(_span(part) for part in parts))


def heading(text: str) -> str:
    """A title, in one line; a `#` at its end is no mark that closes it."""
    title = in_one_line(text)
    return f"#### {title}{GAP}" if title.endswith("#") else f"#### {title}"


def quotation(text: str) -> str:
    """A member's words as a quoted block."""
    return "\n".join(f"> {line}" if line else ">" for line in escaped(text).split("\n"))


def _line(line: str) -> str:
    # Four spaces or a tab at the beginning would make a code block.
    return _LINE_START.sub(_at_start, _MARKS.sub(_mark, line.replace("\t", " ").lstrip(" ")))


def _mark(found: re.Match[str]) -> str:
    mark = found[0]
    if mark in _ENTITIES:
        return _ENTITIES[mark]
    if mark in ":./":  # of a scheme, of www, after a host's name, and the second colon of an emoji's name
        return GAP + mark
    # Before a letter or digit, Mattermost shows both of two backslashes.
    return mark + GAP if mark in "@~#\\" else "\\" + mark


def _at_start(found: re.Match[str]) -> str:
    sign, number, dot, underline = found.groups()
    if sign:
        return "\\" + sign
    return f"{number}\\{dot}" if number else GAP + underline


def _span(part: Span) -> str:
    match part:
        case Strong(text):
            inner = in_one_line(text)
            return f"**{inner}**" if inner else ""
        case Link(text, url):
            address = url.replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace("<", "%3C")
            return f"[{in_one_line(text)}]({address})"
    # `escaped` takes it for the beginning of a line; in the midst of one, the space parts it from what precedes.
    return " " * part.startswith((" ", "\t")) + escaped(part)
