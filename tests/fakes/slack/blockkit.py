"""Block Kit's published limits (docs.slack.dev/reference/block-kit), as Slack enforces them on what it is sent."""

import json
from collections.abc import Iterator
from typing import Any

from slack_sdk.models.blocks import Block

Json = dict[str, Any]
MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MESSAGE_SIZE = 13_200


def message_problem(payload: Json) -> str | None:
    """Slack's error code for a message, or None."""
    blocks = payload.get("blocks") or []
    if not payload.get("text") and not blocks:
        return "no_text"
    if len(str(payload.get("text", ""))) > 40_000:
        return "msg_too_long"
    if size(blocks) > MESSAGE_SIZE:
        return "msg_blocks_too_long"
    if len(blocks) > MESSAGE_BLOCKS or list(problems(blocks, is_view=False)):
        return "invalid_blocks"
    return None


def view_problem(view: Json) -> str | None:
    """Slack's error code for a modal or Home, or None."""
    found = list(problems(view.get("blocks", []), is_view=True))
    if len(view["blocks"]) > VIEW_BLOCKS or len(view.get("private_metadata", "")) > 3000:
        found.append("too much")
    if view["type"] == "modal":
        for part, is_needed in (("title", True), ("submit", False), ("close", False)):
            if part in view or is_needed:
                found += plain(view.get(part), 24)
        if any(block["type"] == "input" for block in view["blocks"]) and "submit" not in view:
            found.append("input without submit")
        if len(view.get("callback_id", "")) > 255:
            found.append("callback_id")
    elif set(view) - {"type", "blocks", "private_metadata", "callback_id", "external_id"}:
        found.append("a Home has no such part")
    return "invalid_arguments" if found else None


def size(blocks: list[Json]) -> int:
    """The characters that the blocks hold."""
    return sum(len(text) for text in strings(blocks))


def strings(value: Any) -> Iterator[str]:  # noqa: ANN401  JSON
    """Every text in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def problems(blocks: list[Json], *, is_view: bool) -> Iterator[str]:
    """What is wrong with the blocks."""
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)) or any(not 1 <= len(id_) <= 255 for id_ in ids):
        yield "block_id"
    for block in blocks:
        yield from _problems(block, is_view=is_view)
        parsed = Block.parse(json.loads(json.dumps(block)))
        if parsed is None:
            yield f"unknown block {block.get('type')}"
        elif block["type"] != "rich_text":
            parsed.to_dict()  # validates lengths, raises SlackObjectFormationError


ALLOWED = {
    "header": {"text"},
    "section": {"text", "fields", "accessory", "expand"},
    "context": {"elements"},
    "actions": {"elements"},
    "divider": set[str](),
    "rich_text": {"elements"},
    "input": {"label", "element", "hint", "optional", "dispatch_action"},
}


def _problems(block: Json, *, is_view: bool) -> Iterator[str]:  # noqa: C901  one flat match over the kinds
    kind = block.get("type", "")
    if kind not in ALLOWED or set(block) - ALLOWED[kind] - {"type", "block_id"}:
        yield f"{kind} has a part that it can't have"
        return
    match kind:
        case "header":
            yield from plain(block["text"], 150)
        case "section":
            yield from text(block["text"], 3000)
            if "accessory" in block:
                yield from select(block["accessory"])
        case "context":
            if not 1 <= len(block["elements"]) <= 10:
                yield "context elements"
            for element in block["elements"]:
                yield from text(element, 3000)
        case "actions":
            elements = block["elements"]
            action_ids = [element["action_id"] for element in elements]
            if not 1 <= len(elements) <= 25 or len(set(action_ids)) != len(action_ids):
                yield "actions"
            for element in elements:
                yield from button(element)
        case "rich_text":
            yield from rich_text(block)
        case "input":
            yield from _input(block, is_view=is_view)


def _input(block: Json, *, is_view: bool) -> Iterator[str]:
    if not is_view:
        yield "an input in a message"
    yield from plain(block["label"], 2000)
    if "hint" in block:
        yield from plain(block["hint"], 2000)
    element = block["element"]
    if element["type"] != "plain_text_input" or not 1 <= len(element["action_id"]) <= 255:
        yield "input element"
    if not 1 <= element.get("max_length", 3000) <= 3000:
        yield "max_length"
    if len(element.get("initial_value", "")) > element.get("max_length", 3000) or element.get("initial_value") == "":
        yield "initial_value"


def text(given: Any, limit: int) -> Iterator[str]:  # noqa: ANN401  JSON
    """What is wrong with a text object."""
    if not isinstance(given, dict) or given.get("type") not in ("plain_text", "mrkdwn"):
        yield "text object"
        return
    if given["type"] == "plain_text":
        yield from plain(given, limit)
    elif not 1 <= len(given["text"]) <= limit or set(given) - {"type", "text", "verbatim"}:
        yield f"mrkdwn of {len(given['text'])}"


def plain(given: Any, limit: int) -> list[str]:  # noqa: ANN401  JSON
    """What is wrong with a plain text object."""
    if not isinstance(given, dict) or given.get("type") != "plain_text" or set(given) - {"type", "text", "emoji"}:
        return ["plain text object"]
    return [] if 1 <= len(given["text"]) <= limit else [f"plain text of {len(given['text'])}, not {limit}"]


def button(given: Json) -> Iterator[str]:
    """What is wrong with a button."""
    if given["type"] != "button" or set(given) - {"type", "text", "action_id", "value", "style", "confirm", "url"}:
        yield "button"
    yield from plain(given["text"], 75)
    if not 1 <= len(given["action_id"]) <= 255 or not 1 <= len(given.get("value", "x")) <= 2000:
        yield "button value"
    if given.get("style", "primary") not in ("primary", "danger"):
        yield "style"
    if confirm := given.get("confirm"):
        for part, limit in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            yield from plain(confirm.get(part), limit)
        if confirm.get("style", "primary") not in ("primary", "danger"):
            yield "confirm style"


def select(given: Json) -> Iterator[str]:
    """What is wrong with a menu (docs.slack.dev/reference/block-kit/block-elements/select-menu-element)."""
    if given["type"] != "static_select" or set(given) - {
        *("type", "action_id", "placeholder", "options", "initial_option", "confirm", "focus_on_load")
    }:
        yield "select"
    yield from plain(given.get("placeholder"), 150)
    options = given["options"]
    if not 1 <= len(given["action_id"]) <= 255 or not 1 <= len(options) <= 100:
        yield "select options"
    for option in options:
        yield from plain(option["text"], 75)
        if not 1 <= len(option["value"]) <= 150 or set(option) - {"text", "value", "description"}:
            yield "option"
    if given.get("initial_option", options[0]) not in options:
        yield "initial_option"


def rich_text(block: Json) -> Iterator[str]:
    """What is wrong with a rich text block."""
    if not block["elements"]:
        yield "empty rich text"
    for element in block["elements"]:
        if element["type"] not in ("rich_text_section", "rich_text_quote") or not element["elements"]:
            yield "rich text element"
        for part in element["elements"]:
            if part["type"] not in ("text", "link") or not (part.get("text") or part.get("url")):
                yield "rich text part"
            if part["type"] == "link" and not part["url"].startswith(("https://", "http://")):
                yield "rich text link"
