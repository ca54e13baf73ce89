"""What stands where on the page: nothing scrolls away into blank, at any size and magnification."""

from dataclasses import replace

from playwright.async_api import Page, expect

from bot.chat.events import ButtonClicked, Reply
from bot.views.cards import Actions, Button, Card, Heading, Items
from tests.web.rooms import FORM, IDEA
from tests.web.stage import IN_THE_BROWSER, Stage

pytestmark = IN_THE_BROWSER
WIDTH, HEIGHT = 320, 256
"""What 400 % leaves of a screen of 1280 × 1024."""
LONG = Card("Aide", (Heading("Aide"), Items(tuple((f"/idea commande {number}",) for number in range(60)))))
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


async def test_at_400_percent_there_is_room_for_messages_commands_and_fields(stage: Stage) -> None:
    page = await stage.tab("as=nadia&channel=moderation")
    await page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    await page.reload()
    head, messages = await top_and_bottom(page, ".place-head"), await top_and_bottom(page, "#messages")
    box = await top_and_bottom(page, ".say")
    assert messages[1] - messages[0] >= 100
    assert head[1] <= messages[0]
    assert messages[1] <= box[0]
    assert box[1] <= HEIGHT
    await page.get_by_label("Votre message").press_sequentially("/")
    offered = await top_and_bottom(page, "#hints")
    assert offered[0] >= 0
    assert offered[1] - offered[0] >= 100
    await page.get_by_label("Votre message").fill("/idea")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Proposer une idée")
    await expect(dialog).to_be_visible()
    for field in await dialog.locator("[data-field]").all():
        await field.get_by_role("textbox").focus()
        for part in (field.locator("label"), field.get_by_role("textbox")):
            await expect(part).to_be_in_viewport(ratio=0.95)
    await dialog.get_by_role("button", name="Envoyer").focus()
    await expect(dialog.get_by_role("button", name="Envoyer")).to_be_in_viewport(ratio=0.95)
    assert await page.evaluate("document.documentElement.scrollWidth") == WIDTH


async def test_a_long_answer_is_read_from_its_beginning(stage: Stage) -> None:
    """Not from its end, above which nobody knows that it says what is wrong."""
    stage.router.answer = lambda _: Reply(LONG)
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea aide")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=LONG.summary)).to_be_in_viewport()


async def test_an_answer_hardly_longer_than_the_view_stays_at_its_beginning_where_others_write(stage: Stage) -> None:
    stage.router.answer = lambda _: Reply(LONG)
    page = await stage.tab()
    box = page.get_by_label("Votre message")
    await box.fill("/idea aide")
    await page.keyboard.press("Enter")
    await expect(page.locator(".entry")).to_have_count(2)
    over = await page.locator(".entry").last.evaluate(
        "entry => entry.offsetHeight - document.getElementById('messages').clientHeight"
    )
    await page.set_viewport_size({"width": 1280, "height": 860 + over - 50})
    await box.fill("/idea aide")
    await page.keyboard.press("Enter")
    await expect(page.locator(".entry")).to_have_count(3)
    name = page.locator(".entry").nth(2).locator(".name")
    await expect(name).to_be_in_viewport()
    await stage.room.post("ideas", IDEA, "later")
    await expect(page.locator(".entry")).to_have_count(4)
    await expect(name).to_be_in_viewport()


async def test_the_next_page_of_a_long_list_is_read_from_its_beginning(stage: Stage) -> None:
    more = Actions((Button("Voir la suite", "more"),))
    pages = [Card(words, (Heading(words), *LONG.blocks[1:], more)) for words in ("Première page", "Deuxième page")]
    stage.router.answer = lambda event: Reply(pages[isinstance(event, ButtonClicked)], replaces=True)
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea liste")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Voir la suite").click()
    await expect(page.get_by_role("heading", name="Deuxième page")).to_be_in_viewport()
    await expect(page.get_by_role("button", name="Voir la suite")).to_be_focused()


async def test_a_form_stays_within_its_dialog_and_lines_stay_lines_whatever_was_asked(stage: Stage) -> None:
    """Moderators put addresses into their questions, which have no place to be divided, and several paragraphs."""
    asked = f"Voyez :\n\nhttps://intranet.example.org/{'a' * 200}"
    stage.router.answer = lambda _: Reply(form=replace(FORM, intro=asked))
    page = await stage.tab()
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.get_by_label("Votre message").fill("/idea modifier 12")
    await page.keyboard.press("Enter")
    body = page.locator("#form .dialog-body")
    await expect(body).to_be_visible()
    assert await body.evaluate("element => element.scrollWidth === element.clientWidth")
    assert await page.locator("#form-intro").evaluate("element => element.innerText") == asked


async def test_a_long_name_stays_within_the_page(stage: Stage) -> None:
    page = await stage.tab()
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.get_by_role("button", name="Menu").click()
    await page.locator(".who summary").click()
    await page.get_by_role("button", name="Ajouter une personne").click()
    await page.get_by_label("Nom").fill("M" * 60)
    await page.keyboard.press("Enter")
    await expect(page).to_have_title(f"#idees · {'M' * 60} · Butine")
    await page.get_by_label("Votre message").fill("Bonjour")
    await page.keyboard.press("Enter")
    await expect(page.locator(".said")).to_have_text("Bonjour")
    await page.get_by_role("button", name="Menu").click()
    await page.locator(".who summary").click()
    for name in (page.locator(".name").last, page.locator(".who-name"), page.locator(".person-name").last):
        assert await name.evaluate("element => element.getBoundingClientRect().right <= innerWidth")


async def top_and_bottom(page: Page, selector: str) -> tuple[float, float]:
    """Where an element is, in pixels."""
    found = await page.locator(selector).bounding_box()
    assert found
    return found["y"], found["y"] + found["height"]
