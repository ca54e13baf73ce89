"""A Mattermost team on the fake server, with Butine's adapter on it and people to act in it."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot.chat.events import Event, MessageRef, Reply
from bot.chat.mattermost.platform import Account, Mattermost
from tests.contract.rigs import Listener
from tests.fakes.mattermost import reading
from tests.fakes.mattermost.answers import Json
from tests.fakes.mattermost.server import FakeMattermost

Found = TypeVar("Found")
CHANNELS = {"ideas": "idees", "review": "moderation", "digest": "idees"}
OWN_KEY = bytes(range(32))


class Clock:
    """Goes by a second each time it is asked, and further when it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        self.now += timedelta(milliseconds=2)
        return self.now

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)


class Team:
    """A team with channels, a bot, a slash command, two agents and a moderator, on a fake server that listens."""

    agent_name = "Camille Martin"

    def __init__(self, *, is_current: bool = False) -> None:
        self.clock = Clock()
        self.server = FakeMattermost(self.clock)
        world = self.world = self.server.world
        world.is_current = is_current
        paris = {"automaticTimezone": "Europe/Paris", "manualTimezone": "", "useAutomaticTimezone": "true"}
        camille = {"first_name": "Camille", "last_name": "Martin", "locale": "fr", "timezone": paris}
        self.agent = world.add_user("camille", **camille)
        self.other_agent = world.add_user("sam", first_name="Sam", locale="en")
        self.moderator = world.add_user("nadia", first_name="Nadia", locale="fr", timezone=paris)
        self.admin = world.add_user("admin", roles="system_user system_admin")
        self.bot = world.add_user("butine", first_name="Butine", is_bot=True)
        self.people = [self.agent, self.other_agent, self.moderator]
        self.team = world.add_team("valdoise", *self.people, self.bot)
        self.ideas = world.add_channel(self.team, "idees", "O", *self.people, self.bot)
        self.review = world.add_channel(self.team, "moderation", "P", self.moderator, self.bot)
        self.command = self.server.integrations.add_command(
            {"team_id": self.team, "trigger": "idea", "method": "P", "url": ""}
        )
        self._http = ClientSession()
        self._changed = asyncio.Event()
        self.server.world.tell = self._tell

    def _tell(self, name: str, data: Json, channel: str, users: set[str]) -> None:
        self.server.sockets.tell(name, data, channel, users)
        self._changed.set()

    async def until(self, found: Callable[[], Found]) -> Found:
        """What is found, as soon as it is something; looked for after each change on the server."""
        async with asyncio.timeout(20):
            while not (what := found()):
                self._changed.clear()
                await self._changed.wait()
        return what

    async def card(self, channel: str, *words: str) -> Json:
        """The post in a channel that has all these words, as soon as it is there."""

        def found() -> Json | None:
            for post in reversed(self.posts_in(channel)):
                if all(each in reading.read(post).text for each in words):
                    return post
            return None

        return await self.until(found) or {}

    async def told(self, member: str, *words: str) -> Json:
        """Butine's direct message to a member that has all these words."""
        return await self.card(self.world.conversation(self.bot, member), *words)

    async def form(self, member: str, title: str) -> Json:
        """The dialog of that title that the member is shown."""

        def found() -> Json | None:
            shown = [dialog for user, dialog in self.world.dialogs if user == member]
            return shown[-1] if shown and shown[-1]["dialog"]["title"] == title else None

        return await self.until(found) or {}

    def lead_to(self, callback_url: str) -> None:
        """Have the slash command call that listener."""
        self.command["url"] = f"{callback_url}/mattermost/command"

    async def close(self) -> None:
        """Stop the server."""
        await self._http.close()
        await self.server.stop()

    async def call(self, member: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """A call of the REST API as a member's client makes it: status and answer."""
        token = next(token for token, user in self.world.tokens.items() if user == member)
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.server.url}/api/v4{path}"
        async with self._http.request(method, url, json=body, headers=headers, ssl=False) as response:
            return response.status, await response.json()

    async def typed(self, member: str, line: str, channel: str = "") -> Json:
        """A slash command; the answer that the client gets."""
        given = {"channel_id": channel or self.ideas, "command": line, "team_id": self.team}
        _, answer = await self.call(member, "POST", "/commands/execute", given)
        assert isinstance(answer, dict)
        return answer

    async def press(self, member: str, post: Json, label: str) -> int:
        """A click on a button of a post, or of a message that only this member sees; the status of the answer."""
        actions = [action for each in post["props"].get("attachments") or [] for action in each.get("actions", [])]
        action = next(action for action in actions if action["name"] == label)
        given = {"cookie": action.get("cookie", "")}
        status, _ = await self.call(member, "POST", f"/posts/{post['id']}/actions/{action['id']}", given)
        return status

    async def pick(self, member: str, post: Json, label: str, option: str) -> int:
        """A choice from the menu below that label, as a client sends it; the status of the answer."""
        attachment = next(each for each in post["props"]["attachments"] if each["text"] == label)
        (menu,) = attachment["actions"]
        value = next(each["value"] for each in menu["options"] if each["text"] == option)
        return await self.choose_value(member, post, menu, value)

    async def choose_value(self, member: str, post: Json, menu: Json, value: str) -> int:
        """Any value sent as a choice from that menu; the status of the answer."""
        given = {"cookie": menu.get("cookie", ""), "selected_option": value}
        status, _ = await self.call(member, "POST", f"/posts/{post['id']}/actions/{menu['id']}", given)
        return status

    async def fill(self, member: str, *, channel: str = "", team: str = "", **values: str) -> Json:
        """Send the dialog off that the member was shown last; the client's answer.

        `channel` and `team` are what the client shows meanwhile, which it sends as the dialog's: without any, the ideas
        channel. Current clients leave empty fields out.
        """
        dialog = next(dialog for user, dialog in reversed(self.world.dialogs) if user == member)
        given = {
            "url": dialog["url"],
            "callback_id": dialog["dialog"]["callback_id"],
            "state": dialog["dialog"]["state"],
            "channel_id": channel or self.ideas,
            "team_id": team or self.team,
            "submission": {name: text for name, text in values.items() if text or not self.world.is_current},
        }
        _, answer = await self.call(member, "POST", "/actions/dialogs/submit", given)
        assert isinstance(answer, dict)
        return answer

    def private_words(self, member: str) -> list[str]:
        """What a member alone was shown, as read, in answers that are kept nowhere."""
        return [reading.read(post).text for user, post in self.world.ephemerals if user == member]

    def all_private_words(self, member: str) -> list[str]:
        """What a member alone was shown, in answers and in direct messages."""
        return self.private_words(member) + [reading.read(post).text for post in self.direct_posts(member)]

    def posts_in(self, channel: str) -> list[Json]:
        """What stands in a channel, oldest first."""
        return [post for post in self.world.posts.values() if post["channel_id"] == channel and not post["delete_at"]]

    def direct_posts(self, member: str) -> list[Json]:
        """Butine's direct messages to a member."""
        return self.posts_in(self.world.conversation(self.bot, member))


class Ears(Listener):
    """A listener that others can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = asyncio.Condition()
        self.failure: Exception | None = None

    async def __call__(self, event: Event) -> Reply:
        """Keep the event, or raise `failure`."""
        if self.failure is not None:
            raise self.failure
        async with self.heard:
            reply = await super().__call__(event)
            self.heard.notify_all()
        return reply


class MattermostRig(Team):
    """The adapter on the team, over its port alone, with a listener in the router's place."""

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        ca_file: Path | None = None,
        call_seconds: float = 20.0,
        *,
        is_current: bool = False,
    ) -> None:
        super().__init__(is_current=is_current)
        self._call_seconds = call_seconds
        self.ears = Ears()
        self.listener: Listener = self.ears
        self._tls = tls
        self._ca_file = ca_file
        self.platform: Mattermost
        self.callbacks: TestServer
        self.missed = 0

    async def __aenter__(self) -> Self:
        """Listen and connect."""
        await self.listen()
        await self.platform.start(self.listener)
        await self.server.sockets.settled()
        return self

    async def listen(self) -> None:
        """Make everything, but don't connect the adapter yet."""
        await self.server.start(self._tls)
        app = web.Application()
        self.callbacks = TestServer(app)
        routes: list[web.RouteDef] = []

        async def handle(request: web.Request) -> web.StreamResponse:
            return await _handle(routes, request)

        app.router.add_post("/mattermost/{name}", handle)
        await self.callbacks.start_server()
        callback_url = str(self.callbacks.make_url("")).rstrip("/")
        self.lead_to(callback_url)
        account = Account(
            self.server.url,
            "butine-token",
            "valdoise",
            CHANNELS,
            str(self.command["token"]),
            callback_url,
            self._ca_file,
        )
        self.platform = Mattermost(
            account,
            language="fr",
            own_key=_own_key,
            clock=self.clock,
            jitter=lambda: 0.0,
            sleep=_pass,
            call_seconds=self._call_seconds,
        )
        self.platform.when_missed(self._miss)
        routes += self.platform.routes()

    def _miss(self) -> None:
        self.missed += 1
        self._changed.set()

    async def __aexit__(self, *_: object) -> None:
        """Stop everything."""
        await self.platform.close()
        await self.callbacks.close()
        await self.close()

    async def heard(self, number: int) -> None:
        """Return once the listener has that many events."""
        async with asyncio.timeout(10), self.ears.heard:
            await self.ears.heard.wait_for(lambda: len(self.listener.events) >= number)

    async def react(self, member: str, message: MessageRef, emoji: str) -> None:
        had = len(self.listener.events)
        given = {"user_id": member, "post_id": message.id, "emoji_name": emoji}
        assert (await self.call(member, "POST", "/reactions", given))[0] == 200
        await self.heard(had + 1)

    async def unreact(self, member: str, message: MessageRef, emoji: str) -> None:
        had = len(self.listener.events)
        path = f"/users/{member}/posts/{message.id}/reactions/{emoji}"
        assert (await self.call(member, "DELETE", path))[0] == 200
        await self.heard(had + 1)

    async def type_command(self, member: str, text: str) -> None:
        await self.typed(member, f"/idea {text}" if text else "/idea")

    async def click(self, member: str, message: MessageRef, label: str) -> None:
        assert await self.press(member, self.world.posts[message.id], label) == 200

    async def choose(self, member: str, message: MessageRef, label: str, option: str) -> None:
        assert await self.pick(member, self.world.posts[message.id], label, option) == 200

    async def shown(self, message: MessageRef) -> str:
        post = self.world.posts.get(message.id)
        if post is None or post["delete_at"]:
            return ""
        thread = [each for each in self.world.posts.values() if each["root_id"] == message.id and not each["delete_at"]]
        return "\n".join(reading.read(each).text for each in (post, *thread))

    async def holders(self, message: MessageRef, emoji: str) -> list[str]:
        rows = self.world.reactions.get(message.id, [])
        return [self.world.users[row["user_id"]]["username"] for row in rows if row["emoji_name"] == emoji]

    async def count(self, words: str) -> int:
        posts = [post for post in self.world.posts.values() if not post["delete_at"]]
        return sum(words in reading.read(post).text for post in posts)

    async def harm(self, message: MessageRef) -> list[str]:
        post = self.world.posts[message.id]
        found = reading.read(post)
        names = [user["username"] for user in self.world.users.values()]
        # Servers read Slack's notation in attachments whatever they are asked.
        texts = [post["message"], *(each["text"] for each in post["props"].get("attachments") or [])]
        notation = [text for text in texts if reading.slack(text) != text]
        return [*reading.mentions(post, names), *found.links, *found.images, *notation]


async def _handle(routes: list[web.RouteDef], request: web.Request) -> web.StreamResponse:
    for route in routes:
        if route.path == request.path:
            return await route.handler(request)
    return web.Response(status=404)


async def _own_key() -> bytes:
    return OWN_KEY


async def _pass(_seconds: float) -> None:
    """No test waits for a pause."""
    await asyncio.sleep(0)
