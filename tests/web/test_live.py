"""Live pages: what changes arrives, in order, once, for those who may see it, and nothing is missed."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from aiohttp import web

from bot.chat.events import Reply
from bot.chat.web.live import Streams
from bot.chat.web.places import Places
from bot.chat.web.room import CHANGES_KEPT, NewMessage, Room
from bot.chat.web.window import Window
from bot.views.cards import Card, Heading
from tests.web.rooms import CHANNELS, IDEA, RECEIPT, Clock, Scene


async def cursor(scene: Scene) -> str:
    """Where a page that is opened now begins to follow."""
    return (await scene.page("/?as=sam&channel=idees")).split('"cursor": ')[1].split(",")[0]


def ids(swaps: list[dict[str, str]]) -> list[str]:
    """The elements that are to change."""
    return [swap["id"] for swap in swaps]


async def test_new_messages_edits_and_reactions_arrive(scene: Scene) -> None:
    async with scene.stream(f"as=sam&channel=idees&after={await cursor(scene)}") as stream:
        posted = await scene.room.post("ideas", IDEA, "card:12")
        _, swaps = await stream.event()
        assert ids(swaps) == [f"m-{posted.id}", "places"]
        assert swaps[0]["announcement"] == "Butine: Nouvelle idée #12"
        await scene.room.update(posted.id, Card("Neu", (Heading("Publiée"),)))
        _, swaps = await stream.event()
        assert "Publiée" in swaps[0]["html"]
        assert not swaps[0]["is_news"]
        await scene.send("react", "nadia", message=posted.id, emoji="heart", is_present=True)
        _, swaps = await stream.event()
        assert "Nadia Benali" in swaps[0]["html"]


async def test_the_same_update_again_is_no_news(scene: Scene) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:12")
    async with scene.stream(f"as=sam&channel=idees&after={await cursor(scene)}") as stream:
        await scene.room.update(posted.id, IDEA)
        await scene.say("Bonjour")
        _, swaps = await stream.event()
        assert "Bonjour" in swaps[0]["html"]


async def test_ones_own_words_are_not_announced(scene: Scene) -> None:
    async with scene.stream(f"as=camille&channel=idees&after={await cursor(scene)}") as stream:
        await scene.say("Bonjour")
        _, swaps = await stream.event()
        assert swaps[0]["announcement"] is None


async def test_what_one_may_not_see_does_not_arrive(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    async with scene.stream(f"as=sam&channel=idees&after={await cursor(scene)}") as stream:
        await scene.room.post("review", IDEA, "card:12:review")
        await scene.room.direct("camille", IDEA, "notice:1")
        await scene.say("/idea x")
        await scene.say("Fin")
        received = ""
        while "Fin" not in received:
            received += str(await stream.event())
    assert "#12" not in received
    assert "#13" not in received


async def test_a_message_elsewhere_is_marked_unread(scene: Scene) -> None:
    async with scene.stream(f"as=sam&channel=idees&after={await cursor(scene)}") as stream:
        await scene.room.direct("sam", IDEA, "notice:1")
        _, swaps = await stream.event()
        assert ids(swaps) == ["places"]
        assert "1 unread message" in swaps[0]["html"]


async def test_answers_arrive_in_the_thread_and_their_number_in_the_channel(scene: Scene) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:12")
    after = await cursor(scene)
    async with scene.stream(f"as=sam&channel=idees&thread={posted.id}&after={after}") as thread:
        answer = await scene.say("Bravo", thread=posted.id)
        _, swaps = await thread.event()
        assert ids(swaps) == [answer["swaps"][0]["id"], f"m-{posted.id}", "places"]
    async with scene.stream(f"as=sam&channel=idees&after={after}") as channel:
        _, swaps = await channel.event()
        assert ids(swaps) == [f"m-{posted.id}", "places"]
        assert "1 reply" in swaps[0]["html"]


async def test_a_dismissed_card_goes_and_somebody_new_comes(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    number = (await scene.say("/idea x"))["swaps"][0]["id"].removeprefix("m-")
    async with scene.stream(f"as=camille&channel=idees&after={await cursor(scene)}") as stream:
        await scene.send("dismiss", message=number)
        _, swaps = await stream.event()
        assert [(swap["id"], swap["html"]) for swap in swaps] == [(f"m-{number}", "")]
        await scene.send("people", name="Ali", language="fr")
        _, swaps = await stream.event()
        assert ids(swaps) == ["people"]
        assert "Ali" in swaps[0]["html"]


async def test_a_browser_that_comes_back_misses_nothing(scene: Scene) -> None:
    after = await cursor(scene)
    async with scene.stream(f"as=sam&channel=idees&after={after}") as stream:
        await scene.say("un")
        number, _ = await stream.event()
    await scene.say("deux")
    await scene.say("trois")
    async with scene.stream(f"as=sam&channel=idees&after={after}", Last_Event_ID=str(number)) as stream:
        _, swaps = await stream.event()
        assert ["deux" in swaps[0]["html"], "trois" in swaps[1]["html"]] == [True, True]


async def test_a_browser_that_was_away_too_long_is_told_to_load_the_page_again(scene: Scene) -> None:
    async with scene.stream("as=sam&channel=idees&after=1") as stream:
        assert "retry" in await stream.block()
        assert "event: reload" in await stream.block()
        assert await stream.block() == ""


async def test_a_write_whose_commit_failed_takes_no_number_from_the_next_one(scene: Scene, room_file: Path) -> None:
    """A page that was opened in between would wait for what comes after it."""
    with sqlite3.connect(room_file) as other:
        other.execute("CREATE TABLE debt (message INTEGER REFERENCES message (id) DEFERRABLE INITIALLY DEFERRED)")
        other.execute("CREATE TRIGGER owing AFTER INSERT ON change BEGIN INSERT INTO debt VALUES (-1); END")
    assert (await scene.send("say", text="perdu"))[0] == 503
    after = await cursor(scene)
    with sqlite3.connect(room_file) as other:
        other.execute("DROP TRIGGER owing")
    async with scene.stream(f"as=sam&channel=idees&after={after}") as stream:
        await scene.say("Bonjour")
        _, swaps = await stream.event()
        assert "Bonjour" in swaps[0]["html"]
    assert "perdu" not in await scene.page("/?as=sam&channel=idees")


async def test_a_stream_at_an_address_that_is_none_is_refused(scene: Scene) -> None:
    assert (await scene.client.get("/room/stream?as=sam&channel=idees&after=x")).status == 404


async def test_closing_ends_the_streams_at_once(scene: Scene) -> None:
    async with scene.stream(f"as=sam&channel=idees&after={await cursor(scene)}") as stream:
        assert "retry" in await stream.block()
        await scene.room.close()
        assert await stream.block() == ""


async def test_the_log_of_changes_has_an_end(scene: Scene, room_file: Path) -> None:
    """A day's worth of changes later, the first is forgotten, and who asks from there is told so."""
    after = await cursor(scene)
    await scene.say("un")
    with sqlite3.connect(room_file) as other:
        other.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'change'", (CHANGES_KEPT,))
    await scene.say("deux")
    with sqlite3.connect(room_file) as other:
        assert other.execute("SELECT count(*) FROM change").fetchone() == (1,)
    async with scene.stream(f"as=sam&channel=idees&after={after}") as stream:
        assert "retry" in await stream.block()
        assert "event: reload" in await stream.block()


class Slow(web.StreamResponse):
    """A browser that reads `blocks` of what it is sent, and then no more, or is gone."""

    def __init__(self, blocks: int, *, is_gone: bool = False) -> None:
        super().__init__()
        self.received: list[bytes] = []
        self._blocks = blocks
        self._is_gone = is_gone
        self.stuck = asyncio.Event()

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take a block, or never return."""
        if len(self.received) == self._blocks:
            self.stuck.set()
            if self._is_gone:
                raise ConnectionResetError
            await asyncio.Event().wait()
        self.received.append(bytes(data))


async def open_window(room: Room) -> Window:
    """The ideas channel as Sam sees it."""
    return await room.run(lambda store: Window.opened(store, Places(CHANNELS, "fr"), "sam", "idees", None))


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_browser_that_does_not_read_is_hung_up_on(room_file: Path, *, is_gone: bool) -> None:
    room = Room(room_file, lambda: streams.wake())  # noqa: PLW0108  made below
    streams = Streams(room, heartbeat=60, patience=0.01)
    clock = Clock()
    await room.open(clock())
    window = await open_window(room)
    browser = Slow(1, is_gone=is_gone)
    following = asyncio.create_task(streams.follow(browser, window, int(clock().timestamp())))
    await room.run(lambda store: store.post(NewMessage("channel:idees", "x", author="camille"), clock()))
    async with asyncio.timeout(10):
        await following
    assert browser.stuck.is_set()
    await room.close()


async def test_a_quiet_stream_shows_now_and_then_that_it_lives(room_file: Path) -> None:
    room = Room(room_file, lambda: None)
    clock = Clock()
    await room.open(clock())
    browser = Slow(3, is_gone=True)
    async with asyncio.timeout(10):
        await Streams(room, heartbeat=0.001).follow(browser, await open_window(room), int(clock().timestamp()))
    assert browser.received == [b"retry: 1000\n\n", b":\n\n", b":\n\n"]
    await room.close()


async def test_a_stream_ends_when_the_rooms_file_is_closed(room_file: Path) -> None:
    room = Room(room_file, lambda: None)
    clock = Clock()
    await room.open(clock())
    window = await open_window(room)
    await room.close()
    browser = Slow(3)
    await Streams(room).follow(browser, window, 0)
    assert browser.received == [b"retry: 1000\n\n"]
