"""Reactions read again after an absence, so that votes cast meanwhile are found. What a vote is, voting decides."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlmodel import Session

from bot.chat.platform import Platform
from bot.domain.lifecycle import OPEN_TO_VOTES
from bot.domain.voting import Voting
from bot.errors import ChatError
from bot.usecases import announcing, voting
from storage import outbox
from storage.database import Database

log = logging.getLogger(__name__)

READ_AT_ONCE = 50


async def reconcile(
    database: Database, platform: Platform, workspace_id: int, rules: Voting, clock: Callable[[], datetime]
) -> int:
    """Compare the votes of every idea that is open to them with what chat shows; returns how many counts changed.

    What can't be read now is left for the next time.
    """
    changed = 0
    after = 0
    while cards := await database.read(partial(_cards_open_to_votes, workspace_id=workspace_id, after=after)):
        after = max(cards.values())
        read_at = clock()
        try:
            shown = await platform.reactions(list(cards))
        except ChatError:
            log.warning("reactions could not be read, the next time will tell", exc_info=True)
            break
        changed += await database.write(partial(_take_in, cards=cards, shown=shown, rules=rules, read_at=read_at))
    return changed


def _cards_open_to_votes(session: Session, workspace_id: int, after: int) -> dict[str, int]:
    """The next cards: ideas by message."""
    view, statuses = announcing.IDEA_CARD, OPEN_TO_VOTES
    posted = outbox.posted(session, workspace_id, view, statuses, after, READ_AT_ONCE)
    return {message: idea_id for idea_id, message in posted}


def _take_in(
    session: Session,
    cards: Mapping[str, int],
    shown: Mapping[str, Mapping[str, Sequence[str]]],
    rules: Voting,
    read_at: datetime,
) -> int:
    return sum(voting.reconcile(session, cards[message], members, rules, read_at) for message, members in shown.items())
