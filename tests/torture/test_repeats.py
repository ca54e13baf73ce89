"""Whatever is delivered three times, in any order and over two connections, and whoever clicks twice: one effect."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from aiohttp import ClientSession

from storage.opening import parse_url, upgrade
from tests.contract.slack_rig import platform_before
from tests.fakes.slack.deliveries import Http, encoded
from tests.fakes.slack.state import IDEAS, REVIEW
from tests.fakes.slack.workspace import CAMILLE, NADIA, FakeSlack, Json
from tests.mattermost.house import House
from tests.slack.installation import Installation
from tests.torture.balancer import Balancer
from tests.torture.conftest import Figures
from tests.torture.dose import dose
from tests.torture.ledger import Ledger
from tests.torture.processes import until
from tests.torture.served import Clock, Served
from tests.torture.town import Town

TIMES = 3
AT_ONCE = 30
BETWEEN_CLICKS_SECONDS = 0.05
PATIENCE_SECONDS = float(dose(1800, 90))

Item = TypeVar("Item")
Deliver = Callable[[str, Json, int], Awaitable[bool]]


async def at_once(work: Callable[[Item], Awaitable[None]], items: Iterable[Item]) -> None:
    """Do it for each, so many at a time."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> None:
        async with slots:
            await work(item)

    await asyncio.gather(*map(one, items))


def repeated(items: Sequence[Item], random: Random) -> list[tuple[int, Item]]:
    """Each three times, numbered, in any order."""
    copies = [(copy, item) for item in items for copy in range(TIMES)]
    random.shuffle(copies)
    return copies


class Slack:
    """One Butine before a fake Slack, which reaches it over two connections; time passes by hand."""

    def __init__(self, slack: FakeSlack, butine: Installation, deliver: Deliver, ledger: Ledger) -> None:
        self.slack = slack
        self.butine = butine
        self.deliver = deliver
        self.ledger = ledger


@pytest.fixture(params=["http", "socket"])
async def before_slack(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Slack]:
    """Over two HTTP connections, then over two sockets."""
    async with AsyncExitStack() as stack:
        slack = FakeSlack()
        await slack.start()
        stack.push_async_callback(slack.stop)
        butine = Installation(slack, request.param, tmp_path)
        await butine.start()
        stack.push_async_callback(butine.stop)
        ledger = Ledger(f"sqlite:///{tmp_path}/butine.db")
        stack.callback(ledger.close)
        if request.param == "http":
            sessions = [await stack.enter_async_context(ClientSession()) for _ in range(2)]
            yield Slack(slack, butine, _over_http(slack, sessions, butine.address), ledger)
        else:
            other = platform_before(slack, "socket")
            await other.start(butine.router)
            stack.push_async_callback(other.close)
            yield Slack(slack, butine, _over_sockets(slack), ledger)


def _over_http(slack: FakeSlack, sessions: Sequence[ClientSession], address: str) -> Deliver:
    async def deliver(kind: str, payload: Json, copy: int) -> bool:
        body, content_type = encoded(kind, payload)
        session = sessions[copy % len(sessions)]
        # Signed at another second each time: the same signature would not even be looked into.
        signed = Http(slack.clock, session, address).signed(body, at=int(slack.clock.now().timestamp()) - copy)
        async with session.post(address, data=body, headers=signed | {"Content-Type": content_type}) as answer:
            return answer.status == 200

    return deliver


def _over_sockets(slack: FakeSlack) -> Deliver:
    async def deliver(kind: str, payload: Json, copy: int) -> bool:
        return await slack.sockets.deliver(kind, payload, copy) is not None

    return deliver


async def test_a_command_delivered_three_times_is_one_idea(
    before_slack: Slack, random: Random, figures: Figures
) -> None:
    number = dose(1000, 10)
    titles = [f"Une idée du matin, la n{each}x" for each in range(number)]
    commands = [before_slack.slack.command(CAMILLE, title) for title in titles]

    async def send(one: tuple[int, Json]) -> None:
        copy, payload = one
        assert await before_slack.deliver("slash_commands", payload, copy)

    await at_once(send, repeated(commands, random))
    # A busy machine may say yes before it is done.
    await until(lambda: before_slack.ledger.titles().total() >= number, PATIENCE_SECONDS)
    assert before_slack.ledger.titles() == Counter(titles)
    await before_slack.butine.settle()
    keys = Counter(card["metadata"]["event_payload"]["key"] for card in before_slack.slack.messages(REVIEW))
    assert keys == Counter(f"card:{each}:review" for each in range(1, number + 1))
    figures(commands=number, deliveries=number * TIMES, ideas=number, cards=sum(keys.values()))


async def test_reactions_delivered_three_times_in_any_order_are_one_vote(
    before_slack: Slack, random: Random, figures: Figures
) -> None:
    """Half of the members take theirs off again, and some of these are heard of before they had put it on."""
    number = dose(1000, 10)
    await before_slack.butine.publish(1, "Des vélos entre les deux sites")
    slack = before_slack.slack
    card = slack.card(IDEAS, "Des vélos entre les deux sites")
    members = [slack.state.add_user(f"U0AGENT{each:04}", f"Agent {each}") for each in range(number)]
    events = []
    for member in members:
        await slack.react(member, card, "+1", is_told=False)
        events.append(slack.reaction(member, card, "+1", "reaction_added"))
    for member in members[::2]:
        await slack.unreact(member, card, "+1", is_told=False)
        events.append(slack.reaction(member, card, "+1", "reaction_removed"))

    async def send(one: tuple[int, Json]) -> None:
        copy, payload = one
        assert await before_slack.deliver("events_api", payload, copy)

    await at_once(send, repeated(events, random))
    (idea,) = await before_slack.butine.ideas()
    assert idea.supporters == number // 2
    assert await before_slack.butine.reconcile() == 0
    figures(events=len(events), deliveries=len(events) * TIMES, votes=idea.supporters, expected=number // 2)


async def test_a_double_click_is_one_decision(before_slack: Slack, figures: Figures) -> None:
    number = dose(1000, 10)
    slack, butine = before_slack.slack, before_slack.butine
    titles = [f"Une idée du matin, la n{each}x" for each in range(number)]
    commands = [slack.command(CAMILLE, title) for title in titles]
    await at_once(lambda payload: _taken(before_slack.deliver("slash_commands", payload, 0)), commands)
    await until(lambda: before_slack.ledger.titles().total() == number, PATIENCE_SECONDS)
    await butine.settle()

    async def double_click(card: Json) -> None:
        first, second = (slack.clicked(NADIA, card, "Approuver") for _ in range(2))
        sending = asyncio.create_task(_taken(before_slack.deliver("interactive", first, 0)))
        await asyncio.sleep(BETWEEN_CLICKS_SECONDS)  # what a double click takes
        await _taken(before_slack.deliver("interactive", second, 1))
        await sending

    await at_once(double_click, slack.messages(REVIEW))
    ledger = before_slack.ledger
    await until(lambda: ledger.approvals().total() >= number, PATIENCE_SECONDS)
    assert ledger.approvals() == Counter(titles)
    await butine.settle()
    keys = Counter(card["metadata"]["event_payload"]["key"] for card in slack.messages(IDEAS))
    assert keys == Counter(f"card:{each}:ideas" for each in range(1, number + 1))
    figures(double_clicks=number, approvals=number, cards=sum(keys.values()))


async def _taken(delivery: Awaitable[bool]) -> None:
    assert await delivery


async def test_what_mattermost_sends_three_times_has_one_effect(
    tmp_path: Path, random: Random, figures: Figures
) -> None:
    """Commands over two connections, double clicks, and reactions over the websocket."""
    number = dose(1000, 8)
    async with House(tmp_path) as house, ClientSession() as one, ClientSession() as other:
        ledger = Ledger(house.settings().storage.url)
        integrations = house.server.integrations
        titles = [f"Une idée du matin, la n{each}x" for each in range(number)]
        forms = [integrations.typed(house.agent, house.ideas, f"/idea {title}") for title in titles]
        statuses: Counter[tuple[str, int]] = Counter()

        async def send(numbered: tuple[int, Json]) -> None:
            copy, form = numbered
            address = f"http://127.0.0.1:{house.port}/mattermost/command"
            async with (one, other)[copy % 2].post(address, data=form) as answer:
                statuses[form["text"], answer.status] += 1

        await at_once(send, repeated(forms, random))
        assert [statuses[title, 200] for title in titles] == [1] * number, "a repeated request is refused"
        assert ledger.titles() == Counter(titles)
        await until(lambda: not ledger.waiting(), PATIENCE_SECONDS)

        async def double_click(post: Json) -> None:
            seen = json.loads(json.dumps(post))  # whose buttons may be gone before the second click
            sending = asyncio.create_task(house.press(house.moderator, post, "Approuver"))
            await asyncio.sleep(BETWEEN_CLICKS_SECONDS)  # what a double click takes
            assert await house.press(house.moderator, seen, "Approuver") in {200, 404}
            assert await sending == 200

        await at_once(double_click, house.posts_in(house.review))
        assert ledger.approvals() == Counter(dict.fromkeys(titles, 1))
        await until(lambda: house.posts_in(house.ideas), PATIENCE_SECONDS)
        votes = await _reactions_told_three_times(house, house.posts_in(house.ideas)[0]["id"], number, random)
        await until(lambda: Counter(ledger.supporters()) == Counter([votes, *[0] * (number - 1)]), PATIENCE_SECONDS)
        keys = Counter(post["props"]["butine"]["key"] for post in house.posts_in(house.ideas))
        assert set(keys.values()) == {1}
        ledger.close()
    figures(
        commands=number, double_clicks=number, reactions=number + number // 2, deliveries_of_each=TIMES, ideas=number
    )


async def _reactions_told_three_times(house: House, post: str, number: int, random: Random) -> int:
    """So many members react, a half of them takes it off again; how many votes are left."""
    told: list[tuple[str, Json, str, set[str]]] = []
    members = [house.world.add_user(f"agent{each}") for each in range(number)]
    tell, house.world.tell = house.world.tell, lambda *event: told.append(event)
    for member in members:
        house.world.react(member, post, "+1")
    for member in members[: number // 2]:
        house.world.unreact(member, post, "+1")
    house.world.tell = tell
    for _, event in repeated(told, random):
        tell(*event)
    await house.server.sockets.settled()
    return number - number // 2


async def test_two_processes_on_postgresql_have_one_effect_too(
    tmp_path: Path, random: Random, postgresql_url: str, figures: Figures
) -> None:
    """A socket to Slack each, a websocket to Mattermost each, and a balancer before them."""
    number = dose(1_000, 5)
    upgrade(parse_url(postgresql_url))
    clock, ledger = Clock(tmp_path / "clock"), Ledger(postgresql_url)
    town = Town(tmp_path, random, clock, slack_mode="socket")
    await town.start()
    async with Balancer() as balancer:
        given = town.settings(postgresql_url, "slack", "mattermost", callback_url=balancer.address)
        two = [Served(name, given, clock.file) for name in ("one", "two")]
        balancer.addresses = [process.address for process in two]
        try:
            await asyncio.gather(*(process.start() for process in two))
            reader = town.mattermost.world.add_user("lea")  # whose no idea is
            await until(lambda: len(town.slack.sockets.open) == len(two), PATIENCE_SECONDS)
            sent = town.ideas(slack=number // 5, mattermost=number)
            await at_once(lambda copy: _sent(copy[1].to(balancer.address)), repeated(sent, random))
            assert [each.title for each in sent if not each.is_acknowledged] == []
            assert ledger.wrong(sent) == []
            await until(lambda: not ledger.waiting(), PATIENCE_SECONDS)
            team = town.mattermost

            async def double_click(post: Json) -> None:
                seen = json.loads(json.dumps(post))  # whose buttons may be gone before the second click
                sending = asyncio.create_task(team.press(team.moderator, post, "Approuver"))
                await asyncio.sleep(BETWEEN_CLICKS_SECONDS)  # what a double click takes
                assert await team.press(team.moderator, seen, "Approuver") in {200, 404}
                assert await sending == 200

            await at_once(double_click, team.posts_in(team.review))
            approvals = ledger.approvals()
            assert approvals == Counter({each.title: 1 for each in sent if each.platform == "mattermost"})
            await until(lambda: not ledger.waiting(), PATIENCE_SECONDS)
            cards = team.posts_in(team.ideas)
            assert len(cards) == number
            for card in cards:
                for emoji in ("+1", "heart"):
                    team.world.react(reader, card["id"], emoji)
            votes = Counter({1: number, 0: number // 5})
            await until(lambda: Counter(ledger.supporters()) == votes, PATIENCE_SECONDS)
        finally:
            for process in two:
                process.kill()
                await process.ended()
            await town.stop()
            ledger.close()
    figures(commands=len(sent), deliveries=len(sent) * TIMES, double_clicks=number, approvals=number)


async def _sent(sending: Awaitable[bool]) -> None:
    await sending
