"""Forms, questions and menus in a real browser: nothing typed is lost, and the focus is where one looks for it."""

from dataclasses import replace

from playwright.async_api import expect

from bot.views.cards import Actions, Button, Card, Menu, Option, Quotation
from tests.web.rooms import IDEA, listed
from tests.web.stage import IN_THE_BROWSER, TITLE_ERROR, Stage

pytestmark = IN_THE_BROWSER


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


async def test_who_presses_again_right_after_a_question_was_closed_is_asked_anew(stage: Stage) -> None:
    """The browser gives the focus back before it tells that a dialog is closed."""
    page = await stage.tab()
    await page.get_by_label("Votre message").fill("/idea Des vélos")
    await page.keyboard.press("Enter")
    withdraw = page.locator(".entry").get_by_role("button", name="Retirer", include_hidden=True)
    await withdraw.click()
    question = page.get_by_role("dialog", name="Vraiment")
    await expect(question).to_be_visible()
    await withdraw.evaluate("(button) => { document.getElementById('confirm').close(); button.click(); }")
    await question.get_by_role("button", name="Retirer").click()
    await expect(page.get_by_text("L’idée #13 est retirée.")).to_be_visible()


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
