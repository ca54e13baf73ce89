"""A fake Slack and a Butine before it, over either transport."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.slack_rig import SlackRig
from tests.fakes.slack.workspace import FakeSlack
from tests.slack.installation import Installation, Mode

REFUSED_BLOCKS = ("invalid_blocks", "invalid_arguments", "msg_blocks_too_long", "msg_too_long", "no_text")


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """A workspace with nothing in it."""
    fake = FakeSlack()
    await fake.start()
    yield fake
    await fake.stop()
    assert not [(method, error) for method, error in fake.api.refused if error in REFUSED_BLOCKS]


@pytest.fixture(params=["socket", "http"])
async def butine(request: pytest.FixtureRequest, slack: FakeSlack, tmp_path: Path) -> AsyncIterator[Installation]:
    """Butine, started, over each transport in turn."""
    async for installation in installed(slack, request.param, tmp_path):
        yield installation


@pytest.fixture
async def http_butine(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[Installation]:
    """Butine, started, in HTTP mode."""
    async for installation in installed(slack, "http", tmp_path):
        yield installation


@pytest.fixture
async def socket_butine(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[Installation]:
    """Butine, started, in Socket Mode."""
    async for installation in installed(slack, "socket", tmp_path):
        yield installation


async def installed(slack: FakeSlack, mode: Mode, folder: Path) -> AsyncIterator[Installation]:
    installation = Installation(slack, mode, folder)
    await installation.start()
    yield installation
    await installation.stop()


@pytest.fixture
async def rig() -> AsyncIterator[SlackRig]:
    """The adapter alone, in HTTP mode."""
    rig = SlackRig("http")
    await rig.start()
    yield rig
    await rig.stop()
