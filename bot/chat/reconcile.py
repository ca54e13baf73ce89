"""Reactions read again where events may have been missed, so that no vote is. What a vote is, voting decides."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from bot.chat.platform import Platform
from bot.domain.lifecycle import OPEN_TO_VOTES
from bot.domain.voting import Voting
from bot.errors import ChatError
from bot.usecases import announcing, voting
from storage import outbox
from storage.database import Database
from storage.errors import StorageError
from storage.outbox import PostedCard

log = logging.getLogger(__name__)

READ_AT_ONCE = 50
FAILURES_AT_MOST = 3
"""So many parts in a row that can't be read end a reading: chat is down then, and each failure may take long."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long after a start the votes of the absence are waited for, where chat is slow or can't tell, and how soon
    what could not be read is asked for again.
    """

    catching_up: timedelta = timedelta(minutes=10)
    retry: timedelta = timedelta(minutes=1)


PATIENCE = Patience()


class Reconciler:
    """One workspace's reactions: all of them, read again after an absence, and those of a card that is new in chat.

    `on_change` is called after a commit that chat may have to show; `on_caught_up` once, when everything has been read
    for the first time, or after `patience.catching_up`.
    """

    def __init__(
        self,
        database: Database,
        platform: Platform,
        workspace_id: int,
        rules: Voting,
        *,
        clock: Callable[[], datetime],
        on_change: Callable[[], None],
        on_caught_up: Callable[[], None] = lambda: None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._database = database
        self._platform = platform
        self._workspace_id = workspace_id
        self._rules = rules
        self._clock = clock
        self._on_change = on_change
        self._on_caught_up = on_caught_up
        self._patience = patience
        self._has_caught_up = False
        self._wanted = asyncio.Event()
        self._is_all_wanted = False
        self._cards: list[PostedCard] = []

    @property
    def has_caught_up(self) -> bool:
        """Whether the votes cast before the start are known, or have been waited for long enough."""
        return self._has_caught_up

    def want_all(self) -> None:
        """Events may have been missed anywhere; what is missed while all is read has it read once more."""
        self._is_all_wanted = True
        self._wanted.set()

    def want_card(self, card: PostedCard) -> None:
        """The card is known from now on: who reacted to it before that was not understood."""
        self._cards.append(card)
        self._wanted.set()

    async def run(self) -> None:
        """Read what is wanted, until cancelled. What can't be read is left for the next time that all is read, which
        is a minute later until all has been read once.
        """
        timer = asyncio.get_running_loop().call_later(self._patience.catching_up.total_seconds(), self._end_catching_up)
        try:
            while True:
                await self._wanted.wait()
                await self._read_wanted()
        finally:
            timer.cancel()

    async def _read_wanted(self) -> None:
        self._wanted.clear()
        cards, self._cards = self._cards, []
        is_all, self._is_all_wanted = self._is_all_wanted, False
        is_enough = True
        try:
            if is_all:
                await self.read_all()
                is_enough = self._has_caught_up
            elif cards:
                await self._read(cards)
        except StorageError as error:
            log.error("the reactions could not be read or kept (%s), all are read again in a minute", error)  # noqa: TRY400  it says all
            is_enough = False
        except Exception:  # whatever it was, later wishes are to be met
            log.exception("the reactions could not be read or kept, all are read again in a minute")
            is_enough = False
        if not is_enough:
            asyncio.get_running_loop().call_later(self._patience.retry.total_seconds(), self.want_all)

    async def read_all(self, at_once: int = READ_AT_ONCE) -> int:
        """Compare the votes of every idea that is open to them with what chat shows; returns how many counts changed.

        Chat is asked for so many cards at once, the newest first: most votes are theirs. What can't be read now is
        left for the next time. Raises NotSaved.
        """
        changed = failures = 0
        has_all = True
        before = None
        while cards := await self._database.read(partial(self._open_to_votes, before=before, limit=at_once)):
            before = cards[-1].idea_id
            found = await self._read(cards)
            if found is None:
                has_all, failures = False, failures + 1
                if failures == FAILURES_AT_MOST:
                    break
            else:
                changed, failures = changed + found, 0
        if has_all:
            self._end_catching_up()
        return changed

    def _end_catching_up(self) -> None:
        if not self._has_caught_up:
            self._has_caught_up = True
            self._on_caught_up()

    async def _read(self, cards: Sequence[PostedCard]) -> int | None:
        """How many counts changed; None where chat could not tell."""
        read_at = self._clock()
        try:
            shown = await self._platform.reactions([card.message for card in cards])
        except ChatError as error:
            log.warning("reactions could not be read (%s), the next time will tell", error)
            return None
        changed = await self._database.write(partial(self._take_in, cards=cards, shown=shown, read_at=read_at))
        if changed:
            self._on_change()
        return changed

    def _open_to_votes(self, session: Session, before: int | None, limit: int) -> list[PostedCard]:
        view, statuses = announcing.IDEA_CARD, OPEN_TO_VOTES
        return outbox.posted(session, self._workspace_id, view, statuses, before, limit)

    def _take_in(
        self,
        session: Session,
        cards: Sequence[PostedCard],
        shown: Mapping[str, Mapping[str, Sequence[str]]],
        read_at: datetime,
    ) -> int:
        return sum(
            voting.reconcile(session, card, shown[card.message], self._rules, read_at)
            for card in cards
            if card.message in shown
        )
