"""What full text and similarity promise, alike on both databases."""

from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from storage import ideas, search, similarity, workspaces
from storage.database import Database
from storage.search import Visible, terms
from storage.similarity import CANDIDATES, COMMON
from storage.tables import Idea, Status
from tests.contract.storage_rows import NOW, keep, keep_public, key, new_idea

pytest_plugins = ["tests.contract.storage_fixtures"]

EVERYTHING = Visible(set(Status))
HOSTILE = [
    "*",
    '"',
    "'",
    '""""',
    "OR",
    "AND NOT",
    "NEAR(",
    "NEAR(a b, 2)",
    "a:b",
    "title:velo",
    "-x",
    "!",
    "velo:*",
    "velo & | !",
    "(",
    "{title body} : velo",
    "^velo",
    "\\",
    "%_",
    "🚲",
    "☃️ 🐝🐝",
    "\ufeff\u202e\u0000",
    "日本語",
    "'; DROP TABLE idea; --",
    "œ æ ß ﬁ",
    "é" * 10_000,
    "z" * 10_000,
    "mot " * 2_500,
    " ".join(f"mot{number}" for number in range(400)),
    "( " * 5_000,
]


async def found(database: Database, workspace_id: int, words: str, visible: Visible = EVERYTHING) -> list[str]:
    """The titles that a text finds, best first."""
    hits = await database.read(lambda s: search.find(s, workspace_id, words, visible, 10))
    return [idea.title for idea in hits]


async def alike(
    database: Database, workspace_id: int, words: str, statuses: set[Status] | None = None, limit: int = 10
) -> list[tuple[str, float]]:
    """The titles of ideas that say much the same, with how alike."""
    wanted = set(Status) if statuses is None else statuses
    hits = await database.read(lambda s: similarity.similar(s, workspace_id, [words], wanted, limit))
    return [(idea.title, score) for idea, score in hits]


# Finding


@pytest.mark.parametrize(
    "title, words",
    [
        ("Un vélo pour tous", "velo"),
        ("UN VELO", "Vélo"),
        ("Un velo", "VÉLOS"),
        ("Vélo décomposé".replace("é", "e\u0301"), "vélo"),
        ("Des locaux à vélos", "vélo local"),
        ("Améliorer l’accueil", "amélioration"),
        ("Les chevaux de la garde", "cheval"),
        ("Une main-d’œuvre motivée", "main d'oeuvre"),
        ("Recycling bins everywhere", "recycle"),
        ("Faster meetings", "meeting"),
        ("Plus de réunions le vendredi", "réunion vendredi"),
        ("Bureau 2e étage", "2e"),
        ("Taux de 50 %", "50"),
        ("La cantine, mieux", "le la les cantine de du"),
    ],
)
async def test_accents_case_and_word_forms_are_forgiven(
    database: Database, workspace_id: int, title: str, words: str
) -> None:
    await keep(database, workspace_id, title)
    await keep(database, workspace_id, "Tout autre chose")
    assert await found(database, workspace_id, words) == [title]


@pytest.mark.parametrize("field", ["title", "need", "proposal", "benefit"])
async def test_every_text_of_an_idea_is_searched(database: Database, workspace_id: int, field: str) -> None:
    idea = await keep(database, workspace_id, **{"title": "Une idée", field: "Covoiturage"})
    assert await found(database, workspace_id, "covoiturage") == [idea.title]


async def test_every_word_must_be_there(database: Database, workspace_id: int) -> None:
    await keep(database, workspace_id, "Vélos partagés", proposal="entre les sites")
    assert await found(database, workspace_id, "vélo site") == ["Vélos partagés"]
    assert await found(database, workspace_id, "vélo piscine") == []


async def test_words_in_the_title_come_first_and_then_the_newest(database: Database, workspace_id: int) -> None:
    texts = [
        ("Covoiturage du matin", "Partager des trajets"),
        ("Le covoiturage", "Partager des trajets pour venir le matin"),
        ("Partager des trajets", "Le covoiturage pour venir le matin"),
        ("Venir autrement", "Le matin, en covoiturage"),
        ("Un covoiturage le matin", ""),
    ]
    for title, proposal in texts:
        await keep(database, workspace_id, title, proposal=proposal)
    expected = ["Un covoiturage le matin", "Covoiturage du matin", "Le covoiturage"]
    expected += ["Venir autrement", "Partager des trajets"]
    assert await found(database, workspace_id, "covoiturage matin") == expected
    hits = await database.read(lambda s: search.find(s, workspace_id, "matin covoiturage", EVERYTHING, 2))
    assert [idea.title for idea in hits] == expected[:2]


async def test_of_equal_ones_the_newest_comes_first_and_the_limit_holds(database: Database, workspace_id: int) -> None:
    kept = [await keep(database, workspace_id, "Un vélo") for _ in range(4)]
    hits = await database.read(lambda s: search.find(s, workspace_id, "vélo", EVERYTHING, 3))
    assert [idea.number for idea in hits] == [idea.number for idea in reversed(kept)][:3]


async def test_only_what_may_be_seen_is_found(database: Database, workspace_id: int) -> None:
    for author, status in (("camille", Status.PENDING), ("sam", Status.PENDING), ("sam", Status.PUBLISHED)):
        await keep(database, workspace_id, f"Vélo {author} {status}", author_id=author, status=status)
    public = {Status.PUBLISHED}
    assert await found(database, workspace_id, "vélo", Visible(public)) == ["Vélo sam published"]
    assert set(await found(database, workspace_id, "vélo", Visible(public, "camille"))) == {
        "Vélo sam published",
        "Vélo camille pending",
    }
    assert await found(database, workspace_id, "vélo", Visible(set(), "camille")) == ["Vélo camille pending"]
    assert await found(database, workspace_id, "vélo", Visible(set())) == []


async def test_another_workspaces_ideas_are_not_found(database: Database, workspace_id: int) -> None:
    other = await database.write(lambda s: workspaces.ensure(s, "slack", "T1"))
    await keep(database, other, "Un vélo")
    assert await found(database, workspace_id, "vélo") == []
    assert await alike(database, workspace_id, "Un vélo") == []


async def test_a_new_text_is_found_and_the_former_no_more(database: Database, workspace_id: int) -> None:
    idea = await keep(database, workspace_id, "Un vélo")

    def edit(session: Session) -> None:
        held = ideas.by_id(session, key(idea), for_change=True)
        assert held
        held.title = "Une piscine"
        search.index(session, held)

    await database.write(edit)
    assert await found(database, workspace_id, "vélo") == []
    assert await found(database, workspace_id, "piscine") == ["Une piscine"]


@pytest.mark.parametrize("words", ["", "   ", "\n", "le la les", "…", "!?"])
async def test_a_text_without_words_finds_nothing(database: Database, workspace_id: int, words: str) -> None:
    await keep(database, workspace_id, "Le la les")
    assert await found(database, workspace_id, words) == []
    assert await alike(database, workspace_id, words) == []


async def test_no_text_is_taken_for_an_operator_or_breaks_the_search(database: Database) -> None:
    """It finds what holds its words, like any other."""
    for number, words in enumerate(HOSTILE):
        where = await database.write(partial(workspaces.ensure, platform="hostile", external_id=str(number)))
        await keep(database, where, "Tout autre chose")
        assert await found(database, where, words) == [], words[:20]
        assert await alike(database, where, words) == [], words[:20]
        await keep(database, where, "Hostile", need=words.replace("\x00", ""))
        expected = ["Hostile"] if terms(words) else []
        assert await found(database, where, words) == expected, words[:20]


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_kept_is_found_by_its_own_words(
    database: Database, workspace_id: int, title: str, need: str
) -> None:
    title, need = (text.replace("\x00", "").encode("utf-8", "ignore").decode() for text in (title, need))
    idea = await keep(database, workspace_id, title, need=need)
    hits = await database.read(lambda s: search.find(s, workspace_id, f"{title} {need}", EVERYTHING, 1_000))
    assert (idea.number in {hit.number for hit in hits}) == bool(terms(f"{title} {need}"))


def test_terms_keep_order_and_repetitions() -> None:
    assert terms("Bus 12, bus !") == ("bus", "12", "bus")


# Similar ideas

BIKES = "Prêter des vélos électriques entre les sites"
BIKES_MORE = "Douze minutes à vélo contre vingt-cinq en voiture, et plus de problème de stationnement."


@pytest.mark.parametrize(
    "reworded",
    [
        BIKES,
        "Prêt de vélos électriques entre sites",
        "Des vélos électriques prêtés aux agents pour aller d’un site à l’autre",
        "pret de velo electrique",
    ],
)
async def test_a_reworded_duplicate_is_similar(database: Database, workspace_id: int, reworded: str) -> None:
    await keep_public(database, workspace_id, BIKES)
    await keep_public(database, workspace_id, "Simplifier la demande d’aide pour la cantine")
    assert [title for title, _ in await alike(database, workspace_id, reworded)] == [BIKES]


@pytest.mark.parametrize(
    "unrelated",
    [
        "Récupérer l’eau de pluie des toits des collèges",
        "Afficher l’occupation des salles de réunion",
        "Une piscine entre les deux bâtiments",
    ],
)
async def test_an_unrelated_idea_is_not_similar(database: Database, workspace_id: int, unrelated: str) -> None:
    await keep_public(database, workspace_id, BIKES, proposal=BIKES_MORE)
    assert await alike(database, workspace_id, unrelated) == []


async def test_a_long_text_is_compared_as_a_short_one_is(database: Database, workspace_id: int) -> None:
    """However many words it has, the same text is wholly alike, what shares half of it less, and others not at all."""
    words = [f"{chr(97 + number % 26)}mot{number}" for number in range(700)]
    await keep_public(database, workspace_id, "Longue", proposal=" ".join(words[:500]))
    ((_, same),) = await alike(database, workspace_id, " ".join(["Longue", *words[:500]]))
    ((_, half),) = await alike(database, workspace_id, " ".join(words[250:700]))
    assert same == 1
    assert 0.7 < half < 0.9
    assert await alike(database, workspace_id, " ".join(words[500:])) == []


async def test_the_most_alike_comes_first_with_a_score_up_to_1(database: Database, workspace_id: int) -> None:
    for title in ("Prêter des vélos aux agents du siège", BIKES, "Prêter des vélos électriques aux agents"):
        await keep_public(database, workspace_id, title)
    hits = await alike(database, workspace_id, BIKES)
    scores = [score for _, score in hits]
    assert hits[0][0] == BIKES
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[-1] <= scores[0] <= 1
    assert await alike(database, workspace_id, BIKES, limit=1) == hits[:1]


async def test_only_ideas_of_the_statuses_asked_for_are_similar(database: Database, workspace_id: int) -> None:
    for status in (Status.PENDING, Status.PUBLISHED, Status.REFUSED):
        await keep_public(database, workspace_id, f"{BIKES} {status}", status=status)
    hits = await alike(database, workspace_id, BIKES, {Status.PUBLISHED})
    assert [title for title, _ in hits] == [f"{BIKES} published"]
    assert await alike(database, workspace_id, BIKES, set()) == []


async def test_ideas_of_a_named_author_are_left_out(database: Database, workspace_id: int) -> None:
    for author in ("camille", "sam"):
        await keep_public(database, workspace_id, f"{BIKES} {author}", author_id=author)
    hits = await database.read(
        lambda s: similarity.similar(s, workspace_id, [BIKES], {Status.PUBLISHED}, 9, not_by="camille")
    )
    assert [idea.author_id for idea, _ in hits] == ["sam"]


def fill(session: Session, workspace_id: int, title: str, number: int) -> None:
    """Many ideas of one title."""
    for minutes in range(number):
        idea = new_idea(workspace_id, title, status=Status.PUBLISHED, submitted_at=NOW + timedelta(minutes=minutes))
        ideas.add(session, idea)
        similarity.compare_with(session, idea)


async def test_a_word_that_stands_everywhere_makes_nothing_similar(database: Database, workspace_id: int) -> None:
    """Reading every idea that holds it would take long and say little."""
    await database.write(lambda s: fill(s, workspace_id, "Le numérique", COMMON - 1))
    assert len(await alike(database, workspace_id, "numérique")) == 10
    await keep_public(database, workspace_id, "Le numérique au guichet")
    assert await alike(database, workspace_id, "numérique") == []
    assert [title for title, _ in await alike(database, workspace_id, "guichet numérique")] == [
        "Le numérique au guichet"
    ]
    assert len(await found(database, workspace_id, "numérique")) == 10


async def test_rare_words_in_common_tell_more_than_as_many_that_stand_in_many_ideas(
    database: Database, workspace_id: int
) -> None:
    """Of ideas that share as much, no more are compared than a receipt has time for."""
    await keep_public(database, workspace_id, "Ruche sauvage")
    await database.write(lambda s: fill(s, workspace_id, "Parking central", CANDIDATES + 1))
    hits = await alike(database, workspace_id, "Ruche sauvage parking central", limit=2)
    assert [title for title, _ in hits] == ["Ruche sauvage", "Parking central"]


async def test_both_databases_index_the_same_text(database: Database, workspace_id: int) -> None:
    """Neither drops a stop word, a number or a very long word that the other keeps."""
    idea: Idea = await keep(database, workspace_id, "1e5 0x1f 3.14 a.b@c.fr https://chat.fr/x?y=1 v2-3 " + "long" * 900)
    for word in ("1e5", "0x1f", "3.14", "a.b@c.fr", "https://chat.fr/x?y=1", "v2", "v2-3", "long" * 900):
        assert await found(database, workspace_id, word) == [idea.title], word
