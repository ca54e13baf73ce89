"""What a page shows where its server fails: nothing is lost, and nothing counts twice."""

from playwright.async_api import expect

from tests.web.stage import IN_THE_BROWSER, Stage

pytestmark = IN_THE_BROWSER


async def test_what_could_not_be_sent_stays_in_the_box_and_counts_once_when_sent_again(stage: Stage) -> None:
    """Even when the page was loaded again in between."""
    page = await stage.tab()
    box = page.get_by_label("Votre message")
    stage.router.failure = RuntimeError("disk full")
    await box.fill("/idea Des vélos")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="Rien n’a été enregistré")).to_be_visible()
    await page.reload()
    await expect(box).to_have_value("/idea Des vélos")
    stage.router.failure = None
    await box.press("Enter")
    await expect(page.get_by_text("votre idée est enregistrée")).to_be_visible()
    await expect(box).to_have_value("")
    first, second = stage.router.events
    assert first.id == second.id


async def test_what_was_changed_after_a_failure_is_another_gesture(stage: Stage) -> None:
    page = await stage.tab()
    box = page.get_by_label("Votre message")
    stage.router.failure = RuntimeError("disk full")
    for text in ("/idea Des vélos", "/idea Des vélos partagés"):
        await box.fill(text)
        async with page.expect_response("**/room/say"):
            await page.keyboard.press("Enter")
        await expect(page.locator("#say")).not_to_have_attribute("aria-busy", "true")
    first, second = stage.router.events
    assert first.id != second.id


async def test_a_server_that_does_not_answer_takes_nothing_from_the_box(stage: Stage) -> None:
    page = await stage.tab()
    await page.route("**/room/say", lambda route: route.abort())
    box = page.get_by_label("Votre message")
    await box.fill("Bonjour")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="Butine ne répond pas")).to_be_visible()
    await expect(box).to_have_value("Bonjour")
    await page.unroute_all()
    await page.keyboard.press("Enter")
    await expect(page.locator(".said")).to_have_text("Bonjour")
    await expect(page.locator("#say-alert")).to_be_hidden()


async def test_a_command_that_failed_stays_in_the_box_to_be_put_right(stage: Stage) -> None:
    page = await stage.tab()
    box = page.get_by_label("Votre message")
    for text, sentence in (
        ("/idea voir 99", "Il n’y a pas d’idée #99."),
        ("/ideas", "La commande /ideas n’existe pas"),
    ):
        await box.fill(text)
        await page.keyboard.press("Enter")
        await expect(page.locator(".card").filter(has_text=sentence)).to_be_visible()
        await expect(box).to_have_value(text)


async def test_a_button_that_could_not_be_taken_in_says_so_beside_it(stage: Stage) -> None:
    page = await stage.tab()
    stage.router.failure = RuntimeError("disk full")
    approve = page.get_by_role("button", name="Approuver")
    await approve.click()
    await expect(page.locator(".message .alert")).to_contain_text("Rien n’a été enregistré")
    stage.router.failure = None
    async with page.expect_response("**/room/click"):  # the page takes its words back before it asks again
        await approve.click()
    await expect(page.locator(".message .alert")).to_have_count(0)
    first, second = stage.router.events
    assert first.id == second.id


async def test_a_page_whose_token_has_expired_gets_a_new_one_and_goes_on(stage: Stage) -> None:
    page = await stage.tab()
    await stage.context.clear_cookies()
    await page.get_by_label("Votre message").fill("Toujours là")
    await page.keyboard.press("Enter")
    await expect(page.locator(".said")).to_have_text("Toujours là")
