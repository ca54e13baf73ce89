"""Who takes part is told in the same time however many votes there are."""

import sqlite3
from collections.abc import Sequence
from itertools import count

from sqlmodel import Session

from storage import ideas
from storage.tables import Idea, Status
from tests.contract.storage_rows import gesture, new_idea
from tests.usecases.builders import World, new_session

MEMBERS = ("ines", "nadia", "sam")


def steps_of_counting(session: Session, workspace_id: int) -> int:
    """How many steps of SQLite's own machine it takes to count the three voters."""
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    steps = count()
    driver.set_progress_handler(lambda: next(steps) < 0, 1)
    assert ideas.count_participants(session, workspace_id, {Status.PUBLISHED}) == (1, len(MEMBERS))
    driver.set_progress_handler(None, 0)
    return next(steps)


def support(session: Session, supported: Sequence[Idea]) -> None:
    """Let each member react to each of the ideas."""
    session.add_all(gesture(idea, member) for idea in supported for member in MEMBERS)
    session.flush()


def test_counting_voters_does_not_go_through_all_votes() -> None:
    with new_session() as session:
        workspace_id = World.new(session).workspace_id
        published = [new_idea(workspace_id, status=Status.PUBLISHED) for _ in range(100)]
        for idea in published:
            ideas.add(session, idea)
        support(session, published[:1])
        few = steps_of_counting(session, workspace_id)
        support(session, published[1:])
        assert steps_of_counting(session, workspace_id) == few
