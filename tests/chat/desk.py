"""One workspace as a test drives it: typed commands, clicks, forms and reactions in, messages out, clock in hand."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TypeVar

from sqlmodel import Session, col, select

from bot.chat.dispatcher import Dispatcher
from bot.chat.events import ButtonClicked, CommandTyped, FormSubmitted, ReactionChanged, Reply
from bot.chat.reconcile import PATIENCE, Patience, Reconciler
from bot.chat.router import Router
from bot.errors import ChatUnavailable
from bot.rules import Rules
from bot.usecases import announcing
from bot.views.cards import Actions, Button, Card, Form, Menu
from bot.views.plain import plain
from bot.views.texts import Texts
from storage import ideas, workspaces
from storage.database import Database
from storage.outbox import PostedCard
from storage.tables import HistoryEntry, Idea, OutboxItem
from tests.fakes.memory_platform import MemoryPlatform
from tests.usecases.builders import NOW, RULES, new_file

T = TypeVar("T")
REFERENCE = "0badc0de"
FRENCH = Texts("fr")


class Desk:
    """The workspace. `now` is what its clock tells; `woken` counts how often the dispatcher was."""

    def __init__(self, database: Database, path: Path, workspace_id: int, rules: Rules) -> None:
        self.database = database
        self.path = path
        self.workspace_id = workspace_id
        self.rules = rules
        self.platform = MemoryPlatform()
        self.now = NOW
        self.woken = 0
        self.slept: list[float] = []
        self._ids = count(1)
        self.router = self.new_router()
        self.dispatcher = self.new_dispatcher()
        self.reconciler = self.new_reconciler()

    @classmethod
    async def open(cls, folder: Path, rules: Rules = RULES, url: str | None = None) -> "Desk":
        """A fresh workspace, in a fresh file if no database is named."""
        path = new_file(folder)
        database = Database.open(url or f"sqlite:///{path}")
        workspace_id = await database.write(lambda session: workspaces.ensure(session, "memory", "T1"))
        return cls(database, path, workspace_id, rules)

    def new_router(self) -> Router:
        """Another router on the same database, as another process would have it."""
        return Router(
            self.database,
            self.platform,
            self.workspace_id,
            self.rules,
            clock=lambda: self.now,
            new_reference=lambda: REFERENCE,
            on_change=self._wake,
        )

    def new_dispatcher(self, on_posted: Callable[[PostedCard], None] = lambda _: None) -> Dispatcher:
        """Another dispatcher, as after a restart."""
        return Dispatcher(
            self.database,
            self.platform,
            self.workspace_id,
            self.rules,
            clock=lambda: self.now,
            on_posted=on_posted,
            sleep=self._sleep,
        )

    def new_reconciler(
        self,
        clock: Callable[[], datetime] | None = None,
        on_caught_up: Callable[[], None] = lambda: None,
        patience: Patience = PATIENCE,
    ) -> Reconciler:
        """A reconciler; without a clock, each of its readings is a second later."""
        return Reconciler(
            self.database,
            self.platform,
            self.workspace_id,
            self.rules.voting,
            clock=clock or (lambda: self.later(seconds=1)),
            on_change=self._wake,
            on_caught_up=on_caught_up,
            patience=patience,
        )

    def later(self, **time: float) -> datetime:
        """Move the clock on."""
        self.now += timedelta(**time)
        return self.now

    # What members do

    def typed(self, member: str, text: str, event_id: str = "") -> CommandTyped:
        """The event of a typed command."""
        return CommandTyped(event_id or self._id(), member, self.now, text)

    def clicked(self, member: str, action: str, value: str, message: str | None = None) -> ButtonClicked:
        """The event of a click."""
        return ButtonClicked(self._id(), member, self.now, action, value, message)

    def submitted(self, member: str, form: str, context: str = "", **values: str) -> FormSubmitted:
        """The event of a form."""
        return FormSubmitted(self._id(), member, self.now, form, context, values)

    async def type(self, member: str, text: str) -> Reply:
        """Let a member type `/idea text`."""
        return await self.router(self.typed(member, text))

    async def click(self, member: str, action: str, value: str, message: str | None = None) -> Reply:
        """Let a member click."""
        return await self.router(self.clicked(member, action, value, message))

    async def submit(self, member: str, form: str, context: str = "", **values: str) -> Reply:
        """Let a member send a form."""
        return await self.router(self.submitted(member, form, context, **values))

    async def react(self, member: str, key: str, emoji: str = "+1", *, is_present: bool = True) -> Reply:
        """Let a member react to the message of that key, which chat tells Butine."""
        self.platform.react(member, key, emoji, is_present=is_present)
        (message,) = self.platform.shown(key)
        return await self.router(ReactionChanged(self._id(), member, self.now, message.id, emoji, is_present))

    async def send(self) -> None:
        """Let the dispatcher send all that is due."""
        while await self.dispatcher.send_due():
            pass

    async def published(self, title: str = "Des vélos partagés", author: str = "camille") -> int:
        """An idea whose card is on show."""
        number = await self.pending(title, author)
        await self.click("nadia", "approve", str(number))
        await self.send()
        return number

    async def pending(self, title: str = "Des vélos partagés", author: str = "camille") -> int:
        """An idea that waits; its number."""
        await self.type(author, title)
        return (await self.all_ideas())[-1].number

    # What came of it

    async def read(self, work: Callable[[Session], T]) -> T:
        """Read the database."""
        return await self.database.read(work)

    async def all_ideas(self) -> list[Idea]:
        """Every idea, oldest first."""
        return await self.read(lambda session: ideas.after(session, self.workspace_id, 0, 1000))

    async def idea(self, number: int) -> Idea:
        """One idea."""
        found = await self.read(lambda session: ideas.by_number(session, self.workspace_id, number))
        assert found
        return found

    async def rows(self) -> dict[str, OutboxItem]:
        """The outbox by key."""
        rows = await self.read(lambda session: list(session.exec(select(OutboxItem).order_by(col(OutboxItem.id)))))
        return {row.key: row for row in rows}

    async def state(self) -> tuple[object, ...]:
        """All that an event may change but the inbox and the members: equal states, nothing happened."""

        def everything(session: Session) -> tuple[object, ...]:
            return tuple(
                [row.model_dump() for row in session.exec(select(table).order_by(col(table.id)))]
                for table in (Idea, HistoryEntry, OutboxItem)
            )

        return await self.read(everything)

    def _id(self) -> str:
        return f"event-{next(self._ids)}"

    def _wake(self) -> None:
        self.woken += 1

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.later(seconds=seconds)


def words(reply: Reply) -> str:
    """The card's text, with ordinary spaces."""
    assert reply.card, reply
    return plain(reply.card, FRENCH).replace("\u00a0", " ").replace("\u202f", " ")


def form_of(reply: Reply) -> Form:
    """The form that opens."""
    assert reply.form, reply
    return reply.form


def buttons(card: Card | None) -> dict[str, Button]:
    """The card's buttons by action."""
    assert card
    return {button.action: button for block in card.blocks if isinstance(block, Actions) for button in block.buttons}


def menu_of(card: Card | None) -> Menu:
    """The card's one menu."""
    assert card
    (menu,) = [block for block in card.blocks if isinstance(block, Menu)]
    return menu


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else can write to the database."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


DOWN = ChatUnavailable("timeout")
UNCERTAIN = ChatUnavailable("reset", is_uncertain=True)


def slow_down(seconds: float) -> ChatUnavailable:
    """What a platform says to who sends too fast."""
    return ChatUnavailable("ratelimited", retry_after=seconds)


async def want_again(desk: Desk, number: int) -> None:
    """Let the card in the review channel go out of date."""
    idea = await desk.idea(number)
    await desk.database.write(lambda session: announcing.review_card(session, idea, desk.now))


def posts(desk: Desk) -> list[str]:
    """The keys that were posted, in order."""
    return [key for verb, key in desk.platform.calls if verb in ("post", "direct")]
