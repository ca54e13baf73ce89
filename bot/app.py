"""The composition root: opens the database, and puts platforms, router, dispatcher and schedule together."""

import asyncio
import logging
import secrets
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sqlmodel import Session

import bot
from bot import platforms
from bot.chat.dispatcher import Dispatcher
from bot.chat.events import Event, Reply
from bot.chat.platform import MayMiss, Platform
from bot.chat.reconcile import reconcile
from bot.chat.router import Router
from bot.config import Settings
from bot.http import Listener
from bot.rules import Rules, rules_of
from bot.schedule import Schedule, Scheduled
from bot.usecases import voting
from storage import notes, outbox, workspaces
from storage.database import Database

log = logging.getLogger(__name__)

LAST_SENDS_SECONDS = 5.0
OWN_KEY = "own_key"


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class App:
    """Butine as a whole, for as long as it runs; to be made in the event loop that it will run in."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._rules = rules_of(settings)
        built, routes = platforms.build(settings, clock, self._own_key)
        self._desks = [_Desk(platform, self._rules, clock) for platform in built]
        self._listener = Listener(settings.web.host, settings.web.port, bot.__version__, routes)
        self._database: Database | None = None
        self._schedule: Schedule | None = None

    @property
    def address(self) -> str:
        """Where the listener answers."""
        host = self._settings.web.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._listener.port}/"

    async def start(self) -> None:
        """Open everything, and begin. Raises CannotOpen, ConfigError or ChatError, with nothing left open."""
        try:
            self._database = database = Database.open(self._settings.storage.url, exclusively=True)
            if database.is_sqlite:
                await database.write(lambda session: outbox.release_all(session, self._clock()))
            await self._listener.start()
            for desk in self._desks:
                await desk.open(database)
            self._schedule = Schedule(database, [desk.scheduled() for desk in self._desks], self._clock)
            self._schedule.start()
        except BaseException:
            await self.stop()
            raise

    async def _own_key(self) -> bytes:
        """Butine's own random key, made at the first start and kept in the database, which is open by then."""
        if self._database is None:
            raise RuntimeError("the database is not open")
        return bytes.fromhex(await self._database.write(_kept_key))

    async def stop(self) -> None:
        """Take nothing more in, finish what is under way, and close. Harmless after a start that failed."""
        if self._schedule:
            self._schedule.stop()
        for desk in self._desks:
            await desk.close()
        await self._listener.stop()
        if self._database:
            await self._database.close()

    async def run(self, on_ready: Callable[[str], None]) -> None:
        """Start, say so with the address, and serve until SIGTERM or SIGINT."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        await self.start()
        try:
            on_ready(self.address)
            await stopping.wait()
        finally:
            await self.stop()


class _Desk:
    """One workspace at work: its platform, router and dispatcher."""

    def __init__(self, platform: Platform, rules: Rules, clock: Callable[[], datetime]) -> None:
        self._platform = platform
        self._rules = rules
        self._clock = clock
        self._router: asyncio.Future[Router] = asyncio.get_running_loop().create_future()
        self._dispatcher: Dispatcher | None = None
        self._sending: asyncio.Task[None] | None = None
        self._reconciling: asyncio.Task[None] | None = None
        self._database: Database | None = None
        self._workspace_id = 0

    async def open(self, database: Database) -> None:
        """Connect and begin to send."""
        if isinstance(self._platform, MayMiss):
            self._platform.when_missed(self._reconcile_soon)
        await self._platform.start(self._take_in)
        name, workspace = self._platform.name, self._platform.workspace
        workspace_id = await database.write(lambda session: workspaces.ensure(session, name, workspace))
        self._workspace_id = workspace_id
        recounted = await database.write(
            partial(
                voting.recount_if_rules_changed,
                workspace_id=workspace_id,
                voting=self._rules.voting,
                now=self._clock(),
            )
        )
        if recounted:
            log.info("the voting rules changed: %s counts are new", recounted)
        self._dispatcher = Dispatcher(database, self._platform, workspace_id, self._rules, clock=self._clock)
        router = Router(
            database,
            self._platform,
            workspace_id,
            self._rules,
            clock=self._clock,
            new_reference=partial(secrets.token_hex, 4),
            on_change=self._dispatcher.wake,
        )
        self._router.set_result(router)
        self._sending = asyncio.create_task(self._dispatcher.run())
        self._database = database
        self._reconciling = asyncio.create_task(self.reconcile())

    async def reconcile(self) -> None:
        """Read every reaction that may have changed unseen."""
        if self._database and await reconcile(
            self._database, self._platform, self._workspace_id, self._rules.voting, self._clock
        ):
            self.wake()

    def _reconcile_soon(self) -> None:
        """Events may have been missed. What is missed while the reactions are read is found an hour later at most."""
        if self._database and (self._reconciling is None or self._reconciling.done()):
            self._reconciling = asyncio.create_task(self.reconcile())

    def wake(self) -> None:
        """There may be something to send."""
        if self._dispatcher:
            self._dispatcher.wake()

    def scheduled(self) -> Scheduled:
        """This workspace, for the schedule."""
        return Scheduled(self._workspace_id, self._rules, self.reconcile, self.wake)

    async def close(self) -> None:
        """Disconnect, and give what is being sent a moment."""
        self._router.cancel()  # after a start that failed, events would wait for it for ever; else it is done already
        await self._platform.close()
        if self._reconciling:
            self._reconciling.cancel()
        if self._dispatcher and self._sending:
            self._dispatcher.close()
            _, late = await asyncio.wait([self._sending], timeout=LAST_SENDS_SECONDS)
            for task in late:
                task.cancel()

    async def _take_in(self, event: Event) -> Reply:
        """An event may come before the workspace is known; it waits for that."""
        router = await asyncio.shield(self._router)  # one event that is cancelled must not cancel it for all
        return await router(event)


def _kept_key(session: Session) -> str:
    key = notes.get(session, OWN_KEY)
    if key is None:
        key = secrets.token_hex(32)
        notes.put(session, OWN_KEY, key)
    return key
