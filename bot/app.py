"""The composition root: opens the database, and puts platforms, router, dispatcher and schedule together."""

import asyncio
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from aiohttp import web
from sqlmodel import Session

import bot
from bot import platforms
from bot.chat.dispatcher import Dispatcher
from bot.chat.events import Event, Reply
from bot.chat.platform import MayBeDeaf, MayMiss, Platform
from bot.chat.reconcile import Reconciler
from bot.chat.router import Router
from bot.config import Settings
from bot.errors import ChatUnavailable, NeedsMending
from bot.http import Listener
from bot.rules import Rules, rules_of
from bot.schedule import Schedule, Scheduled
from bot.trial import Trial
from bot.usecases import voting
from storage import notes, outbox, workspaces
from storage.database import Database
from storage.opening import parse_url, place

log = logging.getLogger(__name__)

LAST_SENDS_SECONDS = 2.5
CLOSING_SECONDS = 8.0
"""For all platforms together. Service managers kill what has not ended some ten seconds after they asked; the rest is
for the listener and the database."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 300.0
DEAF_SECONDS = 60.0
"""A connection may be gone that long before the sign of life names its platform."""
OWN_KEY = "own_key"

Build = Callable[
    [Settings, Callable[[], datetime], Callable[[], Awaitable[bytes]]],
    tuple[Sequence[Platform], Sequence[web.AbstractRouteDef]],
]
"""Makes the platforms and what they answer over HTTP: bot.platforms.build, or a test's."""


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class App:
    """Butine as a whole, for as long as it runs; to be made in the event loop that it will run in."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], datetime] = utc_now,
        *,
        build: Build = platforms.build,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        closing_seconds: float = CLOSING_SECONDS,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._rules = rules_of(settings)
        self._sleep = sleep
        self._closing_seconds = closing_seconds
        built, routes = build(settings, clock, self._own_key)
        self._desks = [_Desk(platform, self._rules, clock, self._hurry) for platform in built]
        self._trying: list[asyncio.Task[None]] = []
        web_settings = settings.web
        self._listener = Listener(
            web_settings.host, web_settings.port, bot.__version__, routes, self._out_of_reach, self._keeps
        )
        self._database: Database | None = None
        self._schedule: Schedule | None = None
        self._trial: Trial | None = None

    @property
    def address(self) -> str:
        """Where the listener answers."""
        host = self._settings.web.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._listener.port}/"

    @property
    def place(self) -> str:
        """Where all is kept."""
        return place(parse_url(self._settings.storage.url))

    async def start(self) -> None:
        """Open everything, and begin. Raises CannotOpen, ConfigError or ChatError, with nothing left open.

        A platform that can't be reached is tried again later, if another one is there meanwhile.
        """
        try:
            self._database = database = Database.open(self._settings.storage.url, exclusively=True)
            await database.write(lambda session: outbox.try_parked(session, self._clock()))
            if database.is_sqlite:
                await database.write(lambda session: outbox.release_all(session, self._clock()))
            self._trial = Trial(database, self._clock)
            await self._listener.start()
            missing = await self._open_desks(database)
            there = [desk.scheduled() for desk in self._desks if desk.name not in missing]
            self._schedule = schedule = Schedule(database, there, self._clock)
            schedule.start()
            for desk in self._desks:
                if error := missing.get(desk.name):
                    self._trying.append(asyncio.create_task(self._open_later(desk, error, database, schedule)))
        except BaseException:
            await self.stop()
            raise

    async def _open_desks(self, database: Database) -> dict[str, ChatUnavailable]:
        """Open all side by side; tells which can't be reached. Raises what is no such thing, or is all there is."""
        opened = await asyncio.gather(*(desk.open(database) for desk in self._desks), return_exceptions=True)
        missing: dict[str, ChatUnavailable] = {}
        for desk, error in zip(self._desks, opened, strict=True):
            if isinstance(error, ChatUnavailable) and not isinstance(error, NeedsMending):
                missing[desk.name] = error
            elif error is not None:
                raise error
        if missing and len(missing) == len(self._desks):
            raise next(iter(missing.values()))  # nobody could be served: a service manager is to know
        return missing

    async def _open_later(self, desk: "_Desk", error: Exception, database: Database, schedule: Schedule) -> None:
        """Try again until it is there, whatever stands in the way by then."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            wait = max(pause, (error.retry_after if isinstance(error, ChatUnavailable) else None) or 0.0)
            log.warning("%s can't be used (%s): all else runs, the next try is in %.0f s", desk.name, error, wait)
            await self._sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            try:
                await desk.open(database)
            except Exception as another:  # noqa: BLE001  whatever it is, the operator may mend it, and the log has it
                await desk.retreat()
                error = another
            else:
                break
        schedule.add(desk.scheduled())
        log.info("%s is there now", desk.name)

    def _out_of_reach(self) -> list[str]:
        """The platforms that are not open yet, and those from which nothing can have been heard for a while."""
        return [desk.name for desk in self._desks if not desk.is_open or desk.deaf_seconds >= DEAF_SECONDS]

    async def _keeps(self) -> bool:
        return self._trial is not None and await self._trial.succeeds()

    def _hurry(self) -> None:
        """A digest may have waited for a workspace's votes."""
        if self._schedule:
            self._schedule.hurry()

    async def _own_key(self) -> bytes:
        """Butine's own random key, made at the first start and kept in the database, which is open by then."""
        if self._database is None:
            raise RuntimeError("the database is not open")
        return bytes.fromhex(await self._database.write(_kept_key))

    async def stop(self) -> None:
        """Take nothing more in, finish what is under way, and close. Harmless after a start that failed."""
        if self._schedule:
            self._schedule.stop()
        for trying in self._trying:
            trying.cancel()
        await self._close_desks()
        await self._listener.stop()
        if self._database:
            await self._database.close()

    async def _close_desks(self) -> None:
        """All side by side, so that the slowest takes no longer than one may."""
        closing = [asyncio.create_task(desk.close(), name=desk.name) for desk in self._desks]
        if not closing:
            return
        closed, late = await asyncio.wait(closing, timeout=self._closing_seconds)
        for task in late:
            log.warning("%s was not closed in time", task.get_name())
            task.cancel()
        for task in closed:
            if error := task.exception():
                log.error("%s was not closed well", task.get_name(), exc_info=error)

    async def run(self, on_ready: Callable[[str], None]) -> None:
        """Start, say so with the address, and serve until SIGTERM or SIGINT."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        asked = asyncio.create_task(stopping.wait())
        starting = asyncio.create_task(self.start())
        await asyncio.wait({asked, starting}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()  # it may wait for a platform that doesn't answer
            await asyncio.wait({starting})
            return
        asked.cancel()
        await starting
        try:
            on_ready(self.address)
            await stopping.wait()
        finally:
            await self.stop()


class _Desk:
    """One workspace at work: its platform, router and dispatcher. `on_caught_up` is the reconciler's."""

    def __init__(
        self,
        platform: Platform,
        rules: Rules,
        clock: Callable[[], datetime],
        on_caught_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._platform = platform
        self._rules = rules
        self._clock = clock
        self._on_caught_up = on_caught_up
        self._router: asyncio.Future[Router] = asyncio.get_running_loop().create_future()
        self._dispatcher: Dispatcher | None = None
        self._sending: asyncio.Task[None] | None = None
        self._reconciler: Reconciler | None = None
        self._reconciling: asyncio.Task[None] | None = None
        self._workspace_id = 0

    @property
    def name(self) -> str:
        """The platform's kind."""
        return self._platform.name

    @property
    def is_open(self) -> bool:
        """Whether what comes from the platform is taken in at once."""
        return self._router.done() and not self._router.cancelled()

    @property
    def deaf_seconds(self) -> float:
        """For how long nothing can have been heard from the platform."""
        return self._platform.deaf_seconds if isinstance(self._platform, MayBeDeaf) else 0.0

    async def open(self, database: Database) -> None:
        """Connect and begin to send."""
        if isinstance(self._platform, MayMiss):
            self._platform.when_missed(self.reconcile)
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
        parts = database, self._platform, workspace_id
        self._reconciler = reconciler = Reconciler(
            *parts,
            self._rules.voting,
            clock=self._clock,
            on_change=self.wake,
            on_caught_up=self._on_caught_up,
        )
        self._dispatcher = Dispatcher(*parts, self._rules, clock=self._clock, on_posted=reconciler.want_card)
        router = Router(
            *parts,
            self._rules,
            clock=self._clock,
            new_reference=partial(secrets.token_hex, 4),
            on_change=self.wake,
        )
        self._router.set_result(router)
        self._sending = asyncio.create_task(self._dispatcher.run())
        reconciler.want_all()
        self._reconciling = asyncio.create_task(reconciler.run())

    def reconcile(self) -> None:
        """Have every reaction read that may have changed unseen."""
        if self._reconciler:
            self._reconciler.want_all()

    def _has_caught_up(self) -> bool:
        return self._reconciler is not None and self._reconciler.has_caught_up

    def wake(self) -> None:
        """There may be something to send."""
        if self._dispatcher:
            self._dispatcher.wake()

    def scheduled(self) -> Scheduled:
        """This workspace, for the schedule."""
        return Scheduled(self._workspace_id, self._rules, self.reconcile, self.wake, self._has_caught_up)

    async def retreat(self) -> None:
        """After `open` has raised: disconnect, so that it may be called again."""
        self._router.cancel()
        try:
            await self._platform.close()
        except Exception:
            log.exception("%s was not closed well", self.name)
        self._router = asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """Give what is being sent a moment, see through what came in, and disconnect."""
        self._router.cancel()  # after a start that failed, events would wait for it for ever; else it is done already
        if self._reconciling:
            self._reconciling.cancel()
        if self._dispatcher and self._sending:
            # While the platform is still open: a message cut off on its way has to be looked for at the next start.
            self._dispatcher.close()
            _, late = await asyncio.wait([self._sending], timeout=LAST_SENDS_SECONDS)
            for task in late:
                task.cancel()
        await self._platform.close()

    async def _take_in(self, event: Event) -> Reply:
        """An event may come before the workspace is known; it waits for that."""
        router = self._router
        if not router.done():
            await asyncio.shield(router)  # one event that is cancelled must not cancel it for all
        return await router.result()(event)


def _kept_key(session: Session) -> str:
    return notes.settle(session, OWN_KEY, secrets.token_hex(32))
