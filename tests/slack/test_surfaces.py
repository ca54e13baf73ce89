"""What is Slack's own: the App Home, the message shortcut, and member text that does nothing beside being read."""

import html

import pytest

from tests.contract.test_platform import HOSTILE, as_typed
from tests.fakes.slack.reading import harm, shown
from tests.fakes.slack.state import IDEAS, REVIEW, Conversation
from tests.fakes.slack.workspace import CAMILLE, NADIA, SAM, FakeSlack, button_of, labels
from tests.slack.installation import Installation


async def open_home(slack: FakeSlack, member: str, tab: str = "home") -> None:
    await slack.tell(slack.event({"type": "app_home_opened", "user": member, "channel": "D1", "tab": tab}))


# The App Home


async def test_the_home_shows_ones_ideas_and_what_is_open_to_votes(slack: FakeSlack, butine: Installation) -> None:
    await butine.publish(1, "Une navette entre les sites")
    await slack.type_command(SAM, "A quiet room")
    await open_home(slack, SAM)
    home = await slack.until(lambda: slack.state.homes[SAM])
    assert "A quiet room" in shown(home)
    assert "Une navette entre les sites" in shown(home)
    assert "to moderate" not in shown(home).lower()


async def test_a_moderators_home_has_the_queue_with_ways_to_its_cards(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    await slack.type_command(SAM, "A quiet room")
    await socket_butine.settle()
    await open_home(slack, NADIA)
    home = await slack.until(lambda: slack.state.homes[NADIA])
    assert "Idées à modérer" in shown(home)
    ts = slack.card(REVIEW, "A quiet room")["ts"]
    assert any(link == f"https://valdoise.slack.com/archives/{REVIEW}/p{ts.replace('.', '')}" for link in harm(home))


async def test_other_tabs_of_the_home_cost_nothing(slack: FakeSlack, socket_butine: Installation) -> None:
    await open_home(slack, SAM, "messages")
    assert slack.api.counted("users.info") == 0


async def test_a_vote_from_the_home_is_seen_there(slack: FakeSlack, butine: Installation) -> None:
    """The idea opens in a modal; its button votes; the modal says so."""
    await butine.publish(1, "Une navette entre les sites")
    await open_home(slack, SAM)
    home = await slack.until(lambda: slack.state.homes[SAM])
    await slack.click_in_view(SAM, home, "See no.\u00a01")
    modal = await slack.until(lambda: slack.form_of(SAM))
    assert "Une navette entre les sites" in shown(modal)
    await slack.click_in_view(SAM, modal, "Support")
    await slack.until(lambda: "support" in shown(slack.form_of(SAM)) and labels(slack.form_of(SAM)) == [])
    assert (await butine.ideas())[0].supporters == 1


async def test_a_list_is_replaced_by_the_one_that_its_menu_chooses(slack: FakeSlack, butine: Installation) -> None:
    await butine.publish(1, "Une navette entre les sites")
    await slack.type_command(SAM, "list")
    listed = await slack.until(lambda: slack.private(SAM, "Ideas, newest first"))
    await slack.choose(SAM, listed, "Show", "Retained ideas")
    chosen = await slack.until(lambda: slack.private(SAM, "No idea here yet."))
    assert len(slack.state.private[SAM]) == 1
    await slack.choose(SAM, chosen, "Show", "Ideas open to votes")
    assert await slack.until(lambda: slack.private(SAM, "Une navette entre les sites"))


async def test_an_idea_can_be_proposed_from_the_home(slack: FakeSlack, butine: Installation) -> None:
    await open_home(slack, CAMILLE)
    home = await slack.until(lambda: slack.state.homes[CAMILLE])
    await slack.click_in_view(CAMILLE, home, "Proposer une idée")
    await slack.until(lambda: slack.form_of(CAMILLE))
    await slack.submit(CAMILLE, {"title": "Depuis l’accueil"})
    await slack.until(lambda: slack.direct(CAMILLE, "est enregistrée"))
    await slack.until(lambda: "Depuis l’accueil" in shown(slack.state.homes[CAMILLE]))


async def test_what_is_completed_from_the_home_is_seen_there_and_nowhere_as_it_was(
    slack: FakeSlack, butine: Installation
) -> None:
    """The idea opens in a modal, and its form on top of that."""
    await slack.type_command(CAMILLE, "Une navette")
    await open_home(slack, CAMILLE)
    home = await slack.until(lambda: slack.state.homes[CAMILLE])
    await slack.click_in_view(CAMILLE, home, "Voir la nº\u00a01")
    modal = await slack.until(lambda: slack.form_of(CAMILLE))
    await slack.click_in_view(CAMILLE, modal, "Compléter")
    await slack.until(lambda: len(slack.state.views_of(CAMILLE)) == 2)
    await slack.submit(CAMILLE, {"title": "Une navette entre les sites"})
    assert slack.state.views_of(CAMILLE) == []
    await slack.until(lambda: "Une navette entre les sites" in shown(slack.state.homes[CAMILLE]))


# The message shortcut


async def test_ones_own_message_becomes_an_idea_with_the_way_back_to_it(slack: FakeSlack, butine: Installation) -> None:
    message = slack.write(
        CAMILLE, "On perd une heure par semaine &amp; par agent. <@U0SAM00000> en sait quelque chose."
    )
    await slack.use_shortcut(CAMILLE, message)
    form = await slack.until(lambda: slack.form_of(CAMILLE))
    assert "On perd une heure par semaine & par agent" in shown(form)
    assert "@Sam Taylor en sait quelque chose." in shown(form)
    link = f"https://valdoise.slack.com/archives/{IDEAS}/p{message['ts'].replace('.', '')}"
    assert link in shown(form)
    await slack.submit(CAMILLE, {})
    await slack.until(lambda: slack.private(CAMILLE, "est enregistrée"))
    await butine.settle()
    assert link in shown(slack.card(REVIEW, "On perd une heure"))


async def test_public_channels_that_a_message_mentions_are_named(slack: FakeSlack, socket_butine: Installation) -> None:
    """Slack leaves out their names. A private one's is nobody's business, and what looks like an id may be none."""
    slack.state.channels["C0GENERAL01"] = Conversation("C0GENERAL01", "général", set())
    message = slack.write(CAMILLE, f"Vu dans <#C0GENERAL01|>, <#{IDEAS}>, <#{REVIEW}|> et #COVID2019")
    await slack.use_shortcut(CAMILLE, message)
    form = await slack.until(lambda: slack.form_of(CAMILLE))
    assert f"Vu dans #général, #idees, #{REVIEW} et #COVID2019" in shown(form)


async def ask_for_words(slack: FakeSlack, butine: Installation) -> None:
    """Camille would like to propose what Sam wrote."""
    await slack.use_shortcut(CAMILLE, slack.write(SAM, "We lose an hour a week. A shared form would do."))
    form = await slack.until(lambda: slack.form_of(CAMILLE))
    assert "son accord lui sera demandé" in shown(form)
    await slack.submit(CAMILLE, {"need": "Un besoin que Camille a vu"})
    await slack.until(lambda: slack.private(CAMILLE, "Nous demandons son accord"))
    await butine.settle()


async def test_somebody_elses_words_wait_for_their_consent(slack: FakeSlack, butine: Installation) -> None:
    await ask_for_words(slack, butine)
    assert await butine.ideas() == []
    request = slack.direct(SAM, "We lose an hour a week")
    await slack.click(SAM, request, "D’accord")
    await butine.settle()
    (idea,) = await butine.ideas()
    assert (idea.author_id, idea.title) == (CAMILLE, "We lose an hour a week")
    assert labels(request) == []
    assert slack.direct(CAMILLE, "votre idée nº 1 est enregistrée")
    assert slack.card(REVIEW, "We lose an hour a week")


async def test_words_that_are_not_given_are_no_idea(slack: FakeSlack, butine: Installation) -> None:
    """Who asked gets back what they had made of them."""
    await ask_for_words(slack, butine)
    request = slack.direct(SAM, "We lose an hour a week")
    before = dict(request)
    await slack.click(SAM, request, "Non merci")
    await butine.settle()
    await slack.click(SAM, before, "D’accord")
    await butine.settle()
    assert await butine.ideas() == []
    assert "Un besoin que Camille a vu" in shown(slack.direct(CAMILLE, "préfère que son message"))


async def test_nobody_else_can_give_them(slack: FakeSlack, butine: Installation) -> None:
    await ask_for_words(slack, butine)
    await slack.click(CAMILLE, slack.direct(SAM, "We lose an hour a week"), "D’accord")
    assert await slack.until(lambda: slack.private(CAMILLE, "Nous demandons son accord"))
    assert await butine.ideas() == []


@pytest.mark.parametrize(
    "sender",
    [
        {"user": "U0OTHERBOT", "bot_id": "B0OTHER000"},
        {"user": "USLACKBOT", "subtype": "slackbot_response"},
        {"bot_id": "B0OTHER000", "subtype": "bot_message"},
    ],
    ids=["app", "slackbot", "webhook"],
)
async def test_what_an_app_wrote_needs_no_consent(
    slack: FakeSlack, socket_butine: Installation, sender: dict[str, str]
) -> None:
    slack.state.add_user("U0OTHERBOT", "Alertes", is_bot=True)
    slack.state.add_user("USLACKBOT", "Slackbot")
    message = slack.write(SAM, "Alert: the queue is full")
    del message["user"]
    await slack.use_shortcut(CAMILLE, message | sender)
    await slack.until(lambda: slack.form_of(CAMILLE))
    await slack.submit(CAMILLE, {})
    assert len(await socket_butine.ideas()) == 1


async def test_what_an_app_posted_in_somebodys_name_needs_their_consent(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    """With their own token: Slack then names both of them."""
    message = slack.write(SAM, "We lose an hour a week") | {"bot_id": "B0OTHER000"}
    await slack.use_shortcut(CAMILLE, message)
    form = await slack.until(lambda: slack.form_of(CAMILLE))
    assert "son accord lui sera demandé" in shown(form)
    await slack.submit(CAMILLE, {})
    assert await socket_butine.ideas() == []


async def test_the_way_back_to_a_reply_leads_into_its_thread(slack: FakeSlack, socket_butine: Installation) -> None:
    """Without its thread Slack opens the channel alone; a thread's first message needs none."""
    first = slack.write(SAM, "Comment gagner du temps ?")
    reply = slack.write(CAMILLE, "Avec un formulaire commun.", below=first)
    own = slack.write(CAMILLE, "Et un local à vélos ?")
    slack.write(SAM, "Oh oui.", below=own)
    for message, end in ((reply, f"?thread_ts={first['ts']}&cid={IDEAS}"), (own, "")):
        await slack.use_shortcut(CAMILLE, message)
        link = f"https://valdoise.slack.com/archives/{IDEAS}/p{message['ts'].replace('.', '')}{end}"
        await slack.until(lambda link=link: link in shown(slack.form_of(CAMILLE)).split())  # type: ignore[misc]


@pytest.mark.parametrize(
    "text", ["", "x" * 8000, "&lt;!channel&gt; " * 300, "\u200b"], ids=["empty", "long", "escaped", "unseen"]
)
async def test_any_message_fits_into_the_form(slack: FakeSlack, socket_butine: Installation, text: str) -> None:
    await slack.use_shortcut(CAMILLE, slack.write(CAMILLE, text))
    assert await slack.until(lambda: slack.form_of(CAMILLE))


# Member text


async def test_emoji_that_slack_delivers_by_their_names_are_kept_as_emoji(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    await slack.type_command(CAMILLE, "Planter des fleurs :cherry_blossom:")
    await slack.use_shortcut(CAMILLE, slack.write(CAMILLE, "Un local :bike:"))
    await slack.until(lambda: slack.form_of(CAMILLE))
    await slack.submit(CAMILLE, {"need": "Oui :+1::skin-tone-3:"})
    await slack.until(lambda: slack.private(CAMILLE, "Un local"))
    typed, chosen = await socket_butine.ideas()
    assert (typed.title, chosen.title, chosen.need) == ("Planter des fleurs 🌸", "Un local 🚲", "Oui 👍🏼")


@pytest.mark.parametrize("is_escaped", [False, True])
async def test_what_a_button_carries_comes_back_as_it_was_typed(
    slack: FakeSlack, socket_butine: Installation, *, is_escaped: bool
) -> None:
    """Slack escapes what it keeps: whether it does so here as well, is all the same."""
    await slack.type_command(CAMILLE, "chercher des crédits R&D <2030>")
    found = await slack.until(lambda: slack.private(CAMILLE, "R&D"))
    if is_escaped:
        button = button_of(found, "C’était une idée\u00a0: l’enregistrer")
        button["value"] = html.escape(button["value"], quote=False)
    await slack.click(CAMILLE, found, "C’était une idée\u00a0: l’enregistrer")
    (idea,) = await socket_butine.ideas()
    assert idea.title == "chercher des crédits R&D <2030>"


@pytest.mark.parametrize("text", [*HOSTILE, "https://example.org/piege", "<https://x|y>", ":butine: :miel:"])
async def test_member_text_notifies_nobody_and_shows_as_typed(
    slack: FakeSlack, butine: Installation, text: str
) -> None:
    """In every card that it comes to stand in, on its way from the command to the digest."""
    await slack.type_command(CAMILLE, f"Hostile\n{text}")
    await butine.settle()
    await slack.click(NADIA, slack.card(REVIEW, "Hostile"), "Approuver")
    await butine.settle()
    await slack.type_command(NADIA, "digest maintenant")
    await slack.type_command(SAM, "show 1")
    await slack.until(lambda: slack.private(SAM, "Hostile"))
    await butine.settle()
    own = "https://valdoise.slack.com/archives/"
    everything = slack.state.all_messages() + [one for held in slack.state.private.values() for one in held]
    assert len(everything) >= 5
    for message in everything:
        assert [what for what in harm(message) if not what.startswith(own)] == []
    for card in (slack.card(IDEAS, "proposée par"), slack.card(REVIEW, "Hostile"), slack.private(SAM, "Hostile")):
        assert as_typed(text) in as_typed(shown(card))


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\n" not in text])
async def test_a_hostile_title_shows_as_typed_too(slack: FakeSlack, socket_butine: Installation, text: str) -> None:
    await slack.type_command(CAMILLE, "")
    await slack.until(lambda: slack.form_of(CAMILLE))
    await slack.submit(CAMILLE, {"title": text})
    await socket_butine.settle()
    (card,) = slack.messages(REVIEW)
    assert as_typed(text) in as_typed(shown(card))
    assert harm(card) == []
