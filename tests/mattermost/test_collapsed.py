"""Where replies are collapsed into threads, as is the default since 7.0, the answer to a click is seen all the same.

The server makes that answer a reply to what was clicked, and current clients show a reply in its thread alone.
"""

import pytest

from bot.chat.events import Reply
from bot.errors import NotTakenIn
from bot.views.cards import Actions, Button, Card, Field, Form, Paragraph
from tests.fakes.mattermost import reading
from tests.fakes.mattermost.answers import Json
from tests.mattermost.rig import MattermostRig

PLAIN = Card("Merci", (Paragraph(("Merci.",)),))
WITH_BUTTONS = Card("Liste", (Paragraph(("Liste",)), Actions((Button("Suite", "more", "7"),))))
DANGEROUS = Card("Reçu", (Paragraph(("Reçu",)), Actions((Button("Retirer", "withdraw", "1", confirm="Vraiment ?"),))))
FORM = Form("propose", "Proposer", "Envoyer", (Field("title", "Titre", 120, required=True),))


async def private(rig: MattermostRig, card: Card) -> Json:
    """A private answer to a command, as its reader's screen holds it."""
    rig.listener.reply = Reply(card)
    await rig.type_command(rig.agent, "liste")
    return rig.world.ephemerals[-1][1]


async def test_words_after_a_click_come_as_a_direct_message(current_rig: MattermostRig) -> None:
    """They were shown nowhere, unless the clicked message's thread happened to be open."""
    rig = current_rig
    card = await rig.platform.post("ideas", WITH_BUTTONS, "card:1")
    rig.listener.reply = Reply(PLAIN)
    await rig.click(rig.agent, card, "Suite")
    assert reading.read(await rig.told(rig.agent, "Merci.")).text == "Merci."
    assert rig.private_words(rig.agent) == []


async def test_a_list_with_buttons_comes_without_a_word_about_it(current_rig: MattermostRig) -> None:
    rig = current_rig
    post = await private(rig, WITH_BUTTONS)
    assert await rig.press(rig.agent, post, "Suite") == 200
    await rig.told(rig.agent, "Liste", "[Suite]")
    assert len(rig.all_private_words(rig.agent)) == 2, "the command's answer and the click's"


async def test_a_click_that_was_not_saved_is_said_to_be(current_rig: MattermostRig) -> None:
    rig = current_rig
    post = await private(rig, WITH_BUTTONS)
    rig.ears.failure = NotTakenIn("E1", "disk full")
    assert await rig.press(rig.agent, post, "Suite") == 200
    await rig.told(rig.agent, "Rien n’a changé")


@pytest.mark.parametrize("reply", [Reply(DANGEROUS), Reply(form=FORM)])
async def test_a_form_that_came_too_late_is_said_to_be(current_rig: MattermostRig, reply: Reply) -> None:
    rig = current_rig
    post = await private(rig, DANGEROUS if reply.card else WITH_BUTTONS)
    rig.listener.reply = reply
    rig.server.failures.append(("POST /api/v4/actions/dialogs/open", 400, {}))
    assert await rig.press(rig.agent, post, "Retirer" if reply.card else "Suite") == 200
    await rig.told(rig.agent, "à temps")


async def test_a_direct_message_is_still_changed_in_place(current_rig: MattermostRig) -> None:
    rig = current_rig
    post = await private(rig, WITH_BUTTONS)
    assert await rig.press(rig.agent, post, "Suite") == 200
    told = await rig.told(rig.agent, "[Suite]")
    rig.listener.reply = Reply(PLAIN, replaces=True)
    assert await rig.press(rig.agent, told, "Suite") == 200
    assert [reading.read(each).text for each in rig.direct_posts(rig.agent)] == ["Merci."]


async def test_a_direct_message_that_may_not_be_changed_any_more_is_followed_by_another(
    current_rig: MattermostRig,
) -> None:
    rig = current_rig
    post = await private(rig, WITH_BUTTONS)
    assert await rig.press(rig.agent, post, "Suite") == 200
    told = await rig.told(rig.agent, "[Suite]")
    rig.world.edit_seconds = 300
    rig.clock.move(minutes=6)
    rig.listener.reply = Reply(PLAIN, replaces=True)
    assert await rig.press(rig.agent, told, "Suite") == 200
    await rig.told(rig.agent, "Merci.")
    assert len(rig.direct_posts(rig.agent)) == 2
