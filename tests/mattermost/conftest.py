"""A team on the fake server: with the adapter alone, or with the whole of Butine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.mattermost.house import House
from tests.mattermost.rig import MattermostRig


@pytest.fixture
async def rig() -> AsyncIterator[MattermostRig]:
    """The adapter, started."""
    async with MattermostRig() as rig:
        yield rig


@pytest.fixture
async def current_rig() -> AsyncIterator[MattermostRig]:
    """The adapter, started, on a server as current ones are."""
    async with MattermostRig(is_current=True) as rig:
        yield rig


@pytest.fixture
async def house(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """Butine, started; on a current server where the test asks for it (`indirect=True`)."""
    async with House(tmp_path, is_current=getattr(request, "param", "") == "current") as house:
        yield house
