"""Reactions read again after an absence: votes cast meanwhile are found, and nothing is lost that can't be read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.chat.reconcile import FAILURES_AT_MOST, Patience
from bot.domain.permissions import Caller
from bot.domain.voting import Voting
from bot.usecases import reading, voting
from storage.errors import NotSaved
from tests.chat.desk import DOWN, Desk


async def test_votes_cast_while_away_are_found(desk: Desk) -> None:
    first, second = await desk.published("Des vélos"), await desk.published("Des bancs")
    desk.platform.react("sam", "card:1:ideas", "+1")
    desk.platform.react("sam", "card:1:ideas", "heart")
    desk.platform.react("ines", "card:1:ideas", "bulb")
    desk.platform.react("camille", "card:1:ideas", "+1")  # her own idea
    desk.platform.react("sam", "card:2:ideas", "tada")
    assert await desk.reconciler.read_all() == 1
    assert ((await desk.idea(first)).supporters, (await desk.idea(second)).supporters) == (2, 0)
    await desk.send()
    (card,) = desk.platform.shown("card:1:ideas")
    assert "2 soutiens" in str(card.card)
    assert await desk.reconciler.read_all() == 0


async def test_votes_taken_back_while_away_are_gone(desk: Desk) -> None:
    number = await desk.published()
    await desk.react("sam", "card:1:ideas")
    await desk.type("ines", f"vote {number}")
    desk.platform.react("sam", "card:1:ideas", "+1", is_present=False)
    assert await desk.reconciler.read_all() == 1
    assert (await desk.idea(number)).supporters == 1


async def test_a_message_that_can_t_be_read_keeps_its_votes(desk: Desk) -> None:
    number = await desk.published()
    await desk.react("sam", "card:1:ideas")
    (message,) = desk.platform.shown("card:1:ideas")
    desk.platform.unreadable.add(message.id)
    desk.platform.react("sam", "card:1:ideas", "+1", is_present=False)
    assert await desk.reconciler.read_all() == 0
    assert (await desk.idea(number)).supporters == 1


async def test_a_card_that_was_deleted_and_posted_anew_keeps_its_votes(desk: Desk) -> None:
    """Who supported the idea under its former card did not take that back."""
    number = await desk.published()
    await desk.react("sam", "card:1:ideas")
    desk.later(seconds=1)
    desk.platform.delete("card:1:ideas")
    await desk.type("ines", f"vote {number}")
    await desk.send()
    assert await desk.reconciler.read_all() == 0
    assert (await desk.idea(number)).supporters == 2
    desk.later(seconds=1)
    await desk.react("sam", "card:1:ideas")
    await desk.react("sam", "card:1:ideas", is_present=False)
    assert (await desk.idea(number)).supporters == 1


async def test_once_read_by_new_rules_who_holds_an_emoji_that_counts_no_more_is_no_voter(desk: Desk) -> None:
    """In the figures as on the card."""
    number = await desk.published()
    await desk.react("sam", "card:1:ideas", "heart")
    desk.later(seconds=1)
    desk.rules = replace(desk.rules, voting=Voting.of(["+1"], own_ideas=False))
    await desk.database.write(
        lambda session: voting.recount_if_rules_changed(session, desk.workspace_id, desk.rules.voting, desk.now)
    )
    await desk.new_reconciler().read_all()
    sam = Caller(desk.workspace_id, "sam")
    assert (await desk.idea(number)).supporters == 0
    assert (await desk.read(lambda session: reading.stats(session, sam))).voters == 0


async def test_where_chat_fails_the_rest_is_left_for_the_next_time(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    number = await desk.published()
    desk.platform.react("sam", "card:1:ideas", "+1")
    desk.platform.fail("reactions", DOWN)
    assert await desk.reconciler.read_all() == 0
    assert "the next time" in caplog.text
    assert (await desk.idea(number)).supporters == 0
    assert await desk.reconciler.read_all() == 1


async def miss_votes(desk: Desk, count: int) -> None:
    """So many ideas, each of which Sam reacted to while Butine was away."""
    for number in range(1, count + 1):
        await desk.published()
        desk.platform.react("sam", f"card:{number}:ideas", "+1")


async def counted(desk: Desk) -> list[int]:
    """The ideas that have a supporter."""
    return [idea.number for idea in await desk.all_ideas() if idea.supporters]


async def test_cards_are_read_in_parts_newest_first_and_a_failure_costs_its_own_part_alone(desk: Desk) -> None:
    await miss_votes(desk, 5)
    desk.platform.fail("reactions", None, DOWN)
    assert await desk.reconciler.read_all(2) == 3
    assert await counted(desk) == [1, 4, 5]
    assert not desk.reconciler.has_caught_up
    assert await desk.reconciler.read_all(2) == 2
    assert desk.reconciler.has_caught_up


async def test_where_chat_is_down_not_every_part_is_asked_for(desk: Desk) -> None:
    """Each may take as long as chat is waited for; what fails now and then does not count together."""
    await miss_votes(desk, 10)
    desk.platform.fail("reactions", *[DOWN] * FAILURES_AT_MOST)
    assert await desk.reconciler.read_all(2) == 0
    desk.platform.fail("reactions", DOWN, DOWN, None, DOWN)
    assert await desk.reconciler.read_all(2) == 4
    assert await counted(desk) == [1, 2, 5, 6]


async def test_only_what_is_open_to_votes_and_posted_is_read(desk: Desk) -> None:
    await desk.pending()
    number = await desk.pending()
    await desk.click("nadia", "approve", str(number))  # its card is not posted yet
    desk.platform.fail("reactions", AssertionError("nothing to read"))
    assert await desk.reconciler.read_all() == 0


async def test_a_vote_that_comes_while_chat_is_read_stands(desk: Desk) -> None:
    number = await desk.published()
    await desk.react("sam", "card:1:ideas")
    read_at = desk.now
    desk.later(seconds=10)
    await desk.react("ines", "card:1:ideas")
    desk.platform.react("ines", "card:1:ideas", "+1", is_present=False)  # as it was when it was read
    await desk.new_reconciler(lambda: read_at).read_all()
    assert (await desk.idea(number)).supporters == 2


async def test_a_database_that_fails_is_the_callers_to_know(desk: Desk) -> None:
    await desk.published()
    desk.platform.fail("reactions", NotSaved("disk full"))
    with pytest.raises(NotSaved):
        await desk.reconciler.read_all()


# While Butine runs


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[None]:
    """What is wanted is read as long as this lasts."""
    task = asyncio.create_task(desk.reconciler.run())
    yield
    task.cancel()
    await asyncio.wait([task])


async def count_becomes(desk: Desk, number: int, supporters: int) -> None:
    """Return once the idea has so many supporters."""
    async with asyncio.timeout(10):
        while (await desk.idea(number)).supporters != supporters:
            pass


async def test_a_card_that_is_new_in_chat_is_read_alone_and_at_once(desk: Desk) -> None:
    """Somebody may have reacted before its address was stored: Butine did not know then what they voted for."""
    await desk.published("Des bancs")
    desk.platform.react("sam", "card:1:ideas", "+1")  # missed, and nothing tells so
    early = await desk.pending()
    await desk.send()  # the review card: what is posted next is the idea's own
    await desk.click("nadia", "approve", str(early))
    desk.dispatcher = desk.new_dispatcher(desk.reconciler.want_card)
    async with running(desk):
        desk.platform.meanwhile["post"] = lambda: desk.platform.react("ines", "card:2:ideas", "heart")
        woken = desk.woken
        await desk.send()
        await count_becomes(desk, early, 1)
        assert desk.woken == woken + 1
    assert (await desk.idea(1)).supporters == 0
    await desk.react("ines", "card:2:ideas", "heart")
    assert (await desk.idea(early)).supporters == 1


async def test_only_a_new_card_of_an_idea_is_read(desk: Desk) -> None:
    wanted: list[str] = []
    desk.dispatcher = desk.new_dispatcher(lambda card: wanted.append(card.message))
    await desk.published()
    await desk.react("sam", "card:1:ideas")
    await desk.send()  # the count changes, the card is not new
    (card,) = desk.platform.shown("card:1:ideas")
    assert wanted == [card.id]


async def test_what_is_missed_while_all_is_read_has_it_read_once_more(desk: Desk) -> None:
    number = await desk.published()

    def miss_one() -> None:
        desk.platform.react("sam", "card:1:ideas", "+1")
        desk.reconciler.want_all()

    desk.platform.meanwhile["reactions"] = miss_one
    async with running(desk):
        desk.reconciler.want_all()
        await count_becomes(desk, number, 1)


async def test_after_a_failure_the_next_wish_is_met(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    number = await desk.published()
    desk.platform.react("sam", "card:1:ideas", "+1")
    desk.platform.fail("reactions", NotSaved("disk full"))
    async with running(desk), asyncio.timeout(10):
        desk.reconciler.want_all()
        while "again in a minute" not in caplog.text:
            await desk.idea(number)
        desk.reconciler.want_all()
        await count_becomes(desk, number, 1)


async def test_the_votes_of_an_absence_are_known_once_all_has_been_read(desk: Desk) -> None:
    """What waits for them is told once, however often all is read."""
    number = await desk.published()
    desk.platform.react("sam", "card:1:ideas", "+1")
    told: list[int] = []
    desk.reconciler = desk.new_reconciler(on_caught_up=lambda: told.append(number))
    desk.platform.fail("reactions", DOWN)
    await desk.reconciler.read_all()
    assert (desk.reconciler.has_caught_up, told) == (False, [])
    for _ in range(2):
        await desk.reconciler.read_all()
        assert (desk.reconciler.has_caught_up, told) == (True, [number])


@pytest.mark.parametrize("error", [DOWN, NotSaved("disk full")])
async def test_what_could_not_be_read_after_a_start_is_read_again_by_itself(
    desk: Desk, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The digest waits for the votes of the absence, and the next hourly reading may be far away."""
    number = await desk.published()
    desk.platform.react("sam", "card:1:ideas", "+1")
    desk.reconciler = desk.new_reconciler(patience=Patience(retry=timedelta(milliseconds=1)))
    desk.platform.fail("reactions", error)
    async with running(desk):
        desk.reconciler.want_all()
        await count_becomes(desk, number, 1)
    assert "Traceback" not in caplog.text


async def test_votes_that_can_t_be_read_are_waited_for_no_longer_than_so(desk: Desk) -> None:
    await desk.published()
    caught_up = asyncio.Event()
    desk.reconciler = desk.new_reconciler(on_caught_up=caught_up.set, patience=Patience(timedelta(milliseconds=1)))
    async with running(desk), asyncio.timeout(10):
        await caught_up.wait()
    assert desk.reconciler.has_caught_up
