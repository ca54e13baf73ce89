"""An idea that its author takes back before chat could show it is not announced after all."""

from bot.errors import ChatUnavailable
from tests.chat.desk import UNCERTAIN, Desk
from tests.fakes.memory_platform import Lost


async def test_what_is_taken_back_before_it_could_be_shown_is_announced_nowhere(desk: Desk) -> None:
    """Not even its title, in a card that says that it is withdrawn; nor is its author told that it is published."""
    await desk.pending()
    await desk.type("camille", "withdraw 1")
    await desk.pending()
    await desk.click("nadia", "approve", "2")
    await desk.type("camille", "withdraw 2")
    await desk.send()
    assert desk.platform.messages == {}
    assert [key for key, row in (await desk.rows()).items() if row.shown < row.wanted] == []


async def test_nor_is_it_where_the_author_had_answered_a_question(desk: Desk) -> None:
    await desk.pending()
    await desk.send()
    await desk.submit("nadia", "ask", "1", question="Combien ?")
    await desk.submit("camille", "edit", "1", title="Dix vélos")
    await desk.type("camille", "withdraw 1")
    await desk.send()
    assert [message.key for message in desk.platform.messages.values() if message.channel] == ["card:1:review"]


async def test_a_card_that_was_shown_or_may_have_been_says_that_its_idea_is_withdrawn(desk: Desk) -> None:
    await desk.published()
    desk.platform.fail("post", Lost(ChatUnavailable("timeout", is_uncertain=True)))
    await desk.pending()
    await desk.send()
    for number in (1, 2):
        await desk.type("camille", f"withdraw {number}")
    desk.later(minutes=1)
    await desk.send()
    for key in ("card:1:review", "card:1:ideas", "card:2:review"):
        (card,) = desk.platform.shown(key)
        assert "retirée" in str(card.card)


async def test_what_may_have_been_shown_and_was_not_is_announced_nowhere_either(desk: Desk) -> None:
    """Chat was down: the card was sent, and is looked for when chat is back."""
    desk.platform.fail("post", UNCERTAIN)
    await desk.pending()
    await desk.send()
    await desk.type("camille", "withdraw 1")
    desk.later(minutes=1)
    await desk.send()
    assert desk.platform.messages == {}
    assert [key for key, row in (await desk.rows()).items() if row.shown < row.wanted] == []
