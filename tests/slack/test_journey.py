"""The life of an idea in Slack, over either transport: the same journey as in the web room."""

from tests.fakes.slack.reading import shown
from tests.fakes.slack.state import BOT, IDEAS, REVIEW
from tests.fakes.slack.workspace import CAMILLE, NADIA, OMAR, SAM, FakeSlack, labels
from tests.slack.installation import Installation

TITLE = "Un guichet unique pour la MDPH"


async def test_an_idea_lives_from_the_form_to_the_digest(  # noqa: PLR0915  one journey, told whole
    slack: FakeSlack, butine: Installation
) -> None:
    """Submit by form and by command, refuse with a reason and resubmit, approve, vote, digest."""
    await slack.type_command(CAMILLE, "")
    await slack.until(lambda: slack.form_of(CAMILLE))
    refused = await slack.submit(CAMILLE, {"title": " ", "need": "On attend trois semaines."})
    assert refused
    assert refused["response_action"] == "errors"
    assert list(refused["errors"]) == ["title"]
    await slack.submit(CAMILLE, {"title": TITLE, "need": "On attend trois semaines.", "proposal": "Une fiche."})
    receipt = await slack.until(lambda: slack.private(CAMILLE, "Votre idée nº 1 est enregistrée"))
    assert "Prochaine sélection" in shown(receipt)
    await slack.type_command(SAM, "Lend bikes between the two sites. It is faster than the car.")
    await slack.until(lambda: slack.private(SAM, "Your idea no. 2 is saved"))

    await butine.settle()
    assert slack.messages(IDEAS) == []
    waiting = slack.card(REVIEW, TITLE)
    assert "On attend trois semaines." in shown(waiting)
    await slack.click(NADIA, waiting, "Refuser…")
    await slack.until(lambda: slack.form_of(NADIA))
    await slack.submit(NADIA, {"reason": "Dites-nous quels services seraient concernés."})
    await butine.settle()
    assert "Refusée par Nadia Benali" in shown(waiting)
    assert labels(waiting) == []
    await slack.click(OMAR, {**waiting, "blocks": [approve_button()]}, "Approuver")
    told = await slack.until(lambda: slack.private(OMAR, "Nadia Benali"))
    assert "Rien n’a changé" in shown(told)

    refusal = slack.direct(CAMILLE, "n’est pas publiée en l’état")
    assert "Dites-nous quels services seraient concernés." in shown(refusal)
    assert "Une fiche." in shown(refusal)
    await slack.click(CAMILLE, refusal, "Modifier et proposer à nouveau")
    form = await slack.until(lambda: slack.form_of(CAMILLE))
    assert form["title"]["text"]
    await slack.submit(CAMILLE, {"proposal": "Une seule fiche pour l’accueil et l’évaluation."})
    await slack.until(lambda: slack.private(CAMILLE, "de nouveau proposée"))
    await butine.settle()
    assert "Une seule fiche pour l’accueil et l’évaluation." in shown(waiting)
    await slack.click(NADIA, waiting, "Approuver")
    await slack.click(NADIA, slack.card(REVIEW, "Lend bikes"), "Approuver")
    await butine.settle()
    assert "Approuvée par Nadia Benali" in shown(waiting)

    published = slack.card(IDEAS, TITLE)
    assert "proposée par Camille Martin" in shown(published)
    assert published["reactions"] == {"+1": [BOT]}
    await slack.react(SAM, published, "+1::skin-tone-3")
    await butine.settle()
    assert "1 soutien" in shown(published)
    await slack.type_command(NADIA, "soutenir 1")
    await slack.until(lambda: slack.private(NADIA, "Vous soutenez"))
    await butine.settle()
    assert "2 soutiens" in shown(published)
    await slack.react(CAMILLE, published, "heart")
    await butine.settle()
    assert slack.direct(CAMILLE, "seuls comptent les soutiens de vos collègues")
    await slack.unreact(SAM, published, "+1::skin-tone-3")
    await butine.settle()
    assert "1 soutien" in shown(published)

    await slack.type_command(NADIA, "digest maintenant")
    await slack.until(lambda: slack.private(NADIA, "part dans le canal"))
    await butine.settle()
    digest = slack.card(IDEAS, "Sélection de la semaine")
    assert f"{TITLE} · 1 soutien · Camille Martin" in shown(digest)
    assert "Lend bikes between the two sites" in shown(digest)
    assert "Sélectionnée, réponse attendue" in shown(published)
    assert len(slack.messages(IDEAS)) == 3
    assert [shown(message) for message in slack.messages(REVIEW)[2:]] == [
        f"nº 1 · {TITLE} · nouveau texte, proposé après un refus"
    ]


def approve_button() -> dict[str, object]:
    """What a moderator still sees who has not read the card's last change."""
    button = {"type": "button", "text": {"text": "Approuver"}, "action_id": "approve#0", "value": "1"}
    return {"type": "actions", "elements": [button]}


async def test_the_author_completes_answers_and_withdraws(slack: FakeSlack, butine: Installation) -> None:
    """A question reaches the author, whose answer is the completed idea; withdrawing gives the text back."""
    await slack.type_command(CAMILLE, "Des composteurs derrière la cité administrative")
    await butine.settle()
    waiting = slack.card(REVIEW, "Des composteurs")
    await slack.click(NADIA, waiting, "Poser une question…")
    await slack.until(lambda: slack.form_of(NADIA))
    await slack.submit(NADIA, {"question": "Qui les viderait ?"})
    await butine.settle()
    assert "Qui les viderait ?" in shown(waiting)

    await slack.click(CAMILLE, slack.direct(CAMILLE, "Qui les viderait ?"), "Répondre en complétant l’idée")
    form = await slack.until(lambda: slack.form_of(CAMILLE))
    assert "Qui les viderait ?" in shown(form)
    await slack.submit(CAMILLE, {"proposal": "Les jardiniers, le jeudi."})
    await butine.settle()
    assert "Les jardiniers, le jeudi." in shown(waiting)

    receipt = await slack.until(lambda: slack.private(CAMILLE, "est enregistrée"))
    await slack.click(CAMILLE, receipt, "Retirer")
    await slack.until(lambda: "Les jardiniers, le jeudi." in shown(receipt))
    await butine.settle()
    assert "retirée par Camille Martin" in shown(waiting)
    assert labels(waiting) == []


async def test_a_text_that_changed_under_a_moderators_form_is_read_before_it_is_decided_on(
    slack: FakeSlack, butine: Installation
) -> None:
    """The form stays below with what was written; above it stand the new text and its buttons."""
    await slack.type_command(CAMILLE, "Des composteurs")
    await butine.settle()
    await slack.click(NADIA, slack.card(REVIEW, "Des composteurs"), "Refuser…")
    await slack.until(lambda: slack.form_of(NADIA))
    await slack.type_command(CAMILLE, "modifier 1")
    await slack.until(lambda: slack.form_of(CAMILLE))
    await slack.submit(CAMILLE, {"title": "Des ruches"})
    answer = await slack.submit(NADIA, {"reason": "Trop loin"})
    assert answer
    assert answer["response_action"] == "push"
    assert "a changé depuis que vous l’avez lu" in shown(answer["view"])
    assert "Trop loin" in shown(answer["view"])
    await slack.click_in_view(NADIA, {"id": slack.form_of(NADIA)["id"], **answer["view"]}, "Approuver")
    await slack.until(lambda: "L’idée nº 1 « Des ruches » est publiée" in shown(slack.form_of(NADIA)))
    await butine.settle()
    assert slack.card(IDEAS, "Des ruches")


async def test_an_agent_has_no_moderators_rights(slack: FakeSlack, butine: Installation) -> None:
    """A click that somebody forges, or makes after leaving the review channel, is refused in a private sentence."""
    await slack.type_command(CAMILLE, "Une navette entre les sites")
    await butine.settle()
    waiting = slack.card(REVIEW, "Une navette")
    await slack.click(SAM, waiting, "Approve" if "Approve" in labels(waiting) else "Approuver")
    told = await slack.until(lambda: slack.private(SAM, "moderators"))
    assert told
    await butine.settle()
    assert slack.messages(IDEAS) == []
