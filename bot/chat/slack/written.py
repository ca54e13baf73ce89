"""Text as Slack delivers it, made into what people typed and read. What is sent to Slack is mrkdwn.py's part."""

import re


def unescaped(text: str) -> str:
    """Text that Slack delivers with its three characters escaped, as it was typed."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


_CONTROL = re.compile(r"<(?P<what>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")


def readable(text: str) -> str:
    """A message's text as people read it: addresses and names instead of control sequences; unknown names are ids."""

    def read(match: re.Match[str]) -> str:
        what, label = match["what"], match["label"]
        if what.startswith(("@", "#", "!")):
            sign = "#" if what.startswith("#") else "@"
            return sign + (label or what[1:].removeprefix("subteam^")).lstrip(sign)
        return what if not label or what.endswith(label) else f"{label} ({what})"

    return unescaped(_CONTROL.sub(read, text))
