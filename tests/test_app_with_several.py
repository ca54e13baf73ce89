"""Several platforms in one Butine: one may be away at the start, and none makes the others wait at the end."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
from sqlmodel import select

from bot.app import App
from bot.chat.events import CommandTyped, MessageRef
from bot.chat.platform import OnEvent
from bot.config import Settings
from bot.errors import ChatRefused, ChatUnavailable, ConfigError, NeedsMending
from bot.views.cards import Card
from storage.database import Database
from storage.tables import Digest
from tests.fakes.memory_platform import MemoryPlatform
from tests.test_app import answer, database_of, settings_in
from tests.usecases.builders import NOW

# At the start


class Named(MemoryPlatform):
    """One of several; `is_there` tells whether its server can be reached."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.workspace = f"T-{name}"
        self.starts = 0
        self.deaf_seconds = 0.0

    async def start(self, on_event: OnEvent) -> None:
        """Start, where nothing stands in the way."""
        self.starts += 1
        await super().start(on_event)
        self.is_closed = False


class Pauses:
    """A sleep that ends when the test says so; `asked` are the seconds asked for."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self._over = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        """Wait for the test."""
        self.asked.put_nowait(seconds)
        await self._over.acquire()

    def end_one(self) -> None:
        """Let one pause be over."""
        self._over.release()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings without a room."""
    return settings_in(tmp_path, web={"port": 0, "room": False})


def app_with(settings: Settings, *built: Named, pauses: Pauses | None = None, closing_seconds: float = 10.0) -> App:
    """Butine with these platforms."""
    return App(
        settings,
        lambda: NOW,
        build=lambda *_: (built, ()),
        sleep=pauses or asyncio.sleep,
        closing_seconds=closing_seconds,
    )


async def health(app: App) -> object:
    """The platforms that the sign of life calls unreachable."""
    return json.loads((await answer(app.address + "health"))[1])["unreachable"]


async def all_are_there(app: App) -> None:
    """Return once the sign of life calls none unreachable."""
    for _ in range(2000):
        if not await health(app):
            return
    raise AssertionError("still unreachable")


async def test_one_platform_that_is_away_does_not_keep_the_others_from_working(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again after growing pauses until it is there; then it is like the others."""
    here, away, pauses = Named("here"), Named("away"), Pauses()
    away.fail("start", *(ChatUnavailable("connection refused") for _ in range(8)))
    app = app_with(settings, here, away, pauses=pauses)
    async with asyncio.timeout(20):
        await app.start()
        assert here.on_event
        assert (await here.on_event(CommandTyped("E1", "camille", NOW, "Des vélos"))).card
        await here.has_posted.wait()
        assert await health(app) == ["away"]
        assert "away can't be used (connection refused)" in caplog.text
        waited = []
        for _ in range(8):
            waited.append(await pauses.asked.get())
            pauses.end_one()
        assert waited == [5, 10, 20, 40, 80, 160, 300, 300]
        await all_are_there(app)
        assert away.starts == 9
        assert away.on_event
        reply = await away.on_event(CommandTyped("E1", "camille", NOW, "Des bacs"))
        assert reply.card
        assert reply.card.tone == "success"
        await away.has_posted.wait()
        await app.stop()
    assert away.is_closed


async def test_a_platform_that_is_still_being_opened_is_named(settings: Settings) -> None:
    """What is typed there meanwhile may be refused."""

    class Slow(Named):
        """Takes its time."""

        may_end = asyncio.Event()
        has_begun = asyncio.Event()

        async def start(self, on_event: OnEvent) -> None:
            """Start when the test says so."""
            self.has_begun.set()
            await self.may_end.wait()
            await super().start(on_event)

    slow = Slow("slow")
    app = app_with(settings, slow)
    async with asyncio.timeout(20):
        starting = asyncio.create_task(app.start())
        await slow.has_begun.wait()
        assert await health(app) == ["slow"]
        slow.may_end.set()
        await starting
        assert await health(app) == []
        await app.stop()


async def test_a_platform_that_asks_for_more_time_gets_it(settings: Settings) -> None:
    here, away, pauses = Named("here"), Named("away"), Pauses()
    away.fail("start", ChatUnavailable("ratelimited", retry_after=77))
    app = app_with(settings, here, away, pauses=pauses)
    await app.start()
    assert await pauses.asked.get() == 77
    await app.stop()


async def test_what_comes_late_has_its_digest(settings: Settings) -> None:
    """The schedule knows it from then on: a digest that is due the same day is posted."""
    here, away, pauses = Named("here"), Named("away"), Pauses()
    away.fail("start", ChatUnavailable("connection refused"))
    app = app_with(settings, here, away, pauses=pauses)
    async with asyncio.timeout(20):
        await app.start()
        await pauses.asked.get()
        pauses.end_one()
        await all_are_there(app)
        onlooker = Database.open(settings.storage.url)
        periods: list[Digest] = []
        for _ in range(2000):
            periods = await onlooker.read(lambda session: list(session.exec(select(Digest))))
            if len({period.workspace_id for period in periods}) == 2:
                break
        else:
            raise AssertionError(periods)
        await onlooker.close()
        await app.stop()


@pytest.mark.parametrize(
    "error", [NeedsMending("invalid_auth"), ChatRefused("no"), ConfigError("no_team", {"team": "x"}), OSError("disk")]
)
async def test_what_waiting_does_not_mend_is_said_at_once(settings: Settings, error: Exception) -> None:
    here, wrong = Named("here"), Named("wrong")
    wrong.fail("start", error)
    app = app_with(settings, here, wrong)
    with pytest.raises(type(error)):
        await app.start()
    assert here.is_closed
    await database_of(settings).close()


@pytest.mark.parametrize("number", [1, 2])
async def test_where_nobody_could_be_served_the_start_fails(settings: Settings, number: int) -> None:
    built = [Named(f"p{each}") for each in range(number)]
    for each in built:
        each.fail("start", ChatUnavailable("connection refused"))
    app = app_with(settings, *built)
    with pytest.raises(ChatUnavailable):
        await app.start()
    await database_of(settings).close()


async def test_what_is_wrong_by_the_time_it_is_there_is_logged_and_tried_again(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    here, away, pauses = Named("here"), Named("away"), Pauses()
    away.fail("start", ChatUnavailable("down"), ConfigError("no_team", {"team": "valdoise"}), ValueError("odd"))
    app = app_with(settings, here, away, pauses=pauses)
    async with asyncio.timeout(20):
        await app.start()
        for _ in range(3):
            await pauses.asked.get()
            pauses.end_one()
        await all_are_there(app)
        await app.stop()
    assert "no_team" in caplog.text
    assert "odd" in caplog.text


async def test_stopping_does_not_wait_for_what_is_away(settings: Settings) -> None:
    here, away, pauses = Named("here"), Named("away"), Pauses()
    away.fail("start", ChatUnavailable("down"))
    app = app_with(settings, here, away, pauses=pauses)
    async with asyncio.timeout(20):
        await app.start()
        await pauses.asked.get()
        await app.stop()
    assert away.starts == 1


async def test_a_platform_that_is_not_heard_for_a_minute_is_named_until_it_is_heard_again(settings: Settings) -> None:
    """Calls may work all the while: nobody else would say so."""
    here, deaf = Named("here"), Named("deaf")
    app = app_with(settings, here, deaf)
    await app.start()
    for seconds, named in ((0.0, []), (59.0, []), (60.0, ["deaf"]), (7200.0, ["deaf"]), (0.0, [])):
        deaf.deaf_seconds = seconds
        assert await health(app) == named
    await app.stop()


# Stopping


async def test_platforms_close_side_by_side(settings: Settings) -> None:
    """The slow one makes nobody wait for a turn: the first to close waits for the second here."""
    both = asyncio.Barrier(2)

    class Meeting(Named):
        """Closes only together with the other."""

        async def close(self) -> None:
            """Wait for the other."""
            await both.wait()
            await super().close()

    one, two = Meeting("one"), Meeting("two")
    app = app_with(settings, one, two)
    await app.start()
    async with asyncio.timeout(20):
        await app.stop()
    assert one.is_closed
    assert two.is_closed


async def test_a_platform_that_does_not_close_is_left_behind(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(Named):
        """Never closes."""

        async def close(self) -> None:
            """Wait for ever."""
            await asyncio.Event().wait()

    class Failing(Named):
        """Closes badly."""

        async def close(self) -> None:
            """Fail."""
            raise OSError("broken pipe")

    app = app_with(settings, Stuck("stuck"), Failing("failing"), closing_seconds=1.0)
    await app.start()
    async with asyncio.timeout(20):
        await app.stop()
    assert "stuck was not closed in time" in caplog.text
    assert "broken pipe" in caplog.text
    await database_of(settings).close()


async def test_a_message_on_its_way_arrives_before_the_platform_is_closed(settings: Settings) -> None:
    """Cut off, it would be looked for at the next start."""
    sending, may_arrive = asyncio.Event(), asyncio.Event()

    class Slow(Named):
        """Posts when it is told to."""

        async def post(self, channel: str, card: Card, key: str) -> MessageRef:
            """Post, slowly."""
            sending.set()
            await may_arrive.wait()
            return await super().post(channel, card, key)

    platform = Slow("slow")
    app = app_with(settings, platform)
    async with asyncio.timeout(20):
        await app.start()
        assert platform.on_event
        await platform.on_event(CommandTyped("E1", "camille", NOW, "Des vélos"))
        await sending.wait()
        stopping = asyncio.create_task(app.stop())
        await asyncio.sleep(0)
        may_arrive.set()
        await stopping
    assert platform.shown("card:1:review")


async def test_a_signal_during_a_start_that_hangs_ends_it(settings: Settings) -> None:
    class Hanging(Named):
        """Its server takes connections and says nothing."""

        async def start(self, on_event: OnEvent) -> None:
            """Be asked to end meanwhile, and wait for ever."""
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()

    app = app_with(settings, Hanging("hanging"))
    ready: list[str] = []
    async with asyncio.timeout(20):
        await app.run(ready.append)
    assert not ready
    await database_of(settings).close()
