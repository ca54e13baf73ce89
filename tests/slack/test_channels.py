"""Which of Slack's channels a configured name means: also where Butine comes in later, or another takes the name."""

from dataclasses import replace

import pytest

from bot.errors import ChatUnavailable
from tests.contract.slack_rig import SlackRig
from tests.contract.test_platform import idea
from tests.fakes.slack.state import BOT, IDEAS, REVIEW
from tests.fakes.slack.workspace import CAMILLE, NADIA, FakeSlack, labels
from tests.slack.installation import Installation


async def test_channels_are_found_where_only_the_common_method_is_known() -> None:
    rig = SlackRig("http")
    rig.slack.api.fail("users.conversations", "unknown_method")
    await rig.start()
    await rig.platform.post("ideas", idea(), "card:1")
    assert len(rig.slack.messages(IDEAS)) == rig.slack.api.counted("conversations.list") == 1
    await rig.stop()


async def test_a_channel_that_the_bot_is_not_in_may_be_joined_later() -> None:
    """What waits for it is kept, and the bot is looked for in it again half a minute later."""
    rig = SlackRig("http")
    members = rig.slack.state.channels[IDEAS].members
    members.discard(BOT)
    await rig.start()
    with pytest.raises(ChatUnavailable, match="idees"):
        await rig.platform.post("ideas", idea(), "card:1")
    members.add(BOT)
    rig.slack.clock.advance(31)
    await rig.platform.post("ideas", idea(), "card:1")
    assert len(rig.slack.messages(IDEAS)) == 1
    await rig.stop()


def made_anew(slack: FakeSlack, channel: str) -> str:
    """Butine is taken out of the channel, which gets another name; a new one has its name and members."""
    old = slack.state.channels[channel]
    new = replace(old, id=f"{channel[:-1]}N", members=set(old.members), messages={})
    old.name, old.members = f"{old.name}-archive", set()
    slack.state.channels[new.id] = new
    return new.id


async def test_a_channel_that_was_made_anew_under_its_name_is_found_without_a_restart(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    await socket_butine.publish(1, "Une première idée")
    ideas, review = (made_anew(slack, channel) for channel in (IDEAS, REVIEW))
    await slack.type_command(CAMILLE, "Une seconde idée", ideas)
    for _ in range(4):
        slack.clock.advance(61)
        await socket_butine.settle()
    await slack.click(NADIA, slack.card(review, "Une seconde idée"), "Approuver")
    for _ in range(4):
        slack.clock.advance(61)
        await socket_butine.settle()
    assert slack.card(ideas, "Une seconde idée")


async def test_cards_in_a_channel_that_was_archived_keep_none_from_the_new_one_of_its_name(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    """Their edits wait until it is opened again, which may never be."""
    for number in range(1, 11):
        await slack.type_command(CAMILLE, f"Idée {number}")
        await socket_butine.settle()
    old = slack.state.channels[REVIEW]
    new = made_anew(slack, REVIEW)
    old.is_archived, old.members = True, {BOT}
    for number in range(1, 11):
        await slack.type_command(CAMILLE, f"withdraw {number}")
    await slack.type_command(CAMILLE, "Une idée de plus")
    for _ in range(60):
        slack.clock.advance(5)
        await socket_butine.settle()
    assert slack.card(new, "Une idée de plus")
    old.is_archived = False
    slack.clock.advance(600)
    await socket_butine.settle()
    assert not [label for message in old.messages.values() for label in labels(message)]


async def test_moderators_are_those_of_the_review_channel_that_was_made_anew(rig: SlackRig) -> None:
    assert not await rig.platform.is_moderator(CAMILLE)
    rig.slack.state.channels[made_anew(rig.slack, REVIEW)].members.add(CAMILLE)
    rig.slack.clock.advance(61)
    assert not await rig.platform.is_moderator(CAMILLE)
    assert await rig.platform.is_moderator(CAMILLE)
