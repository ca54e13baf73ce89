"""Outbox → chat: what is committed reaches chat in the end, once. What a card looks like is showing.py's part."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from sqlmodel import Session

from bot.chat.events import MessageRef
from bot.chat.platform import Platform
from bot.chat.showing import Early, card_of
from bot.errors import ChatRefused, ChatUnavailable, MemberLeft, MessageGone, NothingToShow
from bot.rules import Rules
from bot.usecases import undelivered
from bot.usecases.announcing import IDEA_CARD
from bot.views.cards import Card
from storage import outbox
from storage.database import Database
from storage.errors import StorageError
from storage.outbox import Claimed, PostedCard
from storage.tables import OutboxItem

log = logging.getLogger(__name__)

BATCH, PLACE_BATCH = 20, 5
"""What is claimed at once, in all and of one channel or conversation. Nothing more is claimed before all of it is sent,
and what comes meanwhile elsewhere waits for that: at one message a second, few are to be of one place."""
LEASE = timedelta(seconds=120)
"""Longer than a batch can take at one message a second and with a slow platform."""
SEND_RESERVE = timedelta(seconds=45)
"""What one send may take: then it is given up. Nothing is begun later before the end of its lease, after which it may
be another process's."""
LONGEST_BACKOFF_SECONDS = 300.0
"""No row is put off for longer at once: not by a longer pause that a platform asks for either, which is kept in
memory and asked for anew after a restart. So a row that waits for longer was put off by a clock that was ahead."""
FARTHEST = timedelta(seconds=2 * LONGEST_BACKOFF_SECONDS)
"""What waits for longer is brought back: well beyond what two machines' clocks, or one that is set right by a little,
explain."""
LATE_SECONDS = 45.0
"""How long a server may sit on what it was sent, after nobody waits for its answer any more, and still do it. Before
that is over, looking for a post proves nothing, and a newer edit may be followed by the older one."""
FOLLOW_SECONDS = 15.0
"""How soon a message that is to follow a card is looked at again. The card hastens it, unless another process posts the
one while this one holds the other.
"""
IDLE_SECONDS = 60.0
STORAGE_PAUSE_SECONDS = 5.0
STUBBORN = 3
"""A message that failed so often no longer keeps those behind it from being tried."""


Place = tuple[str, str]
"""A channel, or the member whose conversation it is."""


@dataclass(frozen=True, slots=True)
class Setback:
    """A row could not be sent, and is to be tried again so many seconds after `since`; `is_asked`: by the platform."""

    since: datetime
    seconds: float
    is_asked: bool
    is_uncertain: bool

    @property
    def until(self) -> datetime:
        """The end of it, or for how long a row may be put off at once."""
        return self.since + timedelta(seconds=min(self.seconds, LONGEST_BACKOFF_SECONDS))

    @property
    def held_seconds(self) -> float:
        """For how long what comes after it in the same place waits, so that it does not come before it."""
        return self.seconds if self.is_asked else min(self.seconds, LATE_SECONDS)


class Dispatcher:
    """Sends what one workspace's outbox holds: in order within a channel or conversation, these side by side.

    `on_posted` gets each idea's card that is new in chat, once its address is stored: who reacted to it before that,
    reacted to a message that nobody knew.
    """

    def __init__(
        self,
        database: Database,
        platform: Platform,
        workspace_id: int,
        rules: Rules,
        *,
        clock: Callable[[], datetime],
        on_posted: Callable[[PostedCard], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience: timedelta = SEND_RESERVE,
    ) -> None:
        self._database = database
        self._platform = platform
        self._workspace_id = workspace_id
        self._rules = rules
        self._clock = clock
        self._on_posted = on_posted
        self._sleep = sleep
        self._patience = patience
        self._wake = asyncio.Event()
        self._is_closing = False
        self._held: dict[Place, Setback] = {}
        self._trouble = ""

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def close(self) -> None:
        """Finish what is being sent and return from `run`."""
        self._is_closing = True
        self.wake()

    async def run(self) -> None:
        """Send until closed."""
        while not self._is_closing:
            self._wake.clear()
            try:
                is_more = await self.send_due()
                pause = 0.0 if is_more else await self._pause()
                self._tell("")
                if is_more:
                    continue
            except StorageError as error:
                self._tell(str(error))
                pause = STORAGE_PAUSE_SECONDS
            except Exception:  # whatever it was, it must not end all sending
                log.exception("the outbox could not be read or settled")
                pause = STORAGE_PAUSE_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    def _tell(self, trouble: str) -> None:
        """Log what keeps the outbox from being read once, and that it is over: a server may be away for days."""
        if trouble and trouble != self._trouble:
            log.error("the outbox could not be read or settled, it is tried again and again: %s", trouble)
        elif self._trouble and not trouble:
            log.warning("the outbox can be read and settled again")
        self._trouble = trouble

    async def send_due(self) -> bool:
        """Send a batch of what is due now; returns whether there was anything.

        What goes wrong in one place keeps nothing from being sent elsewhere; the first error is raised at the end.
        """
        now = self._clock()
        claimed, unreadable = await self._database.write(
            lambda s: outbox.claim(s, self._workspace_id, now, LEASE, BATCH, PLACE_BATCH)
        )
        for each in unreadable:
            log.error("row %s of the outbox can't be read, and is not sent: %s", each.id, each.reason)
        ended: list[BaseException | None] = []
        # Direct messages link to the channels' cards, so those come first.
        for is_direct in (False, True):
            part = [row for row in claimed if bool(row.item.member_id) is is_direct]
            places = groupby(sorted(part, key=_place), key=_place)
            sending = [self._send_in_order(list(group), now) for _, group in places]
            ended += await asyncio.gather(*sending, return_exceptions=True)
        if error := next(filter(None, ended), None):
            raise error
        return bool(claimed or unreadable)

    async def _pause(self) -> float:
        """The seconds until something is due again; what only a clock that was ahead put off is due at once."""
        now, workspace_id = self._clock(), self._workspace_id
        farthest = now + FARTHEST
        if await self._database.read(lambda session: outbox.is_any_beyond(session, workspace_id, farthest)):
            log.warning("a clock that was ahead has put messages off: they are sent now")
            await self._database.write(lambda s: outbox.bring_back(s, workspace_id, farthest, now, now + LEASE))
            return 0.0
        due = await self._database.read(lambda session: outbox.next_due(session, workspace_id))
        if due is None:
            return IDLE_SECONDS
        return min(max((due - self._clock()).total_seconds(), 0.05), IDLE_SECONDS)

    async def _send_in_order(self, group: list[Claimed], claimed_at: datetime) -> None:
        """One place's messages; where one can't be sent now, or the platform asks for a pause, the rest waits too, and
        what is claimed after it. An edit that may have arrived keeps none waiting, nor what is stubborn, unless a
        second one fails that is no stubborn edit.

        What can't be begun in time is left as it is: once its lease is over, whoever comes first sends it. So is the
        rest where the clock is set back meanwhile and does not tell any more when that is.
        """
        last = claimed_at + LEASE - self._patience
        place = _place(group[0])
        if until := self._held_until(place):
            await self._put_off_all(group, until)
            return
        has_failed = False
        for position, claimed in enumerate(group):
            if position and self._platform.seconds_between_posts:
                await self._sleep(self._platform.seconds_between_posts)
            if not claimed_at <= self._clock() <= last:
                log.warning("%s messages were not sent in the time that they were claimed for", len(group) - position)
                return
            setback = await self._send(claimed)
            if setback is None:
                continue
            is_stubborn, is_edit = claimed.item.attempts >= STUBBORN, claimed.item.message is not None
            # Such an edit tells of its own message alone: the channel that it stands in may be archived for good.
            if is_stubborn and is_edit and not setback.is_asked:
                continue
            if (is_stubborn or (setback.is_uncertain and is_edit)) and not has_failed and not setback.is_asked:
                has_failed = True
                continue
            self._held[place] = setback
            if until := self._held_until(place):
                await self._put_off_all(group[position + 1 :], until)
            return

    async def _send(self, claimed: Claimed) -> Setback | None:
        """Send one row and settle it; tells what went wrong where the platform is not available."""
        item = claimed.item
        try:
            ref = await self._show(claimed)
        except Early:
            until = self._clock() + timedelta(seconds=FOLLOW_SECONDS)
            await self._put_off(claimed, until, is_uncertain=False, was_tried=False)
            return None
        except NothingToShow:
            await self._database.write(
                lambda session: outbox.settle_shown(session, claimed, item.message, item.permalink)
            )
            return None
        except MessageGone:
            log.warning("message of %s is gone, posting it anew", item.key)
            await self._database.write(lambda session: outbox.settle_gone(session, claimed, self._clock()))
            return None
        except ChatUnavailable as error:
            pause = error.retry_after or _backoff(item.attempts)
            if error.is_uncertain:
                pause = max(pause, LATE_SECONDS)
            setback = Setback(self._clock(), pause, bool(error.retry_after), error.is_uncertain)
            log.warning("%s not sent (%s), again in %.0f s", item.key, error.reason, pause)
            await self._put_off(claimed, setback.until, is_uncertain=error.is_uncertain)
            return setback
        except ChatRefused as error:
            has_left = isinstance(error, MemberLeft)
            log.log(logging.INFO if has_left else logging.ERROR, "%s can't be sent: %s", item.key, error.reason)
            reason = outbox.MEMBER_LEFT if has_left else error.reason
            await self._settle(claimed, partial(undelivered.give_up, claimed=claimed, reason=reason, now=self._clock()))
            return None
        except StorageError:
            raise
        except Exception:  # a card that can't be rendered must not keep the others from being sent
            log.exception("%s not sent", item.key)
            until = self._clock() + timedelta(seconds=LONGEST_BACKOFF_SECONDS)
            await self._put_off(claimed, until, is_uncertain=True)
            return None
        await self._settle(claimed, lambda session: outbox.settle_shown(session, claimed, ref.id, ref.permalink))
        if item.view == IDEA_CARD and item.idea_id and not item.message:
            self._on_posted(PostedCard(item.idea_id, ref.id, item.created_at))
        return None

    async def _settle(self, claimed: Claimed, settle: Callable[[Session], object]) -> None:
        """What was to follow an idea's card may go now that it is there, or never will be."""
        item = claimed.item

        def work(session: Session) -> None:
            settle(session)
            if item.view == IDEA_CARD and item.idea_id and not item.message:
                outbox.hasten(session, self._workspace_id, item.idea_id, self._clock())

        await self._database.write(work)

    async def _show(self, claimed: Claimed) -> MessageRef:
        card = await self._card_of(claimed.item, may_be_there=bool(claimed.item.message) or claimed.was_left)
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                return await self._put(claimed, card)
        except TimeoutError as error:
            raise ChatUnavailable("no answer in time", is_uncertain=True) from error

    async def _put(self, claimed: Claimed, card: Card) -> MessageRef:
        item = claimed.item
        if item.message:
            return await self._platform.update(item.message, card)
        if claimed.was_left:
            found = await self._platform.find_posted(item.channel, item.member_id, item.key)
            if found:
                settle = partial(outbox.settle_found, claimed=claimed, message=found.id, permalink=found.permalink)
                await self._database.write(settle)
                return await self._platform.update(found.id, card)
            card = await self._card_of(item, may_be_there=False)
        if item.member_id:
            return await self._platform.direct(item.member_id, card, item.key)
        return await self._platform.post(item.channel or "", card, item.key)

    async def _card_of(self, item: OutboxItem, *, may_be_there: bool) -> Card:
        work = partial(card_of, item=item, rules=self._rules, now=self._clock(), may_be_there=may_be_there)
        return await self._database.read(work)

    def _held_until(self, place: Place) -> datetime | None:
        """When something may be sent there again, as far as rows may be put off; None if it may be now."""
        if place not in self._held:
            return None
        now, setback = self._clock(), self._held[place]
        if now < setback.since and setback.is_asked:
            # The clock was set back: it lasts once more as long at most, not as much longer.
            setback = self._held[place] = replace(setback, since=now)
        end = setback.since + timedelta(seconds=setback.held_seconds)
        if not setback.since <= now < end:
            del self._held[place]
            return None
        return min(end, now + timedelta(seconds=LONGEST_BACKOFF_SECONDS))

    async def _put_off_all(self, group: list[Claimed], until: datetime) -> None:
        """To one moment: then they come in the order in which they were wanted."""
        for claimed in group:
            await self._put_off(claimed, until, is_uncertain=False, was_tried=False)

    async def _put_off(self, claimed: Claimed, until: datetime, *, is_uncertain: bool, was_tried: bool = True) -> None:
        settle = partial(
            outbox.settle_later, claimed=claimed, due_at=until, is_uncertain=is_uncertain, was_tried=was_tried
        )
        await self._database.write(settle)


def _place(claimed: Claimed) -> Place:
    return claimed.item.channel or "", claimed.item.member_id or ""


def _backoff(attempts: int) -> float:
    return min(2.0 ** min(attempts, 16), LONGEST_BACKOFF_SECONDS)  # after 1,024, in days, it would be no float any more
