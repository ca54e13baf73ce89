"""Members and channels that a message mentions, by name: Slack delivers their ids.

What else Slack makes of a text is written.py's part.
"""

import asyncio
import re

from bot.chat.slack.api import Api
from bot.chat.slack.people import LOOKUP_SECONDS, People
from bot.errors import ChatError

NAMED_AT_MOST = 10
_MENTION = re.compile(r"(?:@(?=[UW])|#(?=[CG]))[A-Z0-9]{6,}\b")


class Mentions:
    """Names them, as far as they can be known within the second that a lookup may take."""

    def __init__(self, api: Api, people: People) -> None:
        self._api = api
        self._people = people

    async def named(self, text: str) -> str:
        """The text with names in the place of ids. A channel has none in Slack's texts since it may be private; a
        private one goes on having none.
        """
        mentions = list(dict.fromkeys(_MENTION.findall(text)))[:NAMED_AT_MOST]
        # Side by side: the form that they are for has to be open three seconds after the choice.
        names = dict(zip(mentions, await asyncio.gather(*map(self._name, mentions)), strict=True))
        return _MENTION.sub(lambda found: names.get(found[0], found[0]), text)

    async def _name(self, mention: str) -> str:
        sign, id_ = mention[0], mention[1:]
        try:
            if sign == "@":
                return sign + (await self._people.profile(id_)).name
            async with asyncio.timeout(LOOKUP_SECONDS):
                name = await self._api.public_channel(id_)
        except (ChatError, TimeoutError):
            return mention
        return sign + name if name else mention
