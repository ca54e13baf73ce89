"""What the outbox promises to the dispatcher, on both databases."""

import asyncio
from datetime import timedelta
from functools import partial

from sqlmodel import Session

from storage import outbox, workspaces
from storage.database import Database
from storage.outbox import Wanted
from tests.contract.outbox_rows import CARD, LEASE, Desk, named
from tests.contract.storage_rows import DAY, HOUR, NOW, keep, key

pytest_plugins = ["tests.contract.storage_fixtures"]

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
