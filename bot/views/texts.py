"""Sentences from the catalogues in one language, and dates and numbers as that language writes them.

Knows no idea and no card. The catalogues are gettext files by domain: locale/<language>/LC_MESSAGES/<domain>.po,
compiled beside it (`make catalogues`); a key stands for a sentence, `{name}` in it for a value.
"""

import gettext
import re
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALE_DIR = Path(__file__).parent.parent / "locale"
LOCALES: Mapping[str, str] = {"fr": "fr", "en": "en_GB"}
"""By language: how dates, times and numbers are written. British English has the day first and 24 hours, as the hours
of the configuration are."""
LANGUAGES = tuple(LOCALES)
_FIRST_OF_MONTH: Mapping[tuple[str, str], str] = {
    ("fr", "long"): "'1er' MMMM y",
    ("fr", "full"): "EEEE '1er' MMMM y",
}
"""French counts the first day of a month where the locale data has a plain number."""
_WEEK = re.compile(r"(?P<year>[0-9]{4})-W0?(?P<week>[0-9]{1,2})")
GROUPED_FROM = 1000
_LOADING = threading.Lock()
DOMAINS = ("butine", "room", "slack", "cli")


def known_language(locale: str | None, default: str) -> str:
    """The catalogue for a locale such as "fr-FR", "en_GB" or None: its language if there is one, else `default`."""
    language = (locale or "").replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else default


@lru_cache(maxsize=32)
def _catalogue(domain: str, language: str) -> gettext.NullTranslations:
    return gettext.translation(domain, LOCALE_DIR, languages=[language])


class Texts:
    """One language and one time zone. Calling it gives the sentence of a key; KeyError if the catalogue has none."""

    def __init__(self, language: str, time_zone: str = "UTC", domain: str = "butine") -> None:
        self.language = language
        self.time_zone = ZoneInfo(time_zone)
        self._catalogue = _catalogue(domain, language)

    def __call__(self, key: str, /, **values: object) -> str:
        sentence = self._catalogue.gettext(key)
        if sentence == key:
            raise KeyError(key)
        return sentence.format(**values) if values else sentence

    def plural(self, key: str, count: int, /, **values: object) -> str:
        """The sentence's form for `count`, which it may name as `{count}`."""
        sentence = self._catalogue.ngettext(key, key, count)
        if sentence == key:
            raise KeyError(key)
        return sentence.format(count=self.number(count), **values)

    def number(self, value: int) -> str:
        """A whole number with the language's grouping."""
        if abs(value) < GROUPED_FROM:
            return str(value)
        _load_babel()
        from babel.numbers import format_decimal  # noqa: PLC0415  see there

        return format_decimal(value, locale=LOCALES[self.language])

    def date(self, moment: datetime) -> str:
        """The day in words, in the time zone: "24 novembre 2026"."""
        return _day(self._local(moment).date(), "long", self.language)

    def time(self, moment: datetime) -> str:
        """The time of day, in the time zone: "09:00"."""
        return _time(self._local(moment).time(), self.language)

    def day_and_time(self, moment: datetime) -> str:
        """Day and time of day, in the time zone: "lundi 30 novembre 2026 à 09:00"."""
        local = self._local(moment)
        day, hour = _day(local.date(), "full", self.language), _time(local.time(), self.language)
        return self("texts.day_and_time", day=day, time=hour)

    def age(self, since: datetime, now: datetime) -> str:
        """How long ago: whole days from one day on, "45 jours", and hours before that."""
        _load_babel()
        from babel.units import format_unit  # noqa: PLC0415  as above

        age = now.astimezone(UTC) - since.astimezone(UTC)
        hours = max(age // timedelta(hours=1), 1)
        value, unit = (age.days, "duration-day") if age.days else (hours, "duration-hour")
        return format_unit(value, unit, "long", locale=LOCALES[self.language])

    def week(self, period: str) -> str:
        """A digest's period in words: "semaine 49 de 2026" for "2026-W49". What names no week is given back."""
        found = _WEEK.fullmatch(period)
        return self("texts.week", week=found["week"], year=found["year"]) if found else period

    def _local(self, moment: datetime) -> datetime:
        """What a wall clock shows, to the minute."""
        return moment.astimezone(self.time_zone).replace(second=0, microsecond=0, tzinfo=None)


@lru_cache(maxsize=1)
def _load_babel() -> None:
    """Only when it is needed, which a start has not a third of a second for, and by one thread: its modules import each
    other, and two threads that begin with different ones would each find half of one.
    """
    with _LOADING:
        import babel.dates  # noqa: PLC0415
        import babel.numbers  # noqa: PLC0415
        import babel.units  # noqa: F401, PLC0415


@lru_cache(maxsize=256)
def _day(local: date, form: str, language: str) -> str:
    _load_babel()
    from babel.dates import format_date  # noqa: PLC0415  as above

    pattern = _FIRST_OF_MONTH.get((language, form), form) if local.day == 1 else form
    return format_date(local, pattern, locale=LOCALES[language])


@lru_cache(maxsize=256)
def _time(local: time, language: str) -> str:
    _load_babel()
    from babel.dates import format_time  # noqa: PLC0415  as above

    return format_time(local, "short", locale=LOCALES[language])
