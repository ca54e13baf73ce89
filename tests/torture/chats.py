"""Butine before each fake chat, week after week on the fake's clock, with one fault at any call of its sends.

What a fault is to leave behind is for the tests to say.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from bot.chat.dispatcher import Dispatcher
from bot.chat.platform import Platform
from bot.chat.showing import card_of
from bot.config import Settings
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.errors import ChatUnavailable, NothingToShow
from bot.rules import rules_of
from bot.schedule import Schedule, Scheduled
from bot.usecases import announcing, moderation, submission, voting
from bot.views.cards import Card
from storage import outbox, workspaces
from storage.database import Database
from storage.tables import Idea, OutboxItem, Status
from tests.contract.slack_rig import platform_before
from tests.fakes.mattermost.reading import read
from tests.fakes.slack.reading import shown
from tests.fakes.slack.workspace import CAMILLE, NADIA, SAM, FakeSlack
from tests.mattermost.rig import MattermostRig
from tests.usecases.builders import new_file

CALL_SECONDS = 0.5
"""How long Butine waits for an answer here: a call that hangs is given up after this time, in fact."""
PATIENCE = timedelta(days=1)
IS_UP_TO_DATE = or_(
    col(OutboxItem.view).in_((announcing.IDEA_CARD, announcing.DIGEST_POST)),
    # It shows the moderators' decision, and is not edited for what follows.
    and_(col(OutboxItem.view) == announcing.REVIEW_CARD, col(Idea.status) == Status.PUBLISHED),
)
"""What is to show the present state, always. A notice tells of one moment."""
Breaks = Callable[[list["Call"]], bool]
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

    def messages(self) -> list[tuple[str, str]]:
        """All that Butine has posted, oldest first: key, and what is to be read there."""

    def call(self, name: str, given: Mapping[str, Any]) -> "Call":
        """What a call is, by its name and what is given."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of chat. `does` is "post", "edit" or anything else, "" where it is of no matter; `key` and `channel` are
    those of the message that it is about, "" for none.
    """

    name: str
    does: str
    key: str
    channel: str
    at: datetime

    @property
    def place(self) -> str:
        """What a pause that it is answered with holds for: Butine's channel by its use, whatever is done there."""
        return f"{self.channel or self.name}{' digest' * self.key.startswith('digest:')}"


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

    def messages(self) -> list[tuple[str, str]]:
        return [(self._key(message), shown(message)) for message in self.slack.state.all_messages()]

    def call(self, name: str, given: Mapping[str, Any]) -> Call:
        does = {"chat.postMessage": "post", "chat.update": "edit"}.get(name, "")
        channel = str(given.get("channel", ""))
        message = self.slack.state.message(channel, str(given.get("ts") or given.get("timestamp")))
        return Call(name, does, self._key(message or given), channel, self.now())

    def _key(self, message: Mapping[str, Any]) -> str:
        mark = (message.get("metadata") or {}).get("event_payload")
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

    def messages(self) -> list[tuple[str, str]]:
        posts = self.rig.world.posts.values()
        mine = [post for post in posts if post["user_id"] == self.rig.bot and not post["delete_at"]]
        return [(self._key(post), read(post).text) for post in mine]

    def call(self, name: str, given: Mapping[str, Any]) -> Call:
        does = "post" if name == "POST /api/v4/posts" else "edit" if name.endswith("/patch") else ""
        named = (*name.split("/"), given.get("post_id"))
        post = next((post for id_, post in self.rig.world.posts.items() if id_ in named), given)
        return Call(name, does, self._key(post), str(post.get("channel_id", "")), self.now())

    def _key(self, post: Mapping[str, Any]) -> str:
        return str((post.get("props") or {}).get("butine", {}).get("key", ""))


async def _hear_nothing(_event: object) -> Any:  # noqa: ANN401  no event comes
    raise AssertionError


class Fault:
    """Breaks some calls, and remembers all. `how` is the fake's word for the failure; `breaks` says of the calls so far
    whether the last of them fails.
    """

    def __init__(self, how: str, breaks: Breaks, chat: Chat) -> None:
        self.how = how
        self._breaks = breaks
        self._chat = chat
        self.calls: list[Call] = []
        self.broken: list[Call] = []

    def __call__(self, name: str, given: Mapping[str, Any]) -> str:
        """What this call meets. A profile that can't be read anew is remembered from before, and nothing is amiss."""
        if name == "users.info":
            return ""
        call = self._chat.call(name, given)
        self.calls.append(call)
        if not self._breaks(self.calls):
            return ""
        self.broken.append(call)
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
        self.began = chat.now()
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
        self.number, self.began = self.number + 1, self.chat.now()
        self.titles = [f"Idée {name} de la semaine {self.number}" for name in ("première", "seconde", "tardive")]
        await self.database.write(self._propose)
        await self.settle()
        await self.chat.move(due - self.chat.now())

    def _propose(self, session: Session) -> None:
        now, author = self.chat.now(), Caller(self.workspace_id, self.chat.agent)
        for title in self.titles[:2]:
            idea = submission.submit(session, author, Draft(title), now).idea
            moderation.approve(session, self._moderator, idea.number, now)
            voter = Caller(self.workspace_id, self.chat.other_agent)
            voting.cast(session, voter, idea.number, self.rules.voting, now, is_present=True)
        submission.submit(session, author, Draft(self.titles[2]), now)

    async def begin_to_send(self) -> None:
        """The digest's minute: the schedule claims it and reminds, a moderator decides on what lies there, and once all
        that is sent, or has failed, goes on with what was just edited.
        """
        await self.schedule.tick()
        await self.database.write(self._decide)
        await self.dispatcher.send_due()
        await self.database.write(self._go_on)

    def _decide(self, session: Session) -> None:
        moderation.approve(session, self._moderator, self._number(session, 2), self.chat.now())
        self._set_status(session, Status.RETAINED)

    def _go_on(self, session: Session) -> None:
        self._set_status(session, Status.IN_PROGRESS)

    def _set_status(self, session: Session, status: Status) -> None:
        moderation.set_status(session, self._moderator, self._number(session, 0), status, self.chat.now())

    def _number(self, session: Session, which: int) -> int:
        return session.exec(select(Idea.number).where(Idea.title == self.titles[which])).one()

    @property
    def _moderator(self) -> Caller:
        return Caller(self.workspace_id, self.chat.moderator, is_moderator=True)

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
        """The keys of all that chat is to show. A reminder is nothing where all was decided on before it was sent."""

        def is_shown(session: Session, row: OutboxItem) -> bool:
            try:
                return bool(row.message or card_of(session, row, self.rules, self.chat.now(), may_be_there=False))
            except NothingToShow:
                return False

        return await self.database.read(
            lambda session: {row.key for row in session.exec(select(OutboxItem)) if is_shown(session, row)}
        )

    async def outdated(self) -> list[str]:
        """This week's cards that read otherwise once they are edited again, to show the present state."""

        def render(session: Session) -> list[tuple[str, Card]]:
            query = select(OutboxItem).join(Idea, isouter=True)
            rows = session.exec(query.where(IS_UP_TO_DATE, OutboxItem.created_at >= self.began))
            now = self.chat.now()
            return [(row.message or "", card_of(session, row, self.rules, now, may_be_there=True)) for row in rows]

        before = self.chat.messages()
        for message, card in await self.database.read(render):
            await self._edit(message, card)
        return [key for (key, text), (_, now) in zip(before, self.chat.messages(), strict=True) if text != now]

    async def _edit(self, message: str, card: Card) -> None:
        """Where this machine is so busy that chat's answer comes too late, once more, as Butine would."""
        try:
            await self.chat.platform.update(message, card)
        except ChatUnavailable:
            await self.chat.platform.update(message, card)

    def copies(self) -> Counter[str]:
        """How often each key is posted."""
        return Counter(key for key, _ in self.chat.messages())

    async def _sleep(self, seconds: float) -> None:
        await self.chat.move(timedelta(seconds=seconds))
