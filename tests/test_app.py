"""Butine as a whole: it starts, serves, stops, and leaves nothing open whatever stands in its way."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import aiohttp
import pytest
from sqlmodel import Session, select

from bot.app import App, _Desk, utc_now
from bot.chat.events import ButtonClicked, CommandTyped, Reply
from bot.chat.platform import OnEvent
from bot.config import Settings
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.errors import ConfigError
from bot.rules import rules_of
from bot.usecases import moderation, submission, voting
from bot.usecases.voting import Reaction
from storage import ideas, outbox
from storage.database import Database
from storage.errors import CannotOpen, NotSaved
from storage.tables import Idea, OutboxItem, Status, Workspace
from tests.fakes.memory_platform import MemoryPlatform
from tests.usecases.builders import NOW, RULES, new_file

T = TypeVar("T")


def settings_in(folder: Path, **changes: object) -> Settings:
    """Settings whose files are in the folder and whose port the system chooses."""
    web = {"port": 0, "room_database": folder / "room.db"}
    given = {"storage": {"url": f"sqlite:///{new_file(folder)}"}, "web": web} | changes
    return Settings.model_validate(given)


async def answer(address: str) -> tuple[int, str]:
    """What is answered there."""
    async with aiohttp.ClientSession() as client, client.get(address) as response:
        return response.status, await response.text()


def database_of(settings: Settings) -> Database:
    """The settings' database, held as a running Butine holds it."""
    return Database.open(settings.storage.url, exclusively=True)


async def test_it_starts_serves_and_stops(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    app = App(settings)
    await app.start()
    address = app.address
    assert address.startswith("http://127.0.0.1:")
    assert (await answer(address + "health"))[0] == 200
    status, page = await answer(address)
    assert status == 200
    assert "<html" in page
    await app.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await answer(address)
    database = database_of(settings)
    workspaces = await database.read(lambda session: list(session.exec(select(Workspace))))
    assert [workspace.platform for workspace in workspaces] == ["web"]
    await database.close()


async def test_without_a_platform_it_says_that_it_runs(tmp_path: Path) -> None:
    app = App(settings_in(tmp_path, web={"port": 0, "room": False}))
    await app.start()
    status, page = await answer(app.address)
    await app.stop()
    assert status == 200
    assert page.startswith("Butine ")


async def test_an_address_of_the_newer_protocol_has_brackets(tmp_path: Path) -> None:
    assert App(settings_in(tmp_path, web={"host": "::1", "port": 8030, "room": False})).address == "http://[::1]:8030/"


async def test_stopping_what_never_started_is_harmless(tmp_path: Path) -> None:
    app = App(settings_in(tmp_path))
    await app.stop()
    await app.stop()


async def test_a_port_in_use_is_said_and_nothing_is_left_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = settings_in(tmp_path, web={"port": port, "room_database": tmp_path / "room.db"})
        with pytest.raises(ConfigError) as refused:
            await App(settings).start()
    assert refused.value.code == "port_in_use"
    await database_of(settings).close()


async def test_a_database_in_use_is_said_and_nothing_is_left_open(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    first = database_of(settings)
    app = App(settings)
    with pytest.raises(CannotOpen) as refused:
        await app.start()
    assert refused.value.code == CannotOpen.IN_USE
    with pytest.raises(aiohttp.ClientConnectorError):
        await answer(app.address)
    await first.close()
    again = App(settings)
    await again.start()
    await again.stop()


async def test_a_platform_that_can_t_start_leaves_nothing_open(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, web={"port": 0, "room_database": tmp_path / "no-such-folder" / "room.db"})
    with pytest.raises(Exception):  # noqa: B017, PT011  whichever it is
        await App(settings).start()
    await database_of(settings).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    settings = settings_in(tmp_path)
    ready: list[str] = []

    def on_ready(address: str) -> None:
        ready.append(address)
        os.kill(os.getpid(), number)

    async with asyncio.timeout(20):
        await App(settings).run(on_ready)
    assert ready[0].startswith("http://127.0.0.1:")
    await database_of(settings).close()


async def rows_when_shown(database: Database) -> list[OutboxItem]:
    """The outbox once everything in it is shown."""

    def read(session: Session) -> list[OutboxItem]:
        return list(session.exec(select(OutboxItem)))

    rows: list[OutboxItem] = []
    for _ in range(2000):
        rows = await database.read(read)
        if rows and all(row.shown == row.wanted for row in rows):
            return rows
    raise AssertionError([row.key for row in rows])


async def test_what_the_last_run_left_is_sent_and_reacted_upon(tmp_path: Path) -> None:
    """A send under way when the power failed, and a vote whose emoji does not count any more."""
    settings = settings_in(tmp_path)
    app = App(settings, lambda: NOW)
    await app.start()
    await app.stop()

    def leave(session: Session) -> None:
        caller = Caller(1, "nadia", is_moderator=True)
        number = submission.submit(session, Caller(1, "camille"), Draft("Des vélos"), NOW).idea.number
        moderation.approve(session, caller, number, NOW)
        rules = rules_of(settings)
        voting.cast(session, Caller(1, "sam"), number, rules.voting, NOW, is_present=True)
        item = outbox.by_key(session, 1, "card:1:ideas")
        assert item
        item.message = "1"
        voting.react(session, 1, Reaction("1", "ines", "heart", NOW, is_present=True), rules.voting, NOW)
        item.message = None
        outbox.claim(session, 1, NOW, timedelta(days=9000), 20)

    database = database_of(settings)
    await database.write(leave)
    await database.close()

    changed = settings.model_copy(update={"voting": settings.voting.model_copy(update={"emoji": ("+1",)})})
    restarted = App(changed, lambda: NOW + timedelta(hours=1))
    await restarted.start()
    onlooker = Database.open(settings.storage.url)
    rows = await rows_when_shown(onlooker)
    (idea,) = await onlooker.read(lambda session: list(session.exec(select(Idea))))
    await onlooker.close()
    await restarted.stop()
    assert {row.key for row in rows} >= {"card:1:review", "card:1:ideas"}
    assert idea.supporters == 1


class Unhurried(MemoryPlatform):
    """Takes its time to tell who reacted."""

    async def reactions(self, messages: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """Long after a schedule that doesn't wait has ticked."""
        await asyncio.sleep(0.5)
        return await super().reactions(messages)


async def test_votes_cast_while_it_was_away_decide_about_the_digest_that_it_makes_up_for(tmp_path: Path) -> None:
    """It was stopped on Saturday and comes back on Monday after nine."""
    saturday, monday = datetime(2026, 11, 28, 12, tzinfo=UTC), datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    settings = settings_in(tmp_path, digest={"size": 1})
    chat = Unhurried()
    app = App(settings, lambda: saturday, build=lambda *_: ([chat], []))
    await app.start()
    assert chat.on_event
    for number in (1, 2):
        await chat.on_event(CommandTyped(f"propose {number}", "camille", saturday, "Des vélos"))
        await chat.on_event(ButtonClicked(f"approve {number}", "nadia", saturday, "approve", str(number)))
    await chat.on_event(CommandTyped("vote", "sam", saturday, "vote 1"))
    onlooker = Database.open(settings.storage.url)
    await rows_when_shown(onlooker)
    await app.stop()

    chat.is_closed = False
    for member in ("sam", "ines"):
        chat.react(member, "card:2:ideas", "+1")
    app = App(settings, lambda: monday, build=lambda *_: ([chat], []))
    await app.start()
    async with asyncio.timeout(10):
        while not chat.shown("digest:2026-W49"):
            await rows_when_shown(onlooker)
    await app.stop()
    first, second = await onlooker.read(lambda session: ideas.after(session, 1, 0, 2))
    await onlooker.close()
    assert (first.status, second.status) == (Status.PUBLISHED, Status.SHORTLISTED)


async def test_what_is_typed_in_the_room_is_kept_and_shown(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    app = App(settings, lambda: NOW)
    await app.start()
    jar = aiohttp.CookieJar(unsafe=True)  # takes cookies of addresses, too
    async with aiohttp.ClientSession(app.address, cookie_jar=jar) as client:
        async with client.get("/room/token") as response:
            token = (await response.json())["token"]
        gesture = {"as": "camille", "channel": "idees", "thread": "", "mark": str(uuid4()), "text": "/idea Des vélos"}
        async with client.post("/room/say", json=gesture, headers={"X-Room-Token": token}) as response:
            assert response.status == 200
    onlooker = Database.open(settings.storage.url)
    rows = await rows_when_shown(onlooker)
    await onlooker.close()
    await app.stop()
    assert [row.key for row in rows] == ["card:1:review"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "butine.example"])
def test_the_room_is_opened_to_this_machine_alone(tmp_path: Path, host: str) -> None:
    """Anybody can be anybody in it."""

    async def make() -> None:
        App(settings_in(tmp_path, web={"host": host, "room_database": tmp_path / "room.db"}))

    with pytest.raises(ConfigError) as refused:
        asyncio.run(make())
    assert refused.value.code == "room_in_the_open"


# Events that come before the workspace is known


class Eager(MemoryPlatform):
    """Hands an event over while it is still starting, and closes only once that is through."""

    under_way: asyncio.Task[Reply]

    async def start(self, on_event: OnEvent) -> None:
        """Somebody types at once."""
        await super().start(on_event)
        event = on_event(CommandTyped("E1", "camille", NOW, "Des vélos"))
        assert asyncio.iscoroutine(event)
        self.under_way = asyncio.create_task(event)
        await asyncio.sleep(0)  # let it begin

    async def close(self) -> None:
        """See it through."""
        await asyncio.wait([self.under_way])
        await super().close()


class FailingOnce(Database):
    """A database whose first write fails."""

    has_failed = False

    async def write(self, work: Callable[[Session], T]) -> T:
        """Fail, or write."""
        if not self.has_failed:
            self.has_failed = True
            raise NotSaved("disk full")
        return await super().write(work)


async def test_an_event_that_comes_too_early_waits(tmp_path: Path) -> None:
    database, platform = Database.open(f"sqlite:///{new_file(tmp_path)}"), Eager()
    desk = _Desk(platform, RULES, lambda: NOW)
    await desk.open(database)
    reply = await platform.under_way
    await desk.close()
    await database.close()
    assert reply.card
    assert reply.card.tone == "success"


async def test_an_early_event_that_is_cancelled_is_not_the_others_loss(tmp_path: Path) -> None:
    class Cancelling(Eager):
        """Who typed goes away."""

        async def start(self, on_event: OnEvent) -> None:
            """Start, and cancel the event under way."""
            await super().start(on_event)
            self.under_way.cancel()

    database, platform = Database.open(f"sqlite:///{new_file(tmp_path)}"), Cancelling()
    desk = _Desk(platform, RULES, lambda: NOW)
    await desk.open(database)
    assert platform.on_event
    reply = await platform.on_event(CommandTyped("E2", "sam", NOW, "Bikes"))
    await desk.close()
    await database.close()
    assert reply.card
    assert reply.card.tone == "success"


async def test_a_start_that_fails_does_not_wait_for_an_early_event(tmp_path: Path) -> None:
    database, platform = FailingOnce.open(f"sqlite:///{new_file(tmp_path)}"), Eager()
    desk = _Desk(platform, RULES, lambda: NOW)
    with pytest.raises(NotSaved):
        await desk.open(database)
    async with asyncio.timeout(10):
        await desk.close()
    await database.close()
    assert platform.under_way.cancelled()


async def supporters_of(database: Database, number: int) -> int:
    """How many the idea has."""
    idea = await database.read(lambda session: ideas.by_number(session, 1, number))
    assert idea
    return idea.supporters


async def test_votes_that_are_found_at_the_start_wake_the_dispatcher(tmp_path: Path) -> None:
    database, platform = Database.open(f"sqlite:///{new_file(tmp_path)}"), MemoryPlatform()
    desk = _Desk(platform, RULES, lambda: NOW)
    await desk.open(database)
    assert platform.on_event
    await platform.on_event(CommandTyped("E1", "camille", NOW, "Des vélos"))
    await platform.on_event(ButtonClicked("E2", "nadia", NOW, "approve", "1"))
    await rows_when_shown(database)
    platform.react("sam", "card:1:ideas", "+1")
    desk.reconcile()
    while await supporters_of(database, 1) == 0:
        pass
    await rows_when_shown(database)
    await desk.close()
    await database.close()
    (card,) = platform.shown("card:1:ideas")
    assert "1 soutien" in str(card.card)


def test_the_clock_tells_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)
