"""What may follow what: the whole table."""

from datetime import UTC, datetime

import pytest

from bot.domain.lifecycle import OPEN_TO_VOTES, PUBLIC, Action, require, require_successor, successors
from bot.errors import WrongStatus
from storage.tables import Idea, Status

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
P, R, W = Status.PENDING, Status.REFUSED, Status.WITHDRAWN

ALLOWED = {
    Action.EDIT: {P, R},
    Action.WITHDRAW: {P, R, Status.PUBLISHED},
    Action.APPROVE: {P},
    Action.REFUSE: {P},
    Action.ASK: {P},
    Action.VOTE: {Status.PUBLISHED},
}
MAY_FOLLOW = {
    P: set[Status](),
    R: set[Status](),
    W: set[Status](),
    Status.PUBLISHED: {Status.SHORTLISTED},
    Status.SHORTLISTED: {Status.RETAINED, Status.DECLINED, Status.PUBLISHED},
    Status.RETAINED: {Status.IN_PROGRESS, Status.DELIVERED, Status.DECLINED},
    Status.IN_PROGRESS: {Status.DELIVERED, Status.DECLINED},
    Status.DELIVERED: {Status.IN_PROGRESS},
    Status.DECLINED: {Status.RETAINED},
}


def idea(status: Status) -> Idea:
    """An idea that a moderator has dealt with."""
    return Idea(
        workspace_id=1,
        number=12,
        title="Des vélos",
        author_id="camille",
        status=status,
        submitted_at=NOW,
        changed_at=NOW,
        decided_by="nadia",
    )


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("action", list(ALLOWED))
def test_an_action_is_allowed_in_these_statuses_and_no_others(action: Action, status: Status) -> None:
    if status in ALLOWED[action]:
        require(action, idea(status))
        return
    with pytest.raises(WrongStatus) as refused:
        require(action, idea(status))
    error = refused.value
    assert (error.number, error.status, error.action, error.by) == (12, status, action, "nadia")


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("following", list(Status))
def test_a_moderator_may_set_these_statuses_and_no_others(status: Status, following: Status) -> None:
    assert successors(status) == MAY_FOLLOW[status]
    if following in MAY_FOLLOW[status]:
        require_successor(idea(status), following, is_frozen=False)
        return
    with pytest.raises(WrongStatus) as refused:
        require_successor(idea(status), following, is_frozen=False)
    assert refused.value.action == Action.SET_STATUS


def test_what_a_digest_has_shortlisted_goes_on_like_any_other_but_not_back_to_the_votes() -> None:
    for status, following in MAY_FOLLOW.items():
        for each in following - {Status.PUBLISHED}:
            require_successor(idea(status), each, is_frozen=True)
    with pytest.raises(WrongStatus):
        require_successor(idea(Status.SHORTLISTED), Status.PUBLISHED, is_frozen=True)


def test_what_is_not_decided_refused_or_withdrawn_is_for_nobody_else() -> None:
    assert set(Status) - PUBLIC == {P, R, W}
    assert OPEN_TO_VOTES <= PUBLIC


def test_whatever_a_moderator_sets_stays_public() -> None:
    assert all(successors(status) <= PUBLIC for status in Status)
