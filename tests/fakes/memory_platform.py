"""A chat platform in memory that promises what bot/chat/platform.py says, and fails as a test wants it to."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.chat.events import MessageRef, Profile
from bot.chat.platform import OnEvent
from bot.errors import ChatRefused, ChatUnavailable, MessageGone
from bot.views.cards import Card

CHANNELS = ("ideas", "review", "digest")
PROFILES = {
    "camille": Profile("camille", "Camille Martin", "fr-FR", "Europe/Paris"),
    "sam": Profile("sam", "Sam Smith", "en_GB", "Europe/London"),
    "nadia": Profile("nadia", "Nadia Benali", "fr", "Europe/Paris"),
    "ines": Profile("ines", "Inès Robert", None, None),
}


@dataclass
class Posted:
    """A message on show. `member` is set for a direct one."""

    id: str
    channel: str | None
    member: str | None
    key: str
    card: Card
    edits: int = 0
    holders: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lost:
    """Make the next call do its work and then fail: chat has it, and Butine does not know."""

    error: BaseException


class MemoryPlatform:
    """Keeps what is sent in `messages`, and every call that changes something in `calls`, as (verb, key).

    `failures` holds what the next calls of that name meet, first come first: an exception, a `Lost`, or None for a
    call that goes well. `meanwhile` holds what happens in chat after the next call of that name did its work and before
    it returns. `moderators` and `profiles` can be changed, `unreadable` messages have no reactions to tell.
    """

    name = "memory"

    def __init__(self, seconds_between_posts: float = 0.0) -> None:
        self.workspace = "T1"
        self.seconds_between_posts = seconds_between_posts
        self.messages: dict[str, Posted] = {}
        self.calls: list[tuple[str, str]] = []
        self.failures: dict[str, deque[BaseException | Lost | None]] = {}
        self.meanwhile: dict[str, Callable[[], None]] = {}
        self.profiles = dict(PROFILES)
        self.moderators = {"nadia", "ines"}
        self.unreadable: set[str] = set()
        self.on_event: OnEvent | None = None
        self.is_closed = False
        self.has_posted = asyncio.Event()
        self._numbers = 0

    def fail(self, method: str, *failures: BaseException | Lost | None) -> None:
        """Let the next calls of that method meet these."""
        self.failures.setdefault(method, deque()).extend(failures)

    def shown(self, key: str) -> list[Posted]:
        """The messages that carry that key."""
        return [message for message in self.messages.values() if message.key == key]

    def react(self, member: str, key: str, emoji: str, *, is_present: bool = True) -> None:
        """Let a member put on or take off a reaction, without an event: Butine is away."""
        (message,) = self.shown(key)
        holders = message.holders.setdefault(emoji, [])
        if is_present and member not in holders:
            holders.append(member)
        elif not is_present and member in holders:
            holders.remove(member)

    def delete(self, key: str) -> None:
        """Let somebody delete the message."""
        for message in self.shown(key):
            del self.messages[message.id]

    async def start(self, on_event: OnEvent) -> None:
        """As the contract says."""
        self._before("start")
        self.on_event = on_event

    async def close(self) -> None:
        """As the contract says."""
        self.is_closed = True

    async def post(self, channel: str, card: Card, key: str) -> MessageRef:
        """As the contract says."""
        return self._post("post", channel, None, card, key)

    async def direct(self, member: str, card: Card, key: str) -> MessageRef:
        """As the contract says."""
        return self._post("direct", None, member, card, key)

    async def update(self, message: str, card: Card) -> MessageRef:
        """As the contract says."""
        lost = self._before("update")
        found = self.messages.get(message)
        if found is None:
            raise MessageGone(message)
        self.calls.append(("update", found.key))
        found.card = card
        found.edits += 1
        if lost:
            raise lost
        return _ref(found)

    async def find_posted(self, channel: str | None, member: str | None, key: str) -> MessageRef | None:
        """As the contract says."""
        self._before("find_posted")
        self.calls.append(("find", key))
        found = (m for m in self.messages.values() if (m.channel, m.member, m.key) == (channel, member, key))
        return next(map(_ref, found), None)

    async def reactions(self, messages: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """As the contract says."""
        self._before("reactions")
        readable = [message for message in messages if message in self.messages and message not in self.unreadable]
        shown = {
            message: {emoji: list(holders) for emoji, holders in self.messages[message].holders.items() if holders}
            for message in readable
        }
        self._after("reactions")
        return shown

    async def profile(self, member: str) -> Profile:
        """As the contract says."""
        self._before("profile")
        if member not in self.profiles:
            raise ChatRefused("user_not_found")
        return self.profiles[member]

    async def is_moderator(self, member: str) -> bool:
        """As the contract says."""
        self._before("is_moderator")
        return member in self.moderators

    def _post(self, verb: str, channel: str | None, member: str | None, card: Card, key: str) -> MessageRef:
        lost = self._before(verb)
        if self.is_closed:
            raise ChatUnavailable("closed")
        if channel is not None and channel not in CHANNELS:
            raise ChatRefused("channel_not_found")
        if member is not None and member not in self.profiles:
            raise ChatRefused("user_not_found")
        self._numbers += 1
        posted = Posted(f"m{self._numbers}", channel, member, key, card)
        self.messages[posted.id] = posted
        self.calls.append((verb, key))
        self.has_posted.set()
        self._after(verb)
        if lost:
            raise lost
        return _ref(posted)

    def _before(self, method: str) -> BaseException | None:
        """Meet the failure that waits: raise it now, or return what is to be raised after the work."""
        waiting = self.failures.get(method)
        failure = waiting.popleft() if waiting else None
        if isinstance(failure, Lost):
            return failure.error
        if failure is not None:
            raise failure
        return None

    def _after(self, method: str) -> None:
        if happens := self.meanwhile.pop(method, None):
            happens()


def _ref(message: Posted) -> MessageRef:
    return MessageRef(message.id, f"https://chat.example/{message.id}")
