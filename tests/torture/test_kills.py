"""A process that is ended in the middle of a burst: nothing acknowledged is lost, nothing is there twice or by half."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from bot.chat.dispatcher import LEASE
from storage.opening import parse_url, upgrade
from tests.torture.balancer import Balancer
from tests.torture.conftest import Figures
from tests.torture.dose import dose
from tests.torture.ledger import Ledger
from tests.torture.processes import Butine, until
from tests.torture.served import Clock, Served
from tests.torture.town import Sent, Town

ON_SLACK = dose(5, 2)
"""Of each fifty. Slack takes a card a second: with more, the end would be waited for and nothing else shown by it."""
STOP_SECONDS = 10.0
TRIES = 5
ALL_SHOWN_SECONDS = 1800.0
IN_THE_MIDDLE_AT_LEAST = 1 / 3
"""Of all bursts: before one or after it, nothing can be lost."""
MORE_BURSTS = 5

T = TypeVar("T")


@pytest.fixture
async def town(tmp_path: Path, random: Random) -> AsyncIterator[Town]:
    """The chats, with everybody there."""
    town = Town(tmp_path, random)
    await town.start()
    yield town
    await town.stop()


@pytest.fixture
def url(postgresql_url: str) -> str:
    """A database of ours on PostgreSQL."""
    upgrade(parse_url(postgresql_url))
    return postgresql_url


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path}/butine.db")


@pytest.fixture
async def butine(tmp_path: Path, town: Town, bytecode: Path) -> AsyncIterator[Butine]:
    """One Butine for the three platforms, not started yet."""
    settings = town.settings(f"sqlite:///{tmp_path}/butine.db", "slack", "mattermost", "web")
    butine = Butine(tmp_path, settings, bytecode)
    yield butine
    butine.kill()
    await butine.ended()


async def test_after_each_kill_every_acknowledged_idea_is_there_once_and_whole(
    butine: Butine, town: Town, ledger: Ledger, random: Random, figures: Figures
) -> None:
    sent, moments = list[Sent](), Moments(random)
    starts = [await butine.start()]
    acknowledged = again = 0
    for _ in moments.rounds(dose(200, 1)):
        burst = town.ideas(slack=ON_SLACK, mattermost=20, web=30 - ON_SLACK)
        sent += burst
        await moments.end(burst, butine.address, partial(killed, butine))
        acknowledged += sum(each.is_acknowledged for each in burst)
        starts.append(await butine.start())
        assert ledger.wrong(sent) == []
        again += await sent_again(burst, butine.address)
        assert ledger.wrong(sent) == []
    await all_shown(ledger, town)
    figures(
        kills=moments.bursts,
        in_the_middle=moments.in_the_middle,
        ideas=len(sent),
        acknowledged_before_the_kill=acknowledged,
        sent_again=again,
        median_start_seconds=f"{sorted(starts)[len(starts) // 2]:.1f}",
    )


async def test_a_stop_in_the_middle_of_a_burst_is_quick_and_keeps_what_was_acknowledged(
    tmp_path: Path, town: Town, ledger: Ledger, random: Random, figures: Figures
) -> None:
    sent, moments = list[Sent](), Moments(random)
    took: list[float] = []
    settings = town.settings(f"sqlite:///{tmp_path}/butine.db", "slack", "mattermost", "web")
    butine = Served("butine", settings, Clock(tmp_path / "clock").file)
    await butine.start()
    acknowledged = again = 0
    for _ in moments.rounds(dose(50, 1)):
        burst = town.ideas(slack=ON_SLACK, mattermost=20, web=30 - ON_SLACK)
        sent += burst
        took.append(await moments.end(burst, butine.address, partial(stopped, butine)))
        acknowledged += sum(each.is_acknowledged for each in burst)
        await butine.start()
        assert ledger.wrong(sent) == []
        again += await sent_again(burst, butine.address)
        assert ledger.wrong(sent) == []
    await all_shown(ledger, town)
    await killed(butine)
    assert max(took) < STOP_SECONDS
    figures(
        stops=moments.bursts,
        in_the_middle=moments.in_the_middle,
        ideas=len(sent),
        acknowledged_before_the_stop=acknowledged,
        sent_again=again,
        slowest_stop_seconds=f"{max(took):.1f}",
    )


async def test_of_two_processes_on_postgresql_one_is_killed_and_nothing_is_lost_or_doubled(
    tmp_path: Path, random: Random, url: str, figures: Figures
) -> None:
    """The other goes on meanwhile, and is sent again what was not acknowledged; they end at moments by chance."""
    kills, stops = dose(200, 1), dose(50, 1)
    clock = Clock(tmp_path / "clock")
    town, moments, ledger = Town(tmp_path, random, clock), Moments(random), Ledger(url)
    sent, took = list[Sent](), list[float]()
    acknowledged = again = 0
    await town.start()
    async with Balancer() as balancer:
        two = [Served(name, town.settings(url, "slack", "mattermost"), clock.file) for name in ("one", "two")]
        balancer.addresses = [process.address for process in two]
        try:
            await asyncio.gather(*(process.start() for process in two))
            for number in moments.rounds(kills + stops):
                victim = two[number // 2 % 2]
                burst = town.ideas(slack=ON_SLACK, mattermost=50 - ON_SLACK)
                sent += burst
                if number < kills:
                    await moments.end(burst, balancer.address, partial(killed, victim))
                else:
                    took.append(await moments.end(burst, balancer.address, partial(stopped, victim)))
                acknowledged += sum(each.is_acknowledged for each in burst)
                assert ledger.wrong(sent) == []
                again += await sent_again(burst, balancer.address)
                assert ledger.wrong(sent) == []
                await victim.start()
            for process in two:
                await killed(process)
            clock.set(clock() + LEASE + timedelta(seconds=1))  # what the killed ones had taken may be sent by others
            await asyncio.gather(*(process.start() for process in two))
            await all_shown(ledger, town)
        finally:
            for process in two:
                await killed(process)
            await town.stop()
            ledger.close()
    assert max(took) < STOP_SECONDS
    figures(
        kills=kills,
        stops=len(took),
        in_the_middle=moments.in_the_middle,
        ideas=len(sent),
        acknowledged_at_once=acknowledged,
        sent_again=again,
        slowest_stop_seconds=f"{max(took):.1f}",
    )


class Moments:
    """Moments within bursts: every other one right after the first acknowledgement, which is when one that was given
    too early is found out; the others by chance, however long this machine takes for a burst.
    """

    def __init__(self, random: Random) -> None:
        self.bursts = self.in_the_middle = 0
        self._random = random
        self._span = 0.3

    def rounds(self, number: int) -> Iterator[int]:
        """So many, and some more while too few came in the middle of a burst; fails where these don't help."""
        for done in range(number + MORE_BURSTS):
            if done >= number and self._are_enough():
                return
            yield done
        assert self._are_enough(), f"of {self.bursts} moments {self.in_the_middle} were in the middle of a burst"

    def _are_enough(self) -> bool:
        return self.in_the_middle >= self.bursts * IN_THE_MIDDLE_AT_LEAST

    async def end(self, burst: Sequence[Sent], address: str, end: Callable[[], Awaitable[T]]) -> T:
        """Send them all at once, and call `end` while some are acknowledged and some not; returns what it returns."""
        is_by_chance = self.bursts % 2 == 1
        async with asyncio.TaskGroup() as sending:
            tasks = [sending.create_task(each.to(address)) for each in burst]
            if is_by_chance:
                await asyncio.sleep(self._random.uniform(0, self._span))
            else:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            share = sum(each.is_acknowledged for each in burst) / len(burst)
            came_of_it = await end()
        self.bursts += 1
        self.in_the_middle += 0 < share < 1
        if is_by_chance:
            self._span *= 0.9 if share > 0.5 else 1.1
        return came_of_it


async def killed(process: Butine | Served) -> None:
    """It ends at once, as by a power cut."""
    process.kill()
    await process.ended()


async def stopped(process: Served) -> float:
    """It ends as it is asked to, and well; the seconds that it takes."""
    began = asyncio.get_running_loop().time()
    process.terminate()
    assert await process.ended() == 0
    return asyncio.get_running_loop().time() - began


async def sent_again(burst: Sequence[Sent], address: str) -> int:
    """Send again what was not acknowledged, as the person or the platform would: the same; how many there were."""
    number = sum(not each.is_acknowledged for each in burst)
    for _ in range(TRIES):  # a busy machine may say yes to Slack too late
        await asyncio.gather(*(each.to(address) for each in burst if not each.is_acknowledged))
    assert [each.title for each in burst if not each.is_acknowledged] == []
    return number


async def all_shown(ledger: Ledger, town: Town) -> None:
    """Wait until chat shows everything, and look that it shows each idea's card once."""
    await until(lambda: not ledger.waiting(), ALL_SHOWN_SECONDS)
    assert ledger.parked() == []
    shown = town.review_cards()
    for platform, keys in ledger.review_keys().items():
        assert {key: times for key, times in shown[platform].items() if times != 1} == {}
        assert set(shown[platform]) >= keys
