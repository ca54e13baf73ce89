"""What chat refuses, forgets or loses on the way: it is shown in the end, once, or the operator is told."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select, update

from bot.chat.dispatcher import (
    LATE_SECONDS,
    LEASE,
    LONGEST_BACKOFF_SECONDS,
    PLACE_BATCH,
    SEND_RESERVE,
    STUBBORN,
    Dispatcher,
)
from bot.chat.events import MessageRef
from bot.errors import ChatRefused, MemberLeft
from bot.views.cards import Card
from bot.views.plain import plain
from storage import outbox
from storage.outbox import Wanted
from storage.tables import OutboxItem
from tests.chat.desk import DOWN, FRENCH, UNCERTAIN, Desk, buttons, posts, slow_down, want_again
from tests.fakes.memory_platform import Lost, MemoryPlatform

# What chat refuses, forgets or loses


async def test_what_chat_refuses_is_parked_and_keeps_nothing_from_being_sent(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.pending()
    await desk.pending()
    desk.platform.fail("post", ChatRefused("msg_too_long"))
    with caplog.at_level(logging.ERROR, "bot.chat.dispatcher"):
        await desk.send()
    assert posts(desk) == ["card:2:review"]
    assert "card:1:review can't be sent: msg_too_long" in caplog.text
    parked = await desk.read(lambda session: outbox.parked(session, 10))
    assert [(row.key, row.reason) for row in parked] == [("card:1:review", "msg_too_long")]
    desk.later(days=1)
    assert not await desk.dispatcher.send_due()


async def test_a_parked_card_is_sent_when_it_is_wanted_anew(desk: Desk) -> None:
    await desk.pending()
    desk.platform.fail("post", ChatRefused("channel_is_archived"))
    await desk.send()
    await want_again(desk, 1)
    await desk.send()
    assert posts(desk) == ["card:1:review"]
    assert await desk.read(lambda session: outbox.parked(session, 10)) == []


async def test_who_asked_for_words_of_somebody_out_of_reach_is_told_once_and_has_their_text_back(desk: Desk) -> None:
    desk.platform.fail("direct", ChatRefused("user_disabled"))
    await desk.submit("camille", "propose", "sam", title="Un garage à vélos", proposal="Près de l’entrée")
    await desk.send()
    (request,) = await desk.read(lambda session: outbox.parked(session, 10))
    (told,) = desk.platform.shown(f"{request.key}:answer")
    assert told.member == "camille"
    assert "ne peut pas être jointe" in told.card.summary
    assert "Un garage à vélos\n  \n  Près de l’entrée" in plain(told.card, FRENCH)
    desk.platform.fail("direct", ChatRefused("user_disabled"))
    await desk.database.write(lambda session: outbox.try_parked(session, desk.later(days=1)))
    await desk.send()
    assert [message.member for message in desk.platform.messages.values()] == ["camille"]


async def test_a_request_that_was_given_up_asks_nothing_any_more(desk: Desk) -> None:
    """The asker may have proposed it in other words since; whatever else its author finds of it, changes nothing."""
    desk.platform.fail("direct", Lost(UNCERTAIN))
    desk.platform.fail("find_posted", ChatRefused("user_disabled"))
    await desk.submit("camille", "propose", "sam", title="Un garage à vélos")
    await desk.send()
    desk.later(minutes=1)
    await desk.send()
    (request,) = await desk.read(lambda session: outbox.parked(session, 10))
    await desk.click("sam", "agree", request.key)
    await desk.send()
    (shown,) = desk.platform.shown(request.key)
    assert "This request is closed" in plain(shown.card, FRENCH)
    assert buttons(shown.card) == {}
    assert await desk.all_ideas() == []
    assert len(desk.platform.shown(f"{request.key}:answer")) == 1


async def test_a_request_that_was_given_up_is_not_shown_to_who_can_be_reached_again(desk: Desk) -> None:
    """Weeks later, of an idea that may have been proposed otherwise since."""
    desk.platform.fail("direct", MemberLeft("user_disabled"))
    await desk.submit("camille", "propose", "sam", title="Un garage à vélos")
    await desk.send()
    await desk.database.write(lambda session: outbox.try_parked(session, desk.later(days=30)))
    await desk.send()
    assert [message.member for message in desk.platform.messages.values()] == ["camille"]
    assert [key for key, row in (await desk.rows()).items() if row.shown < row.wanted] == []


async def test_an_edit_that_may_still_arrive_is_not_overtaken_by_a_newer_one(desk: Desk) -> None:
    """It would come out last, and stay."""
    number = await desk.published()
    desk.platform.fail("update", UNCERTAIN)
    await desk.react("sam", "card:1:ideas")
    await desk.send()
    await desk.type("ines", f"vote {number}")
    desk.later(seconds=LATE_SECONDS - 1)
    await desk.send()
    (card,) = desk.platform.shown("card:1:ideas")
    assert "soutien" in str(card.card)
    assert card.edits == 0
    desk.later(seconds=1)
    await desk.send()
    assert "2 soutiens" in str(card.card)


async def test_a_send_that_never_ends_is_given_up_and_looked_for(desk: Desk) -> None:
    """After its lease another process would send it too."""
    platform = Silent()

    def dispatcher(patience: timedelta) -> Dispatcher:
        chat = (desk.database, platform, desk.workspace_id, desk.rules)
        return Dispatcher(*chat, clock=lambda: desk.now, patience=patience)

    await desk.pending()
    async with asyncio.timeout(10):
        await dispatcher(timedelta(milliseconds=1)).send_due()
    row = (await desk.rows())["card:1:review"]
    assert (row.message, row.lease_until) == (None, desk.now + timedelta(seconds=LATE_SECONDS))
    platform.is_silent = False
    desk.later(seconds=LATE_SECONDS)
    await dispatcher(SEND_RESERVE).send_due()
    assert platform.calls == [("find", "card:1:review"), ("post", "card:1:review")]


class Silent(MemoryPlatform):
    """Takes a post and says nothing."""

    is_silent = True

    async def post(self, channel: str, card: Card, key: str) -> MessageRef:
        """As the contract says, once it speaks."""
        if self.is_silent:
            await asyncio.Event().wait()
        return await super().post(channel, card, key)


async def test_a_message_that_somebody_deleted_is_posted_anew(desk: Desk) -> None:
    number = await desk.published()
    desk.platform.delete("card:1:ideas")
    await desk.type("sam", f"vote {number}")
    await desk.send()
    (card,) = desk.platform.shown("card:1:ideas")
    assert "1 soutien" in str(card.card)
    assert (await desk.rows())["card:1:ideas"].message == card.id


@pytest.mark.parametrize("arrived", [True, False])
async def test_after_an_uncertain_send_the_message_is_looked_for_before_it_is_sent_again(
    desk: Desk, *, arrived: bool
) -> None:
    """Not at once: a server that hangs may still post it."""
    await desk.pending()
    desk.platform.fail("post", Lost(UNCERTAIN) if arrived else UNCERTAIN)
    await desk.send()
    desk.later(seconds=LATE_SECONDS - 1)
    await desk.send()
    assert ("find", "card:1:review") not in desk.platform.calls
    desk.later(seconds=1)
    await desk.send()
    assert len(desk.platform.shown("card:1:review")) == 1
    assert ("find", "card:1:review") in desk.platform.calls
    assert posts(desk) == ["card:1:review"]
    (row,) = (await desk.rows()).values()
    assert (row.shown, row.lease_until) == (1, None)


async def test_it_is_looked_for_however_often_the_search_or_the_send_fails(desk: Desk) -> None:
    await desk.pending()
    desk.platform.fail("post", Lost(UNCERTAIN))
    desk.platform.fail("find_posted", DOWN, slow_down(9))
    for _ in range(4):
        await desk.send()
        desk.later(seconds=60)
    assert len(desk.platform.shown("card:1:review")) == 1


async def test_an_uncertain_send_that_is_wanted_anew_is_still_looked_for(desk: Desk) -> None:
    await desk.pending()
    desk.platform.fail("post", Lost(UNCERTAIN))
    await desk.send()
    await want_again(desk, 1)
    desk.later(seconds=60)
    await desk.send()
    assert len(desk.platform.shown("card:1:review")) == 1


async def test_what_was_found_is_where_it_stands_even_if_chat_refuses_to_edit_it(desk: Desk) -> None:
    """Votes under it count, and the next start posts no second one."""
    number = await desk.pending()
    await desk.send()
    await desk.click("nadia", "approve", str(number))
    desk.platform.fail("post", Lost(UNCERTAIN))
    await desk.send()
    desk.platform.fail("update", ChatRefused("edit_window_closed"))
    desk.later(minutes=5)
    await desk.send()
    await desk.react("sam", "card:1:ideas")
    assert (await desk.idea(number)).supporters == 1
    await desk.database.write(lambda session: outbox.try_parked(session, desk.now))
    await desk.send()
    assert len(desk.platform.shown("card:1:ideas")) == 1


async def test_what_may_have_arrived_is_looked_for_also_after_it_was_parked(desk: Desk) -> None:
    """Looking was refused, and the operator has mended that."""
    await desk.pending()
    desk.platform.fail("post", Lost(UNCERTAIN))
    await desk.send()
    desk.platform.fail("find_posted", ChatRefused("missing_scope"))
    desk.later(minutes=5)
    await desk.send()
    await desk.database.write(lambda session: outbox.try_parked(session, desk.now))
    await desk.send()
    assert posts(desk) == ["card:1:review"]


async def test_a_direct_message_is_looked_for_with_its_member(desk: Desk) -> None:
    number = await desk.pending()
    await desk.send()
    desk.platform.fail("direct", Lost(UNCERTAIN))
    await desk.click("nadia", "approve", str(number))
    await desk.send()
    desk.later(seconds=60)
    await desk.send()
    assert len(desk.platform.shown("notice:1:approved_notice:camille")) == 1


async def test_a_certain_failure_needs_no_search(desk: Desk) -> None:
    await desk.pending()
    desk.platform.fail("post", DOWN)
    await desk.send()
    desk.later(seconds=1)
    await desk.send()
    assert desk.platform.calls == [("post", "card:1:review")]


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_crash_between_post_and_settling_doubles_nothing_after_the_restart(
    desk: Desk, *, arrived: bool
) -> None:
    await desk.pending()
    crash = asyncio.CancelledError()
    desk.platform.fail("post", Lost(crash) if arrived else crash)
    with suppress(asyncio.CancelledError):
        await desk.dispatcher.send_due()
    restarted = desk.new_dispatcher()
    assert not await restarted.send_due()  # its lease is not over
    await desk.database.write(lambda session: outbox.release_all(session, desk.now))
    assert await restarted.send_due()
    assert len(desk.platform.shown("card:1:review")) == 1
    assert posts(desk) == ["card:1:review"]


async def test_nothing_is_sent_that_another_process_may_be_sending_by_now(desk: Desk) -> None:
    """A platform so slow that a batch outlasts its lease: what is left of it goes to whoever claims it next, once."""
    desk.platform.seconds_between_posts = 40.0
    for _ in range(PLACE_BATCH):
        await desk.pending()
    assert await desk.dispatcher.send_due()
    assert len(posts(desk)) == 2
    desk.platform.seconds_between_posts = 0.0
    other = desk.new_dispatcher()
    assert not await other.send_due(), "the rest is claimed until the lease is over"
    desk.later(seconds=LEASE.total_seconds())
    await other.send_due()
    await desk.dispatcher.send_due()
    assert posts(desk) == [f"card:{number}:review" for number in range(1, 1 + PLACE_BATCH)]


async def test_without_a_release_it_is_sent_once_the_lease_is_over(desk: Desk) -> None:
    await desk.pending()
    desk.platform.fail("post", Lost(asyncio.CancelledError()))
    with suppress(asyncio.CancelledError):
        await desk.dispatcher.send_due()
    desk.later(seconds=120)
    await desk.send()
    assert len(desk.platform.shown("card:1:review")) == 1


async def test_what_fails_for_days_is_still_tried_every_few_minutes(desk: Desk) -> None:
    await desk.pending()
    await desk.database.write(lambda session: session.exec(update(OutboxItem).values(attempts=5_000)))
    desk.platform.fail("post", DOWN)
    await desk.send()
    desk.later(seconds=LONGEST_BACKOFF_SECONDS - 1)
    await desk.send()
    assert posts(desk) == []
    desk.later(seconds=1)
    await desk.send()
    assert posts(desk) == ["card:1:review"]


async def test_a_card_that_can_t_be_rendered_does_not_stop_the_others(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Wanted("card:0:review", "no_such_view", channel="review", idea_id=1)
    await desk.pending()

    def spoil(session: Session) -> None:
        outbox.want(session, desk.workspace_id, broken, desk.now)
        row = session.exec(select(OutboxItem).where(col(OutboxItem.key) == "card:0:review")).one()
        row.due_at = desk.now - timedelta(hours=1)

    await desk.database.write(spoil)
    await desk.pending()
    with caplog.at_level(logging.ERROR, "bot.chat.dispatcher"):
        await desk.send()
    assert posts(desk) == ["card:1:review", "card:2:review"]
    assert "card:0:review not sent" in caplog.text
    desk.later(seconds=LONGEST_BACKOFF_SECONDS)
    assert await desk.dispatcher.send_due()  # it is tried again


async def test_a_pause_that_chat_asks_for_at_an_edit_that_failed_often_keeps_the_whole_channel_waiting(
    desk: Desk,
) -> None:
    """Such an edit alone tells nothing of its channel; the pause does."""
    await desk.pending()
    await desk.send()
    await want_again(desk, 1)
    await desk.database.write(lambda session: session.exec(update(OutboxItem).values(attempts=STUBBORN)))
    desk.platform.fail("update", slow_down(600))
    await desk.pending()
    await desk.send()
    desk.later(seconds=599)
    await desk.send()
    assert posts(desk) == ["card:1:review"]
    desk.later(seconds=1)
    await desk.send()
    assert posts(desk) == ["card:1:review", "card:2:review"]


async def test_of_a_channel_that_can_t_be_written_to_two_messages_are_tried_and_not_all(desk: Desk) -> None:
    """Even if each of them failed often: a server that hangs takes long over every one."""
    for _ in range(4):
        await desk.pending()
    await desk.database.write(lambda session: session.exec(update(OutboxItem).values(attempts=STUBBORN)))
    desk.platform.fail("post", DOWN, DOWN, DOWN, DOWN)
    await desk.send()
    assert [row.attempts - STUBBORN for row in (await desk.rows()).values()] == [1, 1, 0, 0]
