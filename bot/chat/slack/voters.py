"""Which of those who reacted are bots, whose reactions are no member's: workflows, other apps, a Butine of former days.

What a reaction is worth is decided elsewhere.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Iterable

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
    """Tells bots from people, and remembers it: that never changes.

    Who can't be looked up is taken for a person: nobody's vote may be lost because Slack is slow. A bot's vote that was
    counted so is taken away by a later reading.
    """

    def __init__(self, people: People, pace: Pace) -> None:
        self._people = people
        self._pace = pace
        self._are_bots: OrderedDict[str, bool] = OrderedDict()

    async def is_bot(self, member: str) -> bool:
        """Whether it is one, as far as can be said at once."""
        known = self._known(member)
        if known is None and self._has_turn():
            try:
                known = await self._look_up(member)
            except ChatError:
                log.info("%s can't be looked up, and counts as a person", member, exc_info=True)
        return bool(known)

    async def bots_among(self, holders: Iterable[str]) -> set[str]:
        """Those who are; `holders` has each once for everything that they hold.

        Who holds most is looked up first, as bots do that react to each card. A reading waits for nobody's turn: it is
        what digests wait for, and who is left has theirs at the next.
        """
        held = Counter(holders)
        for member, _ in held.most_common():
            if self._known(member) is not None:
                continue
            if not self._has_turn():
                break
            try:
                await self._look_up(member)
            except ChatRefused:
                continue
            except ChatError as error:
                log.warning("who reacted can't be looked up, and counts as a person: %s", error)
                break
        return {member for member in held if self._known(member)}

    def _known(self, member: str) -> bool | None:
        known = self._are_bots.get(member)
        if known is None and (profile := self._people.known(member)):
            return self._keep(member, is_bot=profile.is_bot)
        return known

    def _has_turn(self) -> bool:
        return self._pace.take_turn(LOOKUP, LOOKUP_SECONDS, LOOKUPS_AT_ONCE)

    async def _look_up(self, member: str) -> bool:
        return self._keep(member, is_bot=(await self._people.profile(member)).is_bot)

    def _keep(self, member: str, *, is_bot: bool) -> bool:
        self._are_bots[member] = is_bot
        if len(self._are_bots) > KEPT:
            self._are_bots.popitem(last=False)
        return is_bot
