"""What Slack's library writes into the log: enough to see what is wrong, and nothing that opens a door."""

import logging

import pytest

from tests.contract.slack_rig import SlackRig, platform_before
from tests.fakes.slack.workspace import TICKET, FakeSlack


async def test_a_socket_that_is_refused_is_logged_without_its_ticket(
    slack: FakeSlack, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the error and its traceback, nor in the answer that brought the ticket, which --debug shows."""
    caplog.set_level(logging.WARNING, "aiohttp.access")  # the fake's own
    caplog.set_level(logging.DEBUG)
    slack.sockets.refusals = 1
    platform = platform_before(slack, "socket", ping_seconds=0.1)
    await platform.start(SlackRig("socket").listener)
    await platform.close()
    assert "Failed to connect" in caplog.text
    assert "WSServerHandshakeError" in caplog.text
    assert "apps.connections.open" in caplog.text
    assert caplog.text.count("ticket=…&app_id=1") >= 3
    assert TICKET not in caplog.text
