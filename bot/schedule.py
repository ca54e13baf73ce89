"""APScheduler's minute tick, and what is due at one: digests, reminders, reconciling, tidying.

The tick is only a pulse. Which period is due is computed from the calendar and claimed by a row, because cron triggers
skip and repeat hours at daylight saving, and a late tick must not lose a week. Nor may a clock that is set back:
APScheduler then waits until its next run's hour is reached again, so it is armed anew if it is silent for too long.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlmodel import Session

from bot.domain.calendar import Due
from bot.errors import AlreadyDone
from bot.rules import Rules
from bot.usecases import digesting, moderation
from storage import inbox, outbox
from storage.database import Database
from storage.errors import StorageError

log = logging.getLogger(__name__)

RECONCILE_EVERY = timedelta(hours=1)
TIDY_EVERY = timedelta(days=1)
INBOX_KEPT = timedelta(days=7)
"""Far longer than any platform goes on delivering an event."""
WORKDAYS = 5
SILENT_PULSES = 1.5
"""After so many without one, by a clock that nobody sets, APScheduler is armed anew."""
LAST_HOUR = timedelta(hours=1)
"""Of the time in which a digest is posted: then it waits for no votes any more."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A workspace under the schedule; `reconcile` has its reactions read again, `on_change` wakes its dispatcher.

    Both return at once: reading takes long where there are many ideas, and no digest is to wait for it. But what
    `has_caught_up` tells is waited for: votes cast while Butine was away decide about the shortlist too.
    """

    workspace_id: int
    rules: Rules
    reconcile: Callable[[], None]
    on_change: Callable[[], None]
    has_caught_up: Callable[[], bool] = lambda: True


class Schedule:
    """Does once a minute what is due, for every workspace; what fails is tried again a minute later."""

    def __init__(
        self,
        database: Database,
        workspaces: Sequence[Scheduled],
        clock: Callable[[], datetime],
        pulse: timedelta = timedelta(minutes=1),
    ) -> None:
        self._database = database
        self._workspaces = list(workspaces)
        self._clock = clock
        self._pulse_seconds = pulse.total_seconds()
        self._reconciled_at = clock()
        self._tidied_at = datetime.min.replace(tzinfo=UTC)
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._ticking: asyncio.Task[None] | None = None
        self._silence: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Tick now, and every minute from now on. A tick that comes late or finds another one under way is one tick."""
        self._arm()
        self._scheduler.start()
        self._begin()

    def add(self, workspace: Scheduled) -> None:
        """One more, whose platform could not be reached before; what is due for it is done at once."""
        self._workspaces.append(workspace)
        self.hurry()

    def hurry(self) -> None:
        """Something may be due that was not at the last tick: tick now, or right after the tick under way."""
        if self._ticking and not self._ticking.done():
            self._ticking.add_done_callback(lambda _: self._begin())
        else:
            self._begin()

    def stop(self) -> None:
        """No more ticks; one under way is broken off, which loses nothing."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if self._silence:
            self._silence.cancel()
        if self._ticking:
            self._ticking.cancel()

    def _arm(self) -> None:
        """Have APScheduler tell each pulse from now on, by the wall clock as it is now."""
        every = IntervalTrigger(seconds=self._pulse_seconds, timezone=UTC)
        self._scheduler.add_job(
            self._pulse, every, id="pulse", replace_existing=True, coalesce=True, misfire_grace_time=None
        )
        self._listen()

    def _listen(self) -> None:
        if self._silence:
            self._silence.cancel()
        wait = SILENT_PULSES * self._pulse_seconds
        self._silence = asyncio.get_running_loop().call_later(wait, self._on_silence)

    async def _pulse(self) -> None:
        self._listen()
        self._begin()

    def _on_silence(self) -> None:
        """It keeps its next run as an instant of the wall clock: where that was set back, it may be hours away."""
        if self._scheduler.running:
            log.warning("the schedule is armed anew: it was silent for too long, was the clock set back?")
            self._arm()
            self._begin()

    def _begin(self) -> None:
        """Tick in a task of its own: APScheduler would log one that is broken off as an error, with a traceback."""
        if self._scheduler.running and (self._ticking is None or self._ticking.done()):
            self._ticking = asyncio.create_task(self._tick_and_survive())

    async def _tick_and_survive(self) -> None:
        try:
            await self.tick()
        except Exception:
            log.exception("the schedule failed, it tries again in a minute")

    async def tick(self) -> None:
        """Do what is due now."""
        now = self._clock()
        for workspace in tuple(self._workspaces):
            await _attempted(self._digest(workspace, now))
            await _attempted(self._remind(workspace, now))
            workspace.on_change()  # the command line may have left something to send
        if abs(now - self._reconciled_at) >= RECONCILE_EVERY:
            for workspace in self._workspaces:
                workspace.reconcile()
            self._reconciled_at = now
        is_untidy = abs(now - self._tidied_at) >= TIDY_EVERY
        if is_untidy and await _attempted(self._database.write(partial(_tidy, now=now))):
            self._tidied_at = now

    async def _digest(self, workspace: Scheduled, now: datetime) -> None:
        weekly, workspace_id = workspace.rules.weekly, workspace.workspace_id
        period = weekly.latest(now)
        if await self._database.read(lambda session: digesting.of_period(session, workspace_id, period, now)):
            return
        if weekly.verdict(period, now) is Due.TOO_LATE:
            missed = await self._database.write(lambda s: digesting.note_missed(s, workspace_id, period, now))
            if missed and missed.proposed:
                log.warning("digest %s was missed: Butine was away on its day", period.key)
            return
        if not workspace.has_caught_up() and weekly.verdict(period, now + LAST_HOUR) is Due.POST:
            return
        sizes = workspace.rules.sizes
        try:
            await self._database.write(lambda s: digesting.publish(s, workspace_id, period, sizes, now))
        except AlreadyDone:
            return  # another process has it
        log.info("digest %s is claimed", period.key)

    async def _remind(self, workspace: Scheduled, now: datetime) -> None:
        """Reminders come on workdays, once the digest's time of day has come: not in the middle of the night."""
        weekly = workspace.rules.weekly
        local = now.astimezone(weekly.time_zone)
        if local.weekday() >= WORKDAYS or local.time() < weekly.at:
            return
        wait, day = workspace.rules.remind_after, local.date().isoformat()
        if not await self._database.read(lambda s: moderation.overdue(s, workspace.workspace_id, wait, now)):
            return
        await self._database.write(lambda s: moderation.remind(s, workspace.workspace_id, wait, day, now))


def _tidy(session: Session, now: datetime) -> None:
    """What no platform delivers again is forgotten, and who had left may be back."""
    inbox.forget_before(session, now - INBOX_KEPT)
    outbox.try_parked(session, now, outbox.MEMBER_LEFT)


async def _attempted(work: Awaitable[object]) -> bool:
    """Whether it was done; what was not is left for the next tick, and keeps nothing else from being done."""
    try:
        await work
    except StorageError as error:
        log.error("the schedule could not do all that is due, it tries again in a minute: %s", error)  # noqa: TRY400  it says all
        return False
    except Exception:
        log.exception("the schedule could not do all that is due, it tries again in a minute")
        return False
    return True
