"""What the contract's tests need of a platform beyond the port: a way to be its members and to look at its messages.

Each platform has its rig; the tests know only this.
"""

from dataclasses import dataclass, field
from typing import Protocol

from bot.chat.events import Event, MessageRef, Reply
from bot.chat.platform import Platform


@dataclass
class Listener:
    """Takes events in as the router would, keeps them, and answers with `reply`."""

    events: list[Event] = field(default_factory=list)
    reply: Reply = field(default_factory=Reply)

    async def __call__(self, event: Event) -> Reply:
        """Keep the event."""
        self.events.append(event)
        return self.reply


class Rig(Protocol):
    """A platform, started, with an agent who speaks French, another agent, and a moderator."""

    @property
    def platform(self) -> Platform:
        """The platform itself."""

    listener: Listener
    agent: str
    agent_name: str
    other_agent: str
    moderator: str

    async def react(self, member: str, message: MessageRef, emoji: str) -> None:
        """Let a member put a reaction on a message."""

    async def unreact(self, member: str, message: MessageRef, emoji: str) -> None:
        """Let a member take it off."""

    async def type_command(self, member: str, text: str) -> None:
        """Let a member type the slash command, with `text` behind it, in the ideas channel."""

    async def click(self, member: str, message: MessageRef, label: str) -> None:
        """Let a member press the button of that label."""

    async def choose(self, member: str, message: MessageRef, label: str, option: str) -> None:
        """Let a member choose that option from the menu of that label."""

    async def shown(self, message: MessageRef) -> str:
        """What a person who may see the message reads of it, as text; "" where there is nothing."""

    async def holders(self, message: MessageRef, emoji: str) -> list[str]:
        """The names of those who hold a reaction, Butine's own included."""

    async def count(self, words: str) -> int:
        """How many messages with these words there are, in all channels and direct conversations."""

    async def harm(self, message: MessageRef) -> list[str]:
        """What a message does beside being read: whom it notifies, what it runs or leads to that a member typed."""
