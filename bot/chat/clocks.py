"""Whether a chat server's clock agrees with this machine's, as far as the `Date` header of its answers tells.

What depends on it, and what is said about it, is not known here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

TOLERATED = timedelta(minutes=1)
"""More than an answer's way and the header's whole seconds explain, and well below the five minutes after which
requests are refused: a clock that drifts is named before it does harm."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The same moment on both clocks."""

    theirs: datetime
    ours: datetime

    @property
    def is_same(self) -> bool:
        """Whether they agree well enough."""
        return abs(self.theirs - self.ours) <= TOLERATED

    @property
    def values(self) -> dict[str, str]:
        """Both times to the second and how far they are apart (h:mm:ss), for a sentence."""
        apart = timedelta(seconds=round(abs(self.theirs - self.ours).total_seconds()))
        return {"theirs": _shown(self.theirs), "ours": _shown(self.ours), "apart": str(apart)}


def compared(date: str, ours: datetime) -> Clocks | None:
    """The `Date` header of an answer that came at `ours`; None where there was none that can be read."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    return Clocks(theirs.astimezone(UTC) if theirs.tzinfo else theirs.replace(tzinfo=UTC), ours.astimezone(UTC))


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
