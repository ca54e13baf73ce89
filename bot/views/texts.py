"""Sentences from the catalogues in one language, and dates and numbers as that language writes them.

Knows no idea and no card. The catalogues are gettext files by domain: locale/<language>/LC_MESSAGES/<domain>.po,
compiled beside it (`make catalogues`); a key stands for a sentence, `{name}` in it for a value.
"""

import gettext
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALE_DIR = Path(__file__).parent.parent / "locale"
LANGUAGES = ("fr", "en")
GROUPED_FROM = 1000
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
        from babel.numbers import format_decimal  # noqa: PLC0415  a third of a second nobody needs at start

        return format_decimal(value, locale=self.language)

    def date(self, moment: datetime) -> str:
        """The day in words, in the time zone: "24 novembre 2026"."""
        from babel.dates import format_date  # noqa: PLC0415  as above

        return format_date(moment.astimezone(self.time_zone), "long", locale=self.language)

    def day_and_time(self, moment: datetime) -> str:
        """Day and time of day, in the time zone: "lundi 30 novembre 2026 à 09:00"."""
        day, time = _day_and_time(moment.astimezone(self.time_zone).replace(tzinfo=None), self.language)
        return self("texts.day_and_time", day=day, time=time)

    def age(self, since: datetime, now: datetime) -> str:
        """How long ago, in whole days or hours: "3 jours"."""
        from babel.dates import format_timedelta  # noqa: PLC0415  as above

        return format_timedelta(now.astimezone(UTC) - since.astimezone(UTC), threshold=1.0, locale=self.language)


@lru_cache(maxsize=256)
def _day_and_time(local: datetime, language: str) -> tuple[str, str]:
    """Of a wall clock's time: moments with a time zone are equal where the zone differs, and so no key."""
    from babel.dates import format_date, format_time  # noqa: PLC0415  as above

    return format_date(local, "full", locale=language), format_time(local, "short", locale=language)
