"""The weekly digest, when what posts it is killed at the worst moments: one post a period, and none is missed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import psycopg
import pytest
from aiohttp import web
from sqlmodel import Session

from bot.chat.dispatcher import LEASE
from bot.schedule import INBOX_KEPT
from storage import ideas, inbox, workspaces
from storage.database import Database
from storage.opening import parse_url, upgrade
from storage.tables import Idea, Step
from tests.fakes.mattermost.answers import Json
from tests.torture.conftest import Figures
from tests.torture.dose import IS_WHOLE
from tests.torture.ledger import Ledger
from tests.torture.processes import until
from tests.torture.served import Clock, Served
from tests.torture.town import Town

FIRST = datetime(2027, 1, 4, 9, 0, 2, tzinfo=ZoneInfo("Europe/Paris"))
WEEK = timedelta(weeks=1)
PATIENCE_SECONDS = 120.0
GATES = {
    "before it claims the period": "BEFORE INSERT ON digest FOR EACH ROW",
    "with the claim not committed": "BEFORE INSERT ON outbox FOR EACH ROW WHEN (NEW.key LIKE 'digest:%')",
    "with all committed and nothing taken to be sent": "BEFORE UPDATE ON outbox FOR EACH ROW"
    " WHEN (NEW.key LIKE 'digest:%' AND OLD.lease_until IS NULL AND NEW.lease_until IS NOT NULL)",
}
"""Where a process waits in the database, as triggers of the tests' own that wait for a lock which the test holds."""
ARRIVED, ACCEPTED, SETTLED = "before chat takes it", "with chat having taken it", "after it has noted that it is posted"
BY_CHANCE = "at a moment by chance"


class Gates:
    """Makes processes wait within their transactions. `url` is of a PostgreSQL database of ours."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(
            "CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::bigint); RETURN NEW; END $$"
        )
        for number, when in enumerate(GATES.values()):
            self._connection.execute(
                f"CREATE TRIGGER gate_{number} {when} EXECUTE FUNCTION wait_at_gate({number})".encode()
            )

    def close(self, point: str) -> None:
        """Whoever comes there waits."""
        self._connection.execute("SELECT pg_advisory_lock(%s)", [list(GATES).index(point)])

    def open(self, point: str) -> None:
        """Whoever waits there goes on."""
        self._connection.execute("SELECT pg_advisory_unlock(%s)", [list(GATES).index(point)])

    def who_waits(self) -> list[str]:
        """The names of those who wait."""
        query = (
            "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE l.locktype = 'advisory' AND NOT l.granted"
        )
        return [str(row[0]) for row in self._connection.execute(query.encode())]

    def stop(self) -> None:
        """Disconnect."""
        self._connection.close()


class Watch:
    """Sees who posts a digest, and keeps the sender waiting at a moment, "arrived" or "accepted"."""

    def __init__(self) -> None:
        self.moment = ""
        self.sender = ""
        self._goes_on = asyncio.Event()

    async def __call__(self, moment: str, request: web.Request, given: Json) -> None:
        """As the fake server has it."""
        if not given["props"]["butine"]["key"].startswith("digest:"):
            return
        self.sender = request.headers["Authorization"].removeprefix("Bearer ")
        if moment == self.moment:
            await self._goes_on.wait()
            raise ConnectionResetError  # its sender is dead

    def hold(self, moment: str) -> None:
        """Keep the next sender waiting."""
        self.moment, self.sender = moment, ""
        self._goes_on.clear()

    def release(self) -> None:
        """Keep nobody waiting."""
        self.moment = ""
        self._goes_on.set()


class Weeks:
    """Goes from period to period, each with something to tell, and looks at what was posted."""

    def __init__(self, url: str, town: Town, clock: Clock) -> None:
        self._url = url
        self._town = town
        self._clock = clock
        self._ledger = Ledger(url)
        self.count = 0

    def stop(self) -> None:
        """Look no more."""
        self._ledger.close()

    async def next(self) -> None:
        """The digest is due, and says that an idea was proposed."""
        due = FIRST + self.count * WEEK
        self.count += 1
        self._clock.set(due.astimezone(UTC))
        team = self._town.mattermost

        def propose(session: Session) -> None:
            workspace_id = workspaces.ensure(session, "mattermost", team.team)
            at = self._clock() - timedelta(days=1)
            idea = Idea(
                workspace_id=workspace_id, number=0, title="Une idée", author_id="x", submitted_at=at, changed_at=at
            )
            ideas.add(session, idea)
            ideas.record(session, idea, Step.SUBMITTED, "x", at)

        await self._write(propose)

    def posted(self) -> Counter[str]:
        """How often each digest stands in its channel."""
        team = self._town.mattermost
        keys = [post["props"]["butine"]["key"] for post in team.posts_in(team.ideas)]
        return Counter(key for key in keys if key.startswith("digest:"))

    def are_settled(self) -> bool:
        """Whether each period so far has its digest, once, and nothing waits to be sent."""
        posted = self.posted()
        return len(posted) == self.count and set(posted.values()) <= {1} and not self._ledger.waiting()

    def are_all_there(self) -> bool:
        """Whether none of the periods was missed."""
        return self._ledger.digests() == (self.count, 0)

    async def go_on_with(self, process: Served) -> None:
        """Start it, and return once all is settled that it found due: what is that old, it forgets in its first tick,
        after all else.
        """

        def leave(session: Session) -> None:
            workspace_id = workspaces.ensure(session, "mattermost", self._town.mattermost.team)
            inbox.add(session, workspace_id, f"event-{self._clock()}", self._clock() - 2 * INBOX_KEPT, {})

        await self._write(leave)
        await process.start()
        await until(lambda: not self._ledger.events() and self.are_settled(), PATIENCE_SECONDS)

    async def _write(self, work: Callable[[Session], None]) -> None:
        database = Database.open(self._url)
        await database.write(work)
        await database.close()


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@pytest.fixture
async def town(tmp_path: Path, random: Random, clock: Clock) -> AsyncIterator[Town]:
    """The chats, on the clock that Butine has, with a token for each process."""
    town = Town(tmp_path, random, clock)
    town.mattermost.world.tokens |= dict.fromkeys(("one", "two", "three"), town.mattermost.bot)
    await town.start()
    yield town
    await town.stop()


@pytest.fixture
def url(postgresql_url: str) -> str:
    """A database of ours on PostgreSQL."""
    upgrade(parse_url(postgresql_url))
    return postgresql_url


async def test_of_three_processes_one_is_killed_and_each_period_has_its_digest_once(
    town: Town, clock: Clock, tmp_path: Path, random: Random, url: str, figures: Figures
) -> None:
    """Killed at each of six points; the clock then goes on beyond the lease, and the killed one is started again."""
    points = _doses(random, list(GATES), [ARRIVED, ACCEPTED, SETTLED])
    gates, watch, weeks = Gates(url), Watch(), Weeks(url, town, clock)
    town.mattermost.server.watch = watch
    three = {}
    for name in ("one", "two", "three"):
        given = town.settings(f"{url}?application_name={name}", "mattermost") | {"BUTINE_MATTERMOST__TOKEN": name}
        three[name] = Served(name, given, tmp_path / "clock")
    try:
        for point in points:
            await weeks.next()
            victim = await _killed_at(point, three, gates, watch, weeks.are_settled)
            clock.set(clock() + LEASE + timedelta(seconds=1))
            await weeks.go_on_with(three[victim])
            await _all_killed(three)
        await weeks.next()
        await weeks.go_on_with(three["one"])
        assert weeks.are_all_there()
    finally:
        await _all_killed(three)
        gates.stop()
        weeks.stop()
    figures(kills=len(points), points=len(set(points)), digests=sum(weeks.posted().values()))


def _doses(random: Random, *kinds: list[str]) -> list[str]:
    """Each point thirty times; or of each kind one by chance, so that the suite comes to all in a few runs."""
    if IS_WHOLE:
        return [point for kind in kinds for point in kind for _ in range(30)]
    points = list(map(random.choice, kinds))
    print("killed", ", then ".join(points))  # noqa: T201  where it fails
    return points


async def _all_killed(processes: dict[str, Served]) -> None:
    for process in processes.values():
        process.kill()
    await asyncio.gather(*(process.ended() for process in processes.values()))


async def _killed_at(
    point: str, three: dict[str, Served], gates: Gates, watch: Watch, is_settled: Callable[[], bool]
) -> str:
    """Start them all at the hour, kill the one that comes to that point, and let the others go on; who it was."""
    if point in GATES:
        gates.close(point)
    watch.hold({ARRIVED: "arrived", ACCEPTED: "accepted"}.get(point, ""))
    for process in three.values():
        process.begin()
    if point in GATES:
        await until(gates.who_waits, PATIENCE_SECONDS)
        victim = gates.who_waits()[0]
    elif point == SETTLED:
        await until(is_settled, PATIENCE_SECONDS)
        victim = watch.sender
    else:
        await until(lambda: watch.sender, PATIENCE_SECONDS)
        victim = watch.sender
    three[victim].kill()
    await three[victim].ended()
    if point in GATES:
        gates.open(point)
    watch.release()
    return victim


async def test_one_process_is_killed_and_started_again_and_each_period_has_its_digest_once(
    town: Town, clock: Clock, tmp_path: Path, random: Random, figures: Figures
) -> None:
    """On SQLite, which one process has for itself: killed by chance, and at each of three moments that chat sees."""
    points = _doses(random, [BY_CHANCE, SETTLED], [ARRIVED, ACCEPTED])
    url = f"sqlite:///{tmp_path}/butine.db"
    upgrade(parse_url(url))
    watch, weeks = Watch(), Weeks(url, town, clock)
    town.mattermost.server.watch = watch
    given = town.settings(url, "mattermost") | {"BUTINE_MATTERMOST__TOKEN": "one"}
    butine = Served("one", given, tmp_path / "clock")
    try:
        for point in points:
            await weeks.next()
            watch.hold({ARRIVED: "arrived", ACCEPTED: "accepted"}.get(point, ""))
            butine.begin()
            if point == BY_CHANCE:
                await asyncio.sleep(random.uniform(0.05, 1.0))  # the moment is by chance
            elif point == SETTLED:
                await until(weeks.are_settled, PATIENCE_SECONDS)
            else:
                await until(lambda: watch.sender, PATIENCE_SECONDS)
            butine.kill()
            await butine.ended()
            watch.release()
            await weeks.go_on_with(butine)
            butine.kill()
            await butine.ended()
        await weeks.next()
        await weeks.go_on_with(butine)
        assert weeks.are_all_there()
    finally:
        butine.kill()
        await butine.ended()
        weeks.stop()
    figures(kills=len(points), points=len(set(points)), digests=sum(weeks.posted().values()))
