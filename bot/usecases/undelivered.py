"""What follows where chat refuses a message for good. How a message is tried before that is the dispatcher's part."""

from datetime import datetime

from sqlmodel import Session

from bot.usecases import announcing, consent
from storage import outbox
from storage.outbox import Claimed


def give_up(session: Session, claimed: Claimed, reason: str, now: datetime) -> None:
    """Leave the message to the operator, unless its member has left, and tell whoever waits for what it would have
    brought, if anybody does.
    """
    outbox.park(session, claimed, reason)
    if claimed.item.view == announcing.CONSENT_REQUEST:
        consent.close_unasked(session, claimed.item.workspace_id, claimed.item.key, now)
