"""Sentences, numbers, dates and plural forms as each language writes them."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import ConfigError
from bot.views.problems import problem_card
from bot.views.texts import Texts, known_language

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "language, count, expected",
    [
        ("fr", 0, "0 soutien"),
        ("fr", 1, "1 soutien"),
        ("fr", 2, "2 soutiens"),
        ("fr", 1234, "1\u202f234 soutiens"),
        ("en", 0, "0 supporters"),
        ("en", 1, "1 supporter"),
        ("en", 2, "2 supporters"),
        ("en", 1234, "1,234 supporters"),
    ],
)
def test_plural_forms_are_the_languages(language: str, count: int, expected: str) -> None:
    assert Texts(language).plural("idea.supporters", count) == expected


@pytest.mark.parametrize(
    "language, day, moment",
    [
        ("fr", "30 novembre 2026", "lundi 30 novembre 2026 à 09:00"),
        ("en", "November 30, 2026", "Monday, November 30, 2026 at 9:00\u202fAM"),
    ],
)
def test_dates_are_the_languages_in_the_readers_zone(language: str, day: str, moment: str) -> None:
    texts = Texts(language, "Europe/Paris")
    assert texts.date(NOW) == day
    assert texts.day_and_time(NOW) == moment


def test_the_day_is_that_of_the_readers_zone() -> None:
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert Texts("fr", "Europe/Paris").date(late) == "1 décembre 2026"
    assert Texts("fr", "America/New_York").date(late) == "30 novembre 2026"


@pytest.mark.parametrize(
    "language, age, expected",
    [
        ("fr", timedelta(days=3), "3\u00a0jours"),
        ("fr", timedelta(hours=5), "5\u00a0heures"),
        ("en", timedelta(days=1), "1 day"),
        ("en", timedelta(weeks=2), "2 weeks"),
    ],
)
def test_ages_are_told_in_whole_units(language: str, age: timedelta, expected: str) -> None:
    assert Texts(language).age(NOW - age, NOW) == expected


def test_a_key_without_a_sentence_is_an_error() -> None:
    with pytest.raises(KeyError):
        Texts("fr")("no.such.key")
    with pytest.raises(KeyError):
        Texts("fr").plural("no.such.key", 2)


@pytest.mark.parametrize(
    "locale, language",
    [("fr-FR", "fr"), ("en_GB", "en"), ("EN", "en"), ("de", "fr"), ("", "fr"), (None, "fr"), ("english", "fr")],
)
def test_a_locale_without_a_catalogue_is_answered_in_the_workspaces_language(locale: str | None, language: str) -> None:
    assert known_language(locale, "fr") == language


def test_an_error_that_members_never_meet_has_no_sentence() -> None:
    error = ConfigError("port_in_use", {})
    with pytest.raises(ConfigError):
        problem_card(error, "/idea", {}, Texts("fr"))


def test_braces_in_a_value_are_no_placeholders() -> None:
    assert "{number} {x}" in Texts("fr")("voted.yes", number=1, title="{number} {x}")
