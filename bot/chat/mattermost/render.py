"""Cards and forms as Mattermost takes them: message, attachments with buttons, dialog. Pure.

The words stand in the message, where search, notifications and screen readers find them; attachments hold buttons
and menus only. So no card comes near the 8,000 characters that servers of 5.37 allow for a post's props.
"""

from collections.abc import Callable, Iterator
from typing import Any

from bot.chat.mattermost.markdown import defused, escaped, heading, in_one_line, quotation, spans
from bot.views.cards import Actions, Block, Button, Card, Form, Heading, Items, Menu, Note, Paragraph, Quotation, Style

MESSAGE_LIMIT = 16_383
"""Characters of a post's message (model.POST_MESSAGE_MAX_RUNES_V2)."""
TITLE_LIMIT, LABEL_LIMIT, HELP_LIMIT, TEXT_LIMIT, TEXTAREA_LIMIT = 24, 24, 150, 150, 3000
"""Characters of a dialog's parts (docs: Interactive dialogs)."""

_STYLE = {Style.NORMAL: "default", Style.PRIMARY: "primary", Style.DANGER: "danger"}
_COLOUR = {"plain": "", "success": "#3db887", "warning": "#cc8f00", "error": "#d24b4e"}

Json = dict[str, Any]
ContextOf = Callable[[Button | Menu], Json]
"""Makes the context that a click on the button, or a choice from the menu, brings back."""


def message_of(card: Card) -> str:
    """The card's words as Markdown."""
    return "\n\n".join(text for block in card.blocks if (text := _block(block))) or escaped(card.summary)


def attachments_of(card: Card, url: str, context_of: ContextOf) -> list[Json]:
    """The card's buttons, a row for each of its rows, and its menus; a click is sent to `url`."""
    ids = _ids()
    attachments: list[Json] = []
    for block in card.blocks:
        if not isinstance(block, Actions | Menu):
            continue
        parts = block.buttons if isinstance(block, Actions) else (block,)
        attachments.append(
            {
                "fallback": defused(card.summary),
                "color": _COLOUR[card.tone],
                # What a menu chooses would be hidden behind the choice.
                **({"text": in_one_line(block.label)} if isinstance(block, Menu) else {}),
                "actions": [
                    {
                        "id": next(ids),
                        **_drawn(part),
                        "integration": {"url": url, "context": context_of(part)},
                    }
                    for part in parts
                ],
            }
        )
    return attachments


def _drawn(part: Button | Menu) -> Json:
    if isinstance(part, Button):
        return {"type": "button", "name": defused(part.label), "style": _STYLE[part.style]}
    options = [{"text": defused(option.label), "value": option.value} for option in part.options]
    return {"type": "select", "name": defused(part.label), "options": options, "default_option": part.chosen}


def has_buttons(card: Card) -> bool:
    """Whether something can be clicked or chosen."""
    return any(isinstance(block, Menu) or (isinstance(block, Actions) and block.buttons) for block in card.blocks)


def pages_of(message: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """The message in as few posts as it needs, cut between paragraphs, else lines, else words."""
    pages: list[str] = []
    while len(message) > limit:
        cut = _cut(message, limit)
        pages.append(message[:cut].rstrip())
        message = message[cut:].lstrip("\n")
    return [*pages, message]


def dialog_of(form: Form, state: str) -> Json:
    """The form as a dialog whose submission is sent with `state`."""
    return {
        "callback_id": form.name,
        "title": _short(form.title, TITLE_LIMIT),
        "introduction_text": escaped(form.intro),
        "submit_label": form.submit,
        "notify_on_cancel": False,
        "state": state,
        "elements": [
            {
                "name": field.name,
                "display_name": _short(field.label, LABEL_LIMIT),
                "type": "textarea" if field.multiline else "text",
                "subtype": "",
                "default": field.value,
                "help_text": _short(field.hint, HELP_LIMIT),
                "optional": not field.required,
                "max_length": min(field.max_length, TEXTAREA_LIMIT if field.multiline else TEXT_LIMIT),
            }
            for field in form.fields
        ],
    }


def question_of(button: Button, state: str) -> Json:
    """The question before a button that can't be undone: a dialog without fields."""
    return {
        "callback_id": "confirm",
        "title": _short(button.label, TITLE_LIMIT),
        "introduction_text": escaped(button.confirm or ""),
        "submit_label": button.label,
        "notify_on_cancel": False,
        "state": state,
        "elements": [],
    }


def _ids() -> Iterator[str]:
    """Names of actions; the server's route takes letters and digits only."""
    number = 0
    while True:
        yield f"b{number}"
        number += 1


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return heading(text)
        case Paragraph(parts) | Note(parts):
            return spans(parts)
        case Quotation(label, text):
            return f"**{in_one_line(label)}**\n{quotation(text)}"
        case Items(items, numbered):
            marks = (f"{number}." if numbered else "-" for number in range(1, len(items) + 1))
            return "\n".join(f"{mark} {' '.join(spans(item).split())}" for mark, item in zip(marks, items, strict=True))
    return ""


def _cut(text: str, limit: int) -> int:
    for separator in ("\n\n", "\n", " "):
        cut = text.rfind(separator, limit // 2, limit)
        if cut > 0:
            return cut + (separator == " ")
    return limit - 1 if text[limit - 1] == "\\" else limit  # an escape and what it escapes stay together


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
