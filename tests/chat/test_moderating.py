"""What authors and moderators do at the same time: nobody decides on, or answers, what they have not read.

On both databases.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.events import Reply
from bot.domain.seen import text_mark, word_mark
from bot.errors import NeedsMending
from bot.usecases import moderation
from bot.views.cards import Button, Form, Quotation
from storage.tables import Status
from tests.chat.desk import Desk, buttons, form_of, words
from tests.usecases.builders import NOW
from tests.views.samples import Words, idea

pytest_plugins = ["tests.contract.storage_fixtures"]
MODERATORS_BUTTONS = ["approve", "refuse", "ask"]


@pytest.fixture
async def desk(tmp_path: Path, migrated_url: str) -> AsyncIterator[Desk]:
    """A fresh workspace on each of the two databases in turn."""
    desk = await Desk.open(tmp_path, url=migrated_url)
    yield desk
    await desk.database.close()


async def review_buttons(desk: Desk) -> tuple[dict[str, Button], str]:
    """The first idea's buttons in the review channel as a moderator sees them now, and the message they stand in."""
    await desk.send()
    (message,) = desk.platform.shown("card:1:review")
    return buttons(message.card), message.id


async def complete(desk: Desk, **values: str) -> None:
    """Let the author give the first idea another text."""
    await desk.submit("camille", "edit", "1", **values)


@pytest.mark.parametrize("action", MODERATORS_BUTTONS)
async def test_what_a_moderator_has_not_read_is_not_decided_on(desk: Desk, action: str) -> None:
    """The author completed the idea and the card in chat is still the old one: the new text is shown instead."""
    await desk.pending()
    seen, message = await review_buttons(desk)
    await complete(desk, title="Tout autre chose", benefit="Aucun")
    state = await desk.state()
    reply = await desk.click("nadia", action, seen[action].value, message)
    assert "a changé depuis que vous l’avez lu" in words(reply)
    assert reply.card
    assert reply.card.tone == "error"
    assert Quotation("Titre", "Tout autre chose") in reply.card.blocks
    assert Quotation("Le bénéfice attendu", "Aucun") in reply.card.blocks
    assert await desk.state() == state
    assert list(buttons(reply.card)) == MODERATORS_BUTTONS


async def test_the_new_text_can_be_decided_on_where_it_is_shown(desk: Desk) -> None:
    """Chat may never come to edit the card in the review channel: some servers limit for how long that is allowed."""
    await desk.pending()
    seen, message = await review_buttons(desk)
    await complete(desk, title="Tout autre chose")
    told = await desk.click("nadia", "approve", seen["approve"].value, message)
    done = await desk.click("nadia", "approve", buttons(told.card)["approve"].value)
    assert done.replaces
    assert "L’idée nº 1 « Tout autre chose » est publiée." in words(done)
    assert (await desk.idea(1)).status is Status.PUBLISHED


@pytest.mark.parametrize("action, field", [("refuse", "reason"), ("ask", "question")])
async def test_nor_is_it_with_a_form_that_was_open_meanwhile_and_what_was_written_comes_back(
    desk: Desk, action: str, field: str
) -> None:
    await desk.pending()
    seen, message = await review_buttons(desk)
    form = form_of(await desk.click("nadia", action, seen[action].value, message))
    await complete(desk, title="Tout autre chose")
    state = await desk.state()
    reply = await desk.submit("nadia", form.name, form.context, **{field: "Trop vague pour nous"})
    assert reply.card
    assert Quotation("Votre texte", "Trop vague pour nous") in reply.card.blocks
    assert Quotation("Titre", "Tout autre chose") in reply.card.blocks
    assert await desk.state() == state
    form = form_of(await desk.click("nadia", action, buttons(reply.card)[action].value))
    assert "Tout autre chose" in words(await desk.submit("nadia", form.name, form.context, **{field: "Trop vague"}))


@pytest.mark.parametrize("action", MODERATORS_BUTTONS)
async def test_what_was_read_is_decided_on_whatever_else_has_changed(desk: Desk, action: str) -> None:
    """Another moderator's question is no other text, nor is one that its author sent unchanged."""
    await desk.pending()
    seen, message = await review_buttons(desk)
    await desk.submit("ines", "ask", "1", question="Pour qui ?")
    await complete(desk, title="Des vélos partagés")
    reply = await desk.click("nadia", action, seen[action].value, message)
    assert reply == Reply() if action == "approve" else form_of(reply)


@pytest.mark.parametrize("action", MODERATORS_BUTTONS)
async def test_buttons_of_cards_that_were_posted_before_marks_were_known_work_as_they_did(
    desk: Desk, action: str
) -> None:
    await desk.pending()
    await complete(desk, title="Tout autre chose")
    reply = await desk.click("nadia", action, "1", "m1")
    assert reply == Reply() if action == "approve" else form_of(reply)


# Authors


async def edit_form(desk: Desk) -> Form:
    """The form with the first idea's text, as its author has it before them now."""
    return form_of(await desk.click("camille", "edit", "1"))


async def test_a_question_that_the_open_form_does_not_show_stays_open(desk: Desk) -> None:
    """The text is taken, and the moderators see it beside their question."""
    await desk.pending()
    form = await edit_form(desk)
    await desk.submit("nadia", "ask", "1", question="Pour qui ?")
    reply = await desk.submit("camille", form.name, form.context, title="Des vélos", need="Trop de voitures")
    assert "à jour" in words(reply)
    idea = await desk.idea(1)
    assert (idea.need, idea.question, idea.asked_by) == ("Trop de voitures", "Pour qui ?", "nadia")
    assert not [key for key in await desk.rows() if key.startswith("new_text")], "that is no answer"
    form = await edit_form(desk)
    await desk.submit("ines", "ask", "1", question="Combien ?")
    await desk.submit("camille", form.name, form.context, title="Des vélos", need="Tous")
    assert (await desk.idea(1)).question == "Combien ?"
    form = await edit_form(desk)
    assert "Combien ?" in form.intro
    await desk.submit("camille", form.name, form.context, title="Des vélos", proposal="Dix")
    assert (await desk.idea(1)).question is None
    assert [key for key in await desk.rows() if key.startswith("new_text")]


async def test_a_refused_idea_is_not_proposed_again_before_its_author_has_read_why(desk: Desk) -> None:
    """They get their new text back, and the reason, whatever stood above the fields when they opened the form."""
    await desk.pending()
    pending = await edit_form(desk)
    await desk.submit("nadia", "ask", "1", question="Pour qui ?")
    asked = await edit_form(desk)
    forms = [pending, asked]
    for reason in ("Trop vague", "Toujours trop vague"):
        await desk.submit("nadia", "refuse", "1", reason=reason)
        state = await desk.state()
        for form in forms:
            reply = await desk.submit("camille", form.name, form.context, title="Des vélos", need="Un long besoin")
            assert "a été refusée pendant que vous la complétiez" in words(reply)
            assert reply.card
            assert Quotation("Motif", reason) in reply.card.blocks
            assert Quotation("Votre texte", "Des vélos\n\nUn long besoin") in reply.card.blocks
        assert await desk.state() == state
        refused = form_of(await desk.type("camille", "modifier 1"))
        forms.append(refused)
        assert "de nouveau proposée" in words(await desk.submit("camille", "edit", refused.context, title="Des vélos"))


async def test_forms_that_were_opened_before_marks_were_known_are_taken_as_they_were(desk: Desk) -> None:
    await desk.pending()
    await desk.submit("nadia", "ask", "1", question="Pour qui ?")
    await desk.submit("camille", "edit", "1", title="Des vélos")
    assert (await desk.idea(1)).question is None
    await desk.submit("nadia", "refuse", "1", reason="Trop vague")
    assert "de nouveau proposée" in words(await desk.submit("camille", "edit", "1", title="Des vélos"))


# Moderators are told


@pytest.mark.parametrize("is_edited", [True, False])
async def test_what_was_asked_for_is_announced_with_the_way_to_its_card(desk: Desk, *, is_edited: bool) -> None:
    """After the card shows it, and all the same where the card can't be edited."""
    await desk.pending()
    await desk.send()
    (card,) = desk.platform.shown("card:1:review")
    await desk.submit("nadia", "refuse", "1", reason="Trop vague")
    await complete(desk, title="Des vélos électriques")
    if not is_edited:
        desk.platform.fail("update", *[NeedsMending("time_limit")] * 20)
    for _ in range(6):
        await desk.send()
        desk.later(minutes=1)
    (post,) = [each for each in desk.platform.messages.values() if each.key.startswith("new_text:1:")]
    assert post.channel == "review"
    assert words(Reply(post.card)) == (
        f"nº 1 · Des vélos électriques <https://chat.example/{card.id}> · nouveau texte, proposé après un refus"
    )
    assert ("électriques" in str(card.card)) is is_edited
    await desk.click("nadia", "approve", "1", card.id)
    await desk.send()
    assert len(desk.platform.shown(post.key)) == 1


async def test_a_reminder_says_how_long_moderators_have_let_wait_what_was_proposed_again(desk: Desk) -> None:
    for _ in range(2):
        await desk.pending()
    await desk.submit("nadia", "refuse", "1", reason="Trop vague")
    desk.later(days=80)
    await complete(desk, title="Des vélos électriques")
    desk.later(days=5)
    wait = desk.rules.remind_after
    await desk.database.write(lambda s: moderation.remind(s, desk.workspace_id, wait, "d1", desk.now))
    await desk.send()
    (reminder,) = desk.platform.shown("reminder:d1")
    lines = [line for line in words(Reply(reminder.card)).splitlines() if line.startswith("- ")]
    assert [line.rpartition(" depuis ")[2] for line in lines] == ["85 jours", "5 jours"]
    assert "Des vélos électriques" in lines[1]


# Marks


texts = st.lists(st.text(), min_size=4, max_size=4)


@given(one=texts, other=texts)
def test_a_mark_stands_for_one_text_alone(one: list[str], other: list[str]) -> None:
    def mark(parts: list[str]) -> str:
        title, need, proposal, benefit = parts
        return text_mark(idea(Words(title, proposal), need=need, benefit=benefit))

    assert (mark(one) == mark(other)) is (one == other)
    moved = ["".join(one), "", "", ""]
    assert (mark(one) == mark(moved)) is (one == moved)


def test_a_mark_stands_for_the_moderators_last_word_and_nothing_else() -> None:
    words_of_moderators = [
        idea(Words(), Status.PENDING),
        idea(Words(), Status.PENDING, question="Pour qui ?"),
        idea(Words(), Status.PENDING, question="Combien ?"),
        idea(Words(), Status.REFUSED),
        idea(Words(), Status.REFUSED, reason="Pour qui ?"),
    ]
    assert len({word_mark(each) for each in words_of_moderators}) == len(words_of_moderators)
    first = word_mark(idea(Words(), Status.PENDING, question="Pour qui ?"))
    assert first == word_mark(idea(Words("Autre"), Status.PENDING, 13, question="Pour qui ?", changed_at=NOW))


def test_a_mark_stands_for_the_text_and_nothing_else() -> None:
    first = text_mark(idea(Words(), Status.PENDING))
    assert first == text_mark(idea(Words(), Status.PUBLISHED, 13, question="Pour qui ?", changed_at=NOW, supporters=9))
