"""Cards found again in a channel by what they are marked with, however much is written there."""

import pytest

from bot.chat.dispatcher import BATCH, LEASE, SEND_RESERVE
from bot.chat.slack.api import PAGE
from bot.chat.slack.posts import HISTORY_PAGES
from bot.errors import ChatUnavailable
from bot.views.cards import Card, Quotation
from tests.contract.slack_rig import SlackRig
from tests.contract.test_platform import idea
from tests.fakes.slack.state import BOT, IDEAS
from tests.fakes.slack.workspace import CAMILLE

LONGER = Card("Long", (Quotation("Besoin", "mot " * 4000),), reaction="+1")


def write(rig: SlackRig, pages: int) -> None:
    """Let members talk about other things."""
    for number in range(pages * PAGE):
        rig.slack.write(CAMILLE, f"message {number}")


async def test_many_cards_are_looked_for_within_what_one_claim_may_take(rig: SlackRig) -> None:
    """A crash leaves a batch of uncertain sends; if looking outlasted the lease, another process would post too."""
    await rig.platform.post("ideas", idea(), "card:1")
    write(rig, HISTORY_PAGES)
    began = rig.slack.clock.seconds()
    for number in range(2, BATCH + 1):
        assert await rig.platform.find_posted("ideas", None, f"card:{number}") is None
        await rig.platform.post("ideas", idea(), f"card:{number}")
    assert rig.slack.clock.seconds() - began < LEASE.total_seconds() * 0.75
    assert await rig.platform.find_posted("ideas", None, f"card:{BATCH}") is not None, "what came since is found too"
    assert await rig.platform.find_posted("ideas", None, "card:1") is None, "so far back nobody looks"


async def test_after_a_long_time_in_a_busy_channel_a_card_is_found_within_what_a_send_may_take(rig: SlackRig) -> None:
    """What has been written since the last search is not read through: it may be months of talk."""
    await rig.platform.post("ideas", idea(), "card:1")
    assert await rig.platform.find_posted("ideas", None, "card:1")
    write(rig, 5 * HISTORY_PAGES)
    posted = await rig.platform.post("ideas", idea(), "card:2")
    began = rig.slack.clock.seconds()
    assert await rig.platform.find_posted("ideas", None, "card:2") == posted
    assert await rig.platform.find_posted("ideas", None, "card:3") is None
    assert rig.slack.clock.seconds() - began < SEND_RESERVE.total_seconds() / 2


async def test_a_search_that_broke_off_goes_on_where_it_was(rig: SlackRig) -> None:
    """Otherwise one that is cut off each time would never come to its end."""
    await rig.platform.post("ideas", idea(), "card:1")
    assert await rig.platform.find_posted("ideas", None, "card:1")
    posted = await rig.platform.post("ideas", idea(), "card:2")
    write(rig, 8)
    rig.slack.api.fail("conversations.history", "", times=5)
    rig.slack.api.fail("conversations.history", "500")
    with pytest.raises(ChatUnavailable):
        await rig.platform.find_posted("ideas", None, "card:2")
    calls = rig.slack.api.counted("conversations.history")
    assert await rig.platform.find_posted("ideas", None, "card:2") == posted
    assert rig.slack.api.counted("conversations.history") - calls <= 6, "of nine pages, four were read"


async def test_for_a_card_among_the_last_messages_nobody_reads_farther_back(rig: SlackRig) -> None:
    write(rig, HISTORY_PAGES)
    posted = await rig.platform.post("ideas", idea(), "card:1")
    assert await rig.platform.find_posted("ideas", None, "card:1") == posted
    assert rig.slack.api.counted("conversations.history") == 1


async def test_of_a_card_that_was_posted_anew_the_newer_is_found(rig: SlackRig) -> None:
    """Somebody deleted the one that a search had seen."""
    old = await rig.platform.post("ideas", idea(), "card:1")
    assert await rig.platform.find_posted("ideas", None, "card:1") == old
    rig.slack.state.channels[IDEAS].messages.clear()
    new = await rig.platform.post("ideas", idea(), "card:1")
    assert await rig.platform.find_posted("ideas", None, "card:1") == new


async def test_what_came_into_an_empty_channel_is_found(rig: SlackRig) -> None:
    assert await rig.platform.find_posted("ideas", None, "card:1") is None
    posted = await rig.platform.post("ideas", idea(), "card:1")
    assert await rig.platform.find_posted("ideas", None, "card:1") == posted


async def test_a_message_that_looks_like_butines_is_not_taken_for_it(rig: SlackRig) -> None:
    """Another app may write the same metadata."""
    posted = await rig.platform.post("ideas", idea(), "card:1")
    original = rig.slack.messages(IDEAS)[0]
    assert original["user"] == BOT
    forged = rig.slack.write(CAMILLE, "moi aussi")
    forged["metadata"] = original["metadata"]
    assert await rig.platform.find_posted("ideas", None, "card:1") == posted


async def test_what_a_failed_try_made_longer_is_found_however_much_was_written_since(rig: SlackRig) -> None:
    """Otherwise it would stand there twice."""
    posted = await rig.platform.post("ideas", idea(), "card:1")
    rig.slack.api.fail("reactions.add", "500")
    await rig.platform.update(posted.id, LONGER)
    write(rig, 2)
    await rig.platform.update(posted.id, LONGER)
    assert len([message for message in rig.slack.messages(IDEAS) if message["user"] == BOT]) == 2
