"""A schedule for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.schedule.bench import Bench
from tests.usecases.builders import new_file


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A schedule on a Sunday."""
    bench = Bench(new_file(tmp_path))
    await bench.prepare()
    yield bench
    await bench.database.close()
