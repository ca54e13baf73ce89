"""After an absence the votes are right again, whatever happened meanwhile."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession
from sqlmodel import Session, select

from bot.app import App
from bot.chat.dispatcher import Dispatcher
from bot.chat.reconcile import Reconciler
from bot.config import Settings
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.domain.voting import Voting
from bot.rules import rules_of
from bot.usecases import announcing, submission
from storage import outbox, workspaces
from storage.database import Database
from storage.tables import Idea, Status
from tests.mattermost.house import House
from tests.mattermost.rig import MattermostRig
from tests.usecases.builders import new_file

POSTS = 500
RIGHT_AGAIN_SECONDS = 60
EMOJI = ["+1", "thumbsup", "heart", "bulb", "thumbsup_dark_skin_tone", "tada"]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty one."""
    database = Database.open(f"sqlite:///{new_file(tmp_path)}")
    yield database
    await database.close()


def published(rig: MattermostRig, title: str) -> str:
    """A card of Butine's in the ideas channel, with its own reaction."""
    post: str = rig.world.post(rig.bot, {"channel_id": rig.ideas, "message": title})["id"]
    rig.world.react(rig.bot, post, "+1")
    return post


async def supporters(database: Database) -> dict[int, int]:
    """Every idea's count."""
    return await database.read(lambda session: {idea.number: idea.supporters for idea in session.exec(select(Idea))})


async def test_an_hour_away_from_500_posts_is_made_good_in_a_minute(rig: MattermostRig, database: Database) -> None:
    """30 % of the votes changed meanwhile; people are counted, not rows; nothing is lost with a deleted post."""
    voting = Voting.of(["+1", "heart", "bulb"], own_ideas=False)
    workspace = await database.write(lambda s: workspaces.ensure(s, "mattermost", rig.platform.workspace))
    cards = {number: published(rig, f"Idée {number}") for number in range(1, POSTS + 1)}

    def publish(session: Session) -> None:
        for number, post in cards.items():
            at = rig.clock()
            idea = Idea(
                workspace_id=workspace,
                number=number,
                title=f"Idée {number}",
                author_id=rig.agent,
                status=Status.PUBLISHED,
                submitted_at=at,
                changed_at=at,
                published_at=at,
            )
            session.add(idea)
            session.flush()
            announcing.idea_card(session, idea, at)
            (claimed,), _ = outbox.claim(session, workspace, at, timedelta(minutes=1), 1)
            outbox.settle_shown(session, claimed, post, None)

    await database.write(publish)
    voters = [rig.world.add_user(f"agent{number}") for number in range(20)]
    for voter in voters:
        rig.world.members[rig.ideas][voter] = {}
    chance = random.Random(7)  # noqa: S311  the same each time
    for post in cards.values():
        for voter in chance.sample(voters, 4):
            rig.world.react(voter, post, chance.choice(EMOJI))
    reconciler = Reconciler(database, rig.platform, workspace, voting, clock=rig.clock, on_change=lambda: None)
    await reconciler.read_all()

    rig.server.sockets.is_losing = True
    rig.clock.move(hours=1)
    for post in chance.sample(list(cards.values()), POSTS * 3 // 10):
        row = chance.choice([row for row in rig.world.reactions[post] if row["user_id"] in voters])
        rig.world.unreact(row["user_id"], post, row["emoji_name"])
        for voter in chance.sample(voters, 2):
            rig.world.react(voter, post, "heart")
            rig.world.react(voter, post, "+1")
    gone = chance.sample(sorted(cards), 3)
    rig.world.is_forgetful = True
    before = await supporters(database)
    for number in gone:
        rig.world.delete(cards[number])
    started = time.monotonic()
    changed = await reconciler.read_all()
    took = time.monotonic() - started

    assert changed > POSTS // 10
    counting = {"+1", "thumbsup", "heart", "bulb", "thumbsup_dark_skin_tone"}
    expected = {
        number: len(
            {r["user_id"] for r in rig.world.reactions[post] if r["emoji_name"] in counting} - {rig.bot, rig.agent}
        )
        for number, post in cards.items()
        if number not in gone
    }
    now = await supporters(database)
    assert {number: count for number, count in now.items() if number not in gone} == expected
    assert {number: now[number] for number in gone} == {number: before[number] for number in gone}
    assert took < RIGHT_AGAIN_SECONDS


async def test_reading_takes_a_call_for_many_posts(rig: MattermostRig, database: Database) -> None:
    posts = [published(rig, str(n)) for n in range(50)]
    had = len(rig.server.requests)
    assert len(await rig.platform.reactions(posts)) == 50
    assert len(rig.server.requests) - had == 1


@pytest.mark.parametrize("is_hidden", [True, False])
async def test_one_unreadable_post_hides_no_other(rig: MattermostRig, *, is_hidden: bool) -> None:
    """A post that can't be read any more is absent, so that its votes stay as they are; one that can has them still.

    Some servers show archived channels and the reactions of deleted posts, others hide both.
    """
    rig.world.hides_archived = rig.world.is_forgetful = is_hidden
    posts = [published(rig, str(n)) for n in range(20)]
    for post in posts:
        rig.world.react(rig.agent, post, "heart")
    elsewhere = rig.world.add_channel(rig.team, "ailleurs", "O", rig.agent, rig.bot)
    lost = rig.world.post(rig.bot, {"channel_id": elsewhere, "message": "perdu"})["id"]
    rig.world.react(rig.agent, lost, "heart")
    rig.world.channels[elsewhere]["delete_at"] = rig.world.now()
    rig.world.delete(posts[3])
    held = await rig.platform.reactions([*posts[:10], lost, *posts[10:]])
    hidden = {posts[3], lost} if is_hidden else set()
    assert held == {post: {"heart": [rig.agent]} for post in [*posts, lost] if post not in hidden}


async def test_what_was_missed_on_the_websocket_is_read_again(house: House) -> None:
    """The server comes back without a memory of the connection: Butine reads the reactions once more."""
    await house.typed(house.agent, "/idea Des vélos partagés")
    waiting = await house.card(house.review, "Des vélos partagés")
    await house.press(house.moderator, waiting, "Approuver")
    published = await house.card(house.ideas, "Des vélos partagés")
    house.server.sockets.is_losing = True
    house.world.react(house.other_agent, published["id"], "heart")
    house.server.sockets.is_losing = False
    await house.server.sockets.forget()
    await house.card(house.ideas, "1 soutien")


async def test_an_answer_that_got_lost_on_the_way_makes_no_second_card(rig: MattermostRig, database: Database) -> None:
    """The server has posted it, nobody heard of it, and it has forgotten the pending id: the marker tells."""
    workspace = await database.write(lambda s: workspaces.ensure(s, "mattermost", rig.platform.workspace))
    author = Caller(workspace, rig.agent, is_moderator=False)
    await database.write(lambda s: submission.submit(s, author, Draft("Des vélos partagés"), rig.clock()))
    dispatcher = Dispatcher(database, rig.platform, workspace, rules_of(Settings()), clock=rig.clock)
    rig.server.swallowed.append("POST /api/v4/posts")
    await dispatcher.send_due()
    rig.world.pending.clear()
    rig.clock.move(minutes=1)
    await dispatcher.send_due()
    (post,) = rig.posts_in(rig.review)
    assert post["edit_at"]
    assert not await dispatcher.send_due()


async def test_where_mattermost_is_restarting_at_the_start_the_room_opens_and_mattermost_follows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house, pauses = House(tmp_path), list[float]()
    await house.server.start()
    house.lead_to(f"http://127.0.0.1:{house.port}")
    house.server.failures += [("GET /api/v4/users/me", 503, {})] * 3
    may_go_on = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await may_go_on.wait()

    room = {"BUTINE_WEB__ROOM": "true", "BUTINE_WEB__ROOM_DATABASE": str(tmp_path / "room.db")}
    app = App(house.settings(**room), house.clock, sleep=pause)
    await app.start()
    async with ClientSession() as client, client.get(app.address) as page:
        assert "<html" in await page.text()
    answered = await house.call(house.agent, "POST", "/commands/execute", typed_in(house))
    assert answered[0] != 200
    may_go_on.set()
    async with asyncio.timeout(20):
        while (await house.call(house.agent, "POST", "/commands/execute", typed_in(house)))[0] != 200:
            pass
        await house.card(house.review, "Des vélos")
        await app.stop()
    await house.close()
    assert pauses == [5, 10, 20]
    assert "mattermost can't be used (503" in caplog.text


def typed_in(house: House) -> dict[str, str]:
    """An idea typed in the ideas channel."""
    return {"channel_id": house.ideas, "command": "/idea Des vélos", "team_id": house.team}
