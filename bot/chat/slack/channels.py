"""The configured channels and the direct conversations, as Slack knows them."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from bot.chat.slack.api import OUT_OF_REACH, Api
from bot.errors import ChatRefused, ChatUnavailable, NeedsMending

Result = TypeVar("Result")

CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{8,}")
LOOK_AGAIN_SECONDS = 30.0


class Channels:
    """Ids by use ("ideas", "review", "digest") and by member. `clock` counts seconds."""

    def __init__(self, api: Api, configured: Mapping[str, str], clock: Callable[[], float]) -> None:
        self._api = api
        self._configured = configured
        self._clock = clock
        self._by_name: dict[str, str] = {}
        self._looked_at: float | None = None
        self._conversations: dict[str, str] = {}

    async def at(self, use: str, do: Callable[[str], Awaitable[Result]]) -> Result:
        """What `do` gives for the channel's id. Raises as `_of_use` and `do` do."""
        channel = await self._of_use(use)
        try:
            return await do(channel)
        except NeedsMending as error:
            if error.reason in OUT_OF_REACH:  # another channel may have the name by now
                self._by_name = {name: kept for name, kept in self._by_name.items() if kept != channel}
            raise

    async def _of_use(self, use: str) -> str:
        """The channel's id. Raises ChatRefused for no configured use, ChatUnavailable while the bot is not in it."""
        name = self._configured.get(use)
        if name is None:
            raise ChatRefused("channel_not_found")
        if CHANNEL_ID.fullmatch(name):
            return name
        now = self._clock()
        if name not in self._by_name and (self._looked_at is None or now - self._looked_at >= LOOK_AGAIN_SECONDS):
            self._by_name = {name: channel.id for name, channel in (await self._api.own_channels()).items()}
            self._looked_at = now
        if name not in self._by_name:
            raise ChatUnavailable(f"not_in_channel ({name})")
        return self._by_name[name]

    async def with_member(self, member: str) -> str:
        """The direct conversation's id. Raises ChatRefused where there can be none."""
        if member not in self._conversations:
            self._conversations[member] = await self._api.conversation(member)
        return self._conversations[member]
