"""Text as Slack delivers it, made into what people typed and read. What is sent to Slack is mrkdwn.py's part."""

import re

from bot.chat.emoji_names import with_emoji


def typed(text: str) -> str:
    """A text as it was typed: Slack escapes three characters in what it keeps, and delivers emoji by their names."""
    return with_emoji(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


_CONTROL = re.compile(r"<(?P<what>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")
_NO_MENTION = re.compile(r"!(?!(?:here|channel|everyone|group)\b|subteam\^)")


def readable(text: str) -> str:
    """A message's text as people read it: addresses and names instead of control sequences; unknown names are ids.

    https://docs.slack.dev/messaging/formatting-message-text/
    """

    def read(match: re.Match[str]) -> str:
        what, label = match["what"].removeprefix("mailto:"), match["label"]
        if label and (what.startswith("tel:") or _NO_MENTION.match(what)):
            return label
        if what.startswith(("@", "#", "!")):
            sign = "#" if what.startswith("#") else "@"
            return sign + (label or what[1:].removeprefix("subteam^")).lstrip(sign)
        return what if not label or what.endswith(label) else f"{label} ({what})"

    return typed(_CONTROL.sub(read, text))
