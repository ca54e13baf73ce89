"""What the operator has decided for a workspace, as the router, the dispatcher and the schedule need it.

Where it comes from is config.py's part.
"""

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.calendar import Weekly
from bot.domain.voting import Voting
from bot.usecases.digesting import Sizes
from bot.views.texts import Texts, known_language


@dataclass(frozen=True, slots=True)
class Rules:
    """`language` is of channel posts; `reaction` the emoji name that Butine itself puts under an idea."""

    language: str
    command: str
    voting: Voting
    reaction: str
    weekly: Weekly
    sizes: Sizes
    remind_after: timedelta

    def texts(self, locale: str | None = None, time_zone: str | None = None) -> Texts:
        """Sentences for one member, or for the workspace's channels where nothing, or no real zone, is known of one."""
        language = known_language(locale, self.language)
        try:
            return Texts(language, time_zone or self.weekly.time_zone.key)
        except (KeyError, ValueError, OSError):  # unknown, malformed, a folder of the time zone database
            return Texts(language, self.weekly.time_zone.key)
