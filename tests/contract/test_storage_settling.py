"""What becomes of a row of the outbox that was claimed: shown, put off, gone, parked; the same on both databases."""

from datetime import timedelta
from functools import partial

from storage import outbox
from storage.database import Database
from storage.outbox import PostedCard, Wanted
from storage.tables import Status
from tests.contract.outbox_rows import CARD, LEASE, Desk, named
from tests.contract.storage_rows import DAY, HOUR, NOW, keep, key

pytest_plugins = ["tests.contract.storage_fixtures"]


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


async def test_what_tells_members_of_an_idea_waits_for_its_card_and_is_hastened_by_it(
    database: Database, workspace_id: int
) -> None:
    """Another idea's is not, nor what is being sent."""
    desk = Desk(database, workspace_id)
    one, other = [key(await keep(database, workspace_id)) for _ in range(2)]

    async def is_awaited(idea_id: int) -> bool:
        return await database.read(lambda s: outbox.is_awaited(s, workspace_id, "idea_card", idea_id))

    await desk.want(Wanted("card", "idea_card", channel="ideas", idea_id=one))
    for name, idea_id in (("notice", one), ("another's", other), ("under way", one)):
        await desk.want(Wanted(name, "approved_notice", member_id="camille", idea_id=idea_id))
    assert (await is_awaited(one), await is_awaited(other)) == (True, False)
    claimed = {each.item.key: each for each in await desk.claim()}
    for name in ("notice", "another's"):
        await desk.later(claimed[name], NOW + HOUR, is_uncertain=False)
    await desk.shown(claimed["card"])
    assert not await is_awaited(one)
    await database.write(lambda s: outbox.hasten(s, workspace_id, one, NOW))
    assert named(await desk.claim()) == ["notice"]
