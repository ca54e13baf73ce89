"""Cards and forms into Block Kit, within Slack's published limits (docs.slack.dev/reference/block-kit). Pure.

Sending is the platform's part. Member text is never formatted, never notifies, and shows as it was typed.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.chat.slack import mrkdwn
from bot.chat.slack.mrkdwn import Json
from bot.views.cards import (
    Actions,
    Block,
    Button,
    Card,
    Field,
    Form,
    Heading,
    Items,
    Menu,
    Note,
    Paragraph,
    Quotation,
    Span,
    Strong,
    Style,
)
from bot.views.texts import Texts

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_SIZE = 12_000
"""Characters of a message's blocks as JSON; Slack answers msg_blocks_too_long from about 13,200."""
SUMMARY_LIMIT = 3000
HEADER_LIMIT = 150
LABEL_LIMIT = 75
CONFIRM_LIMIT = 300
TITLE_LIMIT = 24
FIELD_LIMIT = 3000
WORDS_LIMIT = 2000
BUTTONS_IN_A_ROW = 25
_JSON = json.JSONEncoder(ensure_ascii=False)
OPTIONS = 100
INPUT = "value"
"""The action id of every form field; the block id is the field's name."""


@dataclass(frozen=True, slots=True)
class Message:
    """One Slack message: its fallback text, escaped, and its blocks."""

    text: str
    blocks: tuple[Json, ...]


def messages(card: Card, texts: Texts) -> list[Message]:
    """The card as one message, or as several in order where Slack's limits ask for that."""
    parts = _portions([block for part in card.blocks for block in blocks_of(part, texts)])
    summary = mrkdwn.escape(card.summary)
    text = next(mrkdwn.text_pieces(card.summary, SUMMARY_LIMIT), "") if len(summary) > SUMMARY_LIMIT else card.summary
    return [Message(mrkdwn.escape(text) or "…", tuple(part)) for part in parts] or [Message(summary or "…", ())]


def _portions(blocks: list[Json]) -> list[list[Json]]:
    if len(blocks) <= MESSAGE_BLOCKS and len(_JSON.encode(blocks)) <= MESSAGE_SIZE:
        return [blocks] if blocks else []
    portions: list[list[Json]] = []
    room = 0
    for block in blocks:
        size = len(_JSON.encode(block))
        if not portions or size > room or len(portions[-1]) == MESSAGE_BLOCKS:
            portions.append([])
            room = MESSAGE_SIZE
        portions[-1].append(block)
        room -= size
    return portions


def blocks_of(block: Block, texts: Texts) -> Iterator[Json]:
    """One part of a card."""
    match block:
        case Heading(text):
            yield from _heading(text)
        case Paragraph(spans):
            yield from _paragraph(spans)
        case Note(spans):
            yield from _note(spans)
        case Quotation(label, text):
            yield from _quotation(label, text)
        case Items(items, numbered):
            yield from _items(items, numbered=numbered)
        case Actions(buttons):
            for start in range(0, len(buttons), BUTTONS_IN_A_ROW):
                row = buttons[start : start + BUTTONS_IN_A_ROW]
                yield {"type": "actions", "elements": [_button(button, at, texts) for at, button in enumerate(row)]}
        case Menu():
            yield _menu(block)


def _heading(text: str) -> Iterator[Json]:
    # Plain text is not to be escaped, so what could be mistaken for an escape is not given to it.
    if text.strip() and len(text) <= HEADER_LIMIT and not set(text) & set("&<>\n"):
        yield {"type": "header", "text": plain(text)}
    else:
        yield from _paragraph((Strong(text),))


def _paragraph(spans: Sequence[Span]) -> Iterator[Json]:
    flat = tuple(part for span in spans for part in _divided(span))
    for portion in mrkdwn.cut(flat):
        if mrkdwn.is_literal(portion):  # each by itself: what is no mark inside a line is one where a portion begins
            yield _section(mrkdwn.mrkdwn(portion))
        elif elements := mrkdwn.rich(portion):
            yield _rich_text({"type": "rich_text_section", "elements": elements})


def _divided(span: Span) -> Iterator[Span]:
    if isinstance(span, Strong):
        yield from (Strong(piece) for piece in mrkdwn.text_pieces(span.text, mrkdwn.TEXT_LIMIT - 2))
    else:
        yield span


def _note(spans: Sequence[Span]) -> Iterator[Json]:
    portions = list(mrkdwn.cut(spans))
    if not all(map(mrkdwn.is_literal, portions)):
        yield from _paragraph(spans)
        return
    for portion in portions:
        yield {"type": "context", "elements": [_text(mrkdwn.mrkdwn(portion))]}


def _quotation(label: str, text: str) -> Iterator[Json]:
    pieces = [
        piece for line in text.split("\n") for piece in list(mrkdwn.text_pieces(line, mrkdwn.TEXT_LIMIT - 200)) or [""]
    ]
    if not mrkdwn.is_literal((Strong(label), "\n", "\n".join(pieces))):
        heading = [{"type": "rich_text_section", "elements": mrkdwn.rich([Strong(label)])}] if label else []
        for piece in mrkdwn.text_pieces(text) if text else ():
            quote = {"type": "rich_text_quote", "elements": mrkdwn.rich([piece])}
            yield _rich_text(*heading, quote)
            heading = []
        if heading:
            yield _rich_text(*heading)
        return
    lines = [f"*{mrkdwn.escape(label)}*"]
    size = len(lines[0])
    for piece in pieces:
        quoted = f">{mrkdwn.escape(piece)}"
        if size + len(quoted) + 1 > mrkdwn.TEXT_LIMIT:
            yield _section("\n".join(lines))
            lines, size = [], 0
        lines.append(quoted)
        size += len(quoted) + 1
    yield _section("\n".join(lines))


def _items(items: Sequence[tuple[Span, ...]], *, numbered: bool) -> Iterator[Json]:
    lines: list[str] = []
    number = 0
    for number, item in enumerate(items, start=1):
        mark = f"{number}. " if numbered else "• "
        line = mark + mrkdwn.mrkdwn(item)
        is_plain = mrkdwn.is_literal(item) and len(line) <= mrkdwn.TEXT_LIMIT
        if lines and (not is_plain or sum(map(len, lines)) + len(lines) + len(line) > mrkdwn.TEXT_LIMIT):
            yield _section("\n".join(lines))
            lines = []
        if is_plain:
            lines.append(line)
            continue
        for portion in mrkdwn.cut((mark, *(part for span in item for part in _divided(span)))):
            yield _rich_text({"type": "rich_text_section", "elements": mrkdwn.rich(portion)})
    if lines:
        yield _section("\n".join(lines))


def _button(button: Button, place: int, texts: Texts) -> Json:
    # An action id has to be unique in its block; what stands after "#" makes it so.
    drawn: Json = {
        "type": "button",
        "text": plain(button.label, LABEL_LIMIT),
        "action_id": f"{button.action}#{place}",
    }
    if button.value:
        drawn["value"] = button.value
    if button.style is not Style.NORMAL:
        drawn["style"] = button.style.value
    if button.confirm:
        drawn["confirm"] = {
            "title": plain(texts("slack.confirm_title")),
            "text": plain(button.confirm, CONFIRM_LIMIT),
            "confirm": plain(texts("slack.confirm_yes")),
            "deny": plain(texts("slack.confirm_no")),
        }
        if button.style is Style.DANGER:
            drawn["confirm"]["style"] = "danger"
    return drawn


def _menu(menu: Menu) -> Json:
    options = [{"text": plain(each.label, LABEL_LIMIT), "value": each.value} for each in menu.options[:OPTIONS]]
    select = {
        "type": "static_select",
        "action_id": f"{menu.action}#0",
        "placeholder": plain(menu.label),
        "options": options,
        "initial_option": next(option for option in options if option["value"] == menu.chosen),
    }
    # A select alone has no label that stays when something is chosen; beside a text it is named by it.
    return {"type": "section", "text": plain(menu.label, mrkdwn.TEXT_LIMIT), "accessory": select}


def action_of(action_id: str) -> str:
    """The button's action in an action id."""
    return action_id.partition("#")[0]


def modal(form: Form, private_metadata: str, texts: Texts) -> Json:
    """The form as a modal."""
    blocks = list(_heading(form.title)) if len(form.title) > TITLE_LIMIT else []
    blocks += list(_paragraph((form.intro,))) if form.intro else []
    blocks += [_input(field) for field in form.fields]
    return {
        "type": "modal",
        "callback_id": form.name,
        "title": plain(form.title, TITLE_LIMIT),
        "submit": plain(form.submit, TITLE_LIMIT),
        "close": plain(texts("slack.cancel")),
        "private_metadata": private_metadata,
        "blocks": blocks,
    }


def reading_modal(card: Card, private_metadata: str, texts: Texts) -> Json:
    """The card as a modal that is only read, where there is no conversation to show it in."""
    return {
        "type": "modal",
        "callback_id": "read",
        "title": plain(texts("slack.name"), TITLE_LIMIT),
        "close": plain(texts("slack.close")),
        "private_metadata": private_metadata,
        "blocks": _view_blocks(card, texts),
    }


def home(card: Card, texts: Texts) -> Json:
    """The card as an App Home."""
    return {"type": "home", "blocks": _view_blocks(card, texts)}


def _view_blocks(card: Card, texts: Texts) -> list[Json]:
    return [block for part in card.blocks for block in blocks_of(part, texts)][:VIEW_BLOCKS]


def _input(field: Field) -> Json:
    element: Json = {"type": "plain_text_input", "action_id": INPUT, "multiline": field.multiline}
    limit = min(field.max_length, FIELD_LIMIT)
    element["max_length"] = limit
    if field.value:
        element["initial_value"] = field.value[:limit]
    drawn: Json = {
        "type": "input",
        "block_id": field.name,
        "label": plain(field.label, WORDS_LIMIT),
        "element": element,
        "optional": not field.required,
    }
    if field.hint:
        drawn["hint"] = plain(field.hint, WORDS_LIMIT)
    return drawn


def plain(text: str, limit: int = HEADER_LIMIT) -> Json:
    """A plain text object, cut to `limit` characters; emoji names in it stay words."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return {"type": "plain_text", "text": shown, "emoji": False}


def _section(text: str) -> Json:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> Json:
    # verbatim: Slack looks for no addresses, channels or people in it.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _rich_text(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}
