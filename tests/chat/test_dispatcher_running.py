"""How the dispatcher goes on by itself: when it wakes, waits, and ends."""

import asyncio
import logging
from collections.abc import Callable, Container
from functools import partial
from typing import TypeVar

import pytest
from sqlalchemy import URL
from sqlmodel import Session

from bot.chat.dispatcher import Dispatcher
from storage import outbox
from storage.database import Database
from storage.errors import NotSaved
from tests.chat.desk import Desk, posts, slow_down, want_again

T = TypeVar("T")


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


class Away(Database):
    """A database whose server is away for three writes, which come at once in place of the pauses."""

    dispatcher: Dispatcher
    left = 3

    async def write(self, work: Callable[[Session], T]) -> T:
        """Fail in the words of PostgreSQL's driver, or write."""
        if self.left:
            self.left -= 1
            self.dispatcher.wake()
            raise NotSaved("connection failed: refused\n\tIs the server running?") from OSError("refused")
        return await super().write(work)


async def test_a_server_that_is_away_is_logged_in_one_line_and_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """A traceback every five seconds would fill the disk over a weekend."""
    await desk.pending()
    away = Away(desk.database.url, None)
    away.dispatcher = Dispatcher(away, desk.platform, desk.workspace_id, desk.rules, clock=lambda: desk.now)
    with caplog.at_level(logging.WARNING, "bot.chat.dispatcher"):
        await run_until_posted(desk, away.dispatcher)
    await away.close()
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == [
        "refused Is the server running?",
        "the outbox can be read and settled again",
    ]
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "damage",
    ["subject = '{no JSON'", "subject = CAST(x'7bff7d' AS TEXT)", "created_at = 'Monday'", "created_at = 5"],
    ids=["JSON", "UTF-8", "moment", "number"],
)
async def test_a_row_that_can_t_be_read_is_told_and_holds_nothing_up(
    desk: Desk, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """Damage inside a text, which SQLite does not look into. Once it is mended, a start sends that, too."""

    def change(session: Session, values: str) -> None:
        session.connection().exec_driver_sql(f"UPDATE outbox SET {values} WHERE id = 2")  # noqa: S608  our own words

    for _ in range(3):
        await desk.pending()
    await desk.database.write(partial(change, values=damage))
    with caplog.at_level(logging.ERROR, "bot.chat.dispatcher"):
        await desk.send()
    assert posts(desk) == ["card:1:review", "card:3:review"]
    assert "row 2 of the outbox can't be read" in caplog.text
    assert await desk.read(outbox.count_parked) == 1
    (parked,) = await desk.read(lambda session: outbox.parked(session, 10))
    assert (parked.key, parked.reason.partition(":")[0]) == ("card:2:review", "unreadable")
    await desk.database.write(partial(change, values="subject = '{}', created_at = due_at"))
    await desk.database.write(lambda session: outbox.try_parked(session, desk.now))
    await desk.send()
    assert posts(desk)[-1] == "card:2:review"


class Losing(Database):
    """A database that fails at some of its writes; the first is the claim."""

    def __init__(self, url: URL, fails_at: Container[int]) -> None:
        super().__init__(url, None)
        self._fails_at = fails_at
        self._writes = 0

    async def write(self, work: Callable[[Session], T]) -> T:
        """Fail, or write."""
        self._writes += 1
        if self._writes in self._fails_at:
            raise NotSaved("disk full")
        return await super().write(work)


async def send_with(desk: Desk, database: Database) -> None:
    """Send a batch, some of which can't be settled, and close the database."""
    with pytest.raises(NotSaved):
        await Dispatcher(database, desk.platform, desk.workspace_id, desk.rules, clock=lambda: desk.now).send_due()
    await database.close()


async def test_what_was_sent_but_not_settled_is_not_sent_twice(desk: Desk) -> None:
    await desk.pending()
    await desk.send()
    await want_again(desk, 1)
    await desk.pending()
    await send_with(desk, Losing(desk.database.url, range(2, 100)))
    desk.later(seconds=120)
    await desk.send()
    assert len(desk.platform.shown("card:1:review")) == len(desk.platform.shown("card:2:review")) == 1


async def test_what_can_t_be_settled_in_one_place_holds_nothing_up_elsewhere(desk: Desk) -> None:
    """Neither another channel's messages nor those to members: all are settled before more is claimed."""
    await desk.published()
    number = await desk.pending()
    await desk.send()
    await desk.react("sam", "card:1:ideas")
    await desk.submit("nadia", "refuse", str(number), reason="Existe déjà")
    await send_with(desk, Losing(desk.database.url, {2}))
    (waiting,) = [row.key for row in (await desk.rows()).values() if row.shown < row.wanted]
    assert waiting in {"card:1:ideas", "card:2:review"}
