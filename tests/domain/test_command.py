"""What can be typed: every form of the documented table in both languages, and that everything else is an idea."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.command import (
    LONGEST,
    SEARCH_LIMIT,
    STATUS_WORDS,
    Capture,
    Command,
    Edit,
    Help,
    ListIdeas,
    Mine,
    OpenForm,
    PostDigest,
    PreviewDigest,
    Queue,
    Search,
    SetStatus,
    Show,
    ShowShortlist,
    Stats,
    Top,
    Vote,
    Withdraw,
    fold,
    parse,
)
from storage.tables import Status

FORMS: list[tuple[str, Command]] = [
    ("", OpenForm()),
    ("   \n ", OpenForm()),
    ("help", Help()),
    ("aide", Help()),
    ("?", Help()),
    ("list", ListIdeas()),
    ("liste", ListIdeas()),
    ("list all", ListIdeas()),
    ("liste toutes", ListIdeas()),
    ("list pending", ListIdeas(Status.PENDING)),
    ("liste en attente", ListIdeas(Status.PENDING)),
    ("list refused", ListIdeas(Status.REFUSED)),
    ("liste refusées", ListIdeas(Status.REFUSED)),
    ("list withdrawn", ListIdeas(Status.WITHDRAWN)),
    ("liste retirées", ListIdeas(Status.WITHDRAWN)),
    ("list published", ListIdeas(Status.PUBLISHED)),
    ("liste publiées", ListIdeas(Status.PUBLISHED)),
    ("list shortlisted", ListIdeas(Status.SHORTLISTED)),
    ("liste sélectionnées", ListIdeas(Status.SHORTLISTED)),
    ("list retained", ListIdeas(Status.RETAINED)),
    ("liste retenues", ListIdeas(Status.RETAINED)),
    ("list in progress", ListIdeas(Status.IN_PROGRESS)),
    ("liste en cours", ListIdeas(Status.IN_PROGRESS)),
    ("list delivered", ListIdeas(Status.DELIVERED)),
    ("liste réalisées", ListIdeas(Status.DELIVERED)),
    ("list declined", ListIdeas(Status.DECLINED)),
    ("liste écartées", ListIdeas(Status.DECLINED)),
    ("mine", Mine()),
    ("mes", Mine()),
    ("mes idées", Mine()),
    ("show 12", Show(12)),
    ("voir 12", Show(12)),
    ("voir #12", Show(12)),
    ("12", Show(12)),
    ("#12", Show(12)),
    ("# 12", Show(12)),
    ("voir nº 12", Show(12)),
    ("voir nº\u00a012", Show(12)),
    ("nº12", Show(12)),
    ("n°12", Show(12)),
    ("no. 12", Show(12)),
    ("№ 12", Show(12)),
    ("voir la nº 12", Show(12)),
    ("show idea no. 12", Show(12)),
    ("voir l’idée nº 12", Show(12)),
    ("idée nº 12", Show(12)),
    ("idea no. 12", Show(12)),
    ("search two words", Search("two words")),
    ("rechercher vélos partagés", Search("vélos partagés")),
    ("recherche vélos partagés", Search("vélos partagés")),
    ("chercher vélos partagés", Search("vélos partagés")),
    ("top", Top()),
    ("classement", Top()),
    ("vote 12", Vote(12)),
    ("vote #12", Vote(12)),
    ("soutenir 12", Vote(12)),
    ("voter 12", Vote(12)),
    ("statut 12", Show(12)),
    ("supprimer 12", Withdraw(12)),
    ("soutenir nº 12", Vote(12)),
    ("vote no. 12", Vote(12)),
    ("unvote 12", Vote(12, is_present=False)),
    ("retirer-soutien 12", Vote(12, is_present=False)),
    ("retirer soutien 12", Vote(12, is_present=False)),
    ("edit 12", Edit(12)),
    ("modifier 12", Edit(12)),
    ("withdraw 12", Withdraw(12)),
    ("retirer #12", Withdraw(12)),
    ("shortlist", ShowShortlist()),
    ("sélection", ShowShortlist()),
    ("stats", Stats()),
    ("statistiques", Stats()),
    ("queue", Queue()),
    ("file", Queue()),
    ("status 12 retained", SetStatus(12, Status.RETAINED)),
    ("statut 12 retenue", SetStatus(12, Status.RETAINED)),
    ("status #12 in progress", SetStatus(12, Status.IN_PROGRESS)),
    ("statut 12 non retenue", SetStatus(12, Status.DECLINED)),
    ("statut 12 déclinée", SetStatus(12, Status.DECLINED)),
    ("statut 12 en cours", SetStatus(12, Status.IN_PROGRESS)),
    ("statut 12 réalisée", SetStatus(12, Status.DELIVERED)),
    ("statut 12 en cours de réalisation", SetStatus(12, Status.IN_PROGRESS)),
    ("statut nº 12 non-retenue", SetStatus(12, Status.DECLINED)),
    ("status no. 12 in-progress", SetStatus(12, Status.IN_PROGRESS)),
    ("statut 12 retenu", SetStatus(12, Status.RETAINED)),
    ("statut 12 non retenus", SetStatus(12, Status.DECLINED)),
    ("digest preview", PreviewDigest()),
    ("digest aperçu", PreviewDigest()),
    ("digest now", PostDigest()),
    ("digest maintenant", PostDigest()),
    ("récapitulatif aperçu", PreviewDigest()),
    ("récapitulatif maintenant", PostDigest()),
    # As people put it
    ("proposer une idée", OpenForm()),
    ("nouvelle idée", OpenForm()),
    ("j’ai une idée", OpenForm()),
    ("aide-moi", Help()),
    ("comment ça marche", Help()),
    ("la liste", ListIdeas()),
    ("les idées", ListIdeas()),
    ("liste des idées", ListIdeas()),
    ("voir toutes les idées", ListIdeas()),
    ("list ideas", ListIdeas()),
    ("liste des idées retenues", ListIdeas(Status.RETAINED)),
    ("idées en cours", ListIdeas(Status.IN_PROGRESS)),
    ("en attente", ListIdeas(Status.PENDING)),
    ("list retained ideas", ListIdeas(Status.RETAINED)),
    ("open ideas", ListIdeas(Status.PUBLISHED)),
    ("open all ideas", ListIdeas()),
    ("liste ouvertes au vote", ListIdeas(Status.PUBLISHED)),
    ("list open", ListIdeas(Status.PUBLISHED)),
    ("liste à modérer", ListIdeas(Status.PENDING)),
    ("mes propositions", Mine()),
    ("voir mes idées", Mine()),
    ("mes idées en attente", Mine()),
    ("modifier mon idée", Mine()),
    ("voir l’idée numéro 12", Show(12)),
    ("l’idée 12", Show(12)),
    ("la n° 12", Show(12)),
    ("numéro 12", Show(12)),
    ("afficher 12", Show(12)),
    ("show me idea 12", Show(12)),
    ("recherche : vélos partagés", Search("vélos partagés")),
    ("top 10", Top()),
    ("le classement", Top()),
    ("voter pour l’idée n° 12", Vote(12)),
    ("vote for 12", Vote(12)),
    ("je soutiens la proposition 12", Vote(12)),
    ("soutien à l’idée 12", Vote(12)),
    ("retirer mon soutien à l’idée 12", Vote(12, is_present=False)),
    ("annuler mon vote 12", Vote(12, is_present=False)),
    ("retirer\u2011soutien 12", Vote(12, is_present=False)),
    ("retirer\u2013soutien 12", Vote(12, is_present=False)),
    ("modifier mon idée 12", Edit(12)),
    ("compléter l\u00b4idée 12", Edit(12)),
    ("retirer mon idée 12", Withdraw(12)),
    ("delete 12", Withdraw(12)),
    ("annuler mon idée 12", Withdraw(12)),
    ("changer mon idée 12", Edit(12)),
    ("ouvrir 12", Show(12)),
    ("ne plus soutenir 12", Vote(12, is_present=False)),
    ("statut 12 rejetée", SetStatus(12, Status.DECLINED)),
    ("la sélection de la semaine", ShowShortlist()),
    ("dernière sélection", ShowShortlist()),
    ("les chiffres", Stats()),
    ("la file", Queue()),
    ("statut 12 : retenue", SetStatus(12, Status.RETAINED)),
    ("statut 12 terminée", SetStatus(12, Status.DELIVERED)),
    ("aperçu du digest", PreviewDigest()),
    ("soutenir 12 svp", Vote(12)),
    ("statut 12 retenue svp", SetStatus(12, Status.RETAINED)),
    ("liste, s’il vous plaît", ListIdeas()),
    ("show 12 please", Show(12)),
    ("voir12", Show(12)),
    ("soutenir12", Vote(12)),
]

IDEAS = [
    "list every car park near a station",
    "liste des parkings près d’une gare",
    "help desk open on Saturdays",
    "aide aux devoirs",
    "mes collègues voudraient un vestiaire",
    "show 12 films a year",
    "12 places de vélo",
    "nº 12 bis",
    "no 12 films a year",
    "n 12",
    "Idée 12",
    "la 12",
    "l’idée 12 fois reportée",
    "12²",
    "2 m²",
    "12, 13",
    "help! nobody answers",
    "liste. Les parkings.",
    "liste toutes les salles",
    "récapitulatif maintenant illisible",
    "recherche",
    "statut 12 en cours de rédaction",
    "#12 is a good number",
    "1234567890",
    "-12",
    "vote for the canteen",
    "vote 12 13",
    "retirer les cônes",
    "top of the stairs: a handrail",
    "stats on paper use",
    "file d’attente unique",
    "queue less",
    "status 12 unheard-of",
    "statut 12 retenue ou non",
    "les idées des agents en attente",
    "mes idées sur la cantine",
    "une idée : des vélos",
    "proposer une idée par service",
    "voter pour 12 projets",
    "retirer mon soutien-gorge 12",
    "compléter les 12 formulaires",
    "annuler pour 12",
    "la sélection des candidats",
    "top 100 m",
    "merci",
    "12 vélos, s’il vous plaît",
    "digest the news",
    "search for what\nis not there",
    "list retained\nand more",
]


@pytest.mark.parametrize("typed, meant", FORMS)
def test_each_form_is_understood(typed: str, meant: Command) -> None:
    assert parse(typed) == meant


@pytest.mark.parametrize("typed, meant", FORMS)
def test_case_accents_and_spaces_are_forgiven(typed: str, meant: Command) -> None:
    if isinstance(meant, Search):
        assert parse(f"  {typed.replace('search', 'SEARCH').replace('chercher', 'Chercher')} ") == meant
        return
    assert parse(f"  {typed.upper()} ") == meant
    assert parse(fold(typed)) == meant
    assert parse(typed.replace(" ", "   ")) == meant


KEYWORDS = [(typed, meant) for typed, meant in FORMS if typed.strip() and not isinstance(meant, Search)]


@pytest.mark.parametrize("end", [".", " .", "!", "\u00a0!", "…", "..."])
def test_the_end_of_a_sentence_is_forgiven(end: str) -> None:
    """A phone makes a full stop of two spaces."""
    assert [parse(typed + end) for typed, _ in KEYWORDS] == [meant for _, meant in KEYWORDS]


def test_a_question_changes_nothing() -> None:
    """Whoever asks whether an idea is retained does not retain it."""
    for typed in ("statut 12 retenue ?", "retirer mon idée 12\u00a0?", "vote 12?!", "ne plus soutenir 12 ?"):
        assert parse(typed) == Show(12)
    assert parse("digest now?") == PreviewDigest()
    assert [parse("modifier 12 ?"), parse("liste ?")] == [Edit(12), ListIdeas()]


@pytest.mark.parametrize("mark", ["\u200b", "\u200e", "\u200f", "\u202a", "\u2060", "\u2069", "\ufeff", "\xad"])
def test_marks_that_nobody_sees_are_forgiven(mark: str) -> None:
    for typed, meant in [*KEYWORDS, ("chercher vélos", Search("vélos"))]:
        assert parse(mark + mark.join(typed) + mark) == meant


@pytest.mark.parametrize("typed", IDEAS)
def test_a_keyword_within_a_longer_text_is_an_idea(typed: str) -> None:
    assert parse(typed) == Capture(typed)


@pytest.mark.parametrize(
    "keyword",
    [
        "vote",
        "Voter",
        "voir",
        "chercher",
        "modifier",
        "compléter",
        "retirer",
        "retirer-soutien",
        "soutenir",
        "statut",
        "digest",
        "search ?",
    ],
)
def test_a_keyword_that_wants_something_behind_it_asks_for_help_by_itself(keyword: str) -> None:
    assert parse(keyword) == Help()


@pytest.mark.parametrize(
    "typed",
    [
        "soutnir 12",
        "soutenirr 12",
        "soutneir 12",
        "Modifuer l’idée 12",
        "retierr nº 12",
        "retirer-soutient 12",
        "vter 12",
    ],
)
def test_a_slip_of_one_letter_before_a_number_asks_for_help(typed: str) -> None:
    """It is guessed that no idea is meant, but not what is."""
    assert parse(typed) == Help()


@pytest.mark.parametrize(
    "typed", ["Salle 12", "Voie 12", "soutni 12", "retirons 12 bancs", "soutnir", "Bâtiment nº 12"]
)
def test_another_word_before_a_number_is_an_idea(typed: str) -> None:
    assert parse(typed) == Capture(typed)


@pytest.mark.parametrize("keyword", ["search", "Chercher"])
def test_a_search_is_an_idea_where_it_is_longer_than_its_button_can_carry(keyword: str) -> None:
    longest = f"{keyword} ".ljust(SEARCH_LIMIT, "é")
    assert isinstance(parse(f"  {longest} "), Search)
    assert parse(longest + "é") == Capture(longest + "é")


def test_a_command_has_room_for_so_many_characters_and_no_more() -> None:
    spread = "vote" + " " * (LONGEST - 6) + "12"
    assert parse(f"  {spread} ") == Vote(12)
    assert parse(spread.replace(" ", "  ", 1)) == Capture(spread.replace(" ", "  ", 1))


def test_every_status_can_be_listed_in_some_words() -> None:
    assert set(STATUS_WORDS) == set(Status)


@given(st.text())
def test_parsing_never_fails_and_an_idea_is_kept_to_the_letter(typed: str) -> None:
    meant = parse(typed)
    if isinstance(meant, Capture):
        assert meant.text == typed.strip()
    assert isinstance(meant, OpenForm) is (not typed.strip())


FIRST_WORDS = sorted({fold(typed).split()[0] for typed, _ in FORMS if typed.strip()})


@given(st.sampled_from(FIRST_WORDS), st.text(alphabet="abcdef 123\n#", min_size=1))
def test_after_a_keyword_only_what_its_form_takes_is_a_command(keyword: str, rest: str) -> None:
    """Numbers, and the words of a status; all else makes an idea of the whole, but for a search."""
    assume(rest.strip())
    typed = f"{keyword} {rest}"
    meant = parse(typed)
    if any(letter in "abcdef" for letter in rest):
        assert meant == Capture(typed.strip()) or isinstance(meant, Search)


OTHER_FIRST_WORDS = re.compile(
    r"(?:miennes|cherche|chiffres|support|unsupport|bulletin|see|view|open|consulter|montrer?|affiche|lire|complete|editer"
    r"|modifie|corriger|update|remove|cancel|retire|supprime|effacer|enlever|propose|form|ranking|recap|preview|stat"
    r"|statistiques?|statistics|figures|formulaire|how|upvote|i|my|ma|mon|votre|your|an|all|the)\b"
)


@given(st.text(alphabet=st.characters(categories=["L", "Zs", "P", "N"]), min_size=1))
def test_a_text_that_begins_with_no_keyword_is_an_idea(typed: str) -> None:
    assume(typed.strip())
    first = fold(typed).split()[:1]
    assume(first and first[0].rstrip(".!?…") not in {*FIRST_WORDS, ""})
    assume(not OTHER_FIRST_WORDS.match(first[0]))
    assume(not re.match(r"[0-9#№]|n[oº°]|num|idea|idee|l'", first[0]))
    assume(not any(re.match(words, fold(typed)) for words in STATUS_WORDS.values()))
    assert parse(typed) == Capture(typed.strip())


@given(st.integers(min_value=0, max_value=999_999_999))
def test_any_number_is_an_idea_s_number(number: int) -> None:
    for typed in (f"{number}", f"#{number}", f"voir {number}", f"SHOW #{number}"):
        assert parse(typed) == Show(number)
    assert parse(f"vote {number}") == Vote(number)


def test_a_number_that_no_database_holds_is_an_idea() -> None:
    assert parse("vote 9999999999") == Capture("vote 9999999999")
