"""What a person reads of a Slack message, and what it does beside being read: mrkdwn as Slack interprets it."""

import html
import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

CONTROL = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
EMPHASIS = tuple(
    re.compile(rf"(?<![\w{mark}]){re.escape(mark)}(\S|\S[^\n]*?\S){re.escape(mark)}(?![\w{mark}])") for mark in "*_~`"
)
EMOJI = re.compile(r":[\w+'-]+:")
QUOTE = re.compile(r"(?m)^[ \t]*(?:(?:>|&gt;){3}|>|&gt;) ?")
AUTOMATIC = re.compile(r"(?<![\w<|/])@(?:here|channel|everyone)\b|https?://[^\s<>|]+")


def shown(message: Json) -> str:
    """The text of a message's blocks, or of the message where it has none; every space is an ordinary one."""
    blocks = message.get("blocks") or []
    text = "\n".join(part for block in blocks for part in _block(block)) if blocks else mrkdwn(message.get("text", ""))
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def _block(block: Json) -> Iterator[str]:
    match block["type"]:
        case "rich_text":
            for element in block["elements"]:
                yield "".join(part.get("text") or part["url"] for part in element["elements"])
        case "actions":
            yield from (element["text"]["text"] for element in block["elements"])
        case "context":
            yield from map(_text, block["elements"])
        case "input":
            yield block["label"]["text"]
            yield block["element"].get("initial_value", "")
        case "header" | "section":
            yield _text(block["text"])
            yield from (option["text"]["text"] for option in block.get("accessory", {}).get("options", []))


def _text(text: Json) -> str:
    return str(text["text"]) if text["type"] == "plain_text" else mrkdwn(text["text"])


def mrkdwn(text: str) -> str:
    """As it is read: quotes, emphasis and emoji names are interpreted, control sequences replaced, escapes undone."""
    text = QUOTE.sub("", text)
    for pattern in EMPHASIS:
        text = pattern.sub(r"\1", text)
    text = EMOJI.sub("\N{WHITE SQUARE}", text)
    text = CONTROL.sub(lambda match: match[2] if match[2] is not None else match[1], text)
    return html.unescape(text)


def harm(message: Json) -> list[str]:
    """Whom it notifies, and where its links lead."""
    found = list(_controls(message.get("text", ""), is_verbatim=True))
    for block in message.get("blocks") or []:
        for text in _objects(block):
            if text.get("type") == "mrkdwn":
                found += _controls(text["text"], is_verbatim=bool(text.get("verbatim")))
            elif text.get("type") in ("user", "usergroup", "broadcast", "channel"):
                found.append(text["type"])
            elif text.get("type") == "link":
                found.append(text["url"])
    return found


def _controls(text: str, *, is_verbatim: bool) -> Iterator[str]:
    yield from (match[1] for match in CONTROL.finditer(text))
    if not is_verbatim:
        yield from (match[0] for match in AUTOMATIC.finditer(CONTROL.sub("", text)))


def _objects(value: Any) -> Iterator[Json]:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part)
