"""The chats of three platforms before one Butine, and the ideas that their members send it, once or again.

What Butine must have kept of them is the ledger's matter.
"""

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from aiohttp import ClientError, ClientSession, TCPConnector

from bot.app import utc_now
from bot.chat.mattermost.trust import event_id, trigger_name
from tests.fakes.slack.clock import WallClock
from tests.fakes.slack.deliveries import SECRET, Http, Transport
from tests.fakes.slack.state import REVIEW
from tests.fakes.slack.web_api import APP_TOKEN, BOT_TOKEN
from tests.fakes.slack.workspace import CAMILLE, NADIA, OMAR, SAM, FakeSlack
from tests.mattermost.rig import Team

PATIENCE_SECONDS = 2.4
"""Slack is told yes by then, whatever has become of the command: a later yes is no promise."""
RECEIPTS = ("est enregistr", "is saved")

Json = dict[str, Any]
Deliver = Callable[[str], Awaitable[bool]]


@dataclass
class Sent:
    """One `/idea`, as the platform sends it, and sends it again: `deliver` says whether it was acknowledged.

    `words` are those that no other idea has, one of the title and one of the proposal.
    """

    platform: str
    title: str
    proposal: str
    words: tuple[str, str]
    event_id: str
    deliver: Deliver
    is_acknowledged: bool = False

    async def to(self, address: str) -> bool:
        """Send it there; whoever hangs up has acknowledged nothing."""
        try:
            is_acknowledged = await self.deliver(address)
        except (ClientError, ConnectionError):
            return False
        self.is_acknowledged |= is_acknowledged
        return is_acknowledged


class Town:
    """A Slack workspace, a Mattermost team, and the web room's people. `now` is the time that Butine has too."""

    def __init__(
        self, folder: Path, random: Random, now: Callable[[], datetime] = utc_now, *, slack_mode: str = "http"
    ) -> None:
        self.slack = FakeSlack(clock=WallClock(now))
        self.mattermost = Team()
        self.mattermost.world.clock, self.mattermost.world.last = now, 0
        self._slack_mode = slack_mode
        self.room_file = folder / "room.db"
        self._random = random
        self._numbers = itertools.count(1)
        self._http: ClientSession

    async def start(self) -> None:
        """Everybody but Butine is there."""
        await self.slack.start()
        await self.mattermost.server.start()
        # Each of Slack's requests comes over a connection of its own.
        self._http = ClientSession(connector=TCPConnector(limit=0, force_close=True))

    async def stop(self) -> None:
        """Nobody is there any more."""
        await self._http.close()
        await self.mattermost.close()
        await self.slack.stop()

    def settings(self, url: str, *platforms: str, callback_url: str = "http://127.0.0.1:9") -> dict[str, str]:
        """As an operator has them, for these of the three platforms and a database."""
        given = {"BUTINE_STORAGE__URL": url, "BUTINE_WEB__ROOM": "false"}
        if "web" in platforms:
            given |= {"BUTINE_WEB__ROOM": "true", "BUTINE_WEB__ROOM_DATABASE": str(self.room_file)}
        if "slack" in platforms:
            given |= {
                "BUTINE_SLACK__MODE": self._slack_mode,
                "BUTINE_SLACK__APP_TOKEN": APP_TOKEN,
                "BUTINE_SLACK__BOT_TOKEN": BOT_TOKEN,
                "BUTINE_SLACK__SIGNING_SECRET": SECRET,
                "BUTINE_SLACK__API_URL": self.slack.api_url,
            }
        if "mattermost" in platforms:
            given |= {
                "BUTINE_MATTERMOST__URL": self.mattermost.server.url,
                "BUTINE_MATTERMOST__TOKEN": "butine-token",
                "BUTINE_MATTERMOST__TEAM": "valdoise",
                "BUTINE_MATTERMOST__COMMAND_TOKEN": str(self.mattermost.command["token"]),
                "BUTINE_MATTERMOST__CALLBACK_URL": callback_url,
            }
        return given

    def ideas(self, **of_each: int) -> list[Sent]:
        """So many new ideas of each platform's members, in any order."""
        made = [self._idea(platform) for platform, number in of_each.items() for _ in range(number)]
        self._random.shuffle(made)
        return made

    def _idea(self, platform: str) -> Sent:
        number = next(self._numbers)
        words = f"n{number}x", f"m{number}y"
        title, proposal = f"Une idée du matin, la {words[0]}, pour {platform}", f"On y lit {words[1]} aussi."
        send = {"slack": self._on_slack, "mattermost": self._on_mattermost, "web": self._in_the_room}[platform]
        event_id, deliver = send(f"{title}. {proposal}")
        return Sent(platform, title, proposal, words, event_id, deliver)

    def _on_slack(self, text: str) -> tuple[str, Deliver]:
        payload = self.slack.command(self._random.choice((CAMILLE, SAM, NADIA, OMAR)), text)

        async def deliver(address: str) -> bool:
            began = self.slack.clock.seconds()
            transport: Transport = self.slack.sockets
            if self._slack_mode == "http":
                transport = Http(self.slack.clock, self._http, f"{address}/slack/events")
            taken = await transport.deliver("slash_commands", payload)
            return taken is not None and self.slack.clock.seconds() - began < PATIENCE_SECONDS

        return f"command:{payload['trigger_id']}", deliver

    def _on_mattermost(self, text: str) -> tuple[str, Deliver]:
        team = self.mattermost
        integrations = team.server.integrations
        form = integrations.typed(self._random.choice(team.people), team.ideas, f"/idea {text}")

        async def deliver(address: str) -> bool:
            async with self._http.post(f"{address}/mattermost/command", data=form) as response:
                if response.status != 200:
                    return False
                return _is_receipt((await response.json()).get("text", ""))

        return event_id("command", trigger_name(form["trigger_id"])), deliver

    def _in_the_room(self, text: str) -> tuple[str, Deliver]:
        persona, mark = self._random.choice(("camille", "sam", "nadia")), str(UUID(int=self._random.getrandbits(128)))
        gesture = {"as": persona, "channel": "idees", "thread": "", "mark": mark, "text": f"/idea {text}"}

        async def deliver(address: str) -> bool:
            async with self._http.get(f"{address}/room/token") as response:
                token, cookie = (await response.json())["token"], response.cookies["butine_room"].value
            headers = {"X-Room-Token": token, "Cookie": f"butine_room={cookie}"}
            async with self._http.post(f"{address}/room/say", json=gesture, headers=headers) as response:
                if response.status != 200:
                    return False
                return _is_receipt(await response.text())

        return f"command:{persona}:{mark}", deliver

    def review_cards(self) -> dict[str, Counter[str]]:
        """How often each card stands in each platform's review channel, by its key."""
        slack = [message["metadata"]["event_payload"]["key"] for message in self.slack.messages(REVIEW)]
        posts = self.mattermost.posts_in(self.mattermost.review)
        mattermost = [post["props"]["butine"]["key"] for post in posts]
        return {"slack": Counter(slack), "mattermost": Counter(mattermost), "web": Counter(self._in_the_rooms_file())}

    def _in_the_rooms_file(self) -> list[str]:
        if not self.room_file.exists():
            return []
        with sqlite3.connect(self.room_file) as room:
            rows = room.execute("SELECT key FROM message WHERE author IS NULL AND only_for IS NULL").fetchall()
        return [str(row[0]) for row in rows]

    def review_texts(self) -> str:
        """Everything that stands in the review channels."""
        with sqlite3.connect(self.room_file) as room:
            rows = room.execute("SELECT content FROM message WHERE only_for IS NULL").fetchall()
        posts = self.mattermost.posts_in(self.mattermost.review)
        return json.dumps([self.slack.messages(REVIEW), posts, rows], ensure_ascii=False)


def _is_receipt(text: str) -> bool:
    return any(words in text for words in RECEIPTS)
