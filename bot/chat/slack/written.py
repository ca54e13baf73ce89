"""Text as Slack delivers it, made into what people typed and read. What is sent to Slack is mrkdwn.py's part."""

import re

from bot.chat.emoji_names import with_emoji


def typed(text: str) -> str:
    """A text as it was typed: Slack escapes three characters in what it keeps, and delivers emoji by their names."""
    return with_emoji(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


_CONTROL = re.compile(r"<(?P<what>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")
_NO_MENTION = re.compile(r"!(?!(?:here|channel|everyone|group)\b|subteam\^)")
_CODE = re.compile(r"```\n?(?P<lines>.+?)\n?```|`(?P<words>[^`\n]+)`", re.DOTALL)
_NO_WORD_BEFORE, _NO_WORD_AFTER = r"(?<![^\W_])(?<![^\W_]_)", r"(?!_?[^\W_])"
_EMPHASIS = [
    re.compile(
        rf"{_NO_WORD_BEFORE}(?<!{mark}){mark}([^\s{mark}](?:[^\n{mark}]*[^\s{mark}])?){mark}(?!{mark}){_NO_WORD_AFTER}"
    )
    for mark in (r"\*", "_", "~")
]
"""Each may stand within another one, next to its mark; none begins or ends within a word."""
_KEPT = re.compile("\ue000([0-9]{1,5})\ue001")


def readable(text: str) -> str:
    """A message's text as people read it: addresses and names instead of control sequences, and no marks of emphasis or
    code; unknown names are ids.

    https://docs.slack.dev/messaging/formatting-message-text/
    """
    kept: list[str] = []

    def keep(as_read: str) -> str:
        """In the place of what is no emphasis, whatever stands in it; code may be a link's words."""
        kept.append(restored(as_read))
        return f"\ue000{len(kept) - 1}\ue001"

    def restored(as_read: str) -> str:
        return _KEPT.sub(lambda found: kept[int(found[1])], as_read)

    text = text.translate({0xE000: None, 0xE001: None})  # which nobody can see
    text = _CODE.sub(lambda found: keep(_CONTROL.sub(_read, found["lines"] or found["words"])), text)
    text = _CONTROL.sub(lambda found: keep(_read(found)), text)
    for emphasis in _EMPHASIS:
        text = emphasis.sub(r"\1", text)
    return typed(restored(text))


def _read(control: re.Match[str]) -> str:
    """What people read of a control sequence."""
    what, label = control["what"].removeprefix("mailto:"), control["label"]
    if label and (what.startswith("tel:") or _NO_MENTION.match(what)):
        return label
    if what.startswith(("@", "#", "!")):
        sign = "#" if what.startswith("#") else "@"
        return sign + (label or what[1:].removeprefix("subteam^")).lstrip(sign)
    return what if not label or what.endswith(label) else f"{label} ({what})"
