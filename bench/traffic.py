"""What Slack and Mattermost send to Butine, made and signed beforehand: whole HTTP requests, byte for byte.

Sending them is lines.py's part.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bench import words
from bench.lines import Request

Kind = Literal["slack_command", "slack_reaction", "mattermost_command"]
SLACK_PATH, MATTERMOST_PATH = "/slack/events", "/mattermost/command"
"""Where Butine is called, and the peers too."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
EMOJI = ("+1", "heart", "bulb", "thumbsup::skin-tone-3")


@dataclass(frozen=True)
class Chat:
    """Where the requests seem to come from: people, places, and what proves them genuine."""

    response_url: str
    slack_api: str
    slack_secret: str
    slack_team: str
    slack_bot: str
    slack_bot_token: str
    slack_ideas: str
    slack_members: Sequence[str]
    mattermost: str
    mattermost_token: str
    mattermost_team_name: str
    mattermost_team: str
    mattermost_ideas: str
    mattermost_command_token: str
    mattermost_key: str
    mattermost_members: Sequence[str]


@dataclass(frozen=True)
class Wanted:
    """Which requests: of what kind, from which number on; `texts` are typed in turn, in the place of ideas.

    `messages` are the cards that reactions are put on, as channel:timestamp.
    """

    kind: Kind
    url: str
    first: int = 0
    texts: Sequence[str] = ()
    messages: Sequence[str] = field(default=())


def requests(wanted: Wanted, chat: Chat) -> Iterator[Request]:
    """One after the other, each signed as of the moment when it is asked for."""
    make = _makers(chat, wanted)[wanted.kind]
    for number in count(wanted.first):
        yield number, make(number)


def _makers(chat: Chat, wanted: Wanted) -> dict[Kind, Callable[[int], bytes]]:
    slack = SlackMaker(wanted, chat)
    mattermost = MattermostMaker(wanted, chat)
    return {
        "slack_command": slack.command,
        "slack_reaction": slack.reaction,
        "mattermost_command": mattermost.command,
    }


def text_of(wanted: Wanted, number: int) -> str:
    """What is typed after /idea."""
    return wanted.texts[number % len(wanted.texts)] if wanted.texts else words.proposal(number)


def voter(number: int) -> str:
    """Who puts the reaction of that number: somebody else each time."""
    return f"U0V{number:07}"


class SlackMaker:
    """Slack's requests."""

    def __init__(self, wanted: Wanted, chat: Chat) -> None:
        self._wanted = wanted
        self._chat = chat
        self._run = f"{time.time_ns():x}"

    def command(self, number: int) -> bytes:
        """A slash command."""
        chat = self._chat
        member = chat.slack_members[number % len(chat.slack_members)]
        fields = {
            "token": "gIkuvaNzQIHg97ATvDxqgjtO",
            "team_id": chat.slack_team,
            "team_domain": "valdoise",
            "channel_id": chat.slack_ideas,
            "channel_name": "idees",
            "user_id": member,
            "user_name": member.lower(),
            "command": "/idea",
            "text": text_of(self._wanted, number),
            "api_app_id": "A0BUTINE000",
            "is_enterprise_install": "false",
            "response_url": f"{chat.response_url}{self._run}{number}",
            "trigger_id": f"{self._run}.{number}.9c2f1b3e",
        }
        return self._signed(urlencode(fields).encode(), FORM)

    def reaction(self, number: int) -> bytes:
        """Somebody reacts to a card."""
        chat, messages = self._chat, self._wanted.messages
        channel, _, ts = messages[number % len(messages)].partition(":")
        now = time.time()
        event = {
            "type": "reaction_added",
            "user": voter(number),
            "reaction": EMOJI[number % len(EMOJI)],
            "item": {"type": "message", "channel": channel, "ts": ts},
            "item_user": chat.slack_bot,
            "event_ts": f"{now:.6f}",
        }
        payload = {
            "token": "gIkuvaNzQIHg97ATvDxqgjtO",
            "team_id": chat.slack_team,
            "context_team_id": chat.slack_team,
            "api_app_id": "A0BUTINE000",
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{self._run}{number}",
            "event_time": int(now),
            "authorizations": [{"team_id": chat.slack_team, "user_id": chat.slack_bot, "is_bot": True}],
            "is_ext_shared_channel": False,
        }
        return self._signed(json.dumps(payload).encode(), JSON)

    def _signed(self, body: bytes, content_type: str) -> bytes:
        timestamp = str(int(time.time()))
        signed = hmac.new(
            self._chat.slack_secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256
        ).hexdigest()
        headers = {
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "Accept": "application/json,*/*",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signed}",
        }
        return request(self._wanted.url, body, content_type, headers)


class MattermostMaker:
    """Mattermost's requests."""

    def __init__(self, wanted: Wanted, chat: Chat) -> None:
        self._wanted = wanted
        self._chat = chat
        self._run = f"{time.time_ns():x}"
        key = load_pem_private_key(chat.mattermost_key.encode(), None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise TypeError(key)
        self._key = key

    def command(self, number: int) -> bytes:
        """A slash command."""
        chat = self._chat
        member = chat.mattermost_members[number % len(chat.mattermost_members)]
        fields = {
            "channel_id": chat.mattermost_ideas,
            "channel_name": "idees",
            "command": "/idea",
            "response_url": f"{chat.mattermost}/hooks/commands/{self._run}{number}",
            "team_domain": chat.mattermost_team_name,
            "team_id": chat.mattermost_team,
            "text": text_of(self._wanted, number),
            "token": chat.mattermost_command_token,
            "trigger_id": self._trigger(member, number),
            "user_id": member,
            "user_name": f"membre{number}",
        }
        headers = {
            "User-Agent": "Mattermost-Bot/1.1",
            "Accept": "application/json",
            "Authorization": f"Token {chat.mattermost_command_token}",
        }
        return request(self._wanted.url, urlencode(fields).encode(), FORM, headers)

    def _trigger(self, member: str, number: int) -> str:
        head = f"{self._run}{number:08}:{member}:{int(time.time() * 1000)}:"
        signature = self._key.sign(head.encode(), ECDSA(hashes.SHA256()))
        return base64.b64encode(head.encode() + base64.b64encode(signature)).decode()


def request(url: str, body: bytes, content_type: str, headers: dict[str, Any]) -> bytes:
    """A whole POST."""
    parts = urlsplit(url)
    lines = [f"POST {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", "Accept-Encoding: gzip"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body
