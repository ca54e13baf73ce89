"""What the operator has decided for a workspace, as the router, the dispatcher and the schedule need it.

How it is written down is config.py's part.
"""

from dataclasses import dataclass
from datetime import timedelta

from bot.config import Settings
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


def rules_of(settings: Settings) -> Rules:
    """The operator's decisions as the rest of the house needs them."""
    return Rules(
        language=settings.language,
        command=settings.command,
        voting=Voting.of(settings.voting.emoji, own_ideas=settings.voting.own_ideas),
        reaction=settings.voting.emoji[0],
        weekly=Weekly(settings.digest.day, settings.digest.at, settings.digest.zone),
        sizes=Sizes(settings.digest.size, settings.digest.late_chances),
        remind_after=timedelta(days=settings.moderation.remind_after_days),
    )
