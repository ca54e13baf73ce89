"""Who sees what: channels, direct conversations, people, unread marks, addresses."""

import pytest

from bot.chat.events import Reply
from bot.chat.web.window import PAGE_LENGTH
from bot.views.cards import Card, Link, Paragraph
from tests.web.rooms import IDEA, RECEIPT, Scene


async def test_each_channel_is_listed_once_and_the_review_channel_for_moderators_only(scene: Scene) -> None:
    agent, moderator = await scene.page("/?as=camille"), await scene.page("/?as=nadia")
    assert agent.count('<span class="place-name">idees</span>') == 1
    assert "moderation</span>" not in agent
    assert '<span class="place-name">moderation</span>' in moderator


async def test_an_agent_can_do_nothing_in_the_review_channel(scene: Scene) -> None:
    posted = await scene.room.post("review", IDEA, "card:12")
    assert (await scene.client.get("/?as=camille&channel=moderation")).status == 404
    assert (await scene.client.get("/room/stream?as=camille&channel=moderation")).status == 404
    assert "#12" not in await scene.page(f"/?as=camille&channel=idees&message={posted.id}")
    assert (await scene.client.get(f"/?as=camille&channel=idees&thread={posted.id}")).status == 404
    assert (await scene.send("say", text="x", channel="moderation"))[0] == 404
    assert (await scene.send("say", text="x", thread=posted.id))[0] == 404
    assert (await scene.send("click", message=posted.id, action="approve", value="12"))[0] == 404
    assert (await scene.send("react", message=posted.id, emoji="heart", is_present=True))[0] == 404
    assert scene.router.events == []
    assert (await scene.send("click", "nadia", message=posted.id, action="approve", value="12"))[0] == 200


async def test_an_empty_channel_says_what_comes_there(scene: Scene) -> None:
    """Nobody proposes ideas in the review channel."""
    assert "Les idées à modérer apparaîtront ici." in await scene.page("/?as=nadia&channel=moderation")
    ideas = await scene.page("/?as=nadia&channel=idees")
    assert "pour proposer une idée." in ideas
    assert "à modérer apparaîtront" not in ideas


async def test_direct_messages_are_their_members_alone(scene: Scene) -> None:
    sent = await scene.room.direct("camille", Card("Pour vous", (Paragraph(("Pour vous seule",)),)), "notice:1")
    assert "Pour vous seule" in await scene.page(sent.permalink or "")
    for other in ("sam", "nadia"):
        assert "Pour vous seule" not in await scene.page(f"/?as={other}&channel=@butine&message={sent.id}")
        assert (await scene.send("react", other, message=sent.id, emoji="heart", is_present=True))[0] == 404


async def test_a_private_cards_buttons_are_its_members_alone(scene: Scene) -> None:
    scene.router.answer = lambda _: Reply(card=RECEIPT)
    number = (await scene.say("/idea x"))["swaps"][0]["id"].removeprefix("m-")
    assert (await scene.send("click", "sam", message=number, action="withdraw", value="13"))[0] == 404


async def test_somebody_who_is_not_there_can_do_nothing(scene: Scene) -> None:
    assert (await scene.client.get("/?as=nobody")).status == 404
    assert (await scene.send("say", "nobody", text="x"))[0] == 404
    assert (await scene.client.get("/room/stream?as=nobody&channel=idees")).status == 404


async def test_the_page_speaks_the_language_of_its_persona(scene: Scene) -> None:
    french, english = await scene.page("/?as=camille"), await scene.page("/?as=sam")
    assert '<html lang="fr">' in french
    assert "Messages directs" in french
    assert "ouvrir le formulaire" in french
    assert '<html lang="en">' in english
    assert "Direct messages" in english
    assert "open the form" in english


async def test_each_page_is_named_for_what_is_on_it(scene: Scene) -> None:
    """A screen reader, a tab and the history tell pages apart by their titles alone."""
    posted = await scene.room.post("ideas", IDEA, "card:1")
    assert "<title>#idees · Camille Martin · Butine</title>" in await scene.page("/?as=camille")
    thread = await scene.page(f"/?as=camille&channel=idees&thread={posted.id}")
    assert "<title>Fil de discussion · #idees · Camille Martin · Butine</title>" in thread
    assert "<title>Cette personne n’est pas dans le salon. · Butine</title>" in await scene.page("/?as=nobody")


async def test_an_address_without_a_person_is_for_the_last_one_used(scene: Scene) -> None:
    assert "Camille Martin · Butine" in await scene.page("/")
    await scene.page("/?as=sam")
    assert "Sam Taylor · Butine" in await scene.page("/?channel=idees")


async def test_a_links_address_into_the_room_stays_with_the_person_who_reads_it(scene: Scene) -> None:
    links = (Link("ici", "/?channel=idees&message=1"), Link("là", "https://example.org/"), Link("non", "data:x"))
    await scene.room.post("ideas", Card("Liens", (Paragraph(links),)), "card:1")
    page = await scene.page("/?as=sam")
    assert '<a href="/?channel=idees&amp;message=1&amp;as=sam">ici</a>' in page
    assert '<a href="https://example.org/" rel="noopener noreferrer">là</a>' in page
    assert "data:x" not in page


async def test_others_messages_are_unread_until_their_place_was_looked_at(scene: Scene) -> None:
    await scene.room.post("review", IDEA, "card:1")
    await scene.room.post("review", IDEA, "card:2")
    await scene.say("Bonjour")
    page = await scene.page("/?as=nadia&channel=@butine")
    assert "2 messages non lus" in page
    assert "1 message non lu<" in page
    await scene.page("/?as=nadia&channel=moderation")
    assert "2 messages non lus" not in await scene.page("/?as=nadia&channel=@butine")
    assert "non lu" not in await scene.page("/?as=camille&channel=@butine")


async def test_a_permalink_marks_its_message_and_says_when_that_is_gone(scene: Scene) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:1")
    assert f'id="m-{posted.id}" class="entry is-target"' in await scene.page(posted.permalink or "")
    assert "Le message demandé n’existe pas" in await scene.page("/?as=camille&channel=idees&message=1")


async def test_the_permalink_of_an_answer_leads_into_its_thread(scene: Scene) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:1")
    number = (await scene.say("Bravo", thread=posted.id))["swaps"][0]["id"].removeprefix("m-")
    page = await scene.page(f"/?channel=idees&message={number}")
    assert "Fil de discussion" in page
    assert f'id="m-{number}" class="entry is-target"' in page


async def test_a_thread_of_an_answer_is_no_thread(scene: Scene) -> None:
    posted = await scene.room.post("ideas", IDEA, "card:1")
    number = (await scene.say("Bravo", thread=posted.id))["swaps"][0]["id"].removeprefix("m-")
    assert (await scene.client.get(f"/?as=camille&channel=idees&thread={number}")).status == 404


async def test_long_channels_are_read_page_by_page(scene: Scene) -> None:
    posted = [await scene.room.post("ideas", IDEA, f"card:{number}") for number in range(PAGE_LENGTH + 5)]
    latest = await scene.page("/?as=camille&channel=idees")
    assert f'id="m-{posted[4].id}"' not in latest
    assert f'id="m-{posted[5].id}"' in latest
    assert f"before={posted[5].id}" in latest
    older = await scene.page(f"/?as=camille&channel=idees&before={posted[5].id}")
    assert f'id="m-{posted[4].id}"' in older
    assert "Messages plus anciens" not in older
    assert "Revenir aux derniers messages" in older
    assert f'id="m-{posted[1].id}" class="entry is-target"' in await scene.page(posted[1].permalink or "")


async def test_each_day_is_named_once_in_the_readers_time_zone(scene: Scene) -> None:
    await scene.say("matin")
    scene.clock.move(hours=13, minutes=59)
    await scene.say("soir")
    scene.clock.move(minutes=2)
    answer = await scene.say("après minuit")
    page = await scene.page("/?as=camille")
    assert page.count('<p class="day">') == 2
    assert "25 novembre 2026" in answer["swaps"][0]["html"]
    assert ">23:59<" in page
    assert ">00:01<" in page


async def test_somebody_can_be_added(scene: Scene) -> None:
    await scene.client.get("/")
    status, answer = await scene.send("people", name="  Élodie\u202e  Durand ", language="en", is_moderator=True)
    assert (status, answer) == (200, {"go_to": "/?as=elodie"})
    assert "Élodie Durand · Butine" in await scene.page("/?as=elodie&channel=moderation")
    profile = await scene.room.profile("elodie")
    assert (profile.name, profile.locale) == ("Élodie Durand", "en")
    _, answer = await scene.send("people", name="Élodie", language="fr", is_moderator=False)
    assert answer["go_to"] == "/?as=elodie2"
    assert not await scene.room.is_moderator("elodie2")
    assert (await scene.send("people", name="Élodie", language="fr"))[1]["go_to"] == "/?as=elodie3"
    assert (await scene.send("people", name="李", language="fr"))[1]["go_to"] == "/?as=person"


@pytest.mark.parametrize(
    "name, language, problem",
    [
        ("", "fr", "name_missing"),
        (" \u200f", "fr", "name_missing"),
        ("x" * 61, "fr", "name_long"),
        ("x", "de", "request"),
    ],
)
async def test_a_person_needs_a_name_and_a_language(scene: Scene, name: str, language: str, problem: str) -> None:
    status, answer = await scene.send("people", name=name, language=language)
    assert (status, answer["problem"]) == (400, problem)


async def test_an_empty_place_says_what_to_do(scene: Scene) -> None:
    assert "Tapez /idea" in await scene.page("/?as=camille&channel=idees")
    assert "Butine vous écrira ici" in await scene.page("/?as=camille&channel=@butine")
