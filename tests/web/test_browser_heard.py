"""What a screen reader hears of what is seen: the results of one's own clicks, and what comes from elsewhere."""

from dataclasses import replace

from playwright.async_api import Page, expect

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
