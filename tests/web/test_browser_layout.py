"""What stands where on the page: nothing scrolls away into blank, at any size and magnification."""

from dataclasses import replace

from playwright.async_api import expect

from tests.web.rooms import IDEA
from tests.web.stage import IN_THE_BROWSER, Stage

pytestmark = IN_THE_BROWSER
PAGE_SCROLLS = "document.documentElement.scrollHeight > innerHeight"


async def test_a_long_channel_scrolls_and_the_page_around_it_does_not(stage: Stage) -> None:
    """Reactions have texts for screen readers, high up and far down alike."""
    for number in range(20):
        await stage.room.post("ideas", replace(IDEA, reaction="+1"), f"more:{number}")
    page = await stage.tab()
    await expect(page.locator(".reaction")).to_have_count(20)
    scroller = page.locator("#messages")
    assert await scroller.evaluate("element => element.scrollHeight > 2 * element.clientHeight")
    assert not await page.evaluate(PAGE_SCROLLS)
    await scroller.evaluate("element => { element.scrollTop = 0; }")
    assert not await page.evaluate(PAGE_SCROLLS)


async def test_the_fields_of_a_form_scroll_and_the_dialog_around_them_does_not(stage: Stage) -> None:
    page = await stage.tab()
    await page.set_viewport_size({"width": 1280, "height": 500})
    await page.get_by_label("Votre message").fill("/idea")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Proposer une idée")
    await expect(dialog).to_be_visible()
    fields = dialog.locator(".dialog-body")
    assert await fields.evaluate("element => element.scrollHeight > element.clientHeight")
    assert await dialog.evaluate("element => element.scrollHeight === element.clientHeight")
