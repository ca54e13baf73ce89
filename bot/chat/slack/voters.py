"""Which of those who reacted are members: neither bots (workflows, other apps, a Butine of former days) nor people of
another organisation with which the channel is shared.

What a reaction is worth is decided elsewhere.
"""

import logging
from collections import Counter
from collections.abc import Iterable

from bot.chat.recent import Recent
from bot.chat.slack.api import Pace
from bot.chat.slack.people import People
from bot.errors import ChatError, ChatRefused

log = logging.getLogger(__name__)

LOOKUP = "users.info of voters"
LOOKUP_SECONDS, LOOKUPS_AT_ONCE = 0.75, 20
"""On the whole that far apart, and so many in a row: users.info takes a hundred a minute, some of which are left for
those who type and click."""
KEPT = 50_000


class Voters:
    """Tells members from who is none, and remembers it: that never changes.

    Who can't be looked up is taken for a member: nobody's vote may be lost because Slack is slow. Who is none and was
    counted so is taken away by a later reading.
    """

    def __init__(self, people: People, pace: Pace) -> None:
        self._people = people
        self._pace = pace
        self._are_members: Recent[str, bool] = Recent(KEPT)

    async def is_member(self, holder: str) -> bool:
        """Whether it is one, as far as can be said at once."""
        known = self._known(holder)
        if known is None and self._has_turn():
            try:
                known = await self._look_up(holder)
            except ChatError as error:
                log.info("%s can't be looked up (%s), and counts as a member", holder, error)
        return known is not False

    async def members_among(self, holders: Iterable[str]) -> set[str]:
        """Those who are; `holders` has each once for everything that they hold.

        Who holds most is looked up first, as bots do that react to each card. A reading waits for nobody's turn: it is
        what digests wait for, and who is left has theirs at the next.
        """
        held = Counter(holders)
        for holder, _ in held.most_common():
            if self._known(holder) is not None:
                continue
            if not self._has_turn():
                break
            try:
                await self._look_up(holder)
            except ChatRefused:
                continue
            except ChatError as error:
                log.warning("who reacted can't be looked up, and counts as a member: %s", error)
                break
        return {holder for holder in held if self._known(holder) is not False}

    def _known(self, holder: str) -> bool | None:
        known = self._are_members.get(holder)
        if known is None and (is_member := self._people.is_known_member(holder)) is not None:
            return self._keep(holder, is_member=is_member)
        return known

    def _has_turn(self) -> bool:
        return self._pace.take_turn(LOOKUP, LOOKUP_SECONDS, LOOKUPS_AT_ONCE)

    async def _look_up(self, holder: str) -> bool:
        return self._keep(holder, is_member=await self._people.is_member(holder))

    def _keep(self, holder: str, *, is_member: bool) -> bool:
        self._are_members[holder] = is_member
        return is_member
