"""A workspace for each test, in memory."""

from collections.abc import Iterator

import pytest
from sqlmodel import Session

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
