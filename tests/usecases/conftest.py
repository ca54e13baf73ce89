"""A workspace for each test, in memory."""

from collections.abc import Iterator

import pytest
from sqlmodel import Session

from storage.tables import Idea
from tests.usecases.builders import World, new_session


@pytest.fixture
def session() -> Iterator[Session]:
    """A session on a fresh database."""
    with new_session() as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    """A fresh workspace."""
    return World.new(session)


@pytest.fixture
def elsewhere(session: Session) -> World:
    """Another workspace in the same database."""
    return World.new(session, "T2")


@pytest.fixture
def ranked(world: World) -> list[Idea]:
    """Six published ideas, with 3, 2, 1, 1, 0 and 0 supporters."""
    found = [world.publish() for _ in range(6)]
    for idea, count in zip(found, (3, 2, 1, 1, 0, 0), strict=True):
        world.support(idea, *("sam", "ines", "nadia")[:count])
    world.later(hours=1)
    return found
