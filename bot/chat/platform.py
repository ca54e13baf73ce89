"""The port: what every chat platform does for Butine. The docstrings are the contract; tests/contract runs them.

Nothing in here, and nothing in an adapter, decides what an event means or what is kept.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from bot.chat.events import Event, MessageRef, Profile, Reply
from bot.views.cards import Card

OnEvent = Callable[[Event], Awaitable[Reply]]
"""Takes an event in. It returns only after the event's effects are committed, so a platform acknowledges after
it. It raises only when it was cancelled or nothing was stored; then the platform must not acknowledge. `NotTakenIn`
(bot.errors) is an everyday failure, of which one line is logged; anything else is a mistake of Butine's own."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of a platform has found: `key` names the sentence in the command line's catalogue."""

    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    is_problem: bool = False


class Platform(Protocol):
    """One workspace of one chat platform.

    Every method that talks to chat raises `ChatError` (bot.errors): `ChatUnavailable` for what may work later
    (with `retry_after` seconds where the platform said so), `ChatRefused` for what never will, `MessageGone` for
    a message that is not there any more. `channel` is always one of the configured names ("ideas", "review",
    "digest"), which the adapter maps to its own.
    """

    @property
    def name(self) -> str:
        """The kind of platform: "web", "slack" or "mattermost"."""

    @property
    def workspace(self) -> str:
        """The platform's id of the workspace; known once `start` has returned."""

    @property
    def seconds_between_posts(self) -> float:
        """How long to wait between two posts to one channel or person; 0 for none."""

    async def start(self, on_event: OnEvent) -> None:
        """Connect; from now on events are handed to `on_event`, several at once, each in its own task.

        What a bot, or a person of another organisation in a shared channel, does with a reaction is no event.

        Where it raises `ChatUnavailable`, nothing is left open, and it may be called again, unless that is a
        `NeedsMending`.
        """

    async def close(self) -> None:
        """Stop taking events, let those under way finish, and disconnect. Harmless when called twice."""

    async def post(self, channel: str, card: Card, key: str) -> MessageRef:
        """Post `card` to a channel, with `card.reaction` added by Butine itself.

        `key` marks the message so that `find_posted` finds it again.
        """

    async def direct(self, member: str, card: Card, key: str) -> MessageRef:
        """Post `card` as a direct message to one member; `key` as in `post`. May raise `MemberLeft`."""

    async def update(self, message: str, card: Card) -> MessageRef:
        """Replace a posted card in place. Repeating it changes nothing. Raises `MessageGone`."""

    async def find_posted(self, channel: str | None, member: str | None, key: str) -> MessageRef | None:
        """The message that carries `key` in that channel or direct conversation, or None if it never arrived."""

    async def reactions(self, messages: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """For each message that can be read: emoji name → ids of the members who hold it; who can't be told from a bot,
        or from a person of another organisation, is one. Butine itself is left out.

        A message that can't be read is absent from the answer: its votes are to stay as they are.
        """

    async def profile(self, member: str) -> Profile:
        """Name, locale and time zone of a member; served from a cache, so it may be asked for each event."""

    async def is_moderator(self, member: str) -> bool:
        """Whether the member is in the review channel now, and a person of this organisation."""


@runtime_checkable
class MayMiss(Protocol):
    """A platform that may lose events and notices it, beside the times at which its reactions are read again anyhow."""

    def when_missed(self, tell: Callable[[], None]) -> None:
        """Have `tell` called each time that events may have been missed."""


@runtime_checkable
class MayBeDeaf(Protocol):
    """A platform that hears of what happens over a connection of its own, which may be gone while calls still work."""

    @property
    def deaf_seconds(self) -> float:
        """For how long nothing can have been heard from chat; 0 while it can."""
