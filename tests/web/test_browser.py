"""The room in a real browser: with the keyboard alone, with two tabs, with failures, and as axe-core sees it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from bot.chat.events import ButtonClicked, CommandTyped, Event, FormSubmitted, Reply
from bot.chat.web.platform import WebRoom
from bot.http import Listener
from bot.views.cards import Actions, Button, Card, Menu, Option, Quotation
from tests.web.rooms import CHANNELS, FORM, IDEA, RECEIPT, WITHDRAWN, Clock, Router, failure, hints, listed

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"phone": (390, 844), "desk": (1280, 860)}
TITLE_ERROR = "Ce titre est trop court."


def answer(event: Event) -> Reply:
    """What a small router would say."""
    match event:
        case CommandTyped(text=""):
            return Reply(form=FORM)
        case CommandTyped(text="voir 99"):
            return Reply(card=failure("Il n’y a pas d’idée #99."))
        case CommandTyped(text="liste"):
            return Reply(card=listed("all"))
        case ButtonClicked(action="list", value=status):
            return Reply(card=listed(status), replaces=True)
        case CommandTyped():
            return Reply(card=RECEIPT)
        case FormSubmitted(values=values) if len(values["title"]) < 8:
            return Reply(field_errors={"title": TITLE_ERROR})
        case FormSubmitted():
            return Reply(card=RECEIPT)
        case ButtonClicked(action="withdraw"):
            return Reply(card=WITHDRAWN, replaces=True)
        case ButtonClicked(action="complete"):
            return Reply(form=FORM)
    return Reply()


class Stage:
    """A room at an address, its router, and a browser."""

    def __init__(self, room: WebRoom, router: Router, listener: Listener, context: BrowserContext) -> None:
        self.room = room
        self.router = router
        self.context = context
        self.address = f"http://127.0.0.1:{listener.port}"
        self.errors: list[str] = []

    async def tab(self, query: str = "as=camille&channel=idees") -> Page:
        """A new tab at an address of the room."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if "Policy" in message.text else None)
        await page.goto(f"{self.address}/?{query}")
        return page


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A running browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def stage(browser: Browser, room_file: Path) -> AsyncIterator[Stage]:
    """A room that is served, with one card in the ideas channel, and nothing that went wrong on a page."""
    clock, router = Clock(), Router(answer)
    room = WebRoom(room_file, CHANNELS, language="fr", command="/idea", clock=clock, hints=hints)
    await room.start(router)
    listener = Listener("127.0.0.1", 0, "0", room.routes())
    await listener.start()
    await room.post("ideas", IDEA, "card:12")
    stage = Stage(room, router, listener, await browser.new_context(viewport={"width": 1280, "height": 860}))
    yield stage
    await stage.context.close()
    await room.close()
    await listener.stop()
    assert stage.errors == []


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
    await expect(page.get_by_role("option")).to_have_count(3)
    await page.keyboard.type("idea ")
    await expect(page.get_by_role("option")).to_have_count(2)
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


async def test_a_form_keeps_what_was_typed_and_puts_the_focus_on_what_is_wrong(stage: Stage) -> None:
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Proposer une idée")
    title = dialog.get_by_label("Titre")
    await expect(title).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(title).to_have_attribute("aria-invalid", "true")
    await expect(dialog.locator("#field-title-error")).to_have_text("Ce champ est à remplir.")
    await title.fill("Vélos")
    await dialog.get_by_label("Besoin").fill("Beaucoup de trajets courts")
    await title.focus()
    await page.keyboard.press("Enter")
    await expect(dialog.locator("#field-title-error")).to_have_text(TITLE_ERROR)
    await expect(title).to_be_focused()
    await expect(dialog.get_by_label("Besoin")).to_have_value("Beaucoup de trajets courts")
    await expect(title).to_have_accessible_description(
        f"Une phrase qui dit l’essentiel. 120 caractères au plus {TITLE_ERROR}"
    )
    await title.fill("Des vélos partagés")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("heading", name="Merci, votre idée est enregistrée")).to_be_visible()
    await expect(page.get_by_label("Votre message")).to_be_focused()


async def test_too_long_a_text_is_kept_and_counted(stage: Stage) -> None:
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea")
    await page.keyboard.press("Enter")
    title = page.get_by_label("Titre")
    await title.fill("x" * 125)
    await expect(page.locator(".counter-now").first).to_have_text("125 / 120")
    await page.keyboard.press("Enter")
    await expect(page.locator("#field-title-error")).to_contain_text("5")
    await expect(title).to_have_value("x" * 125)


async def test_a_form_that_was_written_in_is_not_closed_without_asking(stage: Stage) -> None:
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea")
    await page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="Proposer une idée")
    await form.get_by_label("Titre").fill("Des vélos")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Continuer à écrire").click()
    await expect(form.get_by_label("Titre")).to_have_value("Des vélos")
    await form.get_by_role("button", name="Annuler").click()
    await page.get_by_role("button", name="Fermer sans envoyer").click()
    await expect(form).to_be_hidden()
    await page.get_by_label("Votre message").fill("/idea")
    await page.keyboard.press("Enter")
    await expect(form).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(form).to_be_hidden()


async def test_what_cannot_be_undone_is_asked_first_and_the_card_changes_in_place(stage: Stage) -> None:
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea Des vélos")
    await page.keyboard.press("Enter")
    withdraw = page.get_by_role("button", name="Retirer")
    await withdraw.focus()
    await page.keyboard.press("Enter")
    question = page.get_by_role("dialog", name="Vraiment")
    await expect(question.get_by_role("button", name="Annuler")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(withdraw).to_be_focused()
    assert len(stage.router.events) == 1
    await page.keyboard.press("Enter")
    await question.get_by_role("button", name="Retirer").click()
    await expect(page.get_by_text("L’idée #13 est retirée.")).to_be_visible()
    await expect(page.get_by_text("votre idée est enregistrée")).to_be_hidden()
    await page.reload()
    await page.get_by_role("button", name="Masquer").click()
    await expect(page.get_by_text("L’idée #13 est retirée.")).to_be_hidden()


async def test_a_question_gives_the_focus_back_to_a_card_that_was_drawn_anew_meanwhile(stage: Stage) -> None:
    idea = replace(IDEA, blocks=(*IDEA.blocks, Actions((Button("Retirer", "withdraw", "13", confirm="Vraiment ?"),))))
    posted = await stage.room.post("ideas", idea, "card:1")
    page = await stage.tab()
    withdraw = page.get_by_role("button", name="Retirer")
    await withdraw.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Vraiment")).to_be_visible()
    await stage.room.update(posted.id, replace(idea, blocks=(*idea.blocks, Quotation("Besoin", "Un texte nouveau"))))
    await expect(page.locator(".timeline")).to_contain_text("Un texte nouveau")
    await page.keyboard.press("Escape")
    await expect(withdraw).to_be_focused()


async def test_a_menu_is_used_with_the_keyboard_and_does_nothing_before_its_button(stage: Stage) -> None:
    """Whoever passes by an option with the arrow keys has not chosen it."""
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea liste")
    await page.keyboard.press("Enter")
    menu = page.get_by_role("combobox", name="Afficher")
    await expect(menu).to_have_value("all")
    await menu.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    await expect(menu).to_have_value("retained")
    assert len(stage.router.events) == 1
    await page.keyboard.press("Tab")
    apply = page.get_by_role("button", name="Valider")
    await expect(apply).to_be_focused()
    await expect(apply).to_have_accessible_description("Afficher")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Idées : retained")).to_be_visible()
    await expect(page.get_by_role("heading", name="Idées : all")).to_be_hidden()
    await expect(page.get_by_role("combobox", name="Afficher")).to_have_value("retained")
    await expect(page.get_by_role("button", name="Valider")).to_be_focused()
    assert len(stage.router.events) == 2


async def test_a_long_menu_stays_within_its_card_on_a_phone(stage: Stage) -> None:
    options = (Option("Toutes les idées, quelle que soit la suite qui leur est donnée", "all"), Option("x", "x"))
    await stage.room.post("ideas", Card("Liste", (Menu("Afficher", "list", options, "all"),)), "card:1")
    page = await stage.tab()
    await page.set_viewport_size({"width": 390, "height": 844})
    menu = await page.get_by_role("combobox", name="Afficher").bounding_box()
    card = await page.locator(".card", has=page.get_by_role("combobox")).bounding_box()
    assert menu
    assert card
    assert menu["x"] + menu["width"] <= card["x"] + card["width"]
    assert menu["height"] >= 44


async def test_what_stands_in_a_menu_stays_when_the_message_changes_around_it(stage: Stage) -> None:
    posted = await stage.room.post("ideas", listed("all"), "card:1")
    page = await stage.tab()
    menu = page.get_by_role("combobox", name="Afficher")
    await menu.select_option("done")
    await stage.room.update(posted.id, replace(listed("all"), reaction="+1", tone="success"))
    await expect(page.locator(".card.is-success")).to_be_visible()
    await expect(menu).to_have_value("done")
    await stage.room.update(posted.id, listed("retained"))
    await expect(menu).to_have_value("retained")


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


async def test_somebody_new_comes_in_and_threads_are_answered(stage: Stage) -> None:
    page = await stage.tab()
    await page.locator(".who summary").click()
    await page.get_by_role("button", name="Ajouter une personne").click()
    dialog = page.get_by_role("dialog", name="Ajouter une personne")
    await dialog.get_by_role("button", name="Ajouter").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Indiquez un nom.")
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
