"""A process that is ended in the middle of a burst: nothing acknowledged is lost, nothing is there twice or by half."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from tests.torture.conftest import Figures
from tests.torture.dose import dose
from tests.torture.ledger import Ledger
from tests.torture.processes import Butine, until
from tests.torture.town import Sent, Town

BURST = {"slack": 5, "mattermost": 19, "web": 26}
"""Fifty. Slack takes a card a second, so more of its ideas would have the end waited for and nothing else shown."""
STOP_SECONDS = 10.0
TRIES = 5
ALL_SHOWN_SECONDS = 1800.0


@pytest.fixture
async def town(tmp_path: Path, random: Random) -> AsyncIterator[Town]:
    """The chats, with everybody there."""
    town = Town(tmp_path, random)
    await town.start()
    yield town
    await town.stop()


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
    kills = dose(200, 2)
    sent, moments = list[Sent](), Moments(random)
    starts = [await butine.start()]
    acknowledged = again = 0
    for _ in range(kills):
        burst = town.ideas(**BURST)
        sent += burst
        await moments.end(burst, butine.address, butine.kill)
        await butine.ended()
        acknowledged += sum(each.is_acknowledged for each in burst)
        starts.append(await butine.start())
        assert ledger.wrong(sent) == []
        again += await sent_again(burst, butine.address)
        assert ledger.wrong(sent) == []
    await all_shown(ledger, town)
    figures(
        kills=kills,
        ideas=len(sent),
        acknowledged_before_the_kill=acknowledged,
        sent_again=again,
        lost=0,
        doubled=0,
        median_start_seconds=f"{sorted(starts)[len(starts) // 2]:.1f}",
    )


async def test_a_stop_in_the_middle_of_a_burst_is_quick_and_keeps_what_was_acknowledged(
    butine: Butine, town: Town, ledger: Ledger, random: Random, figures: Figures
) -> None:
    stops = dose(50, 1)
    sent, moments = list[Sent](), Moments(random)
    took: list[float] = []
    await butine.start()
    acknowledged = again = 0
    for _ in range(stops):
        burst = town.ideas(slack=17, mattermost=17, web=16)
        sent += burst
        await moments.end(burst, butine.address, butine.terminate)
        code, seconds = await butine.ended()
        assert code == 0
        took.append(seconds)
        acknowledged += sum(each.is_acknowledged for each in burst)
        await butine.start()
        assert ledger.wrong(sent) == []
        again += await sent_again(burst, butine.address)
        assert ledger.wrong(sent) == []
    assert max(took) < STOP_SECONDS
    figures(
        stops=stops,
        ideas=len(sent),
        acknowledged_before_the_stop=acknowledged,
        sent_again=again,
        slowest_stop_seconds=f"{max(took):.1f}",
    )


class Moments:
    """Moments by chance within a burst, however long this machine takes for one."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._span = 0.3

    async def end(self, burst: Sequence[Sent], address: str, end: Callable[[], None]) -> None:
        """Send them all at once, and call `end` in the middle."""
        moment = self._random.uniform(0, self._span)
        async with asyncio.TaskGroup() as sending:
            for each in burst:
                sending.create_task(each.to(address))
            await asyncio.sleep(moment)
            end()
        share = sum(each.is_acknowledged for each in burst) / len(burst)
        if share in (0, 1):
            self._span *= 0.8 if share else 1.25


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
