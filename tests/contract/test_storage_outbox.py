"""What the outbox promises to the dispatcher, on both databases."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from storage import outbox, workspaces
from storage.database import Database
from storage.outbox import Claimed, PostedCard, Wanted
from storage.tables import OutboxItem, Status
from tests.contract.storage_rows import DAY, HOUR, NOW, keep, key

pytest_plugins = ["tests.contract.storage_fixtures"]

LEASE = timedelta(minutes=1)
CARD = Wanted("card:1:ideas", "idea_card", channel="ideas")


class Desk:
    """The outbox of one workspace, a call at a time."""

    def __init__(self, database: Database, workspace_id: int) -> None:
        self.database = database
        self.workspace_id = workspace_id

    async def want(self, wanted: Wanted = CARD, now: datetime = NOW) -> None:
        await self.database.write(lambda s: outbox.want(s, self.workspace_id, wanted, now))

    async def want_once(self, wanted: Wanted = CARD, now: datetime = NOW) -> None:
        await self.database.write(lambda s: outbox.want_once(s, self.workspace_id, wanted, now))

    async def claim(self, now: datetime = NOW, limit: int = 10, place_limit: int | None = None) -> list[Claimed]:
        claimed, unreadable = await self.database.write(
            lambda s: outbox.claim(s, self.workspace_id, now, LEASE, limit, place_limit)
        )
        assert unreadable == []
        return claimed

    async def claim_one(self, now: datetime = NOW) -> Claimed:
        (claimed,) = await self.claim(now)
        return claimed

    async def item(self, of: str = CARD.key) -> OutboxItem:
        item = await self.database.read(lambda s: outbox.by_key(s, self.workspace_id, of))
        assert item
        return item

    async def next_due(self) -> datetime | None:
        return await self.database.read(lambda s: outbox.next_due(s, self.workspace_id))

    async def is_any_beyond(self, farthest: datetime) -> bool:
        return await self.database.read(lambda s: outbox.is_any_beyond(s, self.workspace_id, farthest))

    async def bring_back(self, farthest: datetime) -> None:
        await self.database.write(lambda s: outbox.bring_back(s, self.workspace_id, farthest, NOW, NOW + LEASE))

    async def shown(self, claimed: Claimed, message: str = "M1", link: str | None = "https://chat/M1") -> None:
        await self.database.write(lambda s: outbox.settle_shown(s, claimed, message, link))

    async def later(self, claimed: Claimed, due_at: datetime, *, is_uncertain: bool) -> None:
        await self.database.write(lambda s: outbox.settle_later(s, claimed, due_at, is_uncertain=is_uncertain))


def named(claimed: list[Claimed]) -> list[str]:
    """What was claimed, by key."""
    return [one.item.key for one in claimed]


# Wanting


async def test_what_is_wanted_is_due_at_once(database: Database, workspace_id: int) -> None:
    desk, idea = Desk(database, workspace_id), await keep(database, workspace_id)
    wanted = Wanted("notice:1", "notice", member_id="sam", idea_id=key(idea), subject={"occasion": "été"})
    await desk.want(wanted)
    (claimed,) = await desk.claim()
    item = claimed.item
    assert (item.view, item.channel, item.member_id, item.idea_id) == ("notice", None, "sam", key(idea))
    assert item.subject == {"occasion": "été"}
    assert (item.wanted, item.shown, item.attempts, item.message) == (1, 0, 0, None)
    assert (item.created_at, item.due_at, claimed.was_left) == (NOW, NOW, False)


async def test_wanting_ten_times_is_one_row(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    for minutes in range(10):
        await desk.want(now=NOW + timedelta(minutes=minutes))
    (claimed,) = await desk.claim(NOW + HOUR)
    assert (claimed.item.wanted, claimed.item.created_at) == (10, NOW)


async def test_wanting_the_same_at_once_from_many_sides_loses_no_wish(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    await asyncio.gather(*(desk.want() for _ in range(12)))
    assert (await desk.item()).wanted == 12


async def test_what_is_shown_can_be_wanted_anew(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    await desk.want()
    await desk.shown(await desk.claim_one())
    await desk.want(now=NOW + HOUR)
    claimed = await desk.claim_one(NOW + HOUR)
    assert (claimed.item.wanted, claimed.item.shown, claimed.item.message) == (2, 1, "M1")


async def test_what_is_wanted_once_stays_wanted_once(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    await desk.want_once()
    await desk.want_once(Wanted(CARD.key, "another view"), NOW + HOUR)
    assert ((await desk.item()).wanted, (await desk.item()).view) == (1, "idea_card")
    await desk.shown(await desk.claim_one())
    await desk.want_once(now=NOW + HOUR)
    assert await desk.claim(NOW + DAY) == []


async def test_a_key_is_its_workspaces_own(database: Database, workspace_id: int) -> None:
    other = Desk(database, await database.write(lambda s: workspaces.ensure(s, "slack", "T1")))
    await Desk(database, workspace_id).want()
    assert await other.claim() == []
    assert await other.next_due() is None
    await other.want_once()
    assert named(await other.claim()) == [CARD.key]


async def test_keys_are_looked_up_from_the_first_to_the_last(database: Database, workspace_id: int) -> None:
    desk, other = Desk(database, workspace_id), await database.write(lambda s: workspaces.ensure(s, "slack", "T1"))
    for name in ("digest:2026-W48", "digest:2026-W49", "digest:2027-W01", "digest:2027-W02", "reminder:2026-12-01"):
        await desk.want(Wanted(name, "view"))
    await Desk(database, other).want(Wanted("digest:2026-W52", "view"))
    found = await database.read(lambda s: outbox.keys_between(s, workspace_id, "digest:2026-W49", "digest:2027-W01"))
    assert found == {"digest:2026-W49", "digest:2027-W01"}


# Claiming


async def test_what_is_due_is_claimed_longest_waiting_first_and_not_too_much_at_once(
    database: Database, workspace_id: int
) -> None:
    desk = Desk(database, workspace_id)
    for name, due_at in (("a", NOW), ("later", NOW + timedelta(microseconds=1)), ("b", NOW - DAY), ("c", NOW)):
        await desk.want(Wanted(name, "view"), due_at)
    assert named(await desk.claim(limit=2)) == ["b", "a"]
    assert named(await desk.claim(limit=2)) == ["c"]
    assert named(await desk.claim(limit=2)) == []


async def test_of_each_channel_and_conversation_no_more_is_claimed_than_so(
    database: Database, workspace_id: int
) -> None:
    """So that none waits for another's long queue; within each the order is kept."""
    desk = Desk(database, workspace_id)
    for number in range(4):
        await desk.want(Wanted(f"ideas:{number}", "view", channel="ideas"), NOW - HOUR)
    for number in range(2):
        await desk.want(Wanted(f"review:{number}", "view", channel="review"))
        await desk.want(Wanted(f"sam:{number}", "view", member_id="sam"))
    assert named(await desk.claim(place_limit=1)) == ["ideas:0", "review:0", "sam:0"]
    assert named(await desk.claim(place_limit=2)) == ["ideas:1", "ideas:2", "review:1", "sam:1"], (
        "others' are not counted"
    )
    assert named(await desk.claim(place_limit=2)) == ["ideas:3"]


async def test_what_is_claimed_is_nobody_elses_until_its_lease_is_over(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    await desk.want()
    assert not (await desk.claim_one()).was_left
    assert await desk.claim(NOW + LEASE - timedelta(microseconds=1)) == []
    assert (await desk.claim_one(NOW + LEASE)).was_left, "its first send may have arrived"


async def test_claims_at_once_never_take_the_same(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    for number in range(20):
        await desk.want(Wanted(f"card:{number}", "view"))
    claims = await asyncio.gather(*(desk.claim(limit=4) for _ in range(8)))
    taken = named([one for claim in claims for one in claim])
    assert len(taken) == len(set(taken))
    rest = named(await desk.claim(limit=20))
    assert sorted(taken + rest) == sorted(f"card:{number}" for number in range(20))


async def test_a_wish_while_it_is_being_sent_is_not_lost(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    await desk.want()
    claimed = await desk.claim_one()
    await desk.want(now=NOW + timedelta(seconds=1))
    assert await desk.claim(NOW + timedelta(seconds=2)) == [], "it is still being sent"
    await desk.shown(claimed)
    again = await desk.claim_one(NOW + timedelta(seconds=2))
    assert (again.item.wanted, again.item.shown, again.was_left) == (2, 1, False)


# Settling


async def test_what_is_shown_is_found_by_its_message_and_waits_no_more(database: Database, workspace_id: int) -> None:
    desk, idea = Desk(database, workspace_id), await keep(database, workspace_id)
    await desk.want(Wanted("card:1", "idea_card", idea_id=key(idea)))
    await desk.shown(await desk.claim_one())
    assert await desk.claim(NOW + DAY) == []
    assert await desk.next_due() is None
    item = await desk.item("card:1")
    assert (item.message, item.permalink, item.lease_until) == ("M1", "https://chat/M1", None)
    assert await database.read(lambda s: outbox.shown_by(s, workspace_id, "M1")) == ("idea_card", key(idea))
    assert await database.read(lambda s: outbox.shown_by(s, workspace_id, "M2")) is None
    assert await database.read(lambda s: outbox.shown_by(s, workspace_id + 1, "M1")) is None


async def test_posted_cards_are_known_by_idea_and_view(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    public = [Status.PUBLISHED, Status.PUBLISHED, Status.PUBLISHED, Status.DECLINED]
    ideas = [await keep(database, workspace_id, status=status) for status in public]
    for idea in ideas:
        for view in ("idea_card", "review_card"):
            await desk.want(Wanted(f"{view}:{idea.number}", view, idea_id=key(idea)))
    for claimed in await desk.claim():
        if claimed.item.key != "idea_card:3":
            link = None if claimed.item.key == "idea_card:2" else f"https://chat/{claimed.item.key}"
            await desk.shown(claimed, claimed.item.key, link)
    asked = [key(idea) for idea in ideas[:3]]
    links = await database.read(lambda s: outbox.permalinks(s, workspace_id, "idea_card", asked))
    assert links == {key(ideas[0]): "https://chat/idea_card:1"}

    async def posted(before: int | None, limit: int) -> list[PostedCard]:
        return await database.read(
            lambda s: outbox.posted(s, workspace_id, "idea_card", [Status.PUBLISHED], before, limit)
        )

    first = PostedCard(key(ideas[0]), "idea_card:1", since=NOW)
    second = PostedCard(key(ideas[1]), "idea_card:2", since=NOW)
    assert await posted(None, 9) == [second, first]
    assert await posted(None, 1) == [second]
    assert await posted(second.idea_id, 9) == [first]


async def test_what_changes_all_the_time_keeps_nothing_else_from_being_sent(
    database: Database, workspace_id: int
) -> None:
    desk, now = Desk(database, workspace_id), NOW
    busy = [Wanted(f"card:{number}:ideas", "idea_card", channel="ideas") for number in range(3)]
    for wanted in busy:
        await desk.want(wanted)
    await desk.want(Wanted("card:9:review", "review_card", channel="review"), now + HOUR)
    sent = []
    for _ in range(4):
        now += HOUR
        claimed = await desk.claim(now, limit=2)
        sent += named(claimed)
        for each in claimed:
            await desk.shown(each)
        for wanted in busy:
            await desk.want(wanted, now)
    assert "card:9:review" in sent
    assert {wanted.key for wanted in busy} <= set(sent), "nor does a change send what waits to the back"


async def test_what_surely_did_not_arrive_is_sent_again_when_it_is_due(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    await desk.want()
    await desk.later(await desk.claim_one(), NOW + HOUR, is_uncertain=False)
    assert await desk.claim(NOW + HOUR - timedelta(seconds=1)) == []
    again = await desk.claim_one(NOW + HOUR)
    assert (again.item.attempts, again.was_left) == (1, False)


async def test_what_may_have_arrived_is_marked_until_it_is_shown(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    await desk.want()
    await desk.later(await desk.claim_one(), NOW + HOUR, is_uncertain=True)
    assert await desk.claim(NOW + HOUR - timedelta(seconds=1)) == []
    second = await desk.claim_one(NOW + HOUR)
    assert second.was_left
    await desk.later(second, NOW + 2 * HOUR, is_uncertain=False)
    third = await desk.claim_one(NOW + 2 * HOUR)
    assert (third.item.attempts, third.was_left) == (2, True)
    await desk.shown(third)
    await desk.want(now=NOW + 3 * HOUR)
    fourth = await desk.claim_one(NOW + 3 * HOUR)
    assert (fourth.item.attempts, fourth.was_left) == (0, False)


async def test_who_took_too_long_settles_nothing_that_is_anothers_by_now(database: Database, workspace_id: int) -> None:
    """That one looks for what was sent, and knows what became of it."""
    desk = Desk(database, workspace_id)
    await desk.want()
    late, newer = await desk.claim_one(), await desk.claim_one(NOW + LEASE)
    before = await desk.item()
    await desk.shown(late)
    await desk.later(late, NOW, is_uncertain=False)
    for settle in (
        lambda s: outbox.settle_found(s, late, "M1", None),
        lambda s: outbox.settle_gone(s, late, NOW + HOUR),
        lambda s: outbox.park(s, late, "channel_not_found"),
    ):
        await database.write(settle)
    assert (await desk.item()).model_dump() == before.model_dump()
    await desk.shown(newer, "M2")
    assert (await desk.item()).message == "M2"


async def test_what_is_gone_from_chat_is_posted_anew(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    await desk.want()
    await desk.shown(await desk.claim_one())
    await desk.want()
    claimed = await desk.claim_one()
    await database.write(lambda s: outbox.settle_gone(s, claimed, NOW + HOUR))
    again = await desk.claim_one()
    assert (again.item.message, again.item.permalink, again.item.shown, again.was_left) == (None, None, 0, False)
    assert again.item.created_at == NOW + HOUR


async def test_what_never_works_is_parked_until_it_is_wanted_anew(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    await desk.want()
    await desk.later(await desk.claim_one(), NOW, is_uncertain=False)
    again = await desk.claim_one()
    await database.write(lambda s: outbox.park(s, again, "channel_not_found"))
    assert await desk.claim(NOW + DAY) == []
    assert await desk.next_due() is None
    parked = await database.read(lambda s: outbox.parked(s, 5))
    assert [(item.key, item.reason) for item in parked] == [(CARD.key, "channel_not_found")]
    await desk.want(now=NOW + DAY)
    assert (await desk.claim_one(NOW + DAY)).item.attempts == 0
    assert await database.read(lambda s: outbox.parked(s, 5)) == []


async def test_a_wish_that_is_newer_than_what_was_refused_is_not_parked_with_it(
    database: Database, workspace_id: int
) -> None:
    desk = Desk(database, workspace_id)
    await desk.want()
    claimed = await desk.claim_one()
    await desk.want()
    await database.write(lambda s: outbox.park(s, claimed, "msg_too_long"))
    assert (await desk.claim_one()).item.wanted == 2


async def test_what_was_parked_is_tried_once_more_where_that_is_asked_for(
    database: Database, workspace_id: int
) -> None:
    desk = Desk(database, workspace_id)
    await desk.want()
    claimed = await desk.claim_one()
    await database.write(lambda s: outbox.park(s, claimed, "channel_not_found"))
    await database.write(lambda s: outbox.try_parked(s, NOW + HOUR))
    assert await desk.claim(NOW) == []
    assert (await desk.claim_one(NOW + HOUR)).item.attempts == 0


async def test_parked_rows_are_listed_up_to_a_limit_and_counted_whole(database: Database, workspace_id: int) -> None:
    desk = Desk(database, workspace_id)
    for number in range(3):
        await desk.want(Wanted(f"card:{number}", "view"))
    for claimed in await desk.claim():
        await database.write(partial(outbox.park, claimed=claimed, reason="no"))
    assert [item.key for item in await database.read(lambda s: outbox.parked(s, 2))] == ["card:0", "card:1"]
    assert await database.read(outbox.count_parked) == 3


async def test_after_a_crash_what_was_being_sent_is_free_at_once_and_marked(
    database: Database, workspace_id: int
) -> None:
    desk = Desk(database, workspace_id)
    await desk.want(Wanted("sent", "view"))
    await desk.claim_one()
    await desk.want(Wanted("waiting", "view"))
    restarted_at = NOW + timedelta(seconds=1)
    await database.write(lambda s: outbox.release_all(s, restarted_at))
    assert [(c.item.key, c.was_left) for c in await desk.claim(restarted_at)] == [("sent", True), ("waiting", False)]


# A clock that was ahead


async def test_what_waits_beyond_the_farthest_moment_is_due_again_and_nothing_else(
    database: Database, workspace_id: int
) -> None:
    desk = Desk(database, workspace_id)
    for name, due_at in (("far", NOW + DAY), ("near", NOW + HOUR), ("shown", NOW + DAY), ("refused", NOW + DAY)):
        await desk.want(Wanted(name, "view"), due_at)
    for claimed in await desk.claim(NOW + DAY):
        if claimed.item.key == "shown":
            await desk.shown(claimed)
        elif claimed.item.key == "refused":
            await database.write(partial(outbox.park, claimed=claimed, reason="no"))
        else:
            await desk.later(claimed, claimed.item.due_at, is_uncertain=False)
    other = Desk(database, await database.write(lambda s: workspaces.ensure(s, "slack", "T1")))
    await other.want(now=NOW + DAY)
    assert await desk.is_any_beyond(NOW + HOUR)
    await desk.bring_back(NOW + HOUR)
    assert named(await desk.claim()) == ["far"]
    assert [(await desk.item(name)).due_at for name in ("near", "shown", "refused")] == [
        NOW + HOUR,
        NOW + DAY,
        NOW + DAY,
    ]
    assert not await desk.is_any_beyond(NOW + HOUR)
    assert await other.next_due() == NOW + DAY


async def test_what_may_be_on_its_way_keeps_its_mark_and_is_left_alone_for_a_while(
    database: Database, workspace_id: int
) -> None:
    """Whether a process is sending it, or its send was uncertain."""
    desk = Desk(database, workspace_id)
    for name, due_at in (("being sent", NOW), ("uncertain", NOW + DAY)):
        await desk.want(Wanted(name, "view"), due_at)
    sent, uncertain = await desk.claim(NOW + DAY)
    await desk.later(uncertain, NOW + DAY, is_uncertain=True)
    assert (await desk.item(sent.item.key)).lease_until == NOW + DAY + LEASE
    await desk.bring_back(NOW + HOUR)
    assert not await desk.is_any_beyond(NOW + HOUR)
    assert await desk.claim(NOW + LEASE - timedelta(microseconds=1)) == []
    again = await desk.claim(NOW + LEASE)
    assert [(one.item.key, one.was_left) for one in again] == [("being sent", True), ("uncertain", True)]


# When to look again


async def test_the_next_row_is_due_when_its_time_has_come_or_its_lease_is_over(
    database: Database, workspace_id: int
) -> None:
    desk = Desk(database, workspace_id)
    assert await desk.next_due() is None
    await desk.want(Wanted("later", "view"), NOW + HOUR)
    assert await desk.next_due() == NOW + HOUR
    await desk.want(Wanted("now", "view"))
    assert await desk.next_due() == NOW
    claimed = await desk.claim_one()
    assert await desk.next_due() == NOW + LEASE
    await desk.later(claimed, NOW + 2 * HOUR, is_uncertain=False)
    assert await desk.next_due() == NOW + HOUR


async def test_a_wish_that_is_rolled_back_was_never_made(database: Database, workspace_id: int) -> None:
    def fail(session: Session) -> None:
        outbox.want(session, workspace_id, CARD, NOW)
        raise LookupError

    await asyncio.gather(database.write(fail), return_exceptions=True)
    assert await Desk(database, workspace_id).claim() == []
