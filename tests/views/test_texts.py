"""Sentences, numbers, dates and plural forms as each language writes them."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.views.problems import problem_card
from bot.views.texts import LANGUAGES, Texts, known_language

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
ROOT = Path(__file__).parent.parent.parent


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
        ("en", "30 November 2026", "09:00 on Monday, 30 November 2026"),
    ],
)
def test_dates_are_the_languages_in_the_readers_zone(language: str, day: str, moment: str) -> None:
    texts = Texts(language, "Europe/Paris")
    assert texts.date(NOW) == day
    assert texts.day_and_time(NOW) == moment
    assert texts.time(NOW) == "09:00"


@pytest.mark.parametrize(
    "language, day, moment",
    [
        ("fr", "1er décembre 2026", "mardi 1er décembre 2026 à 21:30"),
        ("en", "1 December 2026", "21:30 on Tuesday, 1 December 2026"),
    ],
)
def test_french_counts_the_first_day_of_a_month(language: str, day: str, moment: str) -> None:
    texts, first = Texts(language, "Europe/Paris"), datetime(2026, 12, 1, 20, 30, 59, tzinfo=UTC)
    assert texts.date(first) == day
    assert texts.day_and_time(first) == moment
    assert texts.date(first + timedelta(days=10)).startswith("11 ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_colon_follows_an_hour_in_a_history(language: str) -> None:
    """Slack could take `:00:` for an emoji, and the line has to be sent as rich text."""
    texts = Texts(language)
    assert not re.search(r":\w+:", texts("history.approved", date=texts.day_and_time(NOW), member="Nadia"))


def test_the_day_is_that_of_the_readers_zone() -> None:
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert Texts("fr", "Europe/Paris").date(late) == "1er décembre 2026"
    assert Texts("fr", "America/New_York").date(late) == "30 novembre 2026"


@pytest.mark.parametrize(
    "language, age, expected",
    [
        ("fr", timedelta(days=3), "3\u00a0jours"),
        ("fr", timedelta(days=45), "45\u00a0jours"),
        ("fr", timedelta(hours=5, minutes=59), "5\u00a0heures"),
        ("fr", timedelta(minutes=20), "1\u00a0heure"),
        ("en", timedelta(hours=23, minutes=59), "23 hours"),
        ("en", timedelta(days=1), "1 day"),
        ("en", timedelta(days=2) - timedelta(seconds=1), "1 day"),
        ("en", timedelta(weeks=2), "14 days"),
        ("en", timedelta(days=400), "400 days"),
    ],
)
def test_ages_are_told_in_days_and_in_hours_before_the_first(language: str, age: timedelta, expected: str) -> None:
    assert Texts(language).age(NOW - age, NOW) == expected


@pytest.mark.parametrize("domain", ["butine", "cli"])
@pytest.mark.parametrize(
    "language, period, expected",
    [
        ("fr", "2026-W49", "semaine 49 de 2026"),
        ("en", "2026-W49", "week 49 of 2026"),
        ("fr", "2027-W01", "semaine 1 de 2027"),
        ("fr", "2026-W10", "semaine 10 de 2026"),
        ("fr", "le printemps", "le printemps"),
    ],
)
def test_a_period_is_told_as_its_week(domain: str, language: str, period: str, expected: str) -> None:
    assert Texts(language, domain=domain).week(period) == expected


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


SIDE_BY_SIDE = """
import sys, threading, time
from datetime import UTC, datetime
from importlib.machinery import PathFinder
from bot.views.texts import Texts

class SlowDisk:
    def find_spec(self, name, path=None, target=None):
        if name != "babel":
            return None
        spec = PathFinder.find_spec(name, path)
        run = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (time.sleep(0.3), run(module))
        return spec

sys.meta_path.insert(0, SlowDisk())
now, texts, wrong, together = datetime(2026, 12, 1, 9, tzinfo=UTC), Texts("fr"), [], threading.Barrier(3)

def write(words):
    together.wait()
    try:
        words()
    except Exception as error:
        wrong.append(error)

first = (lambda: texts.date(now), lambda: texts.number(4321), lambda: texts.age(datetime(2026, 11, 1, tzinfo=UTC), now))
threads = [threading.Thread(target=write, args=(words,)) for words in first]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(str(wrong) if wrong else 0)
"""


def test_the_first_date_number_and_age_may_be_written_at_the_same_moment() -> None:
    """Each loads a part of a library whose parts need each other, which a process does once; here the disk is slow."""
    program = [sys.executable, "-c", SIDE_BY_SIDE]
    done = subprocess.run(program, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
