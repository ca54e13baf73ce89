"""How commands, clicks and forms are answered: privately, where the server can; and nothing that was typed is lost."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.chat.events import ButtonClicked, FormSubmitted, Reply
from bot.errors import ChatUnavailable, ConfigError, NeedsMending, NotTakenIn
from bot.views.cards import Actions, Button, Card, Field, Form, Heading, Menu, Option, Paragraph
from bot.views.texts import Texts
from tests.fakes.mattermost import reading
from tests.fakes.mattermost.answers import Json
from tests.mattermost.rig import MattermostRig
from tests.views.samples import CARDS, Words

PLAIN = Card("Merci", (Paragraph(("Merci.",)),))
WITH_BUTTONS = Card("Liste", (Paragraph(("Liste",)), Actions((Button("Suite", "more", "7"),))))
WITH_MENU_OPTIONS = (Option("Toutes", "all"), Option("Retenues", "retained"))
WITH_MENU = Card("Liste", (Paragraph(("Liste",)), Menu("Afficher", "list", WITH_MENU_OPTIONS, "all")))
DANGEROUS = Card("Reçu", (Heading("Reçu"), Actions((Button("Retirer", "withdraw", "1", confirm="Vraiment ?"),))))
FORM = Form("propose", "Proposer", "Envoyer", (Field("title", "Titre", 120, required=True),), context="ctx")


async def replying(rig: MattermostRig, reply: Reply) -> None:
    """From now on the listener answers that."""
    rig.listener.reply = reply


async def private(rig: MattermostRig) -> Json:
    """A private answer with buttons, as its reader's screen holds it."""
    await replying(rig, Reply(WITH_BUTTONS))
    await rig.type_command(rig.agent, "liste")
    return rig.world.ephemerals[-1][1]


async def sent_directly(rig: MattermostRig, card: Card = WITH_BUTTONS) -> Json:
    """A private answer that came as a direct message, because a form has no other."""
    await replying(rig, Reply(form=FORM))
    await rig.type_command(rig.agent, "")
    await rig.form(rig.agent, "Proposer")
    await replying(rig, Reply(card))
    assert await rig.fill(rig.agent, title="Un") == {}
    return await rig.told(rig.agent, card.summary)


async def test_a_command_is_answered_to_its_member_alone(rig: MattermostRig) -> None:
    post = await private(rig)
    assert reading.read(post).text.split() == ["Liste", "[Suite]"]
    assert rig.posts_in(rig.ideas) == []
    assert rig.world.ephemerals[-1][0] == rig.agent


async def test_a_click_in_a_private_answer_names_no_message(rig: MattermostRig) -> None:
    """Words without buttons come as the click's answer, others as a direct message, of which the click tells."""
    post = await private(rig)
    await replying(rig, Reply(PLAIN))
    assert await rig.press(rig.agent, post, "Suite") == 200
    assert rig.private_words(rig.agent)[-1] == "Merci."
    await replying(rig, Reply(WITH_BUTTONS, replaces=True))
    assert await rig.press(rig.agent, post, "Suite") == 200
    await rig.told(rig.agent, "Liste", "[Suite]")
    assert "direct" in rig.private_words(rig.agent)[-1]
    clicks = [event for event in rig.listener.events if isinstance(event, ButtonClicked)]
    assert [(click.action, click.value, click.message) for click in clicks] == [("more", "7", None)] * 2


async def test_choosing_in_a_private_answer_names_no_message(rig: MattermostRig) -> None:
    await replying(rig, Reply(WITH_MENU))
    await rig.type_command(rig.agent, "liste")
    post = rig.world.ephemerals[-1][1]
    assert reading.read(post).text.split() == ["Liste", "Afficher", "(Toutes)", "(Retenues)"]
    await replying(rig, Reply(PLAIN, replaces=True))
    assert await rig.pick(rig.agent, post, "Afficher", "Retenues") == 200
    assert rig.private_words(rig.agent)[-1] == "Merci."
    event = rig.listener.events[-1]
    assert isinstance(event, ButtonClicked)
    assert (event.action, event.value, event.message) == ("list", "retained", None)


async def test_a_list_with_a_menu_is_replaced_in_place_in_a_direct_message(rig: MattermostRig) -> None:
    post = await sent_directly(rig, WITH_MENU)
    chosen = Menu("Afficher", "list", WITH_MENU_OPTIONS, "retained")
    await replying(rig, Reply(Card("Liste", (Heading("Retenues"), chosen)), replaces=True))
    assert await rig.pick(rig.agent, post, "Afficher", "Retenues") == 200
    (only,) = rig.direct_posts(rig.agent)
    (menu,) = only["props"]["attachments"][0]["actions"]
    assert (menu["type"], menu["default_option"]) == ("select", "retained")
    await replying(rig, Reply(PLAIN, replaces=True))
    assert await rig.pick(rig.agent, only, "Afficher", "Toutes") == 200
    assert reading.read(rig.direct_posts(rig.agent)[0]).text == "Merci."


async def test_the_longest_list_fits_into_the_props_of_old_servers(rig: MattermostRig) -> None:
    """8,000 characters on 5.37: every option of a moderator's menu, its context, and the button for more."""
    card = CARDS["list_all_moderator"](Texts("fr"), Words())
    more = Actions((Button("Voir la suite", "more_ideas", "shortlisted,123456789"),))
    posted = await rig.platform.post("review", replace(card, blocks=(*card.blocks, more)), "card:1")
    assert len(json.dumps(rig.world.posts[posted.id]["props"], ensure_ascii=False)) < 4000


async def test_a_private_answer_in_a_direct_message_is_replaced_in_place(rig: MattermostRig) -> None:
    post = await sent_directly(rig)
    await replying(rig, Reply(PLAIN, replaces=True))
    assert await rig.press(rig.agent, post, "Suite") == 200
    (only,) = rig.direct_posts(rig.agent)
    assert reading.read(only).text == "Merci."
    click = rig.listener.events[-1]
    assert isinstance(click, ButtonClicked)
    assert click.message is None


@pytest.mark.parametrize("card, words", [(PLAIN, "Merci."), (WITH_BUTTONS, "message direct")])
async def test_an_answer_that_can_no_longer_be_replaced_is_given_beside_it(
    rig: MattermostRig, card: Card, words: str
) -> None:
    """Where messages may be edited for a while only; the click did what it did."""
    rig.world.edit_seconds = 300
    post = await sent_directly(rig, replace(WITH_BUTTONS, blocks=(Heading("Reçu"), *WITH_BUTTONS.blocks)))
    rig.clock.move(minutes=10)
    await replying(rig, Reply(card, replaces=True))
    assert await rig.press(rig.agent, post, "Suite") == 200
    assert words in rig.private_words(rig.agent)[-1]
    assert "Reçu" in reading.read(rig.direct_posts(rig.agent)[0]).text
    if card is WITH_BUTTONS:
        await rig.until(lambda: len(rig.direct_posts(rig.agent)) == 2)


async def test_what_cannot_be_undone_asks_first_and_is_then_replaced(rig: MattermostRig) -> None:
    post = await sent_directly(rig, DANGEROUS)
    had = len(rig.listener.events)
    assert await rig.press(rig.agent, post, "Retirer") == 200
    dialog = await rig.form(rig.agent, "Retirer")
    assert dialog["dialog"]["introduction_text"] == "Vraiment ?"
    assert len(rig.listener.events) == had
    await replying(rig, Reply(PLAIN, replaces=True))
    assert await rig.fill(rig.agent, channel=post["channel_id"]) == {}
    await rig.told(rig.agent, "Merci.")
    assert len(rig.direct_posts(rig.agent)) == 1
    assert isinstance(rig.listener.events[-1], ButtonClicked)


@pytest.mark.parametrize("statuses", [[503], [503, 429, 502], [503] * 4, [400], ["gone"]])
async def test_an_answer_that_is_to_replace_another_reaches_its_member_whatever_the_server_does(
    rig: MattermostRig, statuses: list[int | str]
) -> None:
    """In place after a few tries, and as a message of its own where that can't be done."""
    post = await sent_directly(rig, DANGEROUS)
    assert await rig.press(rig.agent, post, "Retirer") == 200
    await rig.form(rig.agent, "Retirer")
    await replying(rig, Reply(PLAIN, replaces=True))
    if statuses == ["gone"]:
        rig.world.delete(post["id"])
    else:
        rig.server.failures += [(f"PUT /api/v4/posts/{post['id']}", int(status), {}) for status in statuses]
    assert await rig.fill(rig.agent, channel=post["channel_id"]) == {}
    told = await rig.told(rig.agent, "Merci.")
    assert (told["id"] == post["id"]) is (statuses in ([503], [503, 429, 502]))


async def test_a_form_brings_its_context_and_every_field_back(rig: MattermostRig) -> None:
    await sent_directly(rig)
    submitted = rig.listener.events[-1]
    assert isinstance(submitted, FormSubmitted)
    assert (submitted.form, submitted.context, submitted.values) == ("propose", "ctx", {"title": "Un"})


async def test_field_errors_keep_the_form_open_and_it_can_be_sent_again(rig: MattermostRig) -> None:
    await replying(rig, Reply(form=FORM))
    await rig.type_command(rig.agent, "")
    await rig.form(rig.agent, "Proposer")
    await replying(rig, Reply(field_errors={"title": "Trop court."}))
    assert await rig.fill(rig.agent, title="") == {"errors": {"title": "Trop court."}}
    await replying(rig, Reply())
    assert await rig.fill(rig.agent, title="Un titre") == {}


async def test_a_form_that_comes_while_butine_stops_stays_open_with_what_was_written(rig: MattermostRig) -> None:
    """Of an answer other than 200, clients make nothing: they close the form."""
    await replying(rig, Reply(form=FORM))
    await rig.type_command(rig.agent, "")
    await rig.form(rig.agent, "Proposer")
    had = len(rig.listener.events)
    await rig.platform.close()
    assert "Rien n’a changé" in (await rig.fill(rig.agent, title="Un titre"))["error"]
    assert len(rig.listener.events) == had


async def test_what_could_not_be_saved_is_given_back(rig: MattermostRig, caplog: pytest.LogCaptureFixture) -> None:
    """A command's text is in the answer; a form stays open with everything in it; a click says so. The log has a
    line about each.
    """
    post = await private(rig)
    await replying(rig, Reply(form=FORM))
    await rig.type_command(rig.agent, "")
    await rig.form(rig.agent, "Proposer")
    rig.ears.failure = NotTakenIn("E1", "disk full")
    await rig.type_command(rig.agent, "Une *longue* idée")
    assert "Une *longue* idée" in rig.private_words(rig.agent)[-1]
    assert "Rien n’a changé" in (await rig.fill(rig.agent, title="Un titre"))["error"]
    assert await rig.press(rig.agent, post, "Suite") == 200
    assert "Rien n’a changé" in rig.private_words(rig.agent)[-1]
    assert [record.exc_info for record in caplog.records] == [None] * 3
    assert "E1 (disk full)" in caplog.text
    rig.ears.failure = ZeroDivisionError()
    assert await rig.press(rig.agent, post, "Suite") == 200
    assert "Traceback" in caplog.text


async def test_a_form_that_came_too_late_is_said_to_be(rig: MattermostRig, caplog: pytest.LogCaptureFixture) -> None:
    """The server gives three seconds. The log has its code."""
    rig.server.failures.append(("POST /api/v4/actions/dialogs/open", 400, {}))
    await replying(rig, Reply(form=FORM))
    await rig.type_command(rig.agent, "")
    assert "à temps" in rig.private_words(rig.agent)[-1]
    assert "a dialog could not be opened (400 fake.failure)" in caplog.text
    await replying(rig, Reply(DANGEROUS))
    await rig.type_command(rig.agent, "x")
    post = rig.world.ephemerals[-1][1]
    rig.server.failures.append(("POST /api/v4/actions/dialogs/open", 400, {}))
    assert await rig.press(rig.agent, post, "Retirer") == 200
    assert "à temps" in rig.private_words(rig.agent)[-1]


async def test_a_private_answer_is_sent_again_until_the_server_takes_it(rig: MattermostRig) -> None:
    rig.server.failures += [("POST /api/v4/posts", 503, {}), ("POST /api/v4/posts", 429, {"Retry-After": "1"})]
    await sent_directly(rig)
    assert len(rig.direct_posts(rig.agent)) == 1


async def test_a_cancelled_form_does_nothing(rig: MattermostRig) -> None:
    await replying(rig, Reply(form=FORM))
    await rig.type_command(rig.agent, "")
    dialog = (await rig.form(rig.agent, "Proposer"))["dialog"]
    url = rig.command["url"].replace("/command", "/dialog")
    given = {"url": url, "state": dialog["state"], "channel_id": rig.ideas, "team_id": rig.team, "cancelled": True}
    had = len(rig.listener.events)
    assert (await rig.call(rig.agent, "POST", "/actions/dialogs/submit", given))[1] == {}
    assert len(rig.listener.events) == had


async def test_a_reaction_that_could_not_be_kept_is_read_again(
    rig: MattermostRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.ears.failure = NotTakenIn("E1", "disk full")
    post = rig.world.post(rig.bot, {"channel_id": rig.ideas, "message": "x"})
    rig.world.react(rig.agent, post["id"], "heart")
    await rig.until(lambda: rig.missed)
    assert [record.exc_info for record in caplog.records] == [None]


async def test_unreadable_events_end_nothing(rig: MattermostRig) -> None:
    for reaction in ("{", json.dumps([]), json.dumps({"user_id": 1})):
        rig.world.tell("reaction_added", {"reaction": reaction}, rig.ideas, {rig.bot})
    post = rig.world.post(rig.bot, {"channel_id": rig.ideas, "message": "x"})
    rig.world.react(rig.agent, post["id"], "heart")
    await rig.heard(1)


@pytest.mark.parametrize(
    "break_it, code", [("token", "mattermost_token"), ("team", "no_team"), ("channel", "no_channel")]
)
async def test_a_setting_that_the_server_does_not_know_is_named_at_start(break_it: str, code: str) -> None:
    rig = MattermostRig()
    await rig.listen()
    if break_it == "token":
        del rig.world.tokens["butine-token"]
    elif break_it == "team":
        rig.world.teams[rig.team]["name"] = "autre"
    else:
        del rig.world.members[rig.review][rig.bot]
    with pytest.raises(ConfigError) as wrong:
        await rig.platform.start(rig.listener)
    assert wrong.value.code == code
    await rig.callbacks.close()
    await rig.close()


async def test_a_clock_that_differs_is_logged_at_start(caplog: pytest.LogCaptureFixture) -> None:
    """Before the first command is refused for it."""
    rig = MattermostRig()
    await rig.listen()
    rig.world.clock = lambda: rig.clock() + timedelta(minutes=6)
    await rig.platform.start(rig.listener)
    assert re.search(r"0:0(6:00|5:59) apart", caplog.text)
    await rig.typed(rig.agent, "/idea Des vélos")
    assert rig.listener.events == []
    await rig.platform.close()
    await rig.callbacks.close()
    await rig.close()


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("call", ["GET /api/v4/users/me", "GET /api/v4/config/client"])
async def test_after_a_start_that_failed_for_a_while_it_starts_and_takes_events_in(call: str, status: int) -> None:
    rig = MattermostRig()
    await rig.listen()
    rig.server.failures.append((call, status, {}))
    with pytest.raises(ChatUnavailable) as failed:
        await rig.platform.start(rig.listener)
    assert not isinstance(failed.value, NeedsMending)
    await rig.platform.close()
    await rig.platform.start(rig.listener)
    await rig.type_command(rig.agent, "Des vélos")
    message = await rig.platform.post("ideas", Card("x", (Heading("x"),)), "card:1")
    await rig.react(rig.agent, message, "heart")
    assert len(rig.listener.events) == 2
    await rig.platform.close()
    await rig.callbacks.close()
    await rig.close()


async def test_guests_bots_strangers_and_the_deactivated_moderate_nothing(rig: MattermostRig) -> None:
    for change in ({"roles": "system_guest"}, {"is_bot": True}, {"remote_id": "x" * 26}, {"delete_at": 5}):
        before = dict(rig.world.users[rig.moderator])
        rig.world.users[rig.moderator] |= change
        assert not await rig.platform.is_moderator(rig.moderator)
        rig.world.users[rig.moderator] = before
    rig.world.users[rig.moderator]["remote_id"] = ""
    assert await rig.platform.is_moderator(rig.moderator)
