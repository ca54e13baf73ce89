"""Whatever goes wrong with an event is told privately, in the member’s language, and changes nothing else."""

import asyncio
import logging
from dataclasses import replace

import pytest
from sqlalchemy import text as statement
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bot.chat.events import CommandTyped, Event, FormSubmitted, Profile, ReactionChanged, Reply
from bot.errors import ChatRefused, ChatUnavailable, NotTakenIn
from bot.views.cards import Button, Card, Quotation
from storage.tables import InboxEvent, Member, Status
from tests.chat.desk import REFERENCE, Desk, buttons, locked, words

LONG = "Des vélos " * 400


# What goes wrong as expected


async def test_each_expected_error_is_a_private_sentence_and_changes_nothing(desk: Desk) -> None:
    number = await desk.published(author="sam")
    hidden = await desk.pending("Un secret", author="sam")
    state, woken = await desk.state(), desk.woken
    for member, text, sentence in (
        ("camille", "voir 99", "L’idée nº 99 n’existe pas"),
        ("camille", f"voir {hidden}", f"L’idée nº {hidden} n’existe pas"),
        ("camille", f"retirer {hidden}", f"L’idée nº {hidden} n’existe pas"),
        ("camille", f"vote {hidden}", f"L’idée nº {hidden} n’existe pas"),
        ("camille", f"retirer {number}", "Seule la personne qui a proposé"),
        ("camille", f"modifier {number}", "Seule la personne qui a proposé"),
        ("sam", f"edit {number}", "can’t be edited any more"),
        ("sam", f"vote {number}", "is yours"),
        ("sam", "queue", "That is for moderators"),
        ("sam", "digest preview", "That is for moderators"),
        ("sam", "digest now", "That is for moderators"),
        ("sam", f"status {number} retained", "That is for moderators"),
        ("nadia", f"statut {number} retenue", "ne peut pas recevoir ce statut"),
        ("nadia", f"vote {hidden}", "pas ouverte aux votes"),
    ):
        reply = await desk.type(member, text)
        assert sentence in words(reply), text
        assert reply.card
        assert reply.card.tone == "error"
        assert not reply.replaces
    assert (await desk.state(), desk.woken) == (state, woken)


async def test_that_there_is_nothing_to_show_yet_is_no_error(desk: Desk) -> None:
    """It is nobody's mistake, so it doesn't look like one."""
    reply = await desk.type("camille", "sélection")
    assert "pas encore eu de sélection" in words(reply)
    assert reply.card
    assert reply.card.tone == "plain"


async def test_with_nothing_to_say_the_digest_is_not_posted(desk: Desk) -> None:
    assert "rien à annoncer" in words(await desk.type("nadia", "digest now"))
    await desk.pending()
    desk.later(seconds=1)
    assert "part dans le canal" in words(await desk.type("nadia", "digest now"))
    assert "déjà paru" in words(await desk.type("nadia", "digest now"))


@pytest.mark.parametrize("action", ["approve", "refuse", "ask"])
async def test_the_second_moderator_is_told_who_was_first(desk: Desk, action: str) -> None:
    number = await desk.pending()
    await desk.click("nadia", "approve", str(number))
    state = await desk.state()
    assert "Nadia Benali a déjà traité l’idée nº 1" in words(await desk.click("ines", action, str(number)))
    assert await desk.state() == state


@pytest.mark.parametrize("action", ["approve", "refuse", "ask"])
async def test_a_members_forged_click_on_a_moderators_button_does_nothing(desk: Desk, action: str) -> None:
    number = await desk.pending()
    state = await desk.state()
    assert "réservé à l’équipe de modération" in words(await desk.click("camille", action, str(number)))
    assert await desk.state() == state


async def test_a_members_forged_form_does_nothing(desk: Desk) -> None:
    number = await desk.pending()
    state = await desk.state()
    for form, values in (("refuse", {"reason": "Non"}), ("ask", {"question": "Qui ?"})):
        assert "modér" in words(await desk.submit("camille", form, str(number), **values))
    assert "no. 1" in words(await desk.submit("sam", "edit", str(number), title="Pris"))
    assert await desk.state() == state


async def test_who_is_no_moderator_any_more_can_decide_no_more(desk: Desk) -> None:
    number = await desk.pending()
    desk.platform.moderators.discard("nadia")
    assert "réservé" in words(await desk.click("nadia", "approve", str(number)))


async def test_a_text_that_can_t_be_taken_comes_back_to_its_author(desk: Desk) -> None:
    reply = await desk.type("camille", LONG)
    assert "trop long" in words(reply)
    assert "3 999" in words(reply)
    assert reply.card
    assert Quotation("Votre texte", LONG.strip()) in reply.card.blocks
    assert await desk.all_ideas() == []


async def test_a_form_that_can_t_be_taken_stays_open_with_a_sentence_at_its_field(desk: Desk) -> None:
    number = await desk.pending()
    for reply, field in (
        (await desk.submit("camille", "propose", title=" "), "title"),
        (await desk.submit("camille", "propose", title="x", need="x" * 3001), "need"),
        (await desk.submit("camille", "edit", str(number), title="x" * 121), "title"),
        (await desk.submit("nadia", "refuse", str(number), reason=""), "reason"),
        (await desk.submit("nadia", "ask", str(number)), "question"),
    ):
        assert reply.card is None
        assert reply.field_errors
        assert list(reply.field_errors) == [field]
        assert all(reply.field_errors.values())


async def test_a_form_that_comes_too_late_gives_its_text_back(desk: Desk) -> None:
    """The form is closed by then: without its text in the card, the text were lost."""
    number = await desk.pending()
    await desk.click("nadia", "approve", str(number))
    reply = await desk.submit("camille", "edit", str(number), title="Des vélos", need="Un long besoin")
    assert "ne peut plus être modifiée" in words(reply)
    assert reply.card
    assert Quotation("Votre texte", "Des vélos\n\nUn long besoin") in reply.card.blocks
    reply = await desk.submit("ines", "refuse", str(number), reason="Une longue raison")
    assert "Une longue raison" in words(reply)


# Languages


async def test_each_member_is_answered_in_their_language(desk: Desk) -> None:
    for member, sentence in (("camille", "L’idée nº"), ("sam", "There is no idea"), ("ines", "L’idée nº")):
        assert sentence in words(await desk.type(member, "voir 99"))
    desk.platform.profiles["ines"] = Profile("ines", "Inès Robert", "de-DE", "Europe/Berlin")
    assert "L’idée nº" in words(await desk.type("ines", "voir 99"))


async def test_times_are_those_of_the_members_zone(desk: Desk) -> None:
    assert "08:00 on Monday, 30 November 2026" in words(await desk.type("sam", "Bikes"))


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "America", "\x00"])
async def test_a_zone_that_does_not_exist_is_that_of_the_workspace(desk: Desk, zone: str) -> None:
    desk.platform.profiles["sam"] = replace(desk.platform.profiles["sam"], time_zone=zone)
    assert "09:00 on Monday, 30 November 2026" in words(await desk.type("sam", "Bikes"))


async def test_without_a_profile_the_answer_is_in_the_workspaces_language_and_the_idea_is_kept(desk: Desk) -> None:
    await desk.type("sam", "Bikes")
    for error in (ChatUnavailable("timeout"), ChatRefused("user_not_found"), ZeroDivisionError("a bug")):
        desk.platform.fail("profile", error)
        assert "est enregistrée" in words(await desk.type("sam", "Benches"))
    assert len(await desk.all_ideas()) == 4


async def test_a_profile_that_can_t_be_read_does_not_spoil_what_is_known_of_the_member(desk: Desk) -> None:
    await desk.type("sam", "Bikes")
    desk.platform.fail("profile", ChatUnavailable("timeout"), ChatUnavailable("timeout"))
    await desk.type("sam", "Benches")
    await desk.type("stranger", "Trees")

    def known(session: Session) -> list[tuple[str, str | None]]:
        return [(member.name, member.locale) for member in session.exec(select(Member))]

    assert await desk.read(known) == [("Sam Smith", "en_GB")]


@pytest.mark.parametrize("name", ["Sam \ud83d", "Sam \x00"], ids=["half_an_emoji", "nul"])
async def test_whoever_has_a_name_that_can_t_be_kept_can_propose(desk: Desk, name: str) -> None:
    desk.platform.profiles["sam"] = replace(desk.platform.profiles["sam"], name=name)
    assert "is saved" in words(await desk.type("sam", "Bikes"))
    assert "Sam \ufffd" in words(await desk.type("sam", "show 1"))


# What chat, the database or Butine itself gets wrong


async def test_a_reaction_that_counts_for_nothing_costs_nothing(desk: Desk) -> None:
    await desk.published()
    before, woken = await desk.state(), desk.woken
    with locked(desk.path):  # the database is not even asked
        assert await desk.react("sam", "card:1:ideas", "tada") == Reply()
    assert (await desk.state(), desk.woken) == (before, woken)


async def test_where_chat_can_t_tell_moderators_members_go_on(desk: Desk) -> None:
    desk.platform.fail("is_moderator", ChatUnavailable("timeout"))
    assert "est enregistrée" in words(await desk.type("camille", "Des vélos"))


async def test_and_moderators_are_told_to_try_again(desk: Desk) -> None:
    number = await desk.pending()
    state = await desk.state()
    for event in (
        desk.clicked("nadia", "approve", str(number)),
        desk.submitted("nadia", "refuse", str(number), reason="Une longue raison"),
        desk.typed("nadia", "file"),
        desk.typed("nadia", f"voir {number}"),
    ):
        desk.platform.fail("is_moderator", ChatUnavailable("timeout"))
        reply = await desk.router(event)
        assert "ne répond pas pour le moment" in words(reply)
        assert isinstance(event, FormSubmitted) is ("Une longue raison" in words(reply))
    assert await desk.state() == state


@pytest.mark.parametrize(
    "text", ["list pending", "liste refusée", "liste retirée", "chercher vestiaire", "chercher rien", "2", "file"]
)
async def test_while_chat_can_t_tell_moderators_none_is_told_what_holds_for_others_alone(desk: Desk, text: str) -> None:
    """That nothing waits, or that there is no such idea: a full queue would be hidden behind it."""
    await desk.published()
    await desk.pending("Un vestiaire")
    desk.platform.fail("is_moderator", ChatUnavailable("timeout"))
    assert "ne répond pas pour le moment" in words(await desk.type("nadia", text))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("list", "Des vélos"),
        ("mes", "Un vestiaire"),
        ("2", "Un vestiaire"),
        ("1", "Historique"),
        ("chercher velo", "Des vélos"),
        ("retirer 2", "Un vestiaire"),
        ("vote 1", "est la vôtre"),
    ],
)
async def test_while_chat_can_t_tell_moderators_what_holds_for_everybody_is_answered(
    desk: Desk, text: str, expected: str
) -> None:
    await desk.published()
    await desk.pending("Un vestiaire")
    desk.platform.fail("is_moderator", ChatUnavailable("timeout"))
    assert expected in words(await desk.type("camille", text))


async def test_while_chat_can_t_tell_moderators_help_shows_what_they_can_type(desk: Desk) -> None:
    """It stands under their name, so it is true for everybody."""
    whole = words(await desk.type("nadia", "aide"))
    for member in ("nadia", "camille"):
        desk.platform.fail("is_moderator", ChatUnavailable("timeout"))
        assert words(await desk.type(member, "aide")) == whole


async def test_what_can_t_be_saved_is_said_and_the_text_comes_back(desk: Desk) -> None:
    event = desk.typed("sam", "Shared bikes. Ten of them.")
    with locked(desk.path):
        typed, clicked = await asyncio.gather(desk.router(event), desk.click("sam", "capture", "search bikes"))
    assert "could not save" in words(typed)
    assert typed.card
    assert Quotation("Your text", "Shared bikes. Ten of them.") in typed.card.blocks
    assert "search bikes" in words(clicked)
    assert await desk.all_ideas() == []
    assert desk.woken == 0
    assert "is saved" in words(await desk.router(event))  # the same event again, for its first copy had no effect


async def test_a_form_or_reaction_that_can_t_be_saved_is_not_acknowledged(desk: Desk) -> None:
    await desk.published()
    with locked(desk.path):
        outcomes = await asyncio.gather(
            desk.submit("camille", "propose", title="Des bancs"),
            desk.react("sam", "card:1:ideas"),
            return_exceptions=True,
        )
    assert [type(outcome) for outcome in outcomes] == [NotTakenIn, NotTakenIn]
    assert len(await desk.all_ideas()) == 1


async def test_an_unexpected_error_is_a_card_with_the_reference_that_is_in_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    bug = "CREATE TRIGGER bug BEFORE INSERT ON idea BEGIN SELECT RAISE(ABORT, 'bug'); END"
    await desk.database.write(lambda session: session.execute(statement(bug)))
    with caplog.at_level(logging.ERROR, "bot.chat.router"):
        reply = await desk.type("sam", "Shared bikes")
    assert REFERENCE in words(reply)
    assert "Shared bikes" in words(reply)
    (record,) = caplog.records
    assert REFERENCE in record.getMessage()
    assert record.exc_info
    assert record.exc_info[0] is IntegrityError
    assert await desk.all_ideas() == []


async def test_an_unexpected_error_in_a_form_gives_its_text_back(desk: Desk) -> None:
    desk.platform.fail("is_moderator", ZeroDivisionError("bug"))
    assert "Un long besoin" in words(await desk.submit("camille", "propose", title="T", need="Un long besoin"))


FORGED = [
    ("approve", "abc"),
    ("approve", ""),
    ("approve", "-1"),
    ("approve", "\uff11"),
    ("approve", "1234567890"),
    ("approve", "1 OR 1=1"),
    ("support_instead", "1"),
    ("support_instead", "1,2,3"),
    ("list", "bogus"),
    ("more_ideas", "bogus,5"),
    ("more_ideas", "pending"),
    ("more_mine", ""),
    ("no_such_action", "1"),
    ("", ""),
]


@pytest.mark.parametrize("action, value", FORGED)
async def test_a_click_that_no_view_makes_has_no_effect_and_a_private_answer(
    desk: Desk, action: str, value: str
) -> None:
    await desk.pending()
    state = await desk.state()
    reply = await desk.click("nadia", action, value)
    assert reply.card
    assert reply.card.tone == "error"
    assert await desk.state() == state


@pytest.mark.parametrize("form, context", [("no_such_form", "1"), ("edit", "abc"), ("refuse", ""), ("ask", "1,2")])
async def test_nor_does_a_form_that_no_view_makes(desk: Desk, form: str, context: str) -> None:
    await desk.pending()
    state = await desk.state()
    reply = await desk.submit("nadia", form, context, title="T", reason="R", question="Q")
    assert reply.card
    assert reply.card.tone == "error"
    assert await desk.state() == state


async def test_a_form_takes_its_own_fields_alone(desk: Desk) -> None:
    await desk.submit("camille", "propose", title="Titre", status="published", author_id="sam")
    idea = await desk.idea(1)
    assert (idea.author_id, idea.status) == ("camille", Status.PENDING)


async def test_an_event_of_no_known_kind_is_answered_as_an_unexpected_error(desk: Desk) -> None:
    reply = await desk.router(Event("E1", "camille", desk.now))
    assert REFERENCE in words(reply)


@pytest.mark.parametrize("text", ["\ud800 vélos", "Des \x00 vélos", "👩‍👩‍👧‍👦 é̵̛", "{title} %s {0}", "\u202eà l’envers"])
async def test_any_text_is_kept_and_answered(desk: Desk, text: str) -> None:
    reply = await desk.type("camille", text)
    assert "est enregistrée" in words(reply)
    words(reply).encode()
    (idea,) = await desk.all_ideas()
    assert idea.title == text.replace("\ud800", "\ufffd").replace("\x00", "\ufffd")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
async def test_a_line_ends_with_whatever_ends_one_elsewhere(desk: Desk, end: str) -> None:
    await desk.type("camille", f"Des vélos{end}Dix suffiraient{end}Au parking")
    await desk.submit("camille", "propose", title=f"Des{end}vélos", need=f"Un{end}Deux")
    typed, filled_in = await desk.all_ideas()
    assert (typed.title, typed.proposal) == ("Des vélos", "Dix suffiraient\nAu parking")
    assert (filled_in.title, filled_in.need) == ("Des vélos", "Un\nDeux")


async def test_two_processes_that_take_the_same_event_in_have_one_effect(desk: Desk) -> None:
    """The second meets the first one's row in the inbox only when it commits; the reply is there on the next look."""
    event = desk.typed("camille", "Des vélos", "E1")
    stored = {"card": None, "replaces": False}
    seen = InboxEvent(workspace_id=desk.workspace_id, id="E1", received_at=desk.now, reply=stored)
    await desk.database.write(lambda session: session.add(seen))
    assert await desk.router(event) == Reply()
    assert await desk.all_ideas() == []


async def test_replies_are_kept_as_they_were_given(desk: Desk) -> None:
    await desk.published("Des vélos partagés pour les visites", author="sam")
    event = CommandTyped("E9", "camille", desk.now, "Des vélos partagés pour nos visites")
    first = await desk.router(event)
    again = await desk.router(event)
    assert isinstance(again.card, Card)
    assert again == first
    assert all(isinstance(button, Button) for button in buttons(again.card).values())


async def test_a_vote_read_by_the_platform_late_does_not_undo_a_later_one(desk: Desk) -> None:
    number = await desk.published()
    (message,) = desk.platform.shown("card:1:ideas")
    late = ReactionChanged("E2", "sam", desk.now, message.id, "+1", is_present=True)
    await desk.router(ReactionChanged("E3", "sam", desk.later(seconds=5), message.id, "+1", is_present=False))
    await desk.router(late)
    assert (await desk.idea(number)).supporters == 0
