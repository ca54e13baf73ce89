"""Butine before a fake Slack, put together as the app does it, on the fake's clock: nothing waits for real."""

import secrets
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlmodel import Session

from bot.chat.dispatcher import Dispatcher
from bot.chat.events import Event, Reply
from bot.chat.reconcile import Reconciler
from bot.chat.router import Router
from bot.config import Settings
from bot.rules import rules_of
from storage import ideas, workspaces
from storage.database import Database
from storage.tables import Idea, Status
from tests.contract.slack_rig import platform_before
from tests.fakes.slack.workspace import FakeSlack
from tests.usecases.builders import new_file

Mode = Literal["socket", "http"]


class Installation:
    """One Butine. What chat must come to show is sent by `settle`."""

    def __init__(self, slack: FakeSlack, mode: Mode, folder: Path) -> None:
        self.slack = slack
        self.mode = mode
        self.rules = rules_of(Settings())
        self.database = Database.open(f"sqlite:///{new_file(folder)}")
        self.platform = platform_before(slack, mode)
        self._server: TestServer | None = None
        self.workspace_id = 0
        self.address = ""

    async def start(self) -> None:
        """Connect, and take events in."""
        if self.mode == "http":
            app = web.Application()
            app.add_routes(self.platform.routes())
            self._server = TestServer(app)
            await self._server.start_server()
            self.address = str(self._server.make_url("/slack/events"))
            self.slack.use_http(self.address)
        await self.platform.start(self._take_in)
        name, team = self.platform.name, self.platform.workspace
        self.workspace_id = await self.database.write(lambda session: workspaces.ensure(session, name, team))
        clock = self.slack.clock
        self.dispatcher = Dispatcher(
            self.database, self.platform, self.workspace_id, self.rules, clock=clock.now, sleep=clock.sleep
        )
        self.router = Router(
            self.database,
            self.platform,
            self.workspace_id,
            self.rules,
            clock=clock.now,
            new_reference=partial(secrets.token_hex, 4),
            on_change=lambda: None,
        )
        self.reconciler = Reconciler(
            self.database,
            self.platform,
            self.workspace_id,
            self.rules.voting,
            clock=clock.now,
            on_change=lambda: None,
        )

    async def _take_in(self, event: Event) -> Reply:
        return await self.router(event)

    async def settle(self) -> None:
        """Send until nothing is due any more."""
        self.slack.clock.advance(0.01)
        while await self.dispatcher.send_due():
            self.slack.clock.advance(0.01)

    async def reconcile(self) -> int:
        """Read every reaction again."""
        return await self.reconciler.read_all()

    async def stop(self) -> None:
        """Disconnect and close."""
        await self.platform.close()
        if self._server:
            await self._server.close()
        await self.database.close()

    async def ideas(self) -> list[Idea]:
        """Every idea, oldest first."""

        def read(session: Session) -> list[Idea]:
            return list(reversed(ideas.newest(session, self.workspace_id, set(Status), limit=1000)))

        return await self.database.read(read)

    async def publish(self, number: int, text: str) -> None:
        """An idea that everybody can vote for, proposed by typing and approved with the button."""
        slack = self.slack
        await slack.type_command("U0CAMILLE0", text)
        await self.settle()
        await slack.click("U0NADIA000", slack.card("G0MODERER01", text), "Approuver")
        await self.settle()
        assert slack.card("C0IDEES0001", text)
        assert (await self.ideas())[number - 1].status is Status.PUBLISHED
        slack.clock.advance(timedelta(minutes=1).total_seconds())
