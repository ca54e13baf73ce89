"""What a screen reader hears of what is seen: the results of one's own clicks, and what comes from elsewhere."""

from dataclasses import replace

from playwright.async_api import Locator, Page, expect

from bot.chat.events import ButtonClicked, Event, Reply
from bot.views.cards import Actions, Button, Card, Heading, Paragraph, Quotation
from tests.web.rooms import IDEA
from tests.web.stage import IN_THE_BROWSER, Stage

pytestmark = IN_THE_BROWSER
PUBLISHED = replace(IDEA, summary="#12 Un parc de vélos partagés, publiée", blocks=IDEA.blocks[:2])


async def heard(page: Page) -> list[str]:
    """What was announced on the page."""
    return await page.locator("#news p").all_text_contents()


async def test_a_card_that_changes_by_ones_own_click_is_announced_and_to_nobody_else(stage: Stage) -> None:
    posted = await stage.room.post("review", IDEA, "review:1")
    page, other = await stage.tab("as=nadia&channel=moderation"), await stage.tab("as=nadia&channel=moderation")
    await page.get_by_role("button", name="Approuver").click()
    await expect(page.get_by_role("button", name="Approuver")).not_to_have_attribute("aria-busy", "true")
    await stage.room.update(posted.id, PUBLISHED)
    await expect(page.locator("#news p")).to_have_text("Butine\u00a0: #12 Un parc de vélos partagés, publiée")
    await expect(other.get_by_role("button", name="Approuver")).to_have_count(0)
    await stage.room.update(posted.id, replace(PUBLISHED, blocks=(*IDEA.blocks[:2], Quotation("Suite", "Rien"))))
    await expect(page.locator(".timeline")).to_contain_text("Rien")
    assert len(await heard(page)) == 1
    assert await heard(other) == []


async def test_of_several_announcements_each_is_read_out_alone_and_the_last_five_can_be_read_again(
    stage: Stage,
) -> None:
    """A live region that is atomic is read out as a whole at every change of it."""
    page = await stage.tab()
    for number in range(1, 8):
        await stage.room.post("ideas", replace(IDEA, summary=f"Idée {number}"), f"card:{number}")
        await expect(page.locator("#news p").last).to_have_text(f"Butine\u00a0: Idée {number}")
    assert await heard(page) == [f"Butine\u00a0: Idée {number}" for number in range(3, 8)]
    devtools = await page.context.new_cdp_session(page)
    tree = (await devtools.send("Accessibility.getFullAXTree"))["nodes"]
    regions = [
        {each["name"]: each["value"]["value"] for each in node["properties"]}
        for node in tree
        if node.get("role", {}).get("value") in {"log", "status"}
    ]
    assert [(region["live"], region["atomic"]) for region in regions] == [("polite", False)]


async def test_each_page_of_a_list_is_announced(stage: Stage) -> None:
    """Also where all of them have the same title."""

    def paged(event: Event) -> Reply:
        number = int(event.value) if isinstance(event, ButtonClicked) else 1
        more = Actions((Button("Voir la suite", "more", str(number + 1)),))
        return Reply(
            card=Card("Les idées", (Heading("Les idées"), Paragraph((f"Page {number}",)), more)), replaces=True
        )

    stage.router.answer = paged
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea liste")
    await page.keyboard.press("Enter")
    for number in (1, 2, 3):
        await expect(page.locator(".timeline")).to_contain_text(f"Page {number}")
        await expect(page.locator("#news p").filter(has_text="Les idées")).to_have_count(number)
        await page.get_by_role("button", name="Voir la suite").click()


async def test_what_comes_with_the_answer_and_with_the_stream_is_announced_once(stage: Stage) -> None:
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea Des vélos")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Compléter")).to_be_visible()
    await stage.room.post("ideas", replace(IDEA, summary="La suivante"), "next")
    await expect(page.locator("#news p")).to_have_text(
        ["Butine\u00a0: Votre idée #13 est enregistrée.", "Butine\u00a0: La suivante"]
    )


async def test_a_direct_message_is_announced_in_another_conversation(stage: Stage) -> None:
    page = await stage.tab()
    for number, words in ((1, "1 message non lu"), (2, "2 messages non lus")):
        await stage.room.direct("camille", IDEA, f"notice:{number}")
        await expect(page.locator("#news p").last).to_have_text(f"Butine\u00a0: {words}")
    direct, sam = await stage.tab("as=camille&channel=@butine"), await stage.tab("as=sam&channel=idees")
    await stage.room.direct("camille", replace(IDEA, summary="La troisième"), "notice:3")
    await expect(direct.locator("#news p")).to_have_text("Butine\u00a0: La troisième")
    await stage.room.post("ideas", replace(IDEA, summary="Pour tous"), "everybody")
    await expect(sam.locator("#news p")).to_have_text("Butine: Pour tous")


async def test_what_butine_posts_in_another_language_than_the_pages_says_so(stage: Stage) -> None:
    """A screen reader would read French with the sounds of English; what Butine answers is in the reader's language."""
    for query, language, expected in (("as=sam", "en", "fr"), ("as=camille", "fr", "fr")):
        page = await stage.tab(f"{query}&channel=idees")
        await expect(page.locator("html")).to_have_attribute("lang", language)
        assert await lang_of(page.get_by_role("heading", name="#12 Un parc")) == expected
    page = await stage.tab("as=sam&channel=idees")
    await stage.room.post("ideas", replace(IDEA, summary="La suivante"), "next")
    await expect(page.locator("#news p")).to_have_text("Butine: La suivante")
    assert await lang_of(page.locator("#news p")) == "fr"
    await page.get_by_label("Your message").fill("/idea voir 99")
    await page.keyboard.press("Enter")
    await expect(page.locator("#news p")).to_have_count(2)
    assert await lang_of(page.locator("#news p").last) == "en"
    assert await lang_of(page.locator(".is-private .card")) == "en"
    assert await lang_of(page.locator(".badge").first) == "en"


async def test_the_question_of_such_a_button_is_in_its_language_and_the_way_out_in_the_pages(stage: Stage) -> None:
    button = Button("Retirer", "withdraw", "13", confirm="Vraiment\u202f?")
    await stage.room.post("ideas", Card("Une idée", (Actions((button,)),)), "next")
    page = await stage.tab("as=sam&channel=idees")
    await page.get_by_role("button", name="Retirer").click()
    dialog = page.get_by_role("dialog", name="Vraiment")
    languages = [await lang_of(line) for line in await dialog.locator("h2, button").all()]
    assert languages == ["fr", "en", "fr"]


async def lang_of(element: Locator) -> str:
    """The language in which a browser takes an element to be."""
    return str(await element.evaluate("element => element.closest('[lang]').lang"))
