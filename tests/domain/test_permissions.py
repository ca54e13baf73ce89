"""Who may do and see what."""

from datetime import UTC, datetime

import pytest

from bot.domain.lifecycle import PUBLIC
from bot.domain.permissions import (
    Caller,
    can_read_exchange,
    can_see,
    require_author,
    require_moderator,
    require_visible,
)
from bot.errors import IdeaNotFound, NotPermitted
from storage.tables import Idea, Status

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
AUTHOR, OTHER, MODERATOR = Caller(1, "camille"), Caller(1, "sam"), Caller(1, "nadia", is_moderator=True)


def idea(status: Status) -> Idea:
    """An idea of Camille's."""
    return Idea(
        workspace_id=1,
        number=12,
        title="Des vélos",
        author_id="camille",
        status=status,
        submitted_at=NOW,
        changed_at=NOW,
    )


def test_only_a_moderator_passes_for_one() -> None:
    require_moderator(MODERATOR)
    for caller in (AUTHOR, OTHER):
        with pytest.raises(NotPermitted) as refused:
            require_moderator(caller)
        assert refused.value.needs == "moderator"


@pytest.mark.parametrize("status", list(Status))
def test_before_publication_an_idea_is_for_its_author_and_moderators_alone(status: Status) -> None:
    assert can_see(AUTHOR, idea(status))
    assert can_see(MODERATOR, idea(status))
    assert can_see(OTHER, idea(status)) is (status in PUBLIC)
    require_visible(AUTHOR, idea(status))
    if status not in PUBLIC:
        with pytest.raises(IdeaNotFound) as unseen:
            require_visible(OTHER, idea(status))
        assert unseen.value.number == 12


@pytest.mark.parametrize("status", list(Status))
def test_what_moderators_write_to_the_author_stays_between_them(status: Status) -> None:
    """Also once everybody may see the idea."""
    assert can_read_exchange(AUTHOR, idea(status))
    assert can_read_exchange(MODERATOR, idea(status))
    assert not can_read_exchange(OTHER, idea(status))


@pytest.mark.parametrize("status", list(Status))
def test_an_authors_act_is_refused_to_others_without_betraying_what_they_may_not_see(status: Status) -> None:
    require_author(AUTHOR, idea(status))
    with pytest.raises(NotPermitted) as refused:
        require_author(MODERATOR, idea(status))
    assert refused.value.needs == "author"
    with pytest.raises(NotPermitted if status in PUBLIC else IdeaNotFound):
        require_author(OTHER, idea(status))
