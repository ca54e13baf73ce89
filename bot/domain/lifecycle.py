"""Statuses, and what may follow what. Who may do it is in permissions.py."""

from enum import StrEnum

from bot.errors import WrongStatus
from storage.tables import Idea, Status


class Action(StrEnum):
    """What can be done to an idea."""

    EDIT = "edit"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    REFUSE = "refuse"
    ASK = "ask"
    VOTE = "vote"
    SET_STATUS = "set_status"


PUBLIC = frozenset(
    {Status.PUBLISHED, Status.SHORTLISTED, Status.RETAINED, Status.IN_PROGRESS, Status.DELIVERED, Status.DECLINED}
)
"""Statuses of ideas that everybody may see."""

OPEN_TO_VOTES = frozenset({Status.PUBLISHED})
"""A shortlist is frozen: what is on it is counted no more."""

_ALLOWED_IN = {
    Action.EDIT: frozenset({Status.PENDING, Status.REFUSED}),
    Action.WITHDRAW: frozenset({Status.PENDING, Status.REFUSED, Status.PUBLISHED}),
    Action.APPROVE: frozenset({Status.PENDING}),
    Action.REFUSE: frozenset({Status.PENDING}),
    Action.ASK: frozenset({Status.PENDING}),
    Action.VOTE: OPEN_TO_VOTES,
}

_MAY_FOLLOW = {
    Status.PUBLISHED: frozenset({Status.SHORTLISTED}),
    Status.SHORTLISTED: frozenset({Status.RETAINED, Status.DECLINED, Status.PUBLISHED}),
    Status.RETAINED: frozenset({Status.IN_PROGRESS, Status.DELIVERED, Status.DECLINED}),
    Status.IN_PROGRESS: frozenset({Status.DELIVERED, Status.DECLINED}),
    Status.DELIVERED: frozenset({Status.IN_PROGRESS}),
    Status.DECLINED: frozenset({Status.RETAINED}),
}
"""What moderators may say by hand, beyond moderation itself: how it goes on, and the way back from a slip. A declined
idea can be taken up after all."""


def require(action: Action, idea: Idea) -> None:
    """Raises WrongStatus where the idea's status does not allow the action."""
    if idea.status not in _ALLOWED_IN[action]:
        raise WrongStatus(idea.number, idea.status, action, idea.decided_by)


def require_successor(idea: Idea, status: Status, *, is_frozen: bool) -> None:
    """Raises WrongStatus where a moderator may not set that status now.

    `is_frozen` where a digest has shortlisted it: then it does not return to the votes.
    """
    if status not in successors(idea.status) or (is_frozen and status in OPEN_TO_VOTES):
        raise WrongStatus(idea.number, idea.status, Action.SET_STATUS, idea.decided_by)


def successors(status: Status) -> frozenset[Status]:
    """The statuses that a moderator may set after this one."""
    return _MAY_FOLLOW.get(status, frozenset())
