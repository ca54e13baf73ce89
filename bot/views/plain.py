"""Cards as plain text, for the terminal and for people who read the command line."""

from bot.views.cards import Card, Heading, Items, Link, Note, Paragraph, Quotation, Span, Strong
from bot.views.texts import Texts


def plain(card: Card, texts: Texts) -> str:
    """The card's words from top to bottom; buttons and menus are left out, for nobody could use them."""
    parts: list[str] = []
    for block in card.blocks:
        match block:
            case Heading(text):
                parts.append(f"{text}\n{'=' * len(text)}")
            case Paragraph(spans) | Note(spans):
                parts.append(_line(spans))
            case Quotation(label, text):
                parts.append(
                    "\n".join((texts("texts.label", label=label), *(f"  {line}" for line in text.splitlines())))
                )
            case Items(items, numbered):
                marks = (f"{number}." if numbered else "-" for number in range(1, len(items) + 1))
                parts.append("\n".join(f"{mark} {_line(item)}" for mark, item in zip(marks, items, strict=True)))
    return "\n\n".join(parts)


def _line(spans: tuple[Span, ...]) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: Span) -> str:
    match span:
        case Strong(text):
            return text
        case Link(text, url):
            return f"{text} <{url}>"
    return span
