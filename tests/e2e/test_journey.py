"""The life of an idea in the web room, in a real browser, against a real process."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.person import Person
from tests.e2e.process import Butine

pytestmark = pytest.mark.browser
Enter = Callable[[str, str], Person]


def test_an_idea_lives_from_the_form_to_the_digest_and_outlives_a_restart(  # noqa: PLR0915  one journey, told whole
    butine: Butine, enter: Enter
) -> None:
    """Submit by form and by command, refuse with a reason and resubmit, approve, vote, digest, restart: all there."""
    address = butine.start()
    camille = enter(address, "camille").go()
    nadia = enter(address, "nadia").go("moderation")
    sam = enter(address, "sam").go()

    camille.say("/idea")
    camille.fill_form({"title": "", "need": "On attend trois semaines."})
    expect(camille.form_errors).to_have_count(1)
    camille.fill_form({"title": "Un guichet unique pour la MDPH", "proposal": "Une seule fiche partagée."})
    receipt = camille.private("Votre idée nº\u00a01 est enregistrée")
    expect(receipt).to_contain_text("Prochaine sélection")
    sam.say("/idea Lend bikes between the two sites. It is faster than the car.")
    expect(sam.private("Your idea no.\u00a02 is saved")).to_be_visible()

    waiting = nadia.card("Un guichet unique pour la MDPH")
    expect(waiting).to_contain_text("On attend trois semaines.")
    nadia.click(waiting, "Refuser…")
    nadia.fill_form({"reason": "Dites-nous quels services seraient concernés."})
    expect(waiting).to_contain_text("Refusée par Nadia Benali")
    expect(waiting.get_by_role("button", name="Approuver")).to_have_count(0)

    camille.go("@butine")
    refusal = camille.message("n’est pas publiée en l’état")
    expect(refusal).to_contain_text("Dites-nous quels services seraient concernés.")
    expect(refusal).to_contain_text("Une seule fiche partagée.")
    camille.click(refusal, "Modifier et proposer à nouveau")
    expect(camille.form.locator("[name=title]")).to_have_value("Un guichet unique pour la MDPH")
    camille.fill_form({"proposal": "Une seule fiche pour l’accueil et l’évaluation."})
    expect(camille.message("de nouveau proposée")).to_be_visible()

    expect(waiting).to_contain_text("Une seule fiche pour l’accueil et l’évaluation.")
    nadia.click(waiting, "Approuver")
    expect(waiting).to_contain_text("Approuvée par Nadia Benali")
    nadia.click(nadia.card("Lend bikes between the two sites"), "Approuver")

    published = sam.card("Un guichet unique pour la MDPH")
    expect(published).to_contain_text("proposée par Camille Martin")
    sam.react(published)
    expect(published).to_contain_text("1 soutien")
    nadia.say("/idea soutenir 1")
    expect(published).to_contain_text("2 soutiens")
    camille.go()
    camille.react(camille.card("Un guichet unique pour la MDPH"))
    expect(camille.go("@butine").message("seuls comptent les soutiens de vos collègues")).to_be_visible()
    expect(published).to_contain_text("2 soutiens")

    nadia.say("/idea digest maintenant")
    digest = sam.message("Sélection de la semaine")
    expect(digest).to_contain_text("Un guichet unique pour la MDPH · 2 soutiens · Camille Martin")
    expect(digest).to_contain_text("Lend bikes between the two sites")
    expect(published).to_contain_text("Sélectionnée, réponse attendue")

    assert butine.stop() == 0
    assert butine.start() == address
    sam.go()
    expect(digest).to_have_count(1)
    expect(published).to_have_count(1)
    expect(published).to_contain_text("2 soutiens")
    expect(sam.private("Your idea no.\u00a02 is saved")).to_be_visible()
    expect(nadia.go("moderation").card("Un guichet unique pour la MDPH")).to_contain_text("Approuvée par Nadia Benali")
    sam.say("/idea show 1")
    history = sam.private("History")
    expect(history).to_contain_text("Camille Martin proposed the idea")
    expect(history).to_contain_text("Nadia Benali asked for changes")
    expect(history).not_to_contain_text("refused")
    expect(history).to_contain_text("Nadia Benali published the idea")


def test_the_author_completes_answers_and_withdraws(butine: Butine, enter: Enter) -> None:
    """A question reaches the author, whose answer is the completed idea; withdrawing gives the text back."""
    address = butine.start()
    camille = enter(address, "camille").go()
    nadia = enter(address, "nadia").go("moderation")
    camille.say("/idea Des composteurs derrière la cité administrative")
    waiting = nadia.card("Des composteurs derrière la cité administrative")
    nadia.click(waiting, "Poser une question…")
    nadia.fill_form({"question": "Qui les viderait ?"})
    expect(waiting).to_contain_text("Qui les viderait ?")

    camille.go("@butine")
    camille.click(camille.message("Qui les viderait ?"), "Répondre en complétant l’idée")
    expect(camille.form).to_contain_text("Qui les viderait ?")
    camille.fill_form({"proposal": "Les jardiniers, le jeudi."})
    expect(waiting).to_contain_text("Les jardiniers, le jeudi.")
    expect(waiting).not_to_contain_text("réponse attendue")

    camille.go()
    camille.click(camille.private("est enregistrée"), "Retirer", confirms=True)
    expect(camille.private("Voici votre texte")).to_contain_text("Les jardiniers, le jeudi.")
    expect(waiting).to_contain_text("retirée par Camille Martin")
    expect(waiting.get_by_role("button", name="Approuver")).to_have_count(0)


def test_a_similar_idea_can_be_supported_instead(butine: Butine, enter: Enter) -> None:
    """The receipt shows a published idea that says the same; one click supports it and withdraws one's own."""
    address = butine.start()
    camille = enter(address, "camille").go()
    nadia = enter(address, "nadia").go("moderation")
    sam = enter(address, "sam").go()
    camille.say("/idea Prêter des vélos électriques entre le siège et la cité administrative")
    nadia.click(nadia.card("Prêter des vélos électriques entre le siège et la cité administrative"), "Approuver")
    published = sam.card("Prêter des vélos électriques entre le siège et la cité administrative")
    expect(published).to_be_visible()
    sam.say("/idea Un prêt de vélo électrique pour aller du siège à la cité administrative")
    receipt = sam.private("A published idea is much like yours")
    expect(receipt).to_contain_text("Prêter des vélos électriques")
    sam.click(receipt, "Support no.\u00a01 instead", confirms=True)
    expect(sam.private("yours (no.\u00a02) is withdrawn")).to_be_visible()
    expect(published).to_contain_text("1 soutien")


def test_after_a_kill_everything_acknowledged_is_there_and_nothing_is_posted_twice(
    butine: Butine, enter: Enter
) -> None:
    """Kill -9 in the middle of use: the receipts seen hold, the cards come out right, once each."""
    address = butine.start()
    camille = enter(address, "camille").go()
    titles = [f"Idée numéro {number} du matin" for number in range(1, 9)]
    for title in titles[:-1]:
        camille.say(f"/idea {title}")
    expect(camille.page.locator("li.is-private", has_text="est enregistrée")).to_have_count(7)
    camille.page.locator("#say-text").fill(f"/idea {titles[-1]}")
    camille.page.locator("#say-text").press("Enter")
    butine.kill()

    assert butine.start() == address
    nadia = enter(address, "nadia").go("moderation")
    for title in titles[:-1]:
        expect(nadia.card(title)).to_be_visible()
        expect(nadia.page.locator(".card-title", has_text=title)).to_have_count(1)
    nadia.click(nadia.card(titles[0]), "Approuver")
    camille.go()
    expect(camille.card(titles[0])).to_be_visible()
    expect(camille.page.locator("li.is-private", has_text="est enregistrée")).not_to_have_count(0)
    listed = butine.run("ideas", "list")
    for title in titles[:-1]:
        assert listed.count(title) == 1
