"""The websocket: kept up, resumed without a gap where the server can, and gaps noticed where it can't."""

import asyncio
import json
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.chat.events import ReactionChanged
from bot.chat.mattermost.websocket import Socket
from bot.errors import ChatUnavailable, ConfigError
from bot.failures import explain
from bot.views.texts import Texts
from tests.mattermost.rig import MattermostRig
from tests.ports import free_port


def posted(rig: MattermostRig) -> str:
    """A post of Butine's."""
    return str(rig.world.post(rig.bot, {"channel_id": rig.ideas, "message": "Idée"})["id"])


def emoji(rig: MattermostRig) -> list[str]:
    """What was heard, in order."""
    return [event.emoji for event in rig.listener.events if isinstance(event, ReactionChanged)]


async def test_what_happens_while_the_line_is_down_is_heard_after_it(rig: MattermostRig) -> None:
    """The server keeps some events; a connection that goes on where it was has missed nothing."""
    post = posted(rig)
    await rig.server.sockets.drop()
    rig.world.react(rig.agent, post, "heart")
    await rig.heard(1)
    assert emoji(rig) == ["heart"]
    assert rig.missed == 0


async def test_a_connection_that_the_server_has_forgotten_may_have_missed_events(rig: MattermostRig) -> None:
    post = posted(rig)
    await rig.server.sockets.forget()
    await rig.until(lambda: rig.missed)
    rig.world.react(rig.agent, post, "heart")
    await rig.heard(1)
    assert rig.missed == 1


async def test_servers_without_reliable_websockets_are_served_too(rig: MattermostRig) -> None:
    """Each connection is a new one, and each time the reactions are read again."""
    rig.server.sockets.is_reliable = False
    await rig.server.sockets.drop()
    await rig.until(lambda: rig.missed)
    rig.world.react(rig.agent, posted(rig), "heart")
    await rig.heard(1)


async def test_more_events_than_the_server_keeps_are_a_gap(rig: MattermostRig) -> None:
    await rig.server.sockets.drop()
    for _ in range(200):
        posted(rig)
    await rig.until(lambda: rig.missed)


async def test_a_missing_number_is_a_gap(rig: MattermostRig) -> None:
    post = posted(rig)
    rig.server.sockets.is_losing = True
    rig.world.react(rig.agent, post, "heart")
    rig.server.sockets.is_losing = False
    rig.world.react(rig.agent, post, "bulb")
    await rig.heard(1)
    assert emoji(rig) == ["bulb"]
    assert rig.missed == 1


async def test_butines_own_reactions_are_no_events(rig: MattermostRig) -> None:
    post = posted(rig)
    rig.world.react(rig.bot, post, "+1")
    rig.world.react(rig.agent, post, "heart")
    await rig.heard(1)
    assert emoji(rig) == ["heart"]


@pytest.mark.parametrize("is_such", [{"is_bot": True}, {"remote_id": "r" * 26}])
async def test_an_outsiders_reaction_is_no_event_and_none_that_is_read(
    rig: MattermostRig, is_such: dict[str, object]
) -> None:
    """A plugin or an integration reacts to each card; a channel is shared with another organisation's server."""
    outsider = rig.world.add_user("outsider", **is_such)
    rig.world.members[rig.ideas][outsider] = rig.world.members[rig.ideas][rig.agent] | {"user_id": outsider}
    post = posted(rig)
    rig.world.react(outsider, post, "+1")
    rig.world.react(rig.agent, post, "heart")
    await rig.heard(1)
    assert emoji(rig) == ["heart"]
    assert await rig.platform.reactions([post]) == {post: {"heart": [rig.agent]}}


async def test_who_cant_be_looked_up_is_taken_for_a_person(rig: MattermostRig) -> None:
    """No vote is lost because the server is slow."""
    post = posted(rig)
    rig.server.meets = lambda what, _: "503" if what.startswith("POST /api/v4/users/ids") else ""
    rig.world.react(rig.agent, post, "heart")
    await rig.heard(1)
    assert await rig.platform.reactions([post]) == {post: {"heart": [rig.agent]}}


@pytest.mark.parametrize("millis", [0, -1, 10**15, 2**63 - 1])
async def test_a_reaction_whose_client_names_no_real_moment_is_taken_in_as_of_its_arrival(
    rig: MattermostRig, millis: int
) -> None:
    """And nothing is read anew for it."""
    before = rig.clock.now
    rig.world.react(rig.agent, posted(rig), "heart", millis)
    await rig.heard(1)
    (event,) = rig.listener.events
    assert isinstance(event, ReactionChanged)
    assert before <= event.at <= rig.clock.now
    assert (event.is_present, rig.missed) == (True, 0)


def test_pauses_grow_differ_and_end() -> None:
    """A server that comes back is not stormed by everybody at the same moment."""

    def pauses(random: float) -> list[float]:
        socket = Socket("ws://x", "", True, _ignore, lambda: None, random=lambda: random)
        return [socket._pause() for _ in range(12)]  # noqa: SLF001  the rule is in it

    assert pauses(1.0)[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(pauses(1.0)) == 60.0
    assert all(short < long for short, long in zip(pauses(0.0), pauses(1.0), strict=True))


async def test_a_server_that_is_not_there_is_said_to_be_at_start() -> None:
    socket = Socket(f"ws://127.0.0.1:{free_port()}/", "", True, _ignore, lambda: None, random=lambda: 0.0)
    with pytest.raises(ChatUnavailable):
        await socket.start()


async def test_while_the_server_gives_no_connection_that_lasts_it_is_known_for_how_long() -> None:
    """One that is dropped at once is none; one that lasts is, although nothing comes over it."""
    now = 0.0
    may_last = asyncio.Event()
    paused, go_on = asyncio.Queue[float](), asyncio.Semaphore(0)
    tries = 0

    async def serve(request: web.Request) -> web.WebSocketResponse:
        nonlocal tries
        tries += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if tries == 1:
            await socket.send_json({"event": "hello", "seq": 0, "data": {"connection_id": "c1"}})
        if may_last.is_set():
            connected.set()
            await socket.receive()
        return socket

    async def pause(seconds: float) -> None:
        await paused.put(seconds)
        await go_on.acquire()

    connected = asyncio.Event()
    app = web.Application()
    app.router.add_get("/", serve)
    async with TestServer(app) as server:
        socket = Socket(
            str(server.make_url("/")),
            "",
            True,
            _ignore,
            lambda: None,
            random=lambda: 0.0,
            sleep=pause,
            seconds=lambda: now,
        )
        await socket.start()
        assert socket.deaf_seconds == 0
        for waited in (0, 20, 40, 60):
            await asyncio.wait_for(paused.get(), 10)
            now = waited
            assert socket.deaf_seconds == waited
            if waited == 60:
                may_last.set()
            go_on.release()
        await asyncio.wait_for(connected.wait(), 10)
        await asyncio.sleep(0)
        now += 29
        assert socket.deaf_seconds == 89
        now += 1
        assert socket.deaf_seconds == 0
        await socket.close()


class Line:
    """A server that says these lines, a list for each connection, and what a socket on it makes of them."""

    def __init__(self, *lines: list[str]) -> None:
        self.heard: list[str] = []
        self.gaps = 0
        self._lines = list(lines)
        self._is_heard = asyncio.Event()

    async def until_good(self, failures_of_gap: int = 0) -> None:
        """Return once the event "good" was heard. The listener to gaps fails so often first."""
        app = web.Application()
        app.router.add_get("/", self._serve)

        def gap() -> None:
            self.gaps += 1
            if self.gaps <= failures_of_gap:
                raise LookupError

        async with TestServer(app) as server:
            socket = Socket(str(server.make_url("/")), "", True, self._take, gap, random=lambda: 0.0, sleep=_pause)
            await socket.start()
            await asyncio.wait_for(self._is_heard.wait(), 10)
            await socket.close()
            await socket.close()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        for line in self._lines.pop(0) if self._lines else []:
            await response.send_str(line)
        return response

    async def _take(self, told: dict[str, Any]) -> None:
        self.heard.append(told["event"])
        if told["event"] == "bad":
            raise LookupError
        if told["event"] == "good":
            self._is_heard.set()


async def test_garbage_failing_listeners_and_short_lines_end_nothing() -> None:
    """What can't be read is passed over, what can't be taken in is a gap, and a line that breaks is made anew."""
    garbage = ["{", "[]", '{"status": "OK", "seq_reply": 1}']
    line = Line([*garbage, event("hello", 0), event("bad", 1)], [event("good", 2)])
    await line.until_good()
    assert line.heard == ["hello", "bad", "good"]
    assert line.gaps == 1


async def test_an_event_that_is_nested_too_deeply_is_a_gap_and_no_end(caplog: pytest.LogCaptureFixture) -> None:
    depth = 100_000
    nested = f'{{"event": "custom", "seq": 1, "data": {"[" * depth}{"]" * depth}}}'
    line = Line([event("hello", 0), nested, event("good", 2)])
    await line.until_good()
    assert line.heard == ["hello", "good"]
    assert line.gaps
    assert "an event was not taken in" in caplog.text


async def test_what_nobody_expected_is_logged_counts_as_a_gap_and_the_line_is_made_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = Line([event("hello", 0), event("other", 7)], [event("good", 8)])
    await line.until_good(failures_of_gap=2)
    assert line.heard == ["hello", "good"]
    assert line.gaps > 2
    assert "ended by what nobody expected" in caplog.text


async def test_what_nobody_expected_at_start_is_said_and_does_not_hang() -> None:
    socket = Socket("ws://127.0.0.1:1/", "to\nken", True, _ignore, lambda: None, random=lambda: 0.0)
    with pytest.raises(ChatUnavailable):
        await asyncio.wait_for(socket.start(), 10)


async def _pause(_seconds: float) -> None:
    await asyncio.sleep(0)


def event(kind: str, number: int) -> str:
    """An event as it is sent."""
    return json.dumps({"event": kind, "data": {"connection_id": "c"}, "seq": number})


async def _ignore(_event: object) -> None:
    """Nothing is done with it."""


# wss


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private authority, and a server's certificate from it for "localhost"."""
    folder = tmp_path_factory.mktemp("authority")
    extension = "subjectAltName=DNS:localhost"

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        subject = ("-subj", f"/CN={name}", "-days", "2", "-nodes", "-newkey", "rsa:2048")
        openssl("req", "-x509", *subject, "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl(
        "req", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"
    )
    (folder / "extension").write_text(extension)
    ca = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extension")
    openssl("x509", "-req", "-in", "server.csr", *ca, "-out", "server.pem")
    return folder


def tls(authority: Path) -> ssl.SSLContext:
    """What the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    return context


async def test_wss_with_a_private_authority_connects(authority: Path) -> None:
    async with MattermostRig(tls(authority), authority / "ca.pem") as rig:
        rig.world.react(rig.agent, posted(rig), "heart")
        await rig.heard(1)
        assert rig.server.url.startswith("https://")


@pytest.mark.parametrize("trusted", ["other.pem", None])
@pytest.mark.parametrize("language, words", [("fr", "n’est pas reconnu"), ("en", "is not trusted")])
async def test_a_wrong_certificate_is_refused_in_words(
    authority: Path, trusted: str | None, language: str, words: str
) -> None:
    rig = MattermostRig(tls(authority), authority / trusted if trusted else None)
    await rig.listen()
    with pytest.raises(ConfigError) as refused:
        await rig.platform.start(rig.listener)
    sentence, code = explain(refused.value, Texts(language, domain="cli"))
    assert words in sentence
    assert "mattermost.ca_file" in sentence
    assert code == 5
    assert rig.server.requests == []
    await rig.callbacks.close()
    await rig.close()
