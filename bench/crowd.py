"""What people do in Slack and Mattermost all day, on the fakes: type, click, react, join. Nothing is measured here.

An act returns whether it was acknowledged, or None where the platform asks for no acknowledgement.
"""

import html
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp

from bench import words
from tests.fakes.mattermost.server import FakeMattermost
from tests.fakes.mattermost.world import Refusal
from tests.fakes.slack.state import BOT, IDEAS, RESPONSE_SECONDS, REVIEW, TRIGGER_SECONDS
from tests.fakes.slack.workspace import FakeSlack, labels

Json = dict[str, Any]
Act = Callable[[], Awaitable[bool | None]]
EMOJI = ("+1", "heart", "bulb")
APPROVE = "Approuver"
SEARCHED = ("guichet", "vélo", "cantine collèges", "salles", "eau de pluie", "formulaire", "tutorat", "dossier MDPH")
ASKED = ("top", "liste", "mes", "stats", "aide", *(f"chercher {each}" for each in SEARCHED))
PRIVATE_KEPT = 20
PENDING_MILLIS = 30_000


class SlackCrowd:
    """Slack's members. Everything is delivered by the fake's transport."""

    def __init__(self, slack: FakeSlack, people: Sequence[str], chance: random.Random) -> None:
        self.slack = slack
        self._people = people
        self._moderator = people[0]
        self._chance = chance
        self._decided: set[str] = set()

    def cards(self) -> list[Json]:
        """What can be voted for: Butine has put its own reaction on it."""
        return [message for message in self.slack.messages(IDEAS) if message["reactions"]]

    async def propose(self, number: int) -> bool:
        """Type an idea."""
        return await self._type(words.proposal(number))

    async def ask(self) -> bool:
        """Type one of the commands that read."""
        return await self._type(self._chance.choice(ASKED))

    async def _type(self, text: str) -> bool:
        return await self.slack.type_command(self._chance.choice(self._people), text) is not None

    async def react(self) -> bool | None:
        """Put a reaction on, or ask where there is nothing yet to react to."""
        cards = self.cards()
        if not cards:
            return await self.ask()
        card, member, emoji = self._chance.choice(cards), self._chance.choice(self._people), self._chance.choice(EMOJI)
        holders = card["reactions"].setdefault(emoji, [])
        if member in holders:
            return await self._take_off(card, emoji, member)
        holders.append(member)
        return await self._tell(self.slack.reaction(member, card, emoji, "reaction_added"))

    async def unreact(self) -> bool | None:
        """Take a reaction off, or put one on where there is none."""
        held = [
            (card, emoji, who) for card in self.cards() for emoji in EMOJI for who in card["reactions"].get(emoji, ())
        ]
        held = [each for each in held if each[2] != BOT]
        return await self._take_off(*self._chance.choice(held)) if held else await self.react()

    async def _take_off(self, card: Json, emoji: str, member: str) -> bool:
        card["reactions"][emoji].remove(member)
        return await self._tell(self.slack.reaction(member, card, emoji, "reaction_removed"))

    async def approve(self) -> bool | None:
        """The moderator approves what has waited longest; or looks around, where nothing waits."""
        for message in self.slack.messages(REVIEW):
            if message["ts"] not in self._decided and APPROVE in labels(message):
                self._decided.add(message["ts"])
                payload = self.slack.clicked(self._moderator, message, APPROVE)
                return await self.slack.transport.deliver("interactive", payload) is not None
        return await self.ask()

    async def move(self) -> bool:
        """Somebody joins or leaves the review channel, or changes their profile; the moderator stays."""
        member = self._chance.choice(self._people[1:])
        members = self.slack.state.channels[REVIEW].members
        if self._chance.random() < 0.5:  # noqa: PLR2004  one or the other
            return await self._tell(self.slack.event({"type": "user_change", "user": self.slack.state.users[member]}))
        kind = "member_left_channel" if member in members else "member_joined_channel"
        members.symmetric_difference_update({member})
        return await self._tell(
            self.slack.event({"type": kind, "user": member, "channel": REVIEW, "channel_type": "G"})
        )

    async def _tell(self, event: Json) -> bool:
        return await self.slack.transport.deliver("events_api", event) is not None

    def tidy(self) -> None:
        """Forget what Slack forgets too, or what nobody reads any more."""
        state, now = self.slack.state, self.slack.clock.seconds()
        state.triggers = {id_: each for id_, each in state.triggers.items() if now - each[1] < TRIGGER_SECONDS}
        state.response_urls = {
            id_: url for id_, url in state.response_urls.items() if now - url.born < RESPONSE_SECONDS
        }
        for shown in state.private.values():
            del shown[:-PRIVATE_KEPT]


class MattermostCrowd:
    """Mattermost's members. `url` is Butine's."""

    def __init__(
        self,
        mattermost: FakeMattermost,
        command: Json,
        people: Sequence[str],
        chance: random.Random,
        session: aiohttp.ClientSession,
    ) -> None:
        self.mattermost = mattermost
        self._command = command
        self._people = people
        self._chance = chance
        self._session = session
        self._decided: set[str] = set()
        places = {channel["name"]: id_ for id_, channel in mattermost.world.channels.items()}
        self._ideas, self._review = places["idees"], places["moderation"]

    def cards(self) -> list[Json]:
        """What can be voted for."""
        world = self.mattermost.world
        return [
            post for post in world.posts.values() if post["channel_id"] == self._ideas and post["id"] in world.reactions
        ]

    async def propose(self, number: int) -> bool:
        """Type an idea."""
        return await self._type(words.proposal(number))

    async def ask(self) -> bool:
        """Type one of the commands that read."""
        return await self._type(self._chance.choice(ASKED))

    async def _type(self, text: str) -> bool:
        world, member = self.mattermost.world, self._chance.choice(self._people)
        form = {
            "channel_id": self._ideas,
            "channel_name": "idees",
            "command": "/idea",
            "response_url": f"{self.mattermost.url}/hooks/commands/{world.new_id()}",
            "team_domain": "valdoise",
            "team_id": self._command["team_id"],
            "text": html.unescape(text),
            "token": self._command["token"],
            "trigger_id": world.trigger(member),
            "user_id": member,
            "user_name": world.users[member]["username"],
        }
        headers = {"Authorization": f"Token {self._command['token']}", "Accept": "application/json"}
        async with self._session.post(self._command["url"], data=form, headers=headers) as answer:
            await answer.read()
            return answer.status == 200  # noqa: PLR2004  HTTP's "ok"

    async def react(self) -> bool | None:
        """Put a reaction on, or take it off again; the websocket tells, and nobody acknowledges."""
        cards = self.cards()
        if not cards:
            return await self.ask()
        world = self.mattermost.world
        post, member, emoji = self._chance.choice(cards), self._chance.choice(self._people), self._chance.choice(EMOJI)
        if any((row["user_id"], row["emoji_name"]) == (member, emoji) for row in world.reactions[post["id"]]):
            world.unreact(member, post["id"], emoji)
        else:
            world.react(member, post["id"], emoji)
        return None

    async def approve(self) -> bool | None:
        """The moderator approves what has waited longest; or looks around, where nothing waits."""
        for post in list(self.mattermost.world.posts.values()):
            if post["channel_id"] != self._review or post["id"] in self._decided:
                continue
            for attachment in post["props"].get("attachments") or []:
                for action in attachment.get("actions", []):
                    if action["name"] == APPROVE:
                        self._decided.add(post["id"])
                        return await self._click(post["id"], action["id"])
        return await self.ask()

    async def _click(self, post: str, action: str) -> bool:
        try:
            await self.mattermost.integrations.act(self._people[0], post, action)
        except Refusal:
            return False
        return True

    def tidy(self) -> None:
        """Forget what Mattermost forgets too."""
        world = self.mattermost.world
        now = world.now()
        world.pending = {id_: each for id_, each in world.pending.items() if now - each[1] < PENDING_MILLIS}


class Day:
    """A working day's mixture, one act after the other; `acknowledged` are the numbers of the ideas that were."""

    def __init__(self, slack: SlackCrowd, mattermost: MattermostCrowd, chance: random.Random) -> None:
        self._chance = chance
        self._number = 0
        self.acknowledged: list[int] = []
        self._slack = slack
        self._mattermost = mattermost
        self._acts: dict[str, tuple[Act, int]] = {
            "Slack: react": (slack.react, 40),
            "Slack: take a reaction off": (slack.unreact, 10),
            "Slack: /idea text": (self._propose_in_slack, 8),
            "Slack: ask": (slack.ask, 12),
            "Slack: approve": (slack.approve, 5),
            "Slack: members come, go and change": (slack.move, 3),
            "Mattermost: react": (mattermost.react, 12),
            "Mattermost: /idea text": (self._propose_in_mattermost, 4),
            "Mattermost: ask": (mattermost.ask, 4),
            "Mattermost: approve": (mattermost.approve, 2),
        }

    def mixed(self) -> tuple[str, Act]:
        """Whatever comes next."""
        names = list(self._acts)
        name = self._chance.choices(names, [weight for _, weight in self._acts.values()])[0]
        return name, self._acts[name][0]

    def proposing(self) -> tuple[str, Act]:
        """Ideas alone, in Slack and Mattermost by turns."""
        if self._number % 2:
            return "Mattermost: /idea text", self._propose_in_mattermost
        return "Slack: /idea text", self._propose_in_slack

    def tidy(self) -> None:
        """Have the platforms forget."""
        self._slack.tidy()
        self._mattermost.tidy()

    async def _propose_in_slack(self) -> bool:
        return await self._propose(self._slack.propose)

    async def _propose_in_mattermost(self) -> bool:
        return await self._propose(self._mattermost.propose)

    async def _propose(self, propose: Callable[[int], Awaitable[bool]]) -> bool:
        number = self._number
        self._number += 1
        is_acknowledged = await propose(number)
        if is_acknowledged:
            self.acknowledged.append(number)
        return is_acknowledged
