"""What is committed reaches chat in the end, once, in order, and no faster than chat wants it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from sqlalchemy import URL
from sqlmodel import Session, col, select

from bot.chat.dispatcher import LATE_SECONDS, LEASE, LONGEST_BACKOFF_SECONDS, Dispatcher
from bot.chat.events import MessageRef
from bot.errors import ChatRefused, ChatUnavailable
from bot.usecases import announcing
from bot.views.cards import Card
from storage import outbox
from storage.database import Database
from storage.errors import NotSaved
from storage.outbox import Wanted
from storage.tables import OutboxItem
from tests.chat.desk import Desk
from tests.fakes.memory_platform import Lost, MemoryPlatform

T = TypeVar("T")
DOWN = ChatUnavailable("timeout")
UNCERTAIN = ChatUnavailable("reset", is_uncertain=True)


def slow_down(seconds: float) -> ChatUnavailable:
    """What a platform says to who sends too fast."""
    return ChatUnavailable("ratelimited", retry_after=seconds)


async def want_again(desk: Desk, number: int) -> None:
    """Let the card in the review channel go out of date."""
    idea = await desk.idea(number)
    await desk.database.write(lambda session: announcing.review_card(session, idea, desk.now))


def posts(desk: Desk) -> list[str]:
    """The keys that were posted, in order."""
    return [key for verb, key in desk.platform.calls if verb in ("post", "direct")]


# Order


async def test_messages_come_in_order_and_what_is_sent_is_settled(desk: Desk) -> None:
    for _ in range(3):
        await desk.pending()
    assert await desk.dispatcher.send_due()
    assert posts(desk) == ["card:1:review", "card:2:review", "card:3:review"]
    rows = (await desk.rows()).values()
    assert [(row.shown, row.message, row.permalink, row.lease_until) for row in rows] == [
        (1, f"m{number}", f"https://chat.example/m{number}", None) for number in (1, 2, 3)
    ]
    assert not await desk.dispatcher.send_due()


async def test_channel_cards_come_before_the_direct_messages_that_link_to_them(desk: Desk) -> None:
    number = await desk.pending()
    await desk.click("nadia", "approve", str(number))
    await desk.send()
    assert posts(desk)[-1] == "notice:1:approved_notice:camille"
    (card,), (notice,) = desk.platform.shown("card:1:ideas"), desk.platform.shown("notice:1:approved_notice:camille")
    assert f"https://chat.example/{card.id}" in str(notice.card)


async def test_channels_are_in_the_workspaces_language_and_direct_messages_in_the_members(desk: Desk) -> None:
    await desk.published(author="sam")
    (card,), (notice,) = desk.platform.shown("card:1:ideas"), desk.platform.shown("notice:1:approved_notice:sam")
    assert "proposée par Sam Smith" in str(card.card)
    assert "is published" in notice.card.summary
    assert card.card.reaction == "+1"


async def test_more_than_a_batch_is_sent_in_several(desk: Desk) -> None:
    for number in range(25):
        await desk.pending(f"Idée {number}")
    await desk.send()
    assert posts(desk) == [f"card:{number}:review" for number in range(1, 26)]


# As little as possible


async def test_ten_votes_are_one_edit_that_shows_them_all(desk: Desk) -> None:
    number = await desk.published()
    before = len(desk.platform.calls)
    for voter in range(10):
        await desk.type(f"voter-{voter}", f"vote {number}")
    await desk.send()
    assert desk.platform.calls[before:] == [("update", "card:1:ideas")]
    (card,) = desk.platform.shown("card:1:ideas")
    assert "10 soutiens" in str(card.card)


async def test_a_change_during_a_send_is_sent_afterwards(desk: Desk) -> None:
    number = await desk.pending()

    class Busy(MemoryPlatform):
        """Somebody edits while it posts."""

        async def post(self, channel: str, card: Card, key: str) -> MessageRef:
            """Post what is out of date by then."""
            await desk.submit("camille", "edit", str(number), title="Nouveau titre")
            return await super().post(channel, card, key)

    desk.platform = Busy()
    busy = desk.dispatcher = desk.new_dispatcher()
    await busy.send_due()
    await desk.send()
    (review,) = desk.platform.shown("card:1:review")
    assert "Nouveau titre" in str(review.card)
    assert review.edits == 1


async def test_another_workspaces_outbox_is_left_alone(desk: Desk) -> None:
    await desk.pending()
    other = Dispatcher(desk.database, desk.platform, desk.workspace_id + 1, desk.rules, clock=lambda: desk.now)
    assert not await other.send_due()


async def test_two_dispatchers_do_not_send_the_same(desk: Desk) -> None:
    for _ in range(5):
        await desk.pending()
    await asyncio.gather(desk.dispatcher.send_due(), desk.new_dispatcher().send_due())
    assert sorted(posts(desk)) == [f"card:{number}:review" for number in range(1, 6)]


# No faster than chat wants it


async def test_between_two_posts_to_one_place_there_is_a_pause(desk: Desk) -> None:
    desk.platform.seconds_between_posts = 1.5
    for _ in range(3):
        await desk.pending()
    await desk.send()
    assert desk.slept == [1.5, 1.5]


async def test_a_retry_after_is_obeyed_for_the_whole_place_and_order_is_kept(desk: Desk) -> None:
    for _ in range(3):
        await desk.pending()
    desk.platform.fail("post", slow_down(30))
    await desk.send()
    await desk.pending()  # what comes meanwhile waits as well
    await want_again(desk, 1)
    await desk.send()
    desk.later(seconds=29)
    await desk.send()
    assert posts(desk) == []
    desk.later(seconds=1)
    await desk.send()
    assert posts(desk) == [f"card:{number}:review" for number in range(1, 5)]


async def test_a_retry_after_of_one_place_holds_no_other_up(desk: Desk) -> None:
    first = await desk.pending()
    await desk.click("nadia", "approve", str(first))
    desk.platform.fail("post", slow_down(30))  # whichever channel comes first
    await desk.send()
    assert len(posts(desk)) == 2


async def test_while_chat_is_down_the_pauses_grow(desk: Desk) -> None:
    await desk.pending()
    pauses = []
    for _ in range(12):
        desk.platform.fail("post", DOWN)
        assert await desk.dispatcher.send_due()
        (row,) = (await desk.rows()).values()
        pauses.append((row.due_at - desk.now).total_seconds())
        desk.now = row.due_at
    assert pauses[:5] == [1, 2, 4, 8, 16]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_BACKOFF_SECONDS
    await desk.send()
    assert posts(desk) == ["card:1:review"]
    (row,) = (await desk.rows()).values()
    assert (row.attempts, row.lease_until) == (0, None)


async def test_one_message_that_fails_for_ever_does_not_hold_up_those_behind_it(desk: Desk) -> None:
    for _ in range(3):
        await desk.pending()
    for _ in range(10):
        # The first of the place fails each time it is tried; it is the only one with card:1.
        if not desk.platform.failures.get("post"):
            desk.platform.fail("post", DOWN)
        await desk.dispatcher.send_due()
        desk.later(seconds=300)
    assert {"card:2:review", "card:3:review"} <= set(posts(desk))


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
    assert [(row.key, row.parked_reason) for row in parked] == [("card:1:review", "msg_too_long")]
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
    desk.platform.seconds_between_posts = 20.0
    for _ in range(10):
        await desk.pending()
    assert await desk.dispatcher.send_due()
    assert len(posts(desk)) == 4
    desk.platform.seconds_between_posts = 0.0
    other = desk.new_dispatcher()
    assert not await other.send_due(), "the rest is claimed until the lease is over"
    desk.later(seconds=LEASE.total_seconds())
    await other.send_due()
    await desk.dispatcher.send_due()
    assert posts(desk) == [f"card:{number}:review" for number in range(1, 11)]


async def test_without_a_release_it_is_sent_once_the_lease_is_over(desk: Desk) -> None:
    await desk.pending()
    desk.platform.fail("post", Lost(asyncio.CancelledError()))
    with suppress(asyncio.CancelledError):
        await desk.dispatcher.send_due()
    desk.later(seconds=120)
    await desk.send()
    assert len(desk.platform.shown("card:1:review")) == 1


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


# Digest and reminder


async def test_digest_and_reminder_are_rendered_from_what_is_kept(desk: Desk) -> None:
    number = await desk.published()
    await desk.pending("Un vestiaire")
    await desk.type("sam", f"vote {number}")
    desk.later(seconds=1)
    await desk.type("nadia", "digest now")
    await desk.database.write(lambda s: announcing.reminder(s, desk.workspace_id, "d1", desk.now))
    await desk.send()
    (digest,), (reminder,) = desk.platform.shown("digest:2026-W49"), desk.platform.shown("reminder:d1")
    assert (digest.channel, reminder.channel) == ("digest", "review")
    assert "Des vélos partagés" in str(digest.card)
    assert "Un vestiaire" in str(reminder.card)
    (review,) = desk.platform.shown("card:2:review")
    assert f"https://chat.example/{review.id}" in str(reminder.card)


async def test_each_notice_has_its_words(desk: Desk) -> None:
    number = await desk.pending()
    await desk.submit("nadia", "ask", str(number), question="Pour qui ?")
    await desk.send()
    await desk.submit("nadia", "refuse", str(number), reason="Trop cher")
    await desk.send()
    await desk.submit("camille", "edit", str(number), title="Moins cher")
    await desk.click("nadia", "approve", str(number))
    await desk.send()
    await desk.react("camille", "card:1:ideas")
    await desk.type("sam", f"vote {number}")
    desk.later(seconds=1)
    await desk.type("nadia", "digest now")
    await desk.type("nadia", f"statut {number} retenue")
    await desk.send()
    told = [message.card.summary for message in desk.platform.messages.values() if message.member == "camille"]
    for part in ("question sur votre idée", "n’est pas publiée en l’état", "est publiée", "Merci de défendre"):
        assert any(part in summary for summary in told), part
    assert "nouveau statut" in told[-1]


# Running


async def run_until_posted(desk: Desk, dispatcher: Dispatcher | None = None) -> None:
    """Run until something is posted, and close."""
    dispatcher = dispatcher or desk.dispatcher
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(10):
        await desk.platform.has_posted.wait()
        dispatcher.close()
        await running


async def test_it_sends_what_is_there_when_it_starts(desk: Desk) -> None:
    await desk.pending()
    await run_until_posted(desk)
    assert posts(desk) == ["card:1:review"]


class Watched(Database):
    """A database that tells when it was read; its first reads may fail."""

    def __init__(self, url: URL) -> None:
        super().__init__(url, None)
        self.was_read = asyncio.Event()
        self.fails = False

    async def read(self, work: Callable[[Session], T]) -> T:
        """Fail once if that is wanted, or read."""
        if self.fails:
            self.fails = False
            raise NotSaved("disk gone")
        found = await super().read(work)
        self.was_read.set()
        return found


async def test_it_sleeps_until_it_is_woken(desk: Desk) -> None:
    watched = Watched(desk.database.url)
    dispatcher = Dispatcher(watched, desk.platform, desk.workspace_id, desk.rules, clock=lambda: desk.now)
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(10):
        await watched.was_read.wait()  # nothing is due: it goes to sleep
        await desk.pending()
        dispatcher.wake()
        await desk.platform.has_posted.wait()
        dispatcher.close()
        await running
    await watched.close()


async def test_a_database_that_can_t_be_read_leaves_what_is_claimed_for_later(desk: Desk) -> None:
    await desk.pending()
    watched = Watched(desk.database.url)
    watched.fails = True
    dispatcher = Dispatcher(watched, desk.platform, desk.workspace_id, desk.rules, clock=lambda: desk.now)
    with pytest.raises(NotSaved):
        await dispatcher.send_due()
    assert desk.platform.calls == []
    desk.later(seconds=120)
    await dispatcher.send_due()
    await watched.close()
    assert posts(desk) == ["card:1:review"]


async def test_closing_finishes_what_is_being_sent(desk: Desk) -> None:
    for _ in range(3):
        await desk.pending()
    desk.platform.seconds_between_posts = 1.0
    await run_until_posted(desk)
    assert len(posts(desk)) == 3
    assert all(row.shown == row.wanted for row in (await desk.rows()).values())


async def test_it_comes_back_to_what_was_put_off(desk: Desk) -> None:
    await desk.pending()
    desk.platform.fail("post", slow_down(0.01))
    real = Dispatcher(desk.database, desk.platform, desk.workspace_id, desk.rules, clock=lambda: desk.later(seconds=1))
    await run_until_posted(desk, real)
    assert posts(desk) == ["card:1:review"]


class FailingOnce(Database):
    """A database whose first write fails."""

    def __init__(self, url: URL) -> None:
        super().__init__(url, None)
        self.has_failed = asyncio.Event()

    async def write(self, work: Callable[[Session], T]) -> T:
        """Fail, or write."""
        if not self.has_failed.is_set():
            self.has_failed.set()
            raise NotSaved("disk full")
        return await super().write(work)


async def test_a_database_that_fails_is_logged_and_survived(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    await desk.pending()
    failing = FailingOnce(desk.database.url)
    dispatcher = Dispatcher(failing, desk.platform, desk.workspace_id, desk.rules, clock=lambda: desk.now)
    with caplog.at_level(logging.ERROR, "bot.chat.dispatcher"):
        running = asyncio.create_task(dispatcher.run())
        async with asyncio.timeout(10):
            await failing.has_failed.wait()
            dispatcher.wake()  # instead of the pause
            await desk.platform.has_posted.wait()
            dispatcher.close()
            await running
    await failing.close()
    assert "outbox could not be read" in caplog.text
    assert posts(desk) == ["card:1:review"]


class Telling(Database):
    """A database that tells when a write has failed."""

    def __init__(self, url: URL) -> None:
        super().__init__(url, None)
        self.has_failed = asyncio.Event()

    async def write(self, work: Callable[[Session], T]) -> T:
        """Write, and tell."""
        try:
            return await super().write(work)
        except Exception:
            self.has_failed.set()
            raise


async def test_a_row_that_can_t_be_read_does_not_end_the_sending(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Damage inside a text, which SQLite does not look into: once it is mended, everything is sent."""

    def write(session: Session, text: str) -> None:
        session.connection().exec_driver_sql("UPDATE outbox SET subject = ?", (text,))

    await desk.pending()
    await desk.database.write(partial(write, text="{no JSON"))
    telling = Telling(desk.database.url)
    dispatcher = Dispatcher(telling, desk.platform, desk.workspace_id, desk.rules, clock=lambda: desk.now)
    running = asyncio.create_task(dispatcher.run())
    async with asyncio.timeout(10):
        await telling.has_failed.wait()
        await desk.database.write(partial(write, text="{}"))
        dispatcher.wake()  # instead of the pause
        await desk.platform.has_posted.wait()
        dispatcher.close()
        await running
    await telling.close()
    assert "outbox could not be read" in caplog.text
    assert posts(desk) == ["card:1:review"]


async def test_what_was_sent_but_not_settled_is_not_sent_twice(desk: Desk) -> None:
    await desk.pending()
    await desk.send()
    await want_again(desk, 1)

    class LosingTheSettling(Database):
        """Claims, and fails afterwards."""

        writes = 0

        async def write(self, work: Callable[[Session], T]) -> T:
            """Let the first one pass."""
            self.writes += 1
            if self.writes > 1:
                raise NotSaved("disk full")
            return await super().write(work)

    await desk.pending()
    losing = LosingTheSettling(desk.database.url, None)
    with pytest.raises(NotSaved):
        await Dispatcher(losing, desk.platform, desk.workspace_id, desk.rules, clock=lambda: desk.now).send_due()
    desk.later(seconds=120)
    await desk.send()
    assert len(desk.platform.shown("card:1:review")) == len(desk.platform.shown("card:2:review")) == 1
    await losing.close()
