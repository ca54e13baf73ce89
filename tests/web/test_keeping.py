"""What the room keeps: over restarts, in its file, and until it is closed."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.chat.events import Reply
from bot.chat.web.platform import WebRoom
from bot.errors import ChatUnavailable, ConfigError
from tests.web.rooms import CHANNELS, IDEA, RECEIPT, Clock, Router, Scene


def new_room(path: Path, clock: Clock) -> WebRoom:
    """A room over that file."""
    return WebRoom(path, CHANNELS, language="fr", command="/idea", clock=clock)


async def test_everything_is_there_after_a_restart(scene: Scene, room_file: Path) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:12")
    await scene.send("react", message=posted.id, emoji="heart", is_present=True)
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    await scene.say("/idea Des vélos")
    token = await scene.token()
    await scene.room.close()
    again = new_room(room_file, scene.clock)
    app = web.Application()
    app.add_routes(again.routes())
    await again.start(Router())
    jar = scene.client.session.cookie_jar
    async with TestClient(TestServer(app), cookie_jar=jar) as client:
        page = await (await client.get("/?as=camille")).text()
        assert "#12 Un parc" in page
        assert "votre idée est enregistrée" in page
        assert "Camille Martin" in page
        response = await client.post("/room/say", json={}, headers={"X-Room-Token": token})
        assert response.status == 400, "the token of an open page is still good"
    assert await again.find_posted("ideas", None, "card:12") == posted
    await again.close()


async def test_a_room_made_anew_never_gives_the_numbers_of_the_old_one(tmp_path: Path) -> None:
    clock = Clock()
    old = new_room(tmp_path / "old.db", clock)
    await old.start(Router())
    first = await old.post("ideas", IDEA, "card:12")
    await old.close()
    clock.move(minutes=1)
    new = new_room(tmp_path / "new.db", clock)
    await new.start(Router())
    assert (await new.post("ideas", IDEA, "card:12")).id != first.id
    await new.close()


async def test_each_write_is_on_the_disk_before_it_is_answered(scene: Scene, room_file: Path) -> None:
    await scene.say("Bonjour")
    with sqlite3.connect(room_file) as other:
        assert other.execute("SELECT content FROM message").fetchall() == [("Bonjour",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_write_that_fails_leaves_nothing_and_is_said_so(scene: Scene, room_file: Path) -> None:
    with sqlite3.connect(room_file) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON change BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    status, answer = await scene.send("say", text="Bonjour")
    assert (status, answer["problem"]) == (503, "not_saved")
    with pytest.raises(ChatUnavailable, match="disk full"):
        await scene.room.post("ideas", IDEA, "card:12")
    assert await scene.room.find_posted("ideas", None, "card:12") is None


async def test_a_file_that_cannot_be_written_is_logged_in_a_line(
    scene: Scene, room_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite3.connect(room_file) as other:  # the kind of error that a full disk gives
        other.execute("CREATE TRIGGER full BEFORE INSERT ON change BEGIN INSERT INTO missing VALUES (1); END")
    assert (await scene.send("say", text="Bonjour"))[0] == 503
    assert [record.exc_info for record in caplog.records] == [None]
    assert "(no such table: main.missing)" in caplog.text


async def test_a_file_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "room.db").write_text("certainly not a database, but long enough to look at")
    room = new_room(tmp_path / "room.db", Clock())
    with pytest.raises(ConfigError):
        await room.start(Router())
    await room.close()


async def test_others_on_the_machine_may_not_read_the_rooms_file(tmp_path: Path) -> None:
    room = new_room(tmp_path / "room.db", Clock())
    await room.start(Router())
    await room.close()
    assert (tmp_path / "room.db").stat().st_mode & 0o007 == 0


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "room.db") as db:
        db.execute("PRAGMA user_version = 99")
    room = new_room(tmp_path / "room.db", Clock())
    with pytest.raises(ConfigError, match="99"):
        await room.start(Router())


async def test_a_room_that_is_not_started_answers_that_it_is_not(tmp_path: Path) -> None:
    room = new_room(tmp_path / "room.db", Clock())
    app = web.Application()
    app.add_routes(room.routes())
    async with TestClient(TestServer(app)) as client:
        page = await client.get("/")
        assert page.status == 503
        assert "Réessayez dans un instant" in await page.text()
        assert (await client.get("/room/stream?as=sam")).status == 503
        token = (await (await client.get("/room/token")).json())["token"]
        response = await client.post("/room/say", json={}, headers={"X-Room-Token": token})
        assert response.status == 503
    with pytest.raises(ChatUnavailable):
        await room.profile("camille")


async def test_closing_sees_what_is_under_way_through_and_takes_no_more(scene: Scene) -> None:
    scene.router.gate = asyncio.Event()
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    token = await scene.token()
    slow = asyncio.create_task(scene.say("/idea Des vélos"))
    await scene.router.entered.wait()
    closing = asyncio.create_task(scene.room.close())
    await asyncio.sleep(0)
    refused = await scene.client.post("/room/say", json={}, headers={"X-Room-Token": token})
    assert refused.status == 503
    assert not closing.done()
    scene.router.gate.set()
    assert "votre idée est enregistrée" in (await slow)["swaps"][0]["html"]
    await closing
