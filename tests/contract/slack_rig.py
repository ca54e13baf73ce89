"""Slack's rig: the adapter before a fake Slack, over either transport."""

from collections.abc import Callable
from typing import Literal

from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.chat.events import MessageRef
from bot.chat.platform import OnEvent
from bot.chat.slack.platform import Access, Slack, Time
from tests.contract.rigs import Listener
from tests.fakes.slack import reading
from tests.fakes.slack.deliveries import SECRET
from tests.fakes.slack.state import Json, State
from tests.fakes.slack.web_api import APP_TOKEN, BOT_TOKEN, WebApi
from tests.fakes.slack.workspace import CAMILLE, NADIA, SAM, FakeSlack

CHANNELS = {"ideas": "idees", "review": "moderation", "digest": "idees"}


def platform_before(
    slack: FakeSlack, mode: Literal["socket", "http"], ping_seconds: float = 5.0, call_seconds: float = 10.0
) -> Slack:
    """The adapter, to be started, with the fake's clock."""
    access = Access(BOT_TOKEN, slack.api_url, mode, APP_TOKEN, SECRET)
    clock = slack.clock
    return Slack(
        access,
        CHANNELS,
        language="fr",
        time=Time(clock.now, clock.seconds, clock.sleep),
        ping_seconds=ping_seconds,
        call_seconds=call_seconds,
    )


class SlackRig:
    """The fake Slack, its members and one adapter."""

    agent = CAMILLE
    agent_name = "Camille Martin"
    other_agent = SAM
    moderator = NADIA

    def __init__(self, mode: Literal["socket", "http"], api: Callable[[State], WebApi] = WebApi) -> None:
        self.listener = Listener()
        self.slack = FakeSlack(api)
        self.mode = mode
        self._server: TestServer | None = None
        self._platform: Slack | None = None

    @property
    def platform(self) -> Slack:
        assert self._platform
        return self._platform

    async def start(self, on_event: OnEvent | None = None) -> None:
        await self.slack.start()
        self._platform = platform = platform_before(self.slack, self.mode)
        if self.mode == "http":
            app = web.Application()
            app.add_routes(platform.routes())
            self._server = TestServer(app)
            await self._server.start_server()
            self.slack.use_http(str(self._server.make_url("/slack/events")))
        await platform.start(on_event or self.listener)

    async def stop(self) -> None:
        await self.platform.close()
        if self._server:
            await self._server.close()
        await self.slack.stop()

    def _parts(self, message: MessageRef) -> list[Json]:
        channel, _, stamps = message.id.partition(":")
        found = (self.slack.state.message(channel, ts) for ts in stamps.split("+"))
        return [part for part in found if part is not None]

    async def react(self, member: str, message: MessageRef, emoji: str) -> None:
        await self.slack.react(member, self._parts(message)[0], emoji)

    async def unreact(self, member: str, message: MessageRef, emoji: str) -> None:
        await self.slack.unreact(member, self._parts(message)[0], emoji)

    async def type_command(self, member: str, text: str) -> None:
        assert await self.slack.type_command(member, text) is not None

    async def click(self, member: str, message: MessageRef, label: str) -> None:
        assert await self.slack.click(member, self._parts(message)[0], label) is not None

    async def choose(self, member: str, message: MessageRef, label: str, option: str) -> None:
        assert await self.slack.choose(member, self._parts(message)[0], label, option) is not None

    async def shown(self, message: MessageRef) -> str:
        return "".join(map(reading.shown, self._parts(message)))

    async def holders(self, message: MessageRef, emoji: str) -> list[str]:
        users = self._parts(message)[0]["reactions"].get(emoji, [])
        return [self.slack.state.users[user]["real_name"] for user in users]

    async def count(self, words: str) -> int:
        return sum(words in reading.shown(message) for message in self.slack.state.all_messages())

    async def harm(self, message: MessageRef) -> list[str]:
        return [what for part in self._parts(message) for what in reading.harm(part)]
