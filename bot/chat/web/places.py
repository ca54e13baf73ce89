"""Where one can talk in the room, under which name in the address, and who sees it.

Which messages are there is the store's matter, how a place looks the renderer's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from bot.chat.web.room import Message, Persona

DIRECT = "@butine"


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, or one persona's direct conversation with Butine.

    `id` names it in the store; `name` in the address and on screen: a channel's name, or "@butine". `language` is the
    one in which Butine posts there, None where that is the reader's.
    """

    id: str
    name: str
    is_for_moderators: bool = False
    language: str | None = None

    @property
    def is_direct(self) -> bool:
        """Whether this is a direct conversation."""
        return self.name == DIRECT


class Places:
    """The room's places, from the configured channels, logical name → channel name, and the language of its posts."""

    def __init__(self, channels: Mapping[str, str], language: str) -> None:
        self._by_use = {
            use: Place(f"channel:{name}", name, is_for_moderators=name == channels.get("review"), language=language)
            for use, name in channels.items()
        }

    def channel(self, use: str) -> Place | None:
        """The channel that serves as "ideas", "review" or "digest"."""
        return self._by_use.get(use)

    @staticmethod
    def direct(persona: str) -> Place:
        """The persona's conversation with Butine."""
        return Place(f"direct:{persona}", DIRECT)

    def seen_by(self, persona: Persona) -> list[Place]:
        """Every place the persona sees, each once, channels first."""
        channels: Iterable[Place] = dict.fromkeys(self._by_use.values())
        open_ones = [place for place in channels if persona.is_moderator or not place.is_for_moderators]
        return [*open_ones, self.direct(persona.id)]

    def named(self, name: str, persona: Persona) -> Place | None:
        """The place of that name, where the persona sees it."""
        return next((place for place in self.seen_by(persona) if place.name == name), None)

    def of(self, message: Message, persona: Persona) -> Place | None:
        """The place the message stands in, where the persona sees both."""
        if message.only_for not in (None, persona.id):
            return None
        return next((place for place in self.seen_by(persona) if place.id == message.place), None)


def permalink(message: Message) -> str:
    """The address of a message within the room; the persona is added when it is shown."""
    kind, _, name = message.place.partition(":")
    if kind == "direct":
        return "/?" + urlencode({"as": name, "channel": DIRECT, "message": message.id}, safe="@")
    return "/?" + urlencode({"channel": name, "message": message.id})
