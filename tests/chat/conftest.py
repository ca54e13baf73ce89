"""A workspace at work on a real SQLite file: router and dispatcher around a platform in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chat.desk import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A fresh workspace."""
    desk = await Desk.open(tmp_path)
    yield desk
    await desk.database.close()
