"""Who is who on a Mattermost server: profiles, kept for a while, and who moderates, asked each time."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from bot.chat.events import Profile
from bot.chat.mattermost.inbound import Json, is_id, is_of_the_house, is_outsider, profile
from bot.chat.mattermost.rest import NOT_FOUND, Denied, Rest
from bot.chat.recent import Recent
from bot.errors import ChatError, ChatRefused

KEPT = timedelta(minutes=10)
KEPT_AT_MOST = 5000
OUTSIDERS_KNOWN_AT_MOST = 50_000
ASKED_AT_ONCE = 100

log = logging.getLogger(__name__)


class People:
    """The members of one server; `review` is the review channel's id."""

    def __init__(self, rest: Rest, review: str, clock: Callable[[], datetime]) -> None:
        self._rest = rest
        self._review = review
        self._clock = clock
        self._kept: Recent[str, tuple[datetime, Profile]] = Recent(KEPT_AT_MOST)
        self._are_outsiders: Recent[str, bool] = Recent(OUTSIDERS_KNOWN_AT_MOST)

    async def profile(self, member: str) -> Profile:
        """A member's profile. Raises `ChatRefused` for somebody who isn't there."""
        kept = self._kept.get(member)
        if kept and self._clock() - kept[0] < KEPT:
            return kept[1]
        return self._keep(await self._user(member))

    def locale(self, member: str) -> str | None:
        """The member's locale as far as it is known without asking."""
        kept = self._kept.get(member)
        return kept[1].locale if kept else None

    async def is_moderator(self, member: str) -> bool:
        """Whether the member is in the review channel at this moment, and a person of the house."""
        if not is_id(member):
            return False
        try:
            await self._rest.channel_member(self._review, member)
        except Denied as error:
            if error.status == NOT_FOUND:
                return False
            raise
        user = await self._user(member)
        self._keep(user)
        return is_of_the_house(user)

    async def outsiders_among(self, members: Iterable[str]) -> set[str]:
        """Bots, and people of other organisations. Who can't be looked up is none: no vote may be lost by it."""
        asked = {member for member in members if is_id(member)}
        unknown = sorted(asked - self._are_outsiders.keys())
        try:
            for start in range(0, len(unknown), ASKED_AT_ONCE):
                for user in await self._rest.users(unknown[start : start + ASKED_AT_ONCE]):
                    self._keep(user)
        except ChatError as error:
            log.warning("who reacted can't be looked up, and counts as a person: %s", error)
        return {member for member in asked if self._are_outsiders.get(member)}

    async def _user(self, member: str) -> Json:
        if not is_id(member):
            raise ChatRefused("no_such_member")
        return await self._rest.user(member)

    def _keep(self, user: Json) -> Profile:
        found = profile(user)
        self._are_outsiders[found.id] = is_outsider(user)
        self._kept[found.id] = (self._clock(), found)
        return found
