"""What can be typed: every form of the documented table in both languages, and that everything else is an idea."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.command import (
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
    ("search two words", Search("two words")),
    ("chercher vélos partagés", Search("vélos partagés")),
    ("top", Top()),
    ("classement", Top()),
    ("vote 12", Vote(12)),
    ("vote #12", Vote(12)),
    ("soutenir 12", Vote(12)),
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
    ("digest preview", PreviewDigest()),
    ("digest aperçu", PreviewDigest()),
    ("digest now", PostDigest()),
    ("digest maintenant", PostDigest()),
]

IDEAS = [
    "list every car park near a station",
    "liste des parkings près d’une gare",
    "help desk open on Saturdays",
    "aide aux devoirs",
    "mes collègues voudraient un vestiaire",
    "show 12 films a year",
    "12 places de vélo",
    "#12 is a good number",
    "1234567890",
    "-12",
    "vote for the canteen",
    "vote",
    "vote 12 13",
    "retirer les cônes",
    "retirer",
    "edit",
    "top of the stairs: a handrail",
    "stats on paper use",
    "file d’attente unique",
    "queue less",
    "status 12",
    "status 12 unheard-of",
    "statut 12 retenue svp",
    "digest",
    "digest the news",
    "search",
    "chercher",
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


@pytest.mark.parametrize("typed", IDEAS)
def test_a_keyword_within_a_longer_text_is_an_idea(typed: str) -> None:
    assert parse(typed) == Capture(typed)


@pytest.mark.parametrize("keyword", ["search", "Chercher"])
def test_a_search_is_an_idea_where_it_is_longer_than_its_button_can_carry(keyword: str) -> None:
    longest = f"{keyword} ".ljust(SEARCH_LIMIT, "é")
    assert isinstance(parse(f"  {longest} "), Search)
    assert parse(longest + "é") == Capture(longest + "é")


def test_every_status_can_be_listed_in_some_words() -> None:
    assert set(STATUS_WORDS.values()) == set(Status)


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


@given(st.text(alphabet=st.characters(categories=["L", "Zs", "P", "N"]), min_size=1))
def test_a_text_that_begins_with_no_keyword_is_an_idea(typed: str) -> None:
    assume(typed.strip())
    first = fold(typed).split()[:1]
    assume(first and first[0] not in {*FIRST_WORDS, "my", "miennes", "cherche", "chiffres", "support", "unsupport"})
    assume(first[0] not in {"selection", "bulletin"} and not first[0].lstrip("#").isdigit())
    assume(not typed.lstrip().startswith("#"))
    assert parse(typed) == Capture(typed.strip())


@given(st.integers(min_value=0, max_value=999_999_999))
def test_any_number_is_an_idea_s_number(number: int) -> None:
    for typed in (f"{number}", f"#{number}", f"voir {number}", f"SHOW #{number}"):
        assert parse(typed) == Show(number)
    assert parse(f"vote {number}") == Vote(number)


def test_a_number_that_no_database_holds_is_an_idea() -> None:
    assert parse("vote 9999999999") == Capture("vote 9999999999")
