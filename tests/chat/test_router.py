"""Event in, effect and reply out: each command, click and form, on both databases."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.chat.events import Event, MessageChosen, Reply
from bot.domain.command import SEARCH_LIMIT
from storage import workspaces
from storage.tables import Status
from tests.chat.desk import Desk, buttons, form_of, menu_of, words
from tests.usecases.builders import RULES, VOTING

pytest_plugins = ["tests.contract.storage_fixtures"]


@pytest.fixture
async def desk(tmp_path: Path, migrated_url: str) -> AsyncIterator[Desk]:
    """A fresh workspace on each of the two databases in turn."""
    desk = await Desk.open(tmp_path, url=migrated_url)
    yield desk
    await desk.database.close()


# Typed commands


async def test_an_empty_command_opens_the_form(desk: Desk) -> None:
    form = form_of(await desk.type("camille", ""))
    assert (form.name, form.context) == ("propose", "")
    assert [field.name for field in form.fields] == ["title", "need", "proposal", "benefit"]


async def test_a_typed_text_is_captured_and_its_author_gets_the_receipt(desk: Desk) -> None:
    reply = await desk.type("camille", "Des vélos partagés. Dix suffiraient.")
    assert "Votre idée nº 1 est enregistrée" in words(reply)
    assert "lundi 30 novembre 2026 à 09:00" in words(reply)
    assert {action: button.value for action, button in buttons(reply.card).items()} == {"edit": "1", "withdraw": "1"}
    idea = await desk.idea(1)
    assert (idea.title, idea.proposal, idea.author_id) == ("Des vélos partagés", "Dix suffiraient.", "camille")
    assert desk.woken == 1


async def test_the_receipt_names_similar_ideas_that_can_be_supported_instead(desk: Desk) -> None:
    await desk.published("Des vélos partagés pour les visites", author="sam")
    reply = await desk.type("camille", "Des vélos partagés pour nos visites")
    assert "nº 1 · Des vélos partagés pour les visites <https://chat.example/m" in words(reply)
    button = buttons(reply.card)["support_instead"]
    assert button.value == "1,2"
    done = await desk.click("camille", button.action, button.value)
    assert done.replaces
    assert "la vôtre (nº 2) est retirée" in words(done)
    assert (await desk.idea(2)).status is Status.WITHDRAWN
    assert (await desk.idea(1)).supporters == 1


@pytest.mark.parametrize("own_ideas", [False, True])
async def test_the_receipt_offers_an_own_idea_only_where_supporting_it_counts(
    tmp_path: Path, *, own_ideas: bool
) -> None:
    desk = await Desk.open(tmp_path, replace(RULES, voting=replace(VOTING, own_ideas=own_ideas)))
    await desk.published("Des vélos partagés pour les visites")
    reply = await desk.type("camille", "Des vélos partagés pour nos visites")
    button = buttons(reply.card).get("support_instead")
    if button:
        await desk.click("camille", button.action, button.value)
    supporters = (await desk.idea(1)).supporters
    await desk.database.close()
    assert (bool(button), supporters) == (own_ideas, int(own_ideas))


async def test_a_question_and_a_reason_are_read_by_author_and_moderators_alone(desk: Desk) -> None:
    """Once the idea is published everybody may look it up; what moderators promised to say to its author stays so."""
    number = await desk.pending()
    await desk.submit("nadia", "ask", str(number), question="Qui paierait ?")
    await desk.submit("nadia", "refuse", str(number), reason="Trop vague")
    await desk.submit("camille", "edit", str(number), title="Des vélos", need="Un besoin")
    await desk.click("nadia", "approve", str(number))
    for reply in (await desk.type("sam", f"show {number}"), await desk.click("sam", "show", str(number))):
        assert "Nadia Benali asked for details" in words(reply)
        assert "Nadia Benali asked for changes" in words(reply)
        assert "paierait" not in words(reply)
        assert "vague" not in words(reply)
    for member in ("camille", "nadia"):
        shown = words(await desk.type(member, f"voir {number}"))
        assert "Nadia Benali demande « Qui paierait ? »" in shown
        assert "Nadia Benali refuse l’idée, motif : « Trop vague »" in shown


async def test_help_shows_moderators_more(desk: Desk) -> None:
    member, moderator = words(await desk.type("camille", "aide")), words(await desk.type("nadia", "aide"))
    assert moderator.startswith(member)
    assert "/idea file" in moderator
    assert "/idea file" not in member


async def test_lists_and_lookups_answer(desk: Desk) -> None:
    number = await desk.published()
    waiting = await desk.pending("Un vestiaire")
    for text, expected in (
        ("list", "Des vélos"),
        ("list pending", "Un vestiaire"),
        ("mes", "Un vestiaire"),
        (f"voir {number}", "Historique"),
        (f"{waiting}", "en attente de modération"),
        ("chercher velo", "Des vélos"),
        ("stats", "2 idées proposées"),
    ):
        assert expected in words(await desk.type("camille", text)), text
    assert "Un vestiaire" not in words(await desk.type("sam", "list pending"))
    assert "None of your ideas awaits moderation." in words(await desk.type("sam", "list pending"))
    assert "Vos idées en attente de modération" in words(await desk.type("camille", "liste en attente"))
    assert "Idées en attente de modération" in words(await desk.type("nadia", "liste en attente"))
    assert "Ideas, newest first" in words(await desk.type("sam", "list"))
    assert "Un vestiaire" in words(await desk.type("nadia", "file"))
    await desk.type("sam", f"vote {number}")
    assert "1. nº 1 · Des vélos" in words(await desk.type("camille", "top"))


async def test_what_a_moderator_looks_up_leads_to_where_it_is_decided_on(desk: Desk) -> None:
    number = await desk.pending("Un vestiaire")
    await desk.send()
    (review,) = desk.platform.shown("card:1:review")
    link = f"<https://chat.example/{review.id}>"
    for text in ("file", "liste en attente", "chercher vestiaire", f"voir {number}"):
        assert link in words(await desk.type("nadia", text)), text
        assert link not in words(await desk.type("camille", text)), text
    for status in ("publiée", "retenue"):
        told = words(await desk.type("nadia", f"statut {number} {status}"))
        assert "approuvez-la ou refusez-la avec les boutons de son message" in told
        assert "« /idea voir 1 » y mène" in told


async def test_looking_things_up_changes_nothing_and_wakes_nobody(desk: Desk) -> None:
    await desk.published()
    before, woken = await desk.state(), desk.woken
    for text in ("", "aide", "list", "mes", "1", "chercher velo", "top", "stats", "file", "digest preview", "edit 1"):
        await desk.type("nadia", text)
    assert (await desk.state(), desk.woken) == (before, woken)


async def test_a_search_can_be_kept_as_an_idea_after_all(desk: Desk) -> None:
    reply = await desk.type("camille", "chercher un local à vélos")
    button = buttons(reply.card)["capture"]
    done = await desk.click("camille", button.action, button.value)
    assert done.replaces
    assert (await desk.idea(1)).title == "chercher un local à vélos"


async def test_a_second_click_on_that_button_makes_no_second_idea(desk: Desk) -> None:
    """It gets the same receipt; later, or once that idea is decided on, the same words are another idea."""
    await desk.published("Un local à vélos près du parking", author="sam")
    reply = await desk.type("camille", "chercher un local à vélos près du parking")
    button = buttons(reply.card)["capture"]
    first, again = [await desk.click("camille", button.action, button.value) for _ in range(2)]
    assert again == first
    assert "support_instead" in buttons(first.card)
    assert len(await desk.all_ideas()) == 2
    await desk.submit("camille", "propose", title=button.value)
    await desk.click("sam", button.action, button.value)
    assert len(await desk.all_ideas()) == 4, "in a form, or another's, it is meant"
    desk.later(minutes=2)
    await desk.click("camille", button.action, button.value)
    await desk.click("nadia", "approve", "5")
    await desk.click("camille", button.action, button.value)
    assert len(await desk.all_ideas()) == 6


@pytest.mark.parametrize("length", [280, SEARCH_LIMIT, SEARCH_LIMIT + 1, 1000])
async def test_a_long_text_that_begins_like_a_search_is_kept_or_can_be(desk: Desk, length: int) -> None:
    text = "Chercher avec les communes voisines des vélos à partager".ljust(length, "s")
    reply = await desk.type("camille", text)
    if button := buttons(reply.card).get("capture"):
        await desk.click("camille", button.action, button.value)
    idea = await desk.idea(1)
    assert text in (idea.title, idea.proposal)


async def test_votes_can_be_typed(desk: Desk) -> None:
    number = await desk.published()
    assert "You support idea no. 1" in words(await desk.type("sam", f"vote {number}"))
    assert "You already supported" in words(await desk.type("sam", f"vote {number}"))
    assert (await desk.idea(number)).supporters == 1
    desk.later(seconds=1)
    assert "You no longer support" in words(await desk.type("sam", f"unvote {number}"))
    assert "You did not support" in words(await desk.type("sam", f"unvote {number}"))
    assert (await desk.idea(number)).supporters == 0


async def test_the_author_edits_and_withdraws(desk: Desk) -> None:
    number = await desk.pending()
    form = form_of(await desk.type("camille", f"edit {number}"))
    assert (form.name, form.context.partition(",")[0], form.fields[0].value) == ("edit", "1", "Des vélos partagés")
    reply = await desk.type("camille", f"retirer {number}")
    assert "Des vélos partagés" in words(reply)
    assert (await desk.idea(number)).status is Status.WITHDRAWN
    for text in (f"retirer {number}", f"modifier {number}"):
        assert "est déjà retirée. Pour la proposer de nouveau, tapez « /idea »." in words(
            await desk.type("camille", text)
        )


async def test_moderators_say_how_far_an_idea_has_come(desk: Desk) -> None:
    number = await desk.published()
    await desk.type("sam", f"vote {number}")
    desk.later(seconds=1)
    assert "nº 1 · Des vélos" in words(await desk.type("nadia", "digest preview"))
    reply = await desk.type("nadia", "digest now")
    assert "avec 1 idée sélectionnée" in words(reply)
    assert "nº 1 · Des vélos" in words(await desk.type("camille", "shortlist"))
    assert "retenue" in words(await desk.type("nadia", f"statut {number} retenue"))
    assert (await desk.idea(number)).status is Status.RETAINED
    await desk.send()
    assert desk.platform.shown("digest:2026-W49")


async def test_a_digest_that_a_moderator_posts_before_the_schedule_does_costs_the_next_week_nothing(desk: Desk) -> None:
    """Its hour has come, and Butine still waits for votes that were cast while it was away."""
    await desk.published()
    desk.now = desk.rules.weekly.coming(desk.now).due_at
    desk.later(seconds=30)
    assert "Depuis le 23 novembre" in words(await desk.type("nadia", "digest aperçu"))
    done = words(await desk.type("nadia", "digest maintenant"))
    assert "Il remplace celui qui était prévu le lundi 30 novembre 2026 à 09:00" in done
    assert "le suivant paraîtra le lundi 7 décembre 2026 à 09:00" in done
    await desk.send()
    assert desk.platform.shown("digest:2026-W49")


async def test_once_a_digest_was_posted_early_nothing_promises_the_one_that_it_replaces(desk: Desk) -> None:
    await desk.published()
    desk.later(seconds=1)
    done = words(await desk.type("nadia", "digest maintenant"))
    assert "Il remplace celui qui était prévu le lundi 30 novembre 2026 à 09:00" in done
    assert "le suivant paraîtra le lundi 7 décembre 2026 à 09:00" in done
    for receipt in (
        await desk.type("camille", "Un vestiaire pour les cyclistes"),
        await desk.submit("camille", "propose", title="Un vestiaire"),
        await desk.click("camille", "capture", "chercher un vestiaire"),
    ):
        assert "Prochaine sélection : lundi 7 décembre 2026 à 09:00" in words(receipt)
    desk.later(days=6)
    later = words(await desk.type("camille", "Un deuxième vestiaire"))
    assert "Prochaine sélection : lundi 7 décembre 2026 à 09:00" in later


async def test_a_form_for_a_new_idea_waits_for_no_word_about_who_moderates(desk: Desk) -> None:
    """It has to be open within three seconds, and is anybody's."""
    chosen = MessageChosen("E1", "camille", desk.now, "Des vélos", "sam", None)
    for event in (desk.typed("camille", ""), desk.clicked("camille", "propose", ""), chosen):
        desk.platform.fail("is_moderator", ZeroDivisionError("asked"))
        assert form_of(await desk.router(event)).name == "propose"


# Clicks and forms


async def test_an_approval_is_silent_for_the_review_card_shows_it(desk: Desk) -> None:
    number = await desk.pending()
    assert await desk.click("nadia", "approve", str(number), "m1") == Reply()
    await desk.send()
    (review,) = desk.platform.shown("card:1:review")
    assert "Approuvée par Nadia Benali" in str(review.card)
    assert buttons(review.card) == {}


async def test_a_refusal_asks_for_its_reason_and_tells_the_author(desk: Desk) -> None:
    number = await desk.pending()
    form = form_of(await desk.click("nadia", "refuse", str(number)))
    assert (form.name, form.context.partition(",")[0]) == ("refuse", "1")
    reply = await desk.submit("nadia", form.name, form.context, reason="Déjà fait")
    assert "reçoit votre motif" in words(reply)
    await desk.send()
    (notice,) = [message for message in desk.platform.messages.values() if message.member == "camille"]
    assert "Déjà fait" in str(notice.card)
    resubmit = buttons(notice.card)["edit"]
    form = form_of(await desk.click("camille", resubmit.action, resubmit.value, notice.id))
    assert "Déjà fait" in form.intro
    reply = await desk.submit("camille", form.name, form.context, title="Des vélos électriques")
    assert "de nouveau proposée" in words(reply)
    assert (await desk.idea(number)).status is Status.PENDING


async def test_a_question_and_its_answer(desk: Desk) -> None:
    number = await desk.pending()
    form = form_of(await desk.click("nadia", "ask", str(number)))
    assert "est envoyée" in words(await desk.submit("nadia", form.name, form.context, question="Pour qui ?"))
    form = form_of(await desk.click("camille", "edit", str(number)))
    assert "Pour qui ?" in form.intro
    assert "à jour" in words(await desk.submit("camille", form.name, form.context, title="Des vélos", need="Tous"))
    assert (await desk.idea(number)).need == "Tous"


async def test_a_form_proposes_an_idea(desk: Desk) -> None:
    reply = await desk.submit("sam", "propose", title="Bikes", need="Noise", proposal="Ten", benefit="Calm")
    assert "Your idea no. 1 is saved" in words(reply)
    idea = await desk.idea(1)
    assert (idea.title, idea.need, idea.proposal, idea.benefit) == ("Bikes", "Noise", "Ten", "Calm")


async def test_lists_turn_their_pages_in_place(desk: Desk) -> None:
    for number in range(10):
        await desk.pending(f"Idée {number}")
    first = await desk.type("camille", "mes")
    button = buttons(first.card)["more_mine"]
    second = await desk.click("camille", button.action, button.value)
    assert second.replaces
    assert "Idée 0" in words(second)
    pending = buttons((await desk.type("nadia", "list pending")).card)["more_ideas"]
    assert pending.value == "pending,3"
    assert "nº 2 · Idée 1" in words(await desk.click("nadia", pending.action, pending.value))
    assert "Idée 1" in words(await desk.click("nadia", "show", "2"))


async def test_a_menu_chooses_what_is_listed_and_who_may_not_see_it_does_not(desk: Desk) -> None:
    await desk.published("Des vélos")
    await desk.pending("Un banc", author="sam")
    first = await desk.type("nadia", "liste")
    menu = menu_of(first.card)
    assert (menu.label, menu.action, menu.chosen) == ("Afficher", "list", "all")
    assert {option.value for option in menu.options} >= {"all", "published", "pending", "refused"}
    pending = await desk.click("nadia", menu.action, "pending")
    assert pending.replaces
    assert menu_of(pending.card).chosen == "pending"
    assert "Un banc" in words(pending)
    assert "Des vélos" not in words(pending)
    assert "Des vélos" in words(await desk.click("nadia", menu.action, "all"))
    none = await desk.click("camille", menu.action, "pending")
    assert "Un banc" not in words(none)
    assert menu_of(none.card).chosen == "pending"
    retained = await desk.click("camille", menu.action, "retained")
    assert "Aucune idée" in words(retained)
    assert menu_of(retained.card).chosen == "retained"


async def test_a_vote_button_and_the_withdraw_buttons_of_messages(desk: Desk) -> None:
    number = await desk.published()
    assert "You support" in words(await desk.click("sam", "vote", str(number)))
    private = await desk.click("camille", "withdraw", str(await desk.pending("Un vestiaire")))
    assert private.replaces
    in_message = await desk.click("camille", "withdraw", str(await desk.pending("Un banc")), "m7")
    assert not in_message.replaces


async def test_a_reaction_is_a_vote_and_is_answered_with_nothing(desk: Desk) -> None:
    number = await desk.published()
    assert await desk.react("sam", "card:1:ideas") == Reply()
    assert (await desk.idea(number)).supporters == 1
    await desk.react("camille", "card:1:ideas", "heart")
    await desk.send()
    assert (await desk.idea(number)).supporters == 1
    assert [message.key for message in desk.platform.messages.values() if message.member == "camille"][-1] == (
        "notice:1:own_vote_notice:camille"
    )


# The same event again


async def test_an_event_that_is_delivered_twice_has_one_effect_and_the_same_reply(desk: Desk) -> None:
    number = await desk.published("Des bancs", author="sam")
    own = await desk.pending("Un vestiaire")
    events: list[Event] = [
        desk.typed("camille", "Des vélos. Dix."),
        desk.submitted("camille", "propose", title="Une tisanerie"),
        desk.typed("camille", f"vote {number}"),
        desk.clicked("nadia", "ask", str(own)),
        desk.submitted("nadia", "ask", str(own), question="Pour qui ?"),
        desk.submitted("camille", "edit", str(own), title="Un grand vestiaire"),
        desk.clicked("nadia", "approve", str(own)),
        desk.clicked("camille", "withdraw", str(own)),
        desk.typed("nadia", "digest now"),
        desk.typed("nadia", f"statut {number} retenue"),
    ]
    for event in events:
        first = await desk.router(event)
        state = await desk.state()
        desk.later(seconds=1)
        assert await desk.new_router()(event) == first
        assert await desk.state() == state


async def test_the_same_event_id_in_another_workspace_is_another_event(desk: Desk) -> None:
    await desk.router(desk.typed("camille", "Des vélos", "E1"))
    other = await desk.database.write(lambda session: workspaces.ensure(session, "memory", "T2"))
    desk.workspace_id = other
    await desk.new_router()(desk.typed("camille", "Des vélos", "E1"))
    assert [idea.number for idea in await desk.all_ideas()] == [1]
