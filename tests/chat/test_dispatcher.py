"""What is committed reaches chat in the end, once, in order, and no faster than chat wants it."""

import asyncio

import pytest
from sqlmodel import Session, select

from bot.chat.dispatcher import (
    BATCH,
    LATE_SECONDS,
    LONGEST_BACKOFF_SECONDS,
    PLACE_BATCH,
    STUBBORN,
    Dispatcher,
)
from bot.chat.events import MessageRef
from bot.errors import ChatRefused, ChatUnavailable
from bot.usecases import announcing
from bot.views.cards import Card
from bot.views.plain import plain
from storage import outbox
from storage.outbox import Wanted
from storage.tables import Idea, OutboxItem, present
from tests.chat.desk import DOWN, FRENCH, UNCERTAIN, Desk, posts, slow_down, want_again
from tests.fakes.memory_platform import MemoryPlatform

# Order


async def test_messages_come_in_order_and_what_is_sent_is_settled(desk: Desk) -> None:
    for _ in range(3):
        await desk.pending()
    assert await desk.dispatcher.send_due()
    assert posts(desk) == ["card:1:review", "card:2:review", "card:3:review"]
    rows = (await desk.rows()).values()
    assert [(row.shown, row.message, row.permalink, row.lease_until) for row in rows] == [
        (1, f"m{number}", f"https://chat.example/m{number}", None) for number in (1, 2, 3)
    ]
    assert not await desk.dispatcher.send_due()


async def test_channel_cards_come_before_the_direct_messages_that_link_to_them(desk: Desk) -> None:
    number = await desk.pending()
    await desk.click("nadia", "approve", str(number))
    await desk.send()
    assert posts(desk)[-1] == "notice:1:approved_notice:camille"
    (card,), (notice,) = desk.platform.shown("card:1:ideas"), desk.platform.shown("notice:1:approved_notice:camille")
    assert f"https://chat.example/{card.id}" in str(notice.card)


@pytest.mark.parametrize("failure", [DOWN, slow_down(40)])
async def test_an_author_is_told_of_the_publication_once_there_is_a_card_to_link_to(
    desk: Desk, failure: ChatUnavailable
) -> None:
    number = await desk.pending()
    await desk.send()
    await desk.click("nadia", "approve", str(number))
    desk.platform.fail("post", failure)
    await desk.send()
    assert desk.platform.shown("notice:1:approved_notice:camille") == []
    desk.later(seconds=40)
    await desk.send()
    (card,), (notice,) = desk.platform.shown("card:1:ideas"), desk.platform.shown("notice:1:approved_notice:camille")
    assert f"https://chat.example/{card.id}" in str(notice.card)


async def test_where_the_card_can_t_be_posted_the_author_is_told_without_a_link(desk: Desk) -> None:
    number = await desk.pending()
    await desk.send()
    await desk.click("nadia", "approve", str(number))
    desk.platform.fail("post", ChatRefused("restricted"))
    await desk.send()
    (notice,) = desk.platform.shown("notice:1:approved_notice:camille")
    assert "Link(" not in str(notice.card)


async def test_channels_are_in_the_workspaces_language_and_direct_messages_in_the_members(desk: Desk) -> None:
    await desk.published(author="sam")
    (card,), (notice,) = desk.platform.shown("card:1:ideas"), desk.platform.shown("notice:1:approved_notice:sam")
    assert "proposée par Sam Smith" in str(card.card)
    assert "is published" in notice.card.summary
    assert card.card.reaction == "+1"


async def test_more_than_a_batch_is_sent_in_several(desk: Desk) -> None:
    for number in range(25):
        await desk.pending(f"Idée {number}")
    await desk.send()
    assert posts(desk) == [f"card:{number}:review" for number in range(1, 26)]


# As little as possible


async def test_ten_votes_are_one_edit_that_shows_them_all(desk: Desk) -> None:
    number = await desk.published()
    before = len(desk.platform.calls)
    for voter in range(10):
        await desk.type(f"voter-{voter}", f"vote {number}")
    await desk.send()
    assert desk.platform.calls[before:] == [("update", "card:1:ideas")]
    (card,) = desk.platform.shown("card:1:ideas")
    assert "10 soutiens" in str(card.card)


async def test_a_change_during_a_send_is_sent_afterwards(desk: Desk) -> None:
    number = await desk.pending()

    class Busy(MemoryPlatform):
        """Somebody edits while it posts."""

        async def post(self, channel: str, card: Card, key: str) -> MessageRef:
            """Post what is out of date by then."""
            await desk.submit("camille", "edit", str(number), title="Nouveau titre")
            return await super().post(channel, card, key)

    desk.platform = Busy()
    busy = desk.dispatcher = desk.new_dispatcher()
    await busy.send_due()
    await desk.send()
    (review,) = desk.platform.shown("card:1:review")
    assert "Nouveau titre" in str(review.card)
    assert review.edits == 1


async def test_another_workspaces_outbox_is_left_alone(desk: Desk) -> None:
    await desk.pending()
    other = Dispatcher(desk.database, desk.platform, desk.workspace_id + 1, desk.rules, clock=lambda: desk.now)
    assert not await other.send_due()


async def test_two_dispatchers_do_not_send_the_same(desk: Desk) -> None:
    for _ in range(5):
        await desk.pending()
    await asyncio.gather(desk.dispatcher.send_due(), desk.new_dispatcher().send_due())
    assert sorted(posts(desk)) == [f"card:{number}:review" for number in range(1, 6)]


# No faster than chat wants it


async def test_between_two_posts_to_one_place_there_is_a_pause(desk: Desk) -> None:
    desk.platform.seconds_between_posts = 1.5
    for _ in range(3):
        await desk.pending()
    await desk.send()
    assert desk.slept == [1.5, 1.5]


async def test_a_retry_after_is_obeyed_for_the_whole_place_and_order_is_kept(desk: Desk) -> None:
    for _ in range(3):
        await desk.pending()
    desk.platform.fail("post", slow_down(30))
    await desk.send()
    await desk.pending()  # what comes meanwhile waits as well
    await want_again(desk, 1)
    await desk.send()
    desk.later(seconds=29)
    await desk.send()
    assert posts(desk) == []
    desk.later(seconds=1)
    await desk.send()
    assert posts(desk) == [f"card:{number}:review" for number in range(1, 5)]


@pytest.mark.parametrize("failure", [DOWN, UNCERTAIN, slow_down(10), slow_down(600)])
@pytest.mark.parametrize("position", [0, 3])
async def test_after_a_failure_a_channels_queue_goes_on_in_order(
    desk: Desk, failure: ChatUnavailable, position: int
) -> None:
    """What is claimed after the rest was put off waits as long."""
    for number in range(3 * PLACE_BATCH):
        await desk.pending(f"Idée {number}")
    desk.platform.fail("post", *[None] * position, failure)
    for _ in range(20):
        await desk.send()
        desk.later(seconds=50)
    assert posts(desk) == [f"card:{number}:review" for number in range(1, 3 * PLACE_BATCH + 1)]


async def test_what_is_new_waits_no_longer_than_a_moment_however_long_chat_was_down(desk: Desk) -> None:
    """It may find chat well again."""
    for _ in range(2):
        await desk.pending()
    for _ in range(12):
        desk.platform.fail("post", DOWN, DOWN)
        await desk.send()
        desk.later(seconds=LONGEST_BACKOFF_SECONDS)
    await desk.send()
    desk.platform.failures.clear()
    await desk.pending()
    desk.later(seconds=LATE_SECONDS)
    await desk.send()
    assert posts(desk) == ["card:3:review"]


async def test_an_edit_that_may_have_arrived_keeps_nothing_waiting(desk: Desk) -> None:
    number = await desk.pending()
    await desk.send()
    await desk.submit("camille", "edit", str(number), title="Des vélos pour tous")
    await desk.pending()
    desk.platform.fail("update", UNCERTAIN)
    await desk.send()
    assert posts(desk) == ["card:1:review", "card:2:review"]


async def test_a_retry_after_of_one_place_holds_no_other_up(desk: Desk) -> None:
    first = await desk.pending()
    await desk.click("nadia", "approve", str(first))
    desk.platform.fail("post", slow_down(30))  # whichever channel comes first
    await desk.send()
    assert posts(desk) in (["card:1:review"], ["card:1:ideas", "notice:1:approved_notice:camille"])


async def test_a_long_queue_of_one_channel_holds_no_other_up(desk: Desk) -> None:
    """As after an import: what comes meanwhile elsewhere is sent with the next few of it."""
    await desk.published()
    for _ in range(BATCH + 1):
        await desk.pending()
    desk.later(seconds=1)
    await desk.react("sam", "card:1:ideas")
    desk.platform.calls.clear()
    await desk.dispatcher.send_due()
    assert ("update", "card:1:ideas") in desk.platform.calls
    assert posts(desk) == [f"card:{number}:review" for number in range(2, 2 + PLACE_BATCH)]


async def test_while_chat_is_down_the_pauses_grow(desk: Desk) -> None:
    await desk.pending()
    pauses = []
    for _ in range(12):
        desk.platform.fail("post", DOWN)
        assert await desk.dispatcher.send_due()
        (row,) = (await desk.rows()).values()
        pauses.append((row.due_at - desk.now).total_seconds())
        desk.now = row.due_at
    assert pauses[:5] == [1, 2, 4, 8, 16]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_BACKOFF_SECONDS
    await desk.send()
    assert posts(desk) == ["card:1:review"]
    (row,) = (await desk.rows()).values()
    assert (row.attempts, row.lease_until) == (0, None)


async def test_one_message_that_fails_for_ever_does_not_hold_up_those_behind_it(desk: Desk) -> None:
    for _ in range(3):
        await desk.pending()
    for _ in range(10):
        # The first of the place fails each time it is tried; it is the only one with card:1.
        if not desk.platform.failures.get("post"):
            desk.platform.fail("post", DOWN)
        await desk.dispatcher.send_due()
        desk.later(seconds=300)
    assert {"card:2:review", "card:3:review"} <= set(posts(desk))


# Digest and reminder


async def test_digest_and_reminder_are_rendered_from_what_is_kept(desk: Desk) -> None:
    number = await desk.published()
    await desk.pending("Un vestiaire")
    await desk.type("sam", f"vote {number}")
    desk.later(seconds=1)
    await desk.type("nadia", "digest now")
    await desk.database.write(lambda s: announcing.reminder(s, desk.workspace_id, "d1", [2], desk.now))
    await desk.send()
    (digest,), (reminder,) = desk.platform.shown("digest:2026-W49"), desk.platform.shown("reminder:d1")
    assert (digest.channel, reminder.channel) == ("digest", "review")
    assert "Des vélos partagés" in str(digest.card)
    assert "Un vestiaire" in str(reminder.card)
    (review,) = desk.platform.shown("card:2:review")
    assert f"https://chat.example/{review.id}" in str(reminder.card)


async def test_a_reminder_of_what_was_all_decided_on_meanwhile_is_not_posted(desk: Desk) -> None:
    number = await desk.pending()
    await desk.send()
    idea_id = await desk.read(lambda session: present(session.exec(select(Idea.id)).one()))
    await desk.database.write(
        lambda session: announcing.reminder(session, desk.workspace_id, "2026-11-24", [idea_id], desk.now)
    )
    await desk.click("nadia", "approve", str(number))
    await desk.send()
    assert desk.platform.shown("reminder:2026-11-24") == []
    assert not await desk.dispatcher.send_due()


async def test_a_reminder_that_waited_while_butine_was_renewed_is_sent_too(desk: Desk) -> None:
    """The version before kept no ideas with it."""
    await desk.pending("Un vestiaire")
    wanted = Wanted("reminder:d1", announcing.REMINDER, channel=announcing.REVIEW)
    await desk.database.write(lambda s: outbox.want_once(s, desk.workspace_id, wanted, desk.now))
    await desk.send()
    (reminder,) = desk.platform.shown("reminder:d1")
    assert "Un vestiaire" in str(reminder.card)


async def test_late_notices_say_what_was_said_when_they_were_wanted(desk: Desk) -> None:
    """Whatever has happened to the idea since: a second question, the author's new text, another refusal."""
    number = await desk.pending()
    await desk.send()
    for form, member, words in (
        ("ask", "nadia", {"question": "Pour quel site ?"}),
        ("ask", "ines", {"question": "À quel prix ?"}),
        ("refuse", "nadia", {"reason": "Déjà fait"}),
        ("edit", "camille", {"title": "Des vélos pour tous"}),
        ("refuse", "ines", {"reason": "Trop cher"}),
    ):
        desk.platform.fail("direct", DOWN)
        await desk.submit(member, form, str(number), **words)
        await desk.send()
        desk.later(seconds=2**STUBBORN)
    desk.later(minutes=5)
    await desk.send()
    told = [plain(message.card, FRENCH) for message in desk.platform.messages.values() if message.member == "camille"]
    said = {"Pour quel site ?": "Nadia", "À quel prix ?": "Inès", "Déjà fait": "Nadia", "Trop cher": "Inès"}
    assert len(told) == len(said)
    for what, by in said.items():
        assert [by in notice for notice in told if what in notice] == [True], what


@pytest.mark.parametrize("view", [announcing.QUESTION_NOTICE, announcing.REFUSED_NOTICE])
async def test_a_notice_that_waited_while_butine_was_renewed_takes_its_words_from_the_idea(
    desk: Desk, view: str
) -> None:
    number = await desk.pending()
    await desk.submit("nadia", "ask", str(number), question="Pour quel site ?")
    if view == announcing.REFUSED_NOTICE:
        await desk.submit("nadia", "refuse", str(number), reason="Déjà fait")

    def forget_words(session: Session) -> None:
        for row in session.exec(select(OutboxItem).where(OutboxItem.view == view)):
            row.subject = {"occasion": row.subject["occasion"]}

    await desk.database.write(forget_words)
    await desk.send()
    (notice,) = [each for each in desk.platform.messages.values() if each.key.split(":")[2:3] == [view]]
    words = "Pour quel site ?" if view == announcing.QUESTION_NOTICE else "Déjà fait"
    assert words in plain(notice.card, FRENCH)
    assert "Nadia" in plain(notice.card, FRENCH)


async def test_each_notice_has_its_words(desk: Desk) -> None:
    number = await desk.pending()
    await desk.submit("nadia", "ask", str(number), question="Pour qui ?")
    await desk.send()
    await desk.submit("nadia", "refuse", str(number), reason="Trop cher")
    await desk.send()
    await desk.submit("camille", "edit", str(number), title="Moins cher")
    await desk.click("nadia", "approve", str(number))
    await desk.send()
    await desk.react("camille", "card:1:ideas")
    await desk.type("sam", f"vote {number}")
    desk.later(seconds=1)
    await desk.type("nadia", "digest now")
    await desk.type("nadia", f"statut {number} retenue")
    await desk.send()
    told = [message.card.summary for message in desk.platform.messages.values() if message.member == "camille"]
    for part in (
        "question sur votre idée",
        "n’est pas publiée en l’état",
        "est publiée",
        "seuls comptent les soutiens",
    ):
        assert any(part in summary for summary in told), part
    assert "nouveau statut" in told[-1]
