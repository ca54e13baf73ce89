"""What a Slack workspace holds: people, channels, messages, open views, triggers and response URLs."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack.clock import Clock

Json = dict[str, Any]

TEAM, BOT, BOT_ID = "T0VALDOISE", "U0BUTINE00", "B0BUTINE00"
IDEAS, REVIEW = "C0IDEES0001", "G0MODERER01"
TRIGGER_SECONDS, RESPONSE_SECONDS, RESPONSES = 3.0, 1800.0, 5


@dataclass
class Conversation:
    """A channel or a direct conversation with Butine; `messages` by timestamp, in order."""

    id: str
    name: str
    members: set[str]
    is_private: bool = False
    is_direct: bool = False
    is_archived: bool = False
    messages: dict[str, Json] = field(default_factory=dict)


@dataclass
class ResponseUrl:
    """Where an answer to one command or click may be sent; `replaces` is the private message it came from."""

    member: str
    channel: str
    born: float
    uses: int = 0
    private: Json | None = None


class State:
    """One workspace."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._count = 0
        self.users: dict[str, Json] = {}
        self.channels = {
            IDEAS: Conversation(IDEAS, "idees", {BOT}),
            REVIEW: Conversation(REVIEW, "moderation", {BOT}, is_private=True),
        }
        self.triggers: dict[str, tuple[str, float]] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.private: dict[str, list[Json]] = {}
        self.views: dict[str, Json] = {}
        self.homes: dict[str, Json] = {}
        self.add_user(BOT, "butine", is_bot=True)

    def add_user(self, id_: str, name: str, locale: str = "fr-FR", **more: object) -> str:
        """Somebody, in the ideas channel."""
        self.users[id_] = {
            "id": id_,
            "team_id": TEAM,
            "name": name.lower().replace(" ", "."),
            "real_name": name,
            "profile": {"real_name": name, "display_name": ""},
            "locale": locale,
            "tz": "Europe/Paris",
            "deleted": False,
            "is_bot": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
        } | more
        self.channels[IDEAS].members.add(id_)
        return id_

    def number(self) -> int:
        """Another number."""
        self._count += 1
        return self._count

    def ts(self) -> str:
        """A timestamp that no other message has."""
        seconds = self.clock.now().timestamp()
        return f"{int(seconds)}.{self.number():06}"

    def direct(self, member: str) -> Conversation:
        """The conversation of Butine with a member."""
        id_ = "D" + member.removeprefix("U")
        return self.channels.setdefault(id_, Conversation(id_, "", {BOT, member}, is_direct=True))

    def has_direct(self, member: str) -> bool:
        """Whether there is one already."""
        return "D" + member.removeprefix("U") in self.channels

    def trigger(self, member: str) -> str:
        """A trigger id, for three seconds and one use."""
        id_ = f"{self.number()}.{secrets.token_hex(8)}"
        self.triggers[id_] = (member, self.clock.seconds())
        return id_

    def use_trigger(self, id_: str) -> tuple[str, str | None]:
        """Whose it is, or Slack's error."""
        member, born = self.triggers.pop(id_, ("", 0.0))
        if not member:
            return "", "exchanged_trigger_id"
        return member, "expired_trigger_id" if self.clock.seconds() - born > TRIGGER_SECONDS else None

    def views_of(self, member: str) -> list[Json]:
        """The modals that a member has open, the one that they see last."""
        return [view for view in self.views.values() if view["member"] == member]

    def close_views(self, member: str) -> None:
        """All of them."""
        self.views = {id_: view for id_, view in self.views.items() if view["member"] != member}

    def response_url(self, member: str, channel: str, private: Json | None = None) -> str:
        """The path of a new response URL."""
        id_ = secrets.token_hex(8)
        self.response_urls[id_] = ResponseUrl(member, channel, self.clock.seconds(), private=private)
        return f"/response/{id_}"

    def make_app_anew(self) -> str:
        """The operator deletes the app and makes it again: what there is stays its former bot's, whose id this is."""
        former = self.add_user("U0FORMER00", "butine", is_bot=True, deleted=True)
        for message in self.all_messages():
            if message["user"] == BOT:
                message |= {"user": former, "bot_id": "B0FORMER00"}
            for holders in message["reactions"].values():
                holders[:] = [former if holder == BOT else holder for holder in holders]
        return former

    def message(self, channel: str, ts: str) -> Json | None:
        """A message."""
        found = self.channels.get(channel)
        return found.messages.get(ts) if found else None

    def delete(self, message: Json) -> None:
        """An administrator deletes it; where a thread is below it, something stays in its place for the thread."""
        messages = self.channels[message["channel"]].messages
        place = {name: message[name] for name in ("type", "ts", "channel")}
        if any(each["ts"] != message["ts"] and each.get("thread_ts") == message["ts"] for each in messages.values()):
            text, kept = "This message was deleted.", {"thread_ts": message["ts"], "hidden": True, "reactions": {}}
            messages[message["ts"]] = {**place, **kept, "subtype": "tombstone", "user": "USLACKBOT", "text": text}
        else:
            del messages[message["ts"]]

    def all_messages(self) -> list[Json]:
        """Everything that was posted, in all conversations."""
        return [message for channel in self.channels.values() for message in channel.messages.values()]
