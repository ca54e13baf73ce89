"""Where one is after a form, and that one sees where: in a long channel, and in every set of colours."""

from dataclasses import replace

from playwright.async_api import Page, expect

from bot.chat.events import Event, FormSubmitted, Reply
from bot.views.cards import Actions, Button
from tests.web.rooms import IDEA, failure
from tests.web.stage import IN_THE_BROWSER, Stage, answer

pytestmark = IN_THE_BROWSER
REFUSABLE = replace(IDEA, blocks=(*IDEA.blocks[:2], Actions((Button("Refuser…", "complete", "12"),))))
IS_AT_END = "element => element.scrollHeight - element.scrollTop - element.clientHeight < 2"


async def first_of_a_queue_answered(stage: Stage) -> Page:
    """A moderator's page, after a form from the first card of a queue that is longer than the window."""
    for number in range(8):
        await stage.room.post("review", REFUSABLE, f"queue:{number}")
    page = await stage.tab("as=nadia&channel=moderation")
    await expect(page.locator(".entry")).to_have_count(8)
    await page.get_by_role("button", name="Refuser…").first.press("Enter")
    await page.get_by_label("Titre").fill("Des vélos partagés")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    return page


async def test_a_form_leaves_who_opened_it_from_a_card_at_that_card(stage: Stage) -> None:
    page = await first_of_a_queue_answered(stage)
    await expect(page.locator(".is-private")).to_have_count(1)
    await expect(page.locator("#news")).to_contain_text("Votre idée #13 est enregistrée.")
    button = page.get_by_role("button", name="Refuser…").first
    await expect(button).to_be_focused()
    await expect(button).to_be_in_viewport()
    assert not await page.locator("#messages").evaluate(IS_AT_END)


async def test_a_text_that_comes_back_from_such_a_form_is_seen(stage: Stage) -> None:
    def late(event: Event) -> Reply:
        is_late = isinstance(event, FormSubmitted)
        return Reply(card=failure("Sam a déjà décidé.")) if is_late else answer(event)

    stage.router.answer = late
    page = await first_of_a_queue_answered(stage)
    await expect(page.locator(".card").get_by_text("Sam a déjà décidé.")).to_be_in_viewport()


async def test_the_focus_is_seen_in_forced_colours_and_the_active_command_in_all(stage: Stage) -> None:
    """Borders and shadows of the box's focus go with forced colours, and honey is hardly darker than white."""
    page = await stage.tab()
    box = page.get_by_label("Votre message")
    outline = "element => getComputedStyle(element).outlineStyle"
    await box.press_sequentially("/")
    await page.keyboard.press("ArrowDown")
    assert await page.get_by_role("option", selected=True).evaluate(outline) == "solid"
    await page.emulate_media(forced_colors="active")
    assert await page.get_by_role("option", selected=True).evaluate(outline) == "solid"
    assert await page.locator(".say-box").evaluate(outline) == "solid"
