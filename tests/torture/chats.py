"""Butine before each fake chat, week after week on the fake's clock, with one fault at any call of its sends.

What a fault is to leave behind is for the tests to say.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlmodel import Session, col, select

from bot.chat.dispatcher import Dispatcher
from bot.chat.platform import Platform
from bot.config import Settings
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.rules import rules_of
from bot.schedule import Schedule, Scheduled
from bot.usecases import moderation, submission, voting
from storage import outbox, workspaces
from storage.database import Database
from storage.tables import Idea, OutboxItem, Status
from tests.contract.slack_rig import platform_before
from tests.fakes.slack.reading import shown
from tests.fakes.slack.workspace import CAMILLE, NADIA, SAM, FakeSlack
from tests.mattermost.rig import MattermostRig
from tests.usecases.builders import new_file

CALL_SECONDS = 0.5
"""How long Butine waits for an answer here: a call that hangs is given up after this time, in fact."""
PATIENCE = timedelta(days=1)
Meets = Callable[[str, Mapping[str, Any]], str]


class Chat(Protocol):
    """A fake chat with Butine's adapter on it."""

    agent: str
    other_agent: str
    moderator: str

    @property
    def platform(self) -> Platform: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def now(self) -> datetime: ...

    async def move(self, by: timedelta) -> None:
        """Let time pass, and with it what the server sits on."""

    def meet(self, meets: Meets) -> None:
        """From now on that function says what each call meets, by its name and what is given."""

    def messages(self) -> list[tuple[str, str, datetime]]:
        """All that Butine has posted: key, text, and when."""

    def key_of(self, given: Mapping[str, Any]) -> str:
        """The key of the message that a call posts, "" for any other call."""


class OnSlack:
    """Slack."""

    agent, other_agent, moderator = CAMILLE, SAM, NADIA

    def __init__(self) -> None:
        self.slack = FakeSlack()
        self.platform: Platform

    async def start(self) -> None:
        await self.slack.start()
        self.platform = platform = platform_before(self.slack, "http", call_seconds=CALL_SECONDS)
        await platform.start(_hear_nothing)

    async def stop(self) -> None:
        await self.slack.api.held.catch_up(wholly=True)
        await self.platform.close()
        await self.slack.stop()

    def now(self) -> datetime:
        return self.slack.clock.now()

    async def move(self, by: timedelta) -> None:
        self.slack.clock.advance(by.total_seconds())
        await self.slack.api.held.catch_up()

    def meet(self, meets: Meets) -> None:
        self.slack.api.meets = meets

    def messages(self) -> list[tuple[str, str, datetime]]:
        found = []
        for message in self.slack.state.all_messages():
            mark = message["metadata"]["event_payload"]
            at = datetime.fromtimestamp(int(message["ts"].partition(".")[0]), self.now().tzinfo)
            found.append((f"{mark['key']}/{mark['part']}", shown(message), at))
        return found

    def key_of(self, given: Mapping[str, Any]) -> str:
        mark = (given.get("metadata") or {}).get("event_payload")
        return f"{mark['key']}/{mark['part']}" if mark else ""


class OnMattermost:
    """Mattermost."""

    def __init__(self) -> None:
        self.rig = MattermostRig(call_seconds=CALL_SECONDS)
        self.agent, self.other_agent, self.moderator = self.rig.agent, self.rig.other_agent, self.rig.moderator

    @property
    def platform(self) -> Platform:
        return self.rig.platform

    async def start(self) -> None:
        await self.rig.__aenter__()

    async def stop(self) -> None:
        await self.rig.server.held.catch_up(wholly=True)
        await self.rig.__aexit__()

    def now(self) -> datetime:
        return self.rig.clock()

    async def move(self, by: timedelta) -> None:
        self.rig.clock.move(seconds=by.total_seconds())
        await self.rig.server.held.catch_up()

    def meet(self, meets: Meets) -> None:
        self.rig.server.meets = meets

    def messages(self) -> list[tuple[str, str, datetime]]:
        found = []
        for post in self.rig.world.posts.values():
            if post["user_id"] == self.rig.bot and not post["delete_at"]:
                at = datetime.fromtimestamp(post["create_at"] / 1000, self.rig.clock.now.tzinfo)
                found.append((post["props"]["butine"]["key"], post["message"], at))
        return found

    def key_of(self, given: Mapping[str, Any]) -> str:
        return str((given.get("props") or {}).get("butine", {}).get("key", "")) if "channel_id" in given else ""


async def _hear_nothing(_event: object) -> Any:  # noqa: ANN401  no event comes
    raise AssertionError


class Fault:
    """Breaks some calls in a row, and remembers which. `how` is the fake's word for the failure."""

    def __init__(self, how: str, position: int, length: int, chat: Chat) -> None:
        self.how = how
        self._chat = chat
        self._from, self._to = position, position + length
        self.calls = 0
        self.broken: list[tuple[str, str, datetime]] = []

    def __call__(self, name: str, given: Mapping[str, Any]) -> str:
        """What this call meets. A profile that can't be read anew is remembered from before, and nothing is amiss."""
        if name == "users.info":
            return ""
        position, self.calls = self.calls, self.calls + 1
        if not self._from <= position < self._to:
            return ""
        self.broken.append((name, self._chat.key_of(given), self._chat.now()))
        return self.how


class Weeks:
    """One Butine before one chat, through one week after the other."""

    def __init__(self, chat: Chat, folder: Path) -> None:
        self.chat = chat
        self.database = Database.open(f"sqlite:///{new_file(folder)}")
        self.rules = rules_of(Settings())
        self.workspace_id = 0
        self.dispatcher: Dispatcher
        self.schedule: Schedule
        self.titles: list[str] = []
        self.number = 0

    async def start(self) -> None:
        """Connect."""
        await self.chat.start()
        name, team = self.chat.platform.name, self.chat.platform.workspace
        self.workspace_id = await self.database.write(lambda s: workspaces.ensure(s, name, team))
        self.dispatcher = Dispatcher(
            self.database,
            self.chat.platform,
            self.workspace_id,
            self.rules,
            clock=self.chat.now,
            sleep=self._sleep,
        )
        scheduled = Scheduled(self.workspace_id, self.rules, lambda: None, lambda: None)
        self.schedule = Schedule(self.database, [scheduled], self.chat.now)

    async def stop(self) -> None:
        """Disconnect."""
        await self.chat.stop()
        await self.database.close()

    async def prepare(self) -> None:
        """Four days before the digest: two ideas with votes, and one that nobody decides on."""
        due = self.rules.weekly.coming(self.chat.now()).due_at
        await self.chat.move(due - timedelta(days=4) - self.chat.now())
        if self.rules.weekly.coming(self.chat.now()).due_at != due:
            raise AssertionError(due)
        self.number += 1
        self.titles = [f"Idée {name} de la semaine {self.number}" for name in ("première", "seconde", "tardive")]
        await self.database.write(self._propose)
        await self.settle()
        await self.chat.move(due - self.chat.now())

    def _propose(self, session: Session) -> None:
        now, author = self.chat.now(), Caller(self.workspace_id, self.chat.agent)
        moderator = Caller(self.workspace_id, self.chat.moderator, is_moderator=True)
        for title in self.titles[:2]:
            idea = submission.submit(session, author, Draft(title), now).idea
            moderation.approve(session, moderator, idea.number, now)
            voter = Caller(self.workspace_id, self.chat.other_agent)
            voting.cast(session, voter, idea.number, self.rules.voting, now, is_present=True)
        submission.submit(session, author, Draft(self.titles[2]), now)

    async def begin_to_send(self) -> None:
        """The digest's minute: the schedule claims it and reminds, and a moderator decides on what lies there."""
        await self.schedule.tick()
        await self.database.write(self._decide)

    def _decide(self, session: Session) -> None:
        now = self.chat.now()
        moderator = Caller(self.workspace_id, self.chat.moderator, is_moderator=True)
        waiting = session.exec(select(Idea).where(Idea.title == self.titles[2])).one()
        moderation.approve(session, moderator, waiting.number, now)
        shortlisted = session.exec(select(Idea).where(Idea.title == self.titles[0])).one()
        moderation.set_status(session, moderator, shortlisted.number, Status.RETAINED, now)

    async def settle(self) -> None:
        """Send, and let the time pass that is to pass, until nothing waits any more."""
        until = self.chat.now() + PATIENCE
        while self.chat.now() < until:
            await self.chat.move(timedelta(milliseconds=10))
            if await self.dispatcher.send_due():
                continue
            due = await self.database.read(lambda session: outbox.next_due(session, self.workspace_id))
            if due is None:
                # What a server has sat on meanwhile arrives now.
                await self.chat.move(timedelta(minutes=1))
                return
            await self.chat.move(max(due - self.chat.now(), timedelta(0)))
        raise AssertionError(await self.waiting())

    async def waiting(self) -> list[str]:
        """What chat is still to show, or never will."""

        def read(session: Session) -> list[str]:
            rows = session.exec(select(OutboxItem).where(col(OutboxItem.shown) < col(OutboxItem.wanted)))
            return [f"{row.key} {row.parked_reason or ''}" for row in rows]

        return await self.database.read(read)

    async def wanted(self) -> set[str]:
        """The keys of all that chat is to show."""
        return await self.database.read(lambda session: set(session.exec(select(OutboxItem.key))))

    def copies(self) -> Counter[str]:
        """How often each key is posted."""
        return Counter(key for key, _, _ in self.chat.messages())

    async def _sleep(self, seconds: float) -> None:
        await self.chat.move(timedelta(seconds=seconds))
