"""Starting in Slack: where calls go, and a start that fails for good or for a while."""

from typing import Literal

import pytest

from bot.chat.slack.platform import Access, Slack, Time
from bot.errors import ChatUnavailable, NeedsMending
from tests.contract.slack_rig import CHANNELS, SlackRig
from tests.fakes.slack.web_api import BOT_TOKEN
from tests.fakes.slack.workspace import CAMILLE, FakeSlack
from tests.slack.installation import Installation


async def test_every_call_goes_to_the_configured_address(slack: FakeSlack, socket_butine: Installation) -> None:
    """Nothing would work otherwise: the fake is the only Slack here. Socket Mode's opening is among them."""
    assert slack.api.counted("apps.connections.open") == 1
    assert slack.api.counted("auth.test") == 1


@pytest.mark.parametrize("token, api_path", [("xoxb-wrong", ""), (BOT_TOKEN, "elsewhere/")])
async def test_it_does_not_start_with_a_wrong_token_or_address(slack: FakeSlack, token: str, api_path: str) -> None:
    access = Access(token, slack.api_url + api_path, "http", signing_secret="s")
    clock = slack.clock
    platform = Slack(access, CHANNELS, language="fr", time=Time(clock.now, clock.seconds, clock.sleep))
    with pytest.raises(NeedsMending):
        await platform.start(SlackRig("http").listener)
    await platform.close()


@pytest.mark.parametrize(
    "mode, method", [("socket", "auth.test"), ("socket", "apps.connections.open"), ("http", "auth.test")]
)
@pytest.mark.parametrize("how", ["500", "429:7", "reset_before", "internal_error"])
async def test_after_a_start_that_failed_for_a_while_it_starts_and_takes_events_in(
    mode: Literal["socket", "http"], method: str, how: str
) -> None:
    rig = SlackRig(mode)
    rig.slack.api.fail(method, how)
    with pytest.raises(ChatUnavailable) as failed:
        await rig.start()
    assert not isinstance(failed.value, NeedsMending)
    await rig.platform.close()
    await rig.platform.start(rig.listener)
    await rig.type_command(CAMILLE, "Des vélos")
    assert len(rig.listener.events) == 1
    await rig.stop()
