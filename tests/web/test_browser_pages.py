"""Which page one is on: an older one that gives way to the latest, and an address that says who one is."""

from playwright.async_api import Page, expect

from bot.chat.events import MessageRef, Reply
from tests.web.rooms import IDEA, failure
from tests.web.stage import IN_THE_BROWSER, Stage

pytestmark = IN_THE_BROWSER


async def older_page(stage: Stage) -> tuple[Page, MessageRef]:
    """Camille's page that ends with the last message but one, and that message."""
    shown = await stage.room.post("ideas", IDEA, "shown")
    later = await stage.room.post("ideas", IDEA, "later")
    page = await stage.tab(f"as=camille&channel=idees&before={later.id}")
    await expect(page.get_by_role("link", name="Revenir aux derniers messages")).to_be_visible()
    return page, shown


async def test_what_is_said_on_an_older_page_is_seen_on_the_latest(stage: Stage) -> None:
    page, _ = await older_page(stage)
    box = page.get_by_label("Votre message")
    await box.fill("Bonjour")
    await page.keyboard.press("Enter")
    await expect(page.locator(".said")).to_have_text("Bonjour")
    await expect(page.locator(".said")).to_be_in_viewport()
    await expect(page.get_by_role("link", name="Revenir aux derniers messages")).to_have_count(0)
    await expect(box).to_be_focused()
    await expect(box).to_have_value("")


async def test_an_error_on_an_older_page_is_seen_and_what_was_typed_is_kept(stage: Stage) -> None:
    page, _ = await older_page(stage)
    box = page.get_by_label("Votre message")
    await box.fill("/idea voir 99")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Il n’y a pas d’idée #99.")).to_be_in_viewport()
    await expect(box).to_have_value("/idea voir 99")
    assert len(stage.router.events) == 1


async def test_the_receipt_of_a_form_that_was_sent_from_an_older_page_is_seen(stage: Stage) -> None:
    page, _ = await older_page(stage)
    await page.get_by_label("Votre message").fill("/idea")
    await page.keyboard.press("Enter")
    await page.get_by_label("Titre").fill("Des vélos partagés")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Merci, votre idée est enregistrée")).to_be_in_viewport()


async def test_the_answer_to_a_click_on_an_older_page_is_seen_and_the_keyboard_is_at_it(stage: Stage) -> None:
    page, shown = await older_page(stage)
    stage.router.answer = lambda _: Reply(card=failure("Nadia a déjà décidé."))
    await page.locator(f"#m-{shown.id}").get_by_role("button", name="Approuver").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Nadia a déjà décidé.")).to_be_in_viewport()
    await page.keyboard.press("Tab")
    await expect(page.locator(".entry").last.get_by_role("button", name="Masquer")).to_be_focused()


async def test_an_older_page_stays_where_others_write(stage: Stage) -> None:
    page, _ = await older_page(stage)
    address = page.url
    witness = await stage.tab("as=sam&channel=idees")
    await stage.room.post("ideas", IDEA, "news")
    await expect(witness.locator(".entry")).to_have_count(4)
    await stage.room.direct("camille", IDEA, "notice:1")
    await expect(page.get_by_role("link", name="Butine 1 message non lu")).to_be_visible()
    await expect(page.locator(".entry")).to_have_count(2)
    assert page.url == address


async def test_a_tab_stays_who_it_is_when_another_one_becomes_somebody_else(stage: Stage) -> None:
    """Also where it was opened at an address that names nobody; whatever else the address says stays."""
    await stage.tab("as=camille")
    page = await stage.tab("channel=@butine")
    await expect(page).to_have_title("Butine · Camille Martin · Butine")
    await stage.tab("as=nadia")
    await page.reload()
    await expect(page).to_have_title("Butine · Camille Martin · Butine")
