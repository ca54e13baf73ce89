"""The rigs of the platforms that the contract's tests run over."""

import html.parser
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.chat.events import MessageRef
from bot.chat.web.platform import WebRoom
from tests.contract.rigs import Listener, Rig
from tests.contract.slack_rig import SlackRig
from tests.mattermost.rig import MattermostRig

CHANNELS = {"ideas": "idees", "review": "moderation", "digest": "idees"}


class Element(html.parser.HTMLParser):
    """The element of a page with a certain id: its text, and the tags and attributes in it."""

    def __init__(self, id_: str) -> None:
        super().__init__()
        self._id = id_
        self._depth = 0
        self.text = ""
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.options: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if self._depth or found.get("id") == self._id:
            self._depth += tag not in ("input", "path", "circle", "ellipse", "br", "img")
            self.tags.append((tag, found))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._depth:
            self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self._depth -= bool(self._depth)

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.text += data
            if self.tags[-1][0] == "option" and data.strip():
                self.options.append(data)


class WebRig:
    """The web room, driven over HTTP as the browser does it."""

    agent = "camille"
    agent_name = "Camille Martin"
    other_agent = "sam"
    moderator = "nadia"

    def __init__(self, path: Path) -> None:
        self.listener = Listener()
        self._now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
        self.platform = WebRoom(path, CHANNELS, language="fr", command="/idea", clock=self._clock)
        app = web.Application()
        app.add_routes(self.platform.routes())
        self.client: TestClient[web.Request, web.Application] = TestClient(TestServer(app))

    def _clock(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    async def _send(self, path: str, member: str, **payload: object) -> None:
        token = (await (await self.client.get("/room/token")).json())["token"]
        gesture = {"as": member, "channel": "", "thread": "", "mark": str(uuid4())}
        answer = await self.client.post(f"/room/{path}", json=gesture | payload, headers={"X-Room-Token": token})
        assert answer.status == 200, await answer.text()

    async def react(self, member: str, message: MessageRef, emoji: str) -> None:
        await self._send("react", member, message=message.id, emoji=emoji, is_present=True)

    async def unreact(self, member: str, message: MessageRef, emoji: str) -> None:
        await self._send("react", member, message=message.id, emoji=emoji, is_present=False)

    async def type_command(self, member: str, text: str) -> None:
        await self._send("say", member, channel="idees", text=f"/idea {text}")

    async def click(self, member: str, message: MessageRef, label: str) -> None:
        page = await self._page(message)
        button = next(
            attributes
            for tag, attributes in page.tags
            if tag == "button" and attributes.get("data-does") == "click" and label in page.text
        )
        await self._send("click", member, message=message.id, action=button["data-action"], value=button["data-value"])

    async def choose(self, member: str, message: MessageRef, label: str, option: str) -> None:
        page = await self._page(message)
        assert label in page.text
        button = next(each for tag, each in page.tags if tag == "button" and each.get("data-does") == "choose")
        values = [each["value"] for tag, each in page.tags if tag == "option"]
        value = values[page.options.index(option)]
        await self._send("click", member, message=message.id, action=button["data-action"], value=value)

    async def _page(self, message: MessageRef) -> Element:
        address = message.permalink or ""
        member = "" if "as=" in address else f"&as={self.moderator}"
        element = Element(f"m-{message.id}")
        element.feed(await (await self.client.get(address + member)).text())
        return element

    async def shown(self, message: MessageRef) -> str:
        return (await self._page(message)).text

    async def holders(self, message: MessageRef, emoji: str) -> list[str]:
        for tag, attributes in (await self._page(message)).tags:
            if tag == "button" and attributes.get("data-emoji") == emoji:
                return attributes["title"].split(", ")
        return []

    async def count(self, words: str) -> int:
        addresses = [f"/?as={self.moderator}&channel={channel}" for channel in ("idees", "moderation")]
        addresses += [f"/?as={member}&channel=@butine" for member in (self.agent, self.other_agent, self.moderator)]
        return sum([(await (await self.client.get(address)).text()).count(words) for address in addresses])

    async def harm(self, message: MessageRef) -> list[str]:
        page = await self._page(message)
        found = [tag for tag, _ in page.tags if tag in ("script", "img", "iframe", "b", "style")]
        for tag, attributes in page.tags:
            found += [f"{tag} {name}" for name in attributes if name.startswith("on") or name == "style"]
            found += [href for href in [attributes.get("href", "/")] if not href.startswith("/")]
        return found


@asynccontextmanager
async def web_rig(path: Path) -> AsyncIterator[Rig]:
    rig = WebRig(path / "room.db")
    await rig.platform.start(rig.listener)
    async with rig.client:
        yield rig
        await rig.platform.close()


@asynccontextmanager
async def slack_rig(mode: Literal["socket", "http"]) -> AsyncIterator[Rig]:
    rig = SlackRig(mode)
    await rig.start()
    yield rig
    await rig.stop()


@pytest.fixture(params=["web", "slack-socket", "slack-http", "mattermost", "mattermost-current"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Each platform in turn, started, and closed after the test."""
    rigs: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {
        "web": lambda: web_rig(tmp_path),
        "slack-socket": lambda: slack_rig("socket"),
        "slack-http": lambda: slack_rig("http"),
        "mattermost": MattermostRig,
        "mattermost-current": partial(MattermostRig, is_current=True),
    }
    async with rigs[request.param]() as opened:
        yield opened
