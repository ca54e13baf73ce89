"""What a post does and how it reads: mentions as the server finds them, and Markdown as its clients show it.

Only as much of both as tells harm from harmlessness.
"""

import html
import re
from dataclasses import dataclass, field

from tests.fakes.mattermost.answers import Json

EVERYBODY = ("channel", "all", "here")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
SLACK = re.compile(r"<!(channel|here|all|everyone)>|<([^<|>]+)\|([^\n>]+)>")
INLINE = re.compile(
    r"""\\(?P<escaped>[\\`*{}\[\]()\#+\-.!_>~|])
      | !\[(?P<alt>(?:\\.|[^\]])*)\]\((?P<image>[^)\s]*)[^)]*\)
      | \[(?P<label>(?:\\.|[^\]])*)\]\((?P<link>[^)\s]*)[^)]*\)
      | (?P<auto>(?:(?:https?|ftp)://|mailto:|tel:|mattermost://|www\.)[^\s<]+|[\w.]+@[\w.]+\.\w+)
      | \*\*(?P<strong>(?:\\.|[^*])+)\*\*
      | (?<![\w*])(?:\*(?P<star>[^*\s\n](?:\\.|[^*\n])*)\*|_(?P<under>[^_\s\n](?:\\.|[^_\n])*)_)(?![\w*])
      | ~~(?P<struck>[^~]+)~~
      | `(?P<code>[^`]+)`
      | (?P<emoji>:[a-z0-9_+-]+:)""",
    re.VERBOSE,
)


@dataclass
class Read:
    """A post as a person gets it: the words, and what stands out, leads somewhere or is loaded."""

    text: str = ""
    links: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    formatted: list[str] = field(default_factory=list)


def mentions(post: Json, names: list[str]) -> list[str]:
    """Whom the server notifies: names and @channel and the like, in message, pretext and text; neither a backslash
    nor a quote's mark in front changes that, code and anything between the sign and the name do.
    """
    parts = [post["message"]]
    for attachment in post["props"].get("attachments") or []:
        parts += [attachment.get("pretext", ""), attachment.get("text", "")]
    text = CODE.sub(" ", "\n".join(parts))
    return [name for name in (*EVERYBODY, *names) if re.search(rf"(?i)(?<![\w@])@{re.escape(name)}\b", text)]


def slack(text: str) -> str:
    """Slack's notation turned into Mattermost's, as done to answers that don't ask to be spared."""
    return SLACK.sub(lambda m: f"@{m[1]}" if m[1] else f"[{m[3]}]({m[2]})", text)


def read(post: Json) -> Read:
    """The post's message and attachments from top to bottom."""
    found = Read()
    lines = [_line(line, found) for line in post["message"].split("\n")]
    for attachment in post["props"].get("attachments") or []:
        if attachment.get("image_url") or attachment.get("thumb_url"):
            found.images.append(attachment["image_url"] or attachment["thumb_url"])
        lines += [_line(line, found) for line in (attachment.get("title", ""), *attachment.get("text", "").split("\n"))]
        for action in attachment.get("actions", []):
            options = [f"({option['text']})" for option in action.get("options", [])]
            lines += options or [f"[{action['name']}]"]
    found.text = html.unescape("\n".join(lines)).replace("\u200b", "")
    return found


def _line(line: str, found: Read) -> str:
    if mark := re.match(r" {0,3}(#{1,6} |> ?|[-+*] |\d+\. )", line):
        found.formatted.append(mark[1].strip())
        line = line[mark.end() :]
        return _line(line, found) if mark[1].startswith(">") else _inline(line, found)
    return _inline(line, found)


def _inline(text: str, found: Read) -> str:
    def one(match: re.Match[str]) -> str:
        kind = str(match.lastgroup)
        inner = match[kind]
        match kind:
            case "escaped":
                return inner
            case "image":
                found.images.append(inner)
                return match["alt"]
            case "link":
                found.links.append(inner)
                return _inline(match["label"], found)
            case "auto":
                found.links.append(inner)
                return inner
        found.formatted.append(kind)
        return inner if kind in ("code", "emoji") else _inline(inner, found)

    return INLINE.sub(one, text)
