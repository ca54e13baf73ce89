"""What every chat platform promises, by its rig."""

from dataclasses import replace

import pytest

from bot.chat.events import ButtonClicked, CommandTyped, MessageRef, ReactionChanged
from bot.errors import ChatError, ChatRefused, MessageGone
from bot.views.cards import (
    Actions,
    Button,
    Card,
    Heading,
    Items,
    Link,
    Menu,
    Note,
    Option,
    Paragraph,
    Quotation,
    Strong,
)
from tests.contract.rigs import Rig

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "@channel @here @all @everyone",
    "<!channel> <!here> <@U1> <#C1|x>",
    "[clic](javascript:alert(1)) ](javascript:alert(1))",
    "<javascript:alert(1)|clic>",
    "*gras* _ital_ ~barré~ `code` ```bloc```",
    "&lt;b&gt; &amp; {{ 7 * 7 }} {% raw %} ${7}",
    "\u202eéllier ertsinim\u202c",
    "ligne un\nligne deux\n> pas une citation\n# pas un titre\n1. pas une liste",
]


def idea(title: str = "Un parc de vélos partagés", reaction: str | None = None) -> Card:
    """A card with one of each block."""
    return Card(
        "Une idée",
        (
            Heading(title),
            Paragraph(("Bonjour ", Strong("Camille"), ", voir ", Link("la charte", "https://example.org/charte"))),
            Quotation("Besoin", "Les voitures manquent\npour les visites."),
            Items((("premier point",), (Strong("second point"),)), numbered=True),
            Note(("14 soutiens",)),
            Actions((Button("Soutenir", "support", "12"),)),
        ),
        reaction=reaction,
    )


def as_typed(text: str) -> str:
    """A text as people read it: marks that only steer the direction of writing are not read, spaces count as one."""
    return " ".join(text.translate({0x202A: None, 0x202C: None, 0x202E: None, 0x2068: None, 0x2069: None}).split())


async def test_it_says_what_it_is(rig: Rig) -> None:
    assert rig.platform.name in ("web", "slack", "mattermost")
    assert rig.platform.workspace
    assert rig.platform.seconds_between_posts >= 0


@pytest.mark.parametrize("channel", ["ideas", "review", "digest"])
async def test_a_posted_card_is_shown_with_all_its_parts(rig: Rig, channel: str) -> None:
    shown = as_typed(await rig.shown(await rig.platform.post(channel, idea(), "card:1")))
    for words in ("Un parc de vélos partagés", "Camille", "la charte", "Besoin", "Les voitures manquent pour les"):
        assert words in shown
    for words in ("premier point", "second point", "14 soutiens", "Soutenir"):
        assert words in shown


async def test_a_posted_message_has_an_id_of_its_own_and_an_address(rig: Rig) -> None:
    first = await rig.platform.post("ideas", idea(), "card:1")
    second = await rig.platform.post("ideas", idea(), "card:2")
    assert first.id != second.id
    assert first.permalink
    assert first.permalink != second.permalink


async def test_posting_to_a_channel_that_is_not_there_is_refused(rig: Rig) -> None:
    with pytest.raises(ChatRefused):
        await rig.platform.post("nowhere", idea(), "card:1")


async def test_what_was_posted_is_found_again_by_its_key(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", idea(), "card:1")
    await rig.platform.post("ideas", idea(), "card:2")
    assert await rig.platform.find_posted("ideas", None, "card:1") == posted
    assert await rig.platform.find_posted("ideas", None, "card:3") is None
    assert await rig.platform.find_posted("review", None, "card:1") is None


async def test_what_was_sent_to_a_member_is_found_again_by_its_key(rig: Rig) -> None:
    sent = await rig.platform.direct(rig.agent, idea(), "notice:1")
    assert await rig.platform.find_posted(None, rig.agent, "notice:1") == sent
    assert await rig.platform.find_posted(None, rig.other_agent, "notice:1") is None
    assert await rig.platform.find_posted("ideas", None, "notice:1") is None


async def test_what_was_sent_again_after_it_was_found_is_there_once(rig: Rig) -> None:
    """Sent, looked for, found: nobody sends again. The web room's own guard is tested with the room."""
    for _ in range(2):
        if await rig.platform.find_posted("ideas", None, "card:1") is None:
            await rig.platform.post("ideas", idea("Une seule fois"), "card:1")
    assert await rig.count("Une seule fois") == 1


async def test_a_direct_message_reaches_its_member(rig: Rig) -> None:
    assert "Une réponse pour vous" in await rig.shown(
        await rig.platform.direct(rig.agent, idea("Une réponse pour vous"), "notice:1")
    )


async def test_a_direct_message_to_somebody_who_is_not_there_is_refused(rig: Rig) -> None:
    with pytest.raises(ChatRefused):
        await rig.platform.direct("nobody", idea(), "notice:1")


async def test_an_update_replaces_the_card_in_place(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", idea("Avant"), "card:1")
    assert await rig.platform.update(posted.id, idea("Après")) == posted
    shown = await rig.shown(posted)
    assert "Après" in shown
    assert "Avant" not in shown
    assert await rig.count("Avant") == 0


async def test_a_repeated_update_changes_nothing(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", idea("Avant"), "card:1")
    await rig.platform.update(posted.id, idea("Après"))
    once = await rig.shown(posted)
    assert await rig.platform.update(posted.id, idea("Après")) == posted
    assert await rig.shown(posted) == once


async def test_an_updated_message_is_still_found_by_its_key(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", idea("Avant"), "card:1")
    await rig.platform.update(posted.id, replace(idea("Après"), blocks=(Heading("Après"),)))
    assert await rig.platform.find_posted("ideas", None, "card:1") == posted


async def test_an_update_keeps_the_reactions(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", idea("Avant"), "card:1")
    await rig.react(rig.agent, posted, "heart")
    await rig.platform.update(posted.id, idea("Après"))
    assert await rig.platform.reactions([posted.id]) == {posted.id: {"heart": [rig.agent]}}


@pytest.mark.parametrize("message", ["1", "", "no-such-message", "99999999999999999999"])
async def test_updating_a_message_that_is_not_there_says_so(rig: Rig, message: str) -> None:
    with pytest.raises(MessageGone) as gone:
        await rig.platform.update(message, idea())
    assert gone.value.message == message
    assert isinstance(gone.value, ChatError)


async def test_a_cards_own_reaction_is_there_and_never_counts(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", idea(reaction="+1"), "card:1")
    assert len(await rig.holders(posted, "+1")) == 1
    assert await rig.platform.reactions([posted.id]) == {posted.id: {}}


async def test_reactions_are_told_by_emoji_and_member(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", idea(reaction="+1"), "card:1")
    await rig.react(rig.agent, posted, "+1")
    await rig.react(rig.agent, posted, "heart")
    await rig.react(rig.other_agent, posted, "heart")
    held = (await rig.platform.reactions([posted.id]))[posted.id]
    assert {emoji: sorted(members) for emoji, members in held.items()} == {
        "+1": [rig.agent],
        "heart": sorted([rig.agent, rig.other_agent]),
    }


async def test_reactions_of_several_messages_are_told_apart(rig: Rig) -> None:
    first = await rig.platform.post("ideas", idea(), "card:1")
    second = await rig.platform.post("ideas", idea(), "card:2")
    await rig.react(rig.agent, second, "tada")
    assert await rig.platform.reactions([first.id, second.id]) == {first.id: {}, second.id: {"tada": [rig.agent]}}


async def test_a_message_that_cannot_be_read_is_absent_from_the_reactions(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", idea(), "card:1")
    assert await rig.platform.reactions(["no-such-message", posted.id]) == {posted.id: {}}
    assert await rig.platform.reactions([]) == {}


async def test_reacting_is_an_event_each_time_it_changes(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", idea(), "card:1")
    await rig.react(rig.agent, posted, "heart")
    await rig.unreact(rig.agent, posted, "heart")
    on, off = rig.listener.events
    assert isinstance(on, ReactionChanged)
    assert isinstance(off, ReactionChanged)
    assert (on.member, on.message, on.emoji, on.is_present) == (rig.agent, posted.id, "heart", True)
    assert (off.member, off.message, off.emoji, off.is_present) == (rig.agent, posted.id, "heart", False)
    assert on.at < off.at
    assert on.id != off.id
    assert on.at.tzinfo is not None


@pytest.mark.parametrize("text", ["", "Des vélos", "liste retained", "une idée\nsur deux lignes", *HOSTILE])
async def test_a_typed_command_is_an_event_with_its_text_unchanged(rig: Rig, text: str) -> None:
    await rig.type_command(rig.agent, text)
    (event,) = rig.listener.events
    assert isinstance(event, CommandTyped)
    assert (event.member, event.text) == (rig.agent, text)


async def test_a_click_is_an_event_that_names_its_message(rig: Rig) -> None:
    posted = await rig.platform.post("review", idea(), "card:1")
    await rig.click(rig.moderator, posted, "Soutenir")
    (event,) = rig.listener.events
    assert isinstance(event, ButtonClicked)
    assert (event.member, event.action, event.value) == (rig.moderator, "support", "12")
    assert event.message == posted.id


MENU = Menu("Afficher", "list", (Option("Toutes", "all"), Option("Idées retenues", "retained")), "all")
WITH_MENU = Card("Des idées", (Heading("Des idées"), MENU, Items((("une idée",),))))


async def test_a_menu_is_shown_with_its_label_and_its_options(rig: Rig) -> None:
    shown = as_typed(await rig.shown(await rig.platform.post("ideas", WITH_MENU, "card:1")))
    for words in ("Afficher", "Toutes", "Idées retenues", "une idée"):
        assert words in shown


async def test_choosing_from_a_menu_is_an_event_as_a_click_is(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", WITH_MENU, "card:1")
    await rig.choose(rig.agent, posted, "Afficher", "Idées retenues")
    (event,) = rig.listener.events
    assert isinstance(event, ButtonClicked)
    assert (event.member, event.action, event.value) == (rig.agent, "list", "retained")
    assert event.message == posted.id


async def test_a_menu_may_be_replaced_by_another(rig: Rig) -> None:
    posted = await rig.platform.post("ideas", WITH_MENU, "card:1")
    await rig.platform.update(posted.id, Card("Des idées", (replace(MENU, chosen="retained"),)))
    await rig.choose(rig.agent, posted, "Afficher", "Toutes")
    (event,) = rig.listener.events
    assert isinstance(event, ButtonClicked)
    assert (event.action, event.value) == ("list", "all")


async def test_a_profile_tells_name_and_language(rig: Rig) -> None:
    profile = await rig.platform.profile(rig.agent)
    assert (profile.id, profile.name) == (rig.agent, rig.agent_name)
    assert (profile.locale or "").startswith("fr")
    assert profile.time_zone == "Europe/Paris"
    assert not profile.is_bot


async def test_the_profile_of_somebody_who_is_not_there_is_refused(rig: Rig) -> None:
    with pytest.raises(ChatRefused):
        await rig.platform.profile("nobody")


async def test_moderators_are_told_from_agents(rig: Rig) -> None:
    assert await rig.platform.is_moderator(rig.moderator)
    assert not await rig.platform.is_moderator(rig.agent)
    assert not await rig.platform.is_moderator("nobody")


async def test_closing_twice_is_harmless_and_afterwards_nothing_is_sent(rig: Rig) -> None:
    await rig.platform.close()
    await rig.platform.close()
    with pytest.raises(ChatError):
        await rig.platform.post("ideas", idea(), "card:1")


def everywhere(text: str) -> Card:
    """A card that has a member's text wherever there can be one."""
    return Card(
        text[:100],
        (
            Heading(text),
            Paragraph((text, Strong(text), Link(text, "https://example.org/"))),
            Quotation(text, text),
            Items(((text,),)),
            Note((text,)),
            Actions((Button("Soutenir", "support", text[:300], confirm=text[:200]),)),
            Menu(text[:75], "list", (Option(text[:75], "all"),), "all"),
        ),
    )


def own_harm(message: MessageRef, found: list[str]) -> list[str]:
    """What a message does, but for the link that Butine put there itself."""
    return [what for what in found if what != "https://example.org/"]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_shown_as_typed_and_does_nothing(rig: Rig, text: str) -> None:
    posted = await rig.platform.post("ideas", everywhere(text), "card:1")
    assert as_typed(text) in as_typed(await rig.shown(posted))
    assert own_harm(posted, await rig.harm(posted)) == []


async def test_a_long_text_is_shown_to_its_end(rig: Rig) -> None:
    text = " ".join(f"mot{number:04}" for number in range(1250)) + " la fin."
    assert len(text) > 10_000
    posted = await rig.platform.post("ideas", Card("Long", (Quotation("Besoin", text),)), "card:1")
    assert text in as_typed(await rig.shown(posted))
