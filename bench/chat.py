"""The process in which the fake Slack and the fake Mattermost of the tests run, on the real time, without growing.

`python -m bench.chat` prints a `Chat` as JSON when it is ready. Response URLs answer "ok" to anything, at a cost that
does not count beside Butine's.
"""

import asyncio
import dataclasses
import json
from datetime import UTC, datetime
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.traffic import Chat
from tests.fakes.mattermost.server import FakeMattermost
from tests.fakes.slack.clock import WallClock
from tests.fakes.slack.deliveries import SECRET
from tests.fakes.slack.state import BOT, IDEAS, REVIEW, TEAM
from tests.fakes.slack.web_api import BOT_TOKEN, Failure, WebApi
from tests.fakes.slack.workspace import FakeSlack

Json = dict[str, Any]
MEMBERS = 200
MATTERMOST_TOKEN, MATTERMOST_TEAM = "butine-token", "valdoise"
T = TypeVar("T")


class Forgotten(list[T]):
    """A record that nobody reads, and that keeps nothing."""

    def append(self, _item: T) -> None:
        """Not kept."""


class LongStanding(WebApi):
    """Slack's methods in a workspace that has messages from long ago, of which nothing but that is known here.

    Such a message can be changed; its reactions can't be read at the moment, rather than there being none.
    """

    def _message(self, channel: str, ts: str) -> Json:
        try:
            return super()._message(channel, ts)
        except Failure as failure:
            if failure.answer["error"] != "message_not_found":
                raise
            return {"type": "message", "user": BOT, "channel": channel, "ts": ts, "reactions": {}}

    def reactions_get(self, given: Json) -> Json:
        if given["timestamp"] not in self.state.channels[given["channel"]].messages:
            raise Failure("internal_error")
        return super().reactions_get(given)


class AnyAnswer(asyncio.Protocol):
    """A server that says "ok" to each request, whatever it says."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while self._transport and (head := self._got.find(b"\r\n\r\n")) >= 0:
            lengths = [line for line in self._got[:head].lower().split(b"\r\n") if line.startswith(b"content-length:")]
            size = head + 4 + (int(lengths[0].partition(b":")[2]) if lengths else 0)
            if len(self._got) < size:
                return
            self._got = self._got[size:]
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nok"
            )


async def any_answer() -> str:
    """Start it; its address."""
    server = await asyncio.get_running_loop().create_server(AnyAnswer, "127.0.0.1", 0)
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/response/"


def slack_workspace(members: int) -> tuple[FakeSlack, list[str]]:
    """A fake Slack on the real time, and the ids of its people, of whom the first moderates."""
    slack = FakeSlack(LongStanding, WallClock(lambda: datetime.now(UTC)))
    slack.api.calls = Forgotten()
    people = [slack.state.add_user(f"U0M{number:07}", f"Membre {number}") for number in range(members)]
    slack.state.channels[REVIEW].members.add(people[0])
    return slack, people


def mattermost_team(members: int) -> tuple[FakeMattermost, dict[str, Any], list[str]]:
    """A fake Mattermost with a team and its channels: the server, the command, and its people's ids."""
    mattermost = FakeMattermost(lambda: datetime.now(UTC))
    mattermost.requests = Forgotten()
    mattermost.integrations.calls = Forgotten()
    mattermost.integrations.statuses = Forgotten()
    world = mattermost.world
    world.ephemerals = Forgotten()
    people = [world.add_user(f"membre{number}", first_name="Membre", locale="fr") for number in range(members)]
    bot = world.add_user("butine", first_name="Butine", is_bot=True)
    team = world.add_team(MATTERMOST_TEAM, *people, bot)
    world.add_channel(team, "idees", "O", *people, bot)
    world.add_channel(team, "moderation", "P", people[0], bot)
    command = mattermost.integrations.add_command({"team_id": team, "trigger": "idea", "method": "P", "url": ""})
    return mattermost, command, people


async def _serve() -> None:
    slack, slack_members = slack_workspace(MEMBERS)
    await slack.start()
    mattermost, command, mattermost_members = mattermost_team(MEMBERS)
    await mattermost.start()
    world = mattermost.world
    ideas = next(id_ for id_, channel in world.channels.items() if channel["name"] == "idees")
    chat = Chat(
        response_url=await any_answer(),
        slack_api=slack.api_url,
        slack_secret=SECRET,
        slack_team=TEAM,
        slack_bot=BOT,
        slack_bot_token=BOT_TOKEN,
        slack_ideas=IDEAS,
        slack_members=slack_members,
        mattermost=mattermost.url,
        mattermost_token=MATTERMOST_TOKEN,
        mattermost_team_name=MATTERMOST_TEAM,
        mattermost_team=command["team_id"],
        mattermost_ideas=ideas,
        mattermost_command_token=command["token"],
        mattermost_key=world.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        mattermost_members=mattermost_members,
    )
    print(json.dumps(dataclasses.asdict(chat)), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
