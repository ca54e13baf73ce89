"""The whole life of an idea on Mattermost, old and current, as its people live it."""

import asyncio

import pytest

from tests.fakes.mattermost import reading
from tests.mattermost.house import House

NB = "\u00a0"

pytestmark = pytest.mark.parametrize("house", ["5.37", "current"], indirect=True)


async def test_an_idea_from_its_capture_to_its_answer(house: House) -> None:  # noqa: PLR0915  told in one go
    """Captured in a form, refused, mended, approved, voted on, shortlisted and answered."""
    camille, sam, nadia = house.agent, house.other_agent, house.moderator

    # Camille opens the form. Without a title it stays open and says so at the field.
    await house.typed(camille, "/idea")
    await house.form(camille, "Proposer une idée")
    assert list((await house.fill(camille, title="  ", need="Trop d’attente"))["errors"]) == ["title"]
    assert await house.fill(camille, title="Un guichet unique", need="Trop d’attente @channel") == {}
    await house.told(camille, "Votre idée nº 1 est enregistrée")
    assert house.private_words(camille) == []

    # Nothing leaves the review channel before it is approved. Sam is no moderator and can't even reach its buttons.
    waiting = await house.card(house.review, "Un guichet unique", "Trop d’attente @channel")
    assert house.posts_in(house.ideas) == []
    assert await house.press(sam, waiting, "Approuver") == 403

    # Nadia refuses; a reason is demanded, and Camille gets it with her own text and the way to propose it again.
    assert await house.press(nadia, waiting, "Refuser…") == 200
    await house.form(nadia, "Refuser l’idée 1")
    assert list((await house.fill(nadia, channel=house.review, reason=""))["errors"]) == ["reason"]
    assert await house.fill(nadia, channel=house.review, reason="Pour qui ? ![x](http://e.vil/x.png)") == {}
    await house.told(nadia, "est refusée")
    refused = await house.told(camille, "n’est pas publiée en l’état", "Pour qui", "Trop d’attente")
    await house.card(house.review, "✗ Refusée par Nadia")
    conversation = refused["channel_id"]
    assert await house.press(camille, refused, "Modifier et proposer à nouveau") == 200
    form = await house.form(camille, "Modifier l’idée 1")
    assert "http://e.vil" not in form["dialog"]["introduction_text"]
    assert [field["default"] for field in form["dialog"]["elements"]][:2] == [
        "Un guichet unique",
        "Trop d’attente @channel",
    ]
    mended = {"title": "Un guichet unique pour la MDPH", "need": "Les familles attendent"}
    assert await house.fill(camille, channel=conversation, **mended) == {}

    # Nadia approves with one click: the card shows it, its buttons are gone, and the idea is published.
    again = await house.card(house.review, "Un guichet unique pour la MDPH", "[Approuver]")
    assert again["id"] == waiting["id"]
    assert await house.press(nadia, again, "Approuver") == 200
    await house.card(house.review, "✓ Approuvée par Nadia")
    assert "[" not in reading.read(house.world.posts[waiting["id"]]).text
    published = await house.card(house.ideas, "Un guichet unique pour la MDPH", "Camille Martin")
    assert "channel" not in reading.mentions(published, [])
    link = f"{house.server.url}/valdoise/pl/{published['id']}"
    assert link in (await house.told(camille, "est publiée"))["message"]

    # One tap votes: Butine's own reaction is there and never counts; two emoji of one person are one vote.
    bots = [(row["user_id"], row["emoji_name"]) for row in house.world.reactions[published["id"]]]
    assert bots == [(house.bot, "+1")]
    house.world.react(sam, published["id"], "thumbsup_dark_skin_tone")
    house.world.react(sam, published["id"], "heart")
    house.world.react(nadia, published["id"], "bulb")
    await house.card(house.ideas, "2 soutiens")
    house.world.unreact(nadia, published["id"], "bulb")
    await house.card(house.ideas, "1 soutien")
    house.world.react(camille, published["id"], "+1")
    await house.told(camille, "seuls comptent les soutiens de vos collègues")

    # A typed command does the same, and says so to who typed it, in their language.
    await house.typed(nadia, "/idea soutenir 1")
    assert house.private_words(nadia)[-1].startswith(f"Vous soutenez l’idée nº{NB}1")
    await house.card(house.ideas, "2 soutiens")
    await house.typed(sam, "/idea vote 1")
    assert "already" in house.private_words(sam)[-1]

    # Captured at once; taking it back asks first, and gives the text back in place of the private card.
    await house.typed(sam, "/idea Des composteurs derrière la cité")
    shown = house.world.ephemerals[-1][1]
    assert "Your idea no." in reading.read(shown).text
    assert await house.press(sam, shown, "Withdraw") == 200
    question = await house.form(sam, "Withdraw")
    assert "no." in question["dialog"]["introduction_text"]
    assert await house.fill(sam) == {}
    await house.told(sam, "Des composteurs derrière la cité")
    await house.card(house.review, "retirée par Sam")

    # The digest carries it, once, and its answer reaches Camille.
    await house.typed(nadia, "/idea digest now")
    digest = await house.card(house.ideas, "Sélection de la semaine", "Un guichet unique pour la MDPH", "2 soutiens")
    assert link in digest["message"]
    await house.typed(nadia, "/idea digest now")
    await house.typed(nadia, "/idea status 1 retained")
    await house.told(camille, "a un nouveau statut")
    await house.card(house.ideas, "Retenue", "2 soutiens")
    assert len([post for post in house.posts_in(house.ideas) if post["message"] == digest["message"]]) == 1
    assert set(house.server.integrations.statuses) == {200}


async def test_what_was_clicked_while_butine_was_starting_anew_is_right_again(house: House) -> None:
    """Its own key is kept in the database, so that buttons posted before a restart still work after it."""
    await house.typed(house.agent, "/idea Des vélos partagés")
    waiting = await house.card(house.review, "Des vélos partagés")
    await house.stop()
    assert await house.press(house.moderator, waiting, "Approuver") == 400
    await house.start()
    assert await house.press(house.moderator, waiting, "Approuver") == 200
    await house.card(house.ideas, "Des vélos partagés")


async def test_a_text_that_the_card_in_chat_does_not_show_is_read_before_it_is_decided_on(house: House) -> None:
    """Where messages may not be edited for long, the card keeps the old text: the new one comes directly."""
    camille, nadia = house.agent, house.moderator
    await house.typed(camille, "/idea Des vélos partagés")
    waiting = await house.card(house.review, "Des vélos partagés")
    house.world.edit_seconds = 300
    house.clock.move(minutes=6)
    await house.typed(camille, "/idea modifier 1")
    await house.form(camille, "Compléter l’idée 1")
    assert await house.fill(camille, title="Des trottinettes") == {}
    assert await house.press(nadia, waiting, "Approuver") == 200
    told = await house.told(nadia, "a changé depuis que vous l’avez lu", "Des trottinettes")
    assert house.posts_in(house.ideas) == []
    assert await house.press(camille, told, "Approuver") == 403
    assert await house.press(nadia, told, "Approuver") == 200
    await house.card(house.ideas, "Des trottinettes")


async def test_two_moderators_at_once_the_first_wins_and_the_second_is_told(house: House) -> None:
    other = house.world.add_user("paul", first_name="Paul", locale="fr")
    await house.call(house.admin, "POST", f"/channels/{house.review}/members", {"user_id": other})
    await house.typed(house.agent, "/idea Des vélos partagés")
    waiting = await house.card(house.review, "Des vélos partagés")
    await asyncio.gather(*(house.press(who, waiting, "Approuver") for who in (house.moderator, other)))
    await house.card(house.ideas, "Des vélos partagés")
    two = (house.moderator, other)
    told = await house.until(lambda: [words for member in two for words in house.all_private_words(member)])
    assert len(told) == 1
    assert "Nadia" in told[0] or "Paul" in told[0]
