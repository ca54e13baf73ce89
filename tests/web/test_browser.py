"""The room in a real browser: with the keyboard alone, with two tabs, on a phone, and as axe-core sees it."""

from dataclasses import replace

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Route, expect

from bot.views.cards import Card, Quotation
from tests.web.rooms import IDEA
from tests.web.stage import IN_THE_BROWSER, TITLE_ERROR, Stage

pytestmark = IN_THE_BROWSER
SIZES = {"phone": (390, 844), "desk": (1280, 860)}


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of that name has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if name in await page.evaluate(
            "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
        ):
            return
    pytest.fail(f"{name} can't be reached with Tab")


async def test_the_skip_link_comes_first_and_leads_to_the_message_box(stage: Stage) -> None:
    page = await stage.tab()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Aller à la zone de saisie")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.type("Bonjour au clavier")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("seconde ligne")
    await page.keyboard.press("Enter")
    await expect(page.locator(".said")).to_have_text("Bonjour au clavier\nseconde ligne")
    await expect(page.get_by_label("Votre message")).to_have_value("")


async def test_commands_are_offered_while_typing_and_completed_with_the_keyboard(stage: Stage) -> None:
    page = await stage.tab()
    box = page.get_by_label("Votre message")
    await box.focus()
    await page.keyboard.type("/")
    await expect(page.get_by_role("listbox", name="Commandes")).to_be_visible()
    await expect(page.get_by_role("option")).to_have_count(4)
    await page.keyboard.type("idea ")
    await expect(page.get_by_role("option")).to_have_count(3)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("option", selected=True)).to_contain_text("/idea liste")
    await expect(box).to_have_attribute("aria-activedescendant", "hint-2")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await expect(box).to_have_value("/idea liste ")
    await expect(page.get_by_role("listbox")).to_be_hidden()
    await box.fill("/idea a")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("listbox")).to_be_hidden()
    await page.keyboard.type("i")
    await page.keyboard.press("Tab")
    await expect(box).to_have_value("/idea aide ")


async def test_a_reaction_is_picked_with_the_keyboard_and_seen_in_another_tab(stage: Stage) -> None:
    camille, sam = await stage.tab(), await stage.tab("as=sam&channel=idees")
    await tab_to(camille, "Réagir")
    await camille.keyboard.press("Enter")
    await expect(camille.get_by_role("button", name="pouce vers le haut")).to_be_focused()
    await camille.keyboard.press("ArrowRight")
    await expect(camille.get_by_role("button", name="cœur rouge")).to_be_focused()
    await camille.keyboard.press("Enter")
    await expect(camille.get_by_role("button", name="cœur rouge 1 Camille Martin", pressed=True)).to_be_visible()
    await expect(camille.get_by_role("button", name="Réagir")).to_be_focused()
    heart = sam.get_by_role("button", name="red heart 1 Camille Martin", pressed=False)
    await heart.focus()
    await sam.keyboard.press("Enter")
    both = sam.get_by_role("button", name="red heart 2 Camille Martin, Sam Taylor", pressed=True)
    await expect(both).to_be_focused()
    await expect(camille.get_by_role("button", name="cœur rouge 2 Camille Martin, Sam Taylor")).to_be_visible()
    await sam.keyboard.press("Enter")
    await expect(camille.get_by_role("button", name="cœur rouge 1 Camille Martin")).to_be_visible()
    await camille.keyboard.press("Enter")
    await camille.keyboard.press("Escape")
    await expect(camille.get_by_role("button", name="Réagir")).to_be_focused()


async def test_a_private_card_that_is_replaced_keeps_the_focus(stage: Stage) -> None:
    """Its button is gone with what it did: who uses the keyboard goes on from the same message."""
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea Des vélos")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Retirer", exact=True).focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    message = page.locator(".is-private .message").filter(has_text="est retirée")
    await expect(message).to_be_visible()
    await expect(message.get_by_role("button", name="Masquer")).to_be_focused()


async def test_a_message_that_has_the_focus_itself_keeps_it(stage: Stage) -> None:
    posted = await stage.room.post("ideas", IDEA, "card:1")
    page = await stage.tab()
    await page.locator(".message").last.focus()
    await stage.room.update(posted.id, replace(IDEA, blocks=(*IDEA.blocks, Quotation("Besoin", "Un texte nouveau"))))
    await expect(page.locator(".timeline")).to_contain_text("Un texte nouveau")
    await expect(page.locator(".message").last).to_be_focused()


async def test_a_card_that_changes_under_the_pressed_pointer_loses_no_click(stage: Stage) -> None:
    """What comes between press and release waits for the release, and is shown then."""
    idea = replace(IDEA, reaction="+1")
    posted = await stage.room.post("ideas", idea, "card:1")
    page, witness = await stage.tab(), await stage.tab("as=sam&channel=idees")
    chip = page.locator('.reaction[data-emoji="+1"]')
    await chip.hover()
    await page.mouse.down()
    await stage.room.update(posted.id, replace(idea, blocks=(*idea.blocks, Quotation("Besoin", "Un texte nouveau"))))
    await expect(witness.locator(".timeline")).to_contain_text("Un texte nouveau")
    await page.mouse.up()
    await expect(chip).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".timeline")).to_contain_text("Un texte nouveau")


async def test_a_slow_press_after_another_loses_no_click(stage: Stage) -> None:
    """The end of the time that the first one had is not the end of the second."""
    idea = replace(IDEA, reaction="+1")
    posted = await stage.room.post("ideas", idea, "card:1")
    page, witness = await stage.tab(), await stage.tab("as=sam&channel=idees")
    await page.clock.install()
    await page.get_by_role("heading", level=1).click()
    await page.clock.fast_forward(1600)
    chip = page.locator('.reaction[data-emoji="+1"]')
    await chip.hover()
    await page.mouse.down()
    await page.clock.fast_forward(900)
    await stage.room.update(posted.id, replace(idea, blocks=(*idea.blocks, Quotation("Besoin", "Un texte nouveau"))))
    await expect(witness.locator(".timeline")).to_contain_text("Un texte nouveau")
    await page.mouse.up()
    await expect(chip).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".timeline")).to_contain_text("Un texte nouveau")


async def test_the_button_of_the_open_picker_closes_it(stage: Stage) -> None:
    """With the pointer as well as with the keyboard, and the button of another message opens it there."""
    await stage.room.post("ideas", IDEA, "card:1")
    page = await stage.tab()
    first, second = await page.get_by_role("button", name="Réagir").all()
    picker = page.locator("#picker")
    for _ in range(2):
        await first.click()
        await expect(picker).to_be_visible()
        await first.click()
        await expect(picker).to_be_hidden()
        await expect(first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(picker).to_be_visible()
    await second.click()
    await expect(second).to_have_attribute("aria-expanded", "true")
    await expect(first).to_have_attribute("aria-expanded", "false")
    await expect(picker).to_be_visible()


async def test_an_answer_that_comes_late_does_not_undo_what_the_stream_has_told_since(stage: Stage) -> None:
    """It was drawn when the reaction was kept, and the card has changed by that reaction meanwhile."""
    idea = replace(IDEA, reaction="+1")
    posted = await stage.room.post("ideas", idea, "card:1")
    page = await stage.tab()
    timeline = page.locator(".timeline")

    async def come_late(route: Route) -> None:
        answer = await route.fetch()
        await stage.room.update(
            posted.id, replace(idea, blocks=(*idea.blocks, Quotation("Besoin", "Un texte nouveau")))
        )
        await expect(timeline).to_contain_text("Un texte nouveau")
        await route.fulfill(response=answer)

    await page.route("**/room/react", come_late)
    async with page.expect_request_finished(lambda request: request.url.endswith("/room/react")):
        await page.locator('.reaction[data-emoji="+1"]').click()
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    assert "Un texte nouveau" in await timeline.inner_text()


async def test_new_messages_appear_are_announced_and_leave_the_reader_where_they_are(stage: Stage) -> None:
    page = await stage.tab("as=sam&channel=idees")
    for number in range(12):
        await stage.room.post("ideas", IDEA, f"more:{number}")
    await expect(page.locator(".entry")).to_have_count(13)
    scroller = page.locator("#messages")
    at_end = "element => element.scrollHeight - element.scrollTop - element.clientHeight < 2"
    assert await scroller.evaluate(at_end)
    await scroller.evaluate("element => { element.scrollTop = 0; }")
    await page.locator(".entry").first.get_by_role("button", name="Approuver").focus()
    await stage.room.post("ideas", Card("La dernière", (Quotation("Besoin", "La dernière idée"),)), "last")
    await expect(page.get_by_text("La dernière idée")).to_have_count(1)
    await expect(page.locator("#news")).to_contain_text("Butine: La dernière")
    assert not await scroller.evaluate(at_end)
    await expect(page.locator(".entry").first.get_by_role("button", name="Approuver")).to_be_focused()
    await stage.room.direct("sam", IDEA, "notice:1")
    await expect(page.get_by_role("link", name="Butine 1 unread message")).to_be_visible()


async def test_somebody_new_comes_in_and_threads_are_answered(stage: Stage) -> None:
    page = await stage.tab()
    await page.locator(".who summary").click()
    await page.get_by_role("button", name="Ajouter une personne").click()
    dialog = page.get_by_role("dialog", name="Ajouter une personne")
    await dialog.get_by_role("button", name="Ajouter").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Indiquez un nom.")
    await expect(dialog.get_by_label("Nom")).to_have_attribute("aria-invalid", "true")
    await expect(dialog.get_by_label("Nom")).to_have_accessible_description("Indiquez un nom.")
    await dialog.get_by_label("Nom").fill("Robin Petit")
    await dialog.get_by_label("Langue").select_option("en")
    await dialog.get_by_label("Fait partie de la modération").check()
    await dialog.get_by_role("button", name="Ajouter").click()
    await expect(page).to_have_title("#idees · Robin Petit · Butine")
    await page.get_by_role("link", name="Reply").click()
    await page.get_by_label("Your message").fill("Good idea")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".said")).to_have_text("Good idea")
    await page.get_by_role("link", name="Back to #idees").click()
    await expect(page.get_by_role("link", name="1 reply")).to_be_visible()


async def test_on_a_phone_the_conversations_are_behind_a_button(stage: Stage) -> None:
    page = await stage.tab("as=nadia&channel=idees")
    await page.set_viewport_size({"width": 390, "height": 844})
    link = page.get_by_role("link", name="moderation Réservé à la modération")
    await expect(link).to_be_hidden()
    menu = page.get_by_role("button", name="Menu")
    await menu.click()
    await expect(link).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(link).to_be_hidden()
    await expect(menu).to_be_focused()
    await menu.click()
    await link.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("#moderation")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_axe_finds_nothing(stage: Stage, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    await stage.room.direct("camille", IDEA, "notice:1")
    page = await stage.tab()
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": height})
    box = page.get_by_label("Votre message")

    async def found(where: str) -> list[str]:
        # What still fades in has no colour of its own yet.
        await page.evaluate("Promise.all(document.getAnimations().map(each => each.finished))")
        result = await Axe().run(page)
        return [f"{where}: {violation['id']}" for violation in result.response["violations"]]

    problems = []
    for text in ("Bonjour", "/nope", "/idea voir 99", "/idea liste", "/idea Des vélos"):
        await box.fill(text)
        await page.keyboard.press("Enter")
        await expect(page.locator("#say")).not_to_have_attribute("aria-busy", "true")
    await expect(page.locator(".entry")).to_have_count(6)
    await page.locator(".entry").first.get_by_role("button", name="Réagir").click()
    problems += await found("picker")
    await page.get_by_role("button", name="cœur rouge").click()
    await expect(page.locator(".reaction")).to_have_count(1)
    problems += await found("channel")
    await box.fill("")
    await box.press_sequentially("/")
    await page.keyboard.press("ArrowDown")
    problems += await found("hints")
    await page.keyboard.press("Escape")
    await box.fill("/idea")
    await page.keyboard.press("Enter")
    await page.get_by_label("Titre").fill("Vélo")
    await page.keyboard.press("Enter")
    await expect(page.locator("#field-title-error")).to_have_text(TITLE_ERROR)
    problems += await found("form")
    await page.keyboard.press("Escape")
    problems += await found("question")
    await page.get_by_role("button", name="Fermer sans envoyer").click()
    if size == "phone":
        await page.get_by_role("button", name="Menu").click()
    await page.locator(".who summary").click()
    problems += await found("people")
    for address in ("as=camille&channel=@butine", "as=nadia&channel=moderation", "as=nobody"):
        await page.goto(f"{stage.address}/?{address}")
        problems += await found(address)
    assert problems == []
