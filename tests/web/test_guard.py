"""What the room turns away before it reads anything, and what it sends along for safety."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.chat.web.pages import BODY_LIMIT
from bot.http import Listener
from tests.web.rooms import Scene


@pytest.mark.parametrize(
    "host, status",
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("[::1]:{port}", 200),
        ("LOCALHOST:{port}", 200),
        ("ideas.example.org", 200),
        ("ideas.example.org:{port}", 200),
        ("ideas.example.org:1", 421),
        ("localhost", 421),
        ("localhost:1", 421),
        ("evil.example:{port}", 421),
        ("localhost.evil.example:{port}", 421),
        ("[::1", 421),
        ("localhost:port", 421),
    ],
)
async def test_only_its_own_names_are_answered(scene: Scene, host: str, status: int) -> None:
    for path in ("/", "/room/token", "/room/static/room.css"):
        response = await scene.client.get(path, headers={"Host": host.format(port=scene.client.port)})
        assert response.status == status


async def test_on_a_socket_without_a_port_no_loopback_name_is_its_own(scene: Scene, tmp_path: Path) -> None:
    app = web.Application()
    app.add_routes(scene.room.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, tmp_path / "socket").start()
    connector = aiohttp.UnixConnector(str(tmp_path / "socket"))
    async with aiohttp.ClientSession(connector=connector) as session:
        assert (await session.get("http://localhost/")).status == 421
        assert (await session.get("http://ideas.example.org/")).status == 200
    await runner.cleanup()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost", "http://127.0.0.1:1"])
async def test_requests_from_other_sites_are_refused(scene: Scene, origin: str) -> None:
    headers = {"X-Room-Token": await scene.token(), "Origin": origin}
    assert (await scene.client.post("/room/say", json={}, headers=headers)).status == 403
    assert (await scene.client.get("/room/token", headers={"Origin": origin})).status == 403


@pytest.mark.parametrize(
    "header, status",
    [
        (b"Origin: http://[", b"403"),
        (b"Cookie: butine_room=\xff\xfe", b"200"),
        (b"Cookie: butine_persona=\xff\xfe", b"200"),
    ],
)
async def test_headers_that_are_no_text_are_no_failure(scene: Scene, header: bytes, status: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.client.port)
    host = f"Host: 127.0.0.1:{scene.client.port}".encode()
    writer.write(b"\r\n".join([b"GET / HTTP/1.1", host, header, b"Connection: close", b"", b""]))
    assert (await asyncio.wait_for(reader.read(), 30)).split()[1] == status
    writer.close()


async def test_json_that_is_too_deep_is_refused(scene: Scene) -> None:
    headers = {"X-Room-Token": await scene.token(), "Content-Type": "application/json"}
    response = await scene.client.post("/room/say", data=b"[" * 60_000, headers=headers)
    assert response.status == 400


async def test_a_browser_that_leaves_while_it_sends_leaves_no_traceback(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    page = await scene.client.get("/room/token")
    token, cookie = (await page.json())["token"], page.cookies["butine_room"].value
    listener = Listener("127.0.0.1", 0, "0", scene.room.routes())
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    lines = [
        "POST /room/say HTTP/1.1",
        f"Host: 127.0.0.1:{listener.port}",
        f"Cookie: butine_room={cookie}",
        f"X-Room-Token: {token}",
        "Content-Type: application/json",
        "Content-Length: 9",
        "",
        "{",
    ]
    writer.write("\r\n".join(lines).encode())
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.close()
    await listener.stop()
    assert caplog.text == ""


async def test_its_own_origin_is_welcome(scene: Scene) -> None:
    origin = f"http://127.0.0.1:{scene.client.port}"
    assert (await scene.client.get("/room/token", headers={"Origin": origin})).status == 200


@pytest.mark.parametrize("path", ["say", "click", "submit", "react", "dismiss", "people"])
@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
async def test_nothing_is_done_without_the_pages_token(scene: Scene, path: str, token: str) -> None:
    await scene.token()
    headers = {"X-Room-Token": token, "Content-Type": "application/json"}
    response = await scene.client.post(f"/room/{path}", data=b"not even read", headers=headers)
    assert response.status == 403
    assert (await response.json())["problem"] == "token"


async def test_a_token_without_its_cookie_is_worth_nothing(scene: Scene) -> None:
    token = await scene.token()
    scene.client.session.cookie_jar.clear()
    assert (await scene.client.post("/room/say", json={}, headers={"X-Room-Token": token})).status == 403


async def test_the_cookies_are_out_of_reach_for_scripts_and_other_sites(scene: Scene) -> None:
    response = await scene.client.get("/")
    cookies = response.headers.getall("Set-Cookie")
    assert len(cookies) == 2
    assert all("HttpOnly" in cookie and "SameSite=Strict" in cookie for cookie in cookies)
    assert len((await scene.client.get("/")).headers.getall("Set-Cookie")) == 1


@pytest.mark.parametrize("path", ["/", "/?as=nobody", "/room/token", "/room/static/room.js", "/room/static/nothing"])
async def test_every_answer_forbids_what_the_room_does_not_need(scene: Scene, path: str) -> None:
    headers = (await scene.client.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


async def test_the_page_has_no_script_or_style_of_its_own(scene: Scene) -> None:
    page = await scene.page("/?as=nadia")
    assert " style=" not in page
    assert "<style" not in page
    assert page.count("<script") == 2
    assert '<script type="module" src=' in page
    assert '<script type="application/json"' in page


async def test_what_is_typed_cannot_leave_the_pages_data(scene: Scene) -> None:
    page = await scene.page("/?as=camille&channel=idees")
    data = page.split('<script type="application/json" id="config">')[1].split("</script>")[0]
    assert json.loads(data)["as"] == "camille"


async def test_too_long_a_text_is_refused_in_words(scene: Scene) -> None:
    status, answer = await scene.send("say", text="x" * BODY_LIMIT)
    assert status == 413
    assert "trop long" in answer["sentence"]


async def test_too_long_a_text_is_refused_without_being_told_its_length(scene: Scene) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 1024 + 2):
            yield b" " * 1024

    headers = {"X-Room-Token": await scene.token(), "Content-Type": "application/json"}
    response = await scene.client.post("/room/say", data=endless(), headers=headers)
    assert response.status == 413


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"{}", b'{"mark": 1}', b'{"mark": "x"}'])
async def test_a_body_that_is_no_gesture_is_refused(scene: Scene, body: bytes) -> None:
    headers = {"X-Room-Token": await scene.token(), "Content-Type": "application/json"}
    assert (await scene.client.post("/room/say", data=body, headers=headers)).status == 400


async def test_a_body_that_a_plain_form_can_send_is_refused(scene: Scene) -> None:
    headers = {"X-Room-Token": await scene.token()}
    assert (await scene.client.post("/room/say", data={"text": "x"}, headers=headers)).status == 415


@pytest.mark.parametrize("address", ["/?message=x", "/?thread=-1", "/?thread=1", "/?channel=nowhere", "/?before=1.5"])
async def test_an_address_that_leads_nowhere_says_so(scene: Scene, address: str) -> None:
    response = await scene.client.get(address)
    assert response.status == 404
    assert "<h1>" in await response.text()


async def test_files_are_fetched_again_only_when_they_changed(scene: Scene) -> None:
    first = await scene.client.get("/room/static/room.js")
    assert first.content_type == "text/javascript"
    again = await scene.client.get("/room/static/room.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
