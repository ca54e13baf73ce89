"""Whatever happens to the events of reactions, after reading again the stored votes are what chat shows.

Where none got lost, they are so without it. What chat shows is modelled here, by tables of names: nothing of the
product says what the product should have kept.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from bot.chat.events import ReactionChanged
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.usecases import moderation, submission
from storage import ideas
from storage.tables import Gesture, Status, present
from tests.chat.desk import Desk
from tests.fakes.memory_platform import Posted
from tests.torture.conftest import Figures
from tests.torture.dose import dose

AUTHOR, AGENTS = "camille", ("sam", "nadia", "ines")
MEMBERS = (AUTHOR, *AGENTS)
THUMB, HEART, BULB = "\N{THUMBS UP SIGN}", "\N{HEAVY BLACK HEART}", "\N{ELECTRIC LIGHT BULB}"
NO_VOTES = ("tada", "-1", "thumbsdown", "two_hearts", "hearts", "+1_butine", "bulbe")

SLACK: Mapping[str, str] = {
    **dict.fromkeys(("+1", "thumbsup"), THUMB),
    **{f"{name}::skin-tone-{tone}": THUMB for name in ("+1", "thumbsup") for tone in range(2, 7)},
    **dict.fromkeys(("heart", "red_heart"), HEART),
    **dict.fromkeys(("bulb", "light_bulb"), BULB),
}
"""Names of emoji that vote, as Slack writes them, with the one emoji that they all are."""

MATTERMOST: Mapping[str, str] = {
    **dict.fromkeys(("+1", "thumbsup"), THUMB),
    **{
        f"{name}_{tone}_skin_tone": THUMB
        for name in ("+1", "thumbsup")
        for tone in ("light", "medium_light", "medium", "medium_dark", "dark")
    },
    "heart": HEART,
    "bulb": BULB,
}

LOST = "lost"
"""The event never comes."""


@dataclass(frozen=True)
class Tap:
    """A member's tap on an emoji: puts it on where it is off, and takes it off where it is on.

    `fate` is how often its event is delivered, or `LOST`; each delivery is put off by so many taps of the sequence.
    """

    member: str
    emoji: str
    fate: str | tuple[int, ...]


TAKEN_OFF_BEFORE_IT_WAS_PUT_ON = [Tap("sam", "+1", (2,)), Tap("sam", "+1", (0,)), Tap("nadia", "heart", (0, 2))]
"""As far as is heard of it. The third vote stays."""


@dataclass
class Shown:
    """What chat shows under one message: who holds which emoji, by the names that chat uses."""

    voting: Mapping[str, str]
    held: dict[str, set[str]] = field(default_factory=dict)

    def tap(self, member: str, emoji: str) -> bool:
        """Turn it over; returns whether it is on now."""
        names = self.held.setdefault(member, set())
        names ^= {emoji}
        return emoji in names

    def gestures(self) -> set[tuple[str, str]]:
        """Members with what they vote with."""
        return {(member, name) for member, names in self.held.items() for name in names & set(self.voting)}

    def voters(self) -> set[str]:
        """Whoever holds at least one, but for the author."""
        return {member for member, _ in self.gestures()} - {AUTHOR}


def sequences(names: Mapping[str, str]) -> st.SearchStrategy[list[list[Tap]]]:
    """Bursts of taps, by few members on few emoji, so that they meet; in every other sequence no event gets lost."""
    told = st.lists(st.integers(0, 6), min_size=1, max_size=3).map(tuple)
    told_or_lost = st.one_of(st.just(LOST), told)
    members = st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=2, unique=True)
    votes = st.lists(st.sampled_from(sorted(names)), min_size=1, max_size=2, unique=True)
    others = st.lists(st.sampled_from(NO_VOTES), max_size=1)

    def bursts(
        members: list[str], votes: list[str], others: list[str], fates: st.SearchStrategy[str | tuple[int, ...]]
    ) -> st.SearchStrategy[list[list[Tap]]]:
        tap = st.builds(Tap, st.sampled_from(members), st.sampled_from(votes + others), fates)
        return st.lists(st.lists(tap, min_size=2, max_size=10), min_size=1, max_size=3)

    drawn = st.tuples(members, votes, others, st.sampled_from([told, told_or_lost]))
    return drawn.flatmap(lambda each: bursts(*each))


class Bench:
    """Butine over a platform in memory, and the fate of one idea after the other."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.ids = count(1)
        self.taps = self.deliveries = self.wholly_told = 0

    async def new_card(self) -> tuple[int, Posted]:
        """A published idea, like no other before it, whose card is on show."""
        desk = self.desk
        title = f"idee{next(self.ids)}"

        def publish(session: Session) -> int:
            idea = submission.submit(session, Caller(desk.workspace_id, AUTHOR), Draft(title), desk.now).idea
            moderation.approve(session, Caller(desk.workspace_id, "nadia", is_moderator=True), idea.number, desk.now)
            return idea.number

        number = await desk.database.write(publish)
        await desk.send()
        (card,) = desk.platform.shown(f"card:{number}:ideas")
        return number, card

    async def go_through(self, names: Mapping[str, str], bursts: list[list[Tap]]) -> None:
        """One sequence; where events get lost, the reactions are read again after each burst."""
        desk = self.desk
        is_any_lost = any(tap.fate == LOST for burst in bursts for tap in burst)
        number, card = await self.new_card()
        shown = Shown(names)
        due: list[tuple[int, ReactionChanged]] = []
        step = 0
        for burst in bursts:
            for tap in burst:
                step += 1
                is_on = shown.tap(tap.member, tap.emoji)
                desk.platform.react(tap.member, card.key, tap.emoji, is_present=is_on)
                at = desk.later(milliseconds=1)
                event = ReactionChanged(f"r{next(self.ids)}", tap.member, at, card.id, tap.emoji, is_on)
                due += [(step + late, event) for late in ([] if tap.fate == LOST else map(int, tap.fate))]
                due = await self.deliver(due, step)
            if is_any_lost:
                await self.read_again_and_compare(number, shown)
        await self.deliver(due, None)
        if not is_any_lost:
            await self.compare(number, shown)
            self.wholly_told += 1
        await self.read_again_and_compare(number, shown)
        assert await self.read_again() == 0, "nothing has changed since"
        await desk.send()
        supporters = len(shown.voters())
        assert f"{supporters} soutien" in str(desk.platform.messages[card.id].card).replace("\u00a0", " ")
        await self.close(number)
        del desk.platform.messages[card.id]

    async def deliver(
        self, due: list[tuple[int, ReactionChanged]], step: int | None
    ) -> list[tuple[int, ReactionChanged]]:
        """Deliver at once what is due by that step, or everything; returns the rest."""
        now = [event for when, event in due if step is None or when <= step]
        await asyncio.gather(*map(self.desk.router, now))
        self.deliveries += len(now)
        return [(when, event) for when, event in due if step is not None and when > step]

    async def read_again(self) -> int:
        """Reconcile."""
        return await self.desk.new_reconciler(lambda: self.desk.later(milliseconds=1)).read_all()

    async def read_again_and_compare(self, number: int, shown: Shown) -> None:
        """After reading again, what is stored is what chat shows."""
        await self.read_again()
        await self.compare(number, shown)

    async def compare(self, number: int, shown: Shown) -> None:
        """What is stored is what chat shows."""

        def read(session: Session) -> tuple[set[tuple[str, str]], int]:
            idea = ideas.by_number(session, self.desk.workspace_id, number)
            assert idea
            rows = session.exec(select(Gesture).where(Gesture.idea_id == present(idea.id), Gesture.is_present))
            return {(row.member_id, row.emoji) for row in rows}, idea.supporters

        gestures, supporters = await self.desk.read(read)
        assert gestures == shown.gestures()
        assert supporters == len(shown.voters())

    async def close(self, number: int) -> None:
        """The next sequence does not read this card again."""

        def end(session: Session) -> None:
            idea = ideas.by_number(session, self.desk.workspace_id, number)
            assert idea
            idea.status = Status.DECLINED

        await self.desk.database.write(end)


@contextmanager
def opened(folder: Path, runner: asyncio.Runner) -> Iterator[Bench]:
    """Butine on a fresh file."""
    desk = runner.run(Desk.open(folder))
    try:
        yield Bench(desk)
    finally:
        runner.run(desk.database.close())


@pytest.mark.parametrize("names", [SLACK, MATTERMOST], ids=["slack", "mattermost"])
def test_stored_votes_are_what_chat_shows(names: Mapping[str, str], tmp_path: Path, figures: Figures) -> None:
    """Put on, taken off, told twice, late, out of order or never, under any alias and tone."""
    seen = 0
    with asyncio.Runner() as runner, opened(tmp_path, runner) as bench:

        @example([TAKEN_OFF_BEFORE_IT_WAS_PUT_ON])
        @settings(max_examples=dose(5_000, 10), suppress_health_check=[HealthCheck.too_slow])
        @given(sequences(names))
        def hold(bursts: list[list[Tap]]) -> None:
            nonlocal seen
            seen += 1
            bench.taps += sum(map(len, bursts))
            runner.run(bench.go_through(names, bursts))

        hold()
        figures(sequences=seen, wholly_told=bench.wholly_told, taps=bench.taps, deliveries=bench.deliveries)
