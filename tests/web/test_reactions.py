"""Reactions in the room: kept first, handed over then, shown with who holds them."""

from datetime import timedelta

import pytest

from bot.chat.events import MessageRef, ReactionChanged, Reply
from bot.errors import NotTakenIn
from tests.web.rooms import IDEA, RECEIPT, Scene


@pytest.fixture
async def posted(scene: Scene) -> MessageRef:
    """A card in the ideas channel."""
    return await scene.room.post("ideas", IDEA, "card:12")


async def react(scene: Scene, message: str, emoji: str, member: str = "camille", *, is_present: bool = True) -> int:
    """Put a reaction on or take it off; the status."""
    status, _ = await scene.send("react", member, message=message, emoji=emoji, is_present=is_present)
    return status


async def test_a_reaction_shows_how_many_hold_it_who_and_whether_oneself_does(scene: Scene, posted: MessageRef) -> None:
    await react(scene, posted.id, "heart")
    await react(scene, posted.id, "heart", "sam")
    mine, theirs = await scene.page("/?as=camille"), await scene.page("/?as=nadia")
    assert 'title="Camille Martin, Sam Taylor"' in mine
    assert 'aria-pressed="true"' in mine
    assert '<span class="count">2</span>' in mine
    assert 'aria-pressed="true"' not in theirs
    assert "cœur rouge" in mine
    assert "red heart" in await scene.page("/?as=sam")


async def test_a_reaction_that_is_there_already_is_no_event(scene: Scene, posted: MessageRef) -> None:
    for _ in range(2):
        assert await react(scene, posted.id, "heart") == 200
    for _ in range(2):
        assert await react(scene, posted.id, "heart", is_present=False) == 200
    assert len(scene.router.events) == 2


async def test_later_changes_have_later_times_even_within_one_tick_of_the_clock(
    scene: Scene, posted: MessageRef
) -> None:
    for is_present in (True, False, True):
        await react(scene, posted.id, "heart", is_present=is_present)
    times = [event.at for event in scene.router.events]
    assert times == [scene.clock.now + timedelta(microseconds=number) for number in range(3)]
    scene.clock.move(seconds=5)
    await react(scene, posted.id, "heart", is_present=False)
    assert scene.router.events[-1].at == scene.clock.now


async def test_a_reaction_stays_when_it_could_not_be_taken_in(
    scene: Scene, posted: MessageRef, caplog: pytest.LogCaptureFixture
) -> None:
    scene.router.failure = NotTakenIn("E1", "disk full")
    assert await react(scene, posted.id, "heart") == 200
    assert await scene.room.reactions([posted.id]) == {posted.id: {"heart": ["camille"]}}
    assert [record.exc_info for record in caplog.records] == [None]


async def test_what_is_said_about_a_reaction_is_private(scene: Scene, posted: MessageRef) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    _, answer = await scene.send("react", message=posted.id, emoji="heart", is_present=True)
    assert [swap["announcement"] for swap in answer["swaps"] if swap["is_news"]] == [
        "Butine\u00a0: Votre idée #13 est enregistrée."
    ]
    assert "#13" not in await scene.page("/?as=sam")


async def test_only_emoji_can_be_reactions(scene: Scene, posted: MessageRef) -> None:
    for emoji in ("", "no_such_emoji", "<script>", "+1::skin-tone-9"):
        assert await react(scene, posted.id, emoji) == 400
    assert scene.router.events == []


async def test_a_reaction_of_butine_can_be_joined_even_where_no_emoji_has_its_name(scene: Scene) -> None:
    posted = await scene.room.post("ideas", type(IDEA)("x", (), reaction="valdoise"), "card:13")
    assert await react(scene, posted.id, "valdoise") == 200
    assert ":valdoise:" in await scene.page("/?as=camille")


async def test_nobody_reacts_to_a_private_card(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    number = (await scene.say("/idea x"))["swaps"][0]["id"].removeprefix("m-")
    assert await react(scene, number, "heart") == 400
    assert await scene.room.reactions([number]) == {}


async def test_a_reaction_to_words_of_a_person_is_an_event_too(scene: Scene) -> None:
    number = (await scene.say("Bonjour"))["swaps"][0]["id"].removeprefix("m-")
    await react(scene, number, "tada", "sam")
    (event,) = scene.router.events
    assert isinstance(event, ReactionChanged)
    assert (event.member, event.message, event.emoji) == ("sam", number, "tada")
