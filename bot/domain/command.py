"""What a typed text after the slash command means. Doing it is the use-cases' part.

A keyword counts only where the whole text fits its form, so that an idea may begin with any word.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from storage.tables import Status


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Nothing was typed: the member wants the form."""


@dataclass(frozen=True, slots=True)
class Capture:
    """The text is an idea."""

    text: str


@dataclass(frozen=True, slots=True)
class Help:
    """What can be typed."""


@dataclass(frozen=True, slots=True)
class ListIdeas:
    """Ideas, newest first; of one status, or all that are public."""

    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Mine:
    """The member's own ideas."""


@dataclass(frozen=True, slots=True)
class Show:
    """One idea with its history."""

    number: int


@dataclass(frozen=True, slots=True)
class Search:
    """Full text."""

    words: str


@dataclass(frozen=True, slots=True)
class Top:
    """The running ranking."""


@dataclass(frozen=True, slots=True)
class Vote:
    """Support an idea, or stop supporting it."""

    number: int
    is_present: bool = True


@dataclass(frozen=True, slots=True)
class Edit:
    """Open the form with the member's own idea."""

    number: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take one's own idea back."""

    number: int


@dataclass(frozen=True, slots=True)
class ShowShortlist:
    """The last shortlist."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Participation figures."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Moderators: what waits for a decision."""


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Moderators: say how far a shortlisted idea has come."""

    number: int
    status: Status


@dataclass(frozen=True, slots=True)
class PreviewDigest:
    """Moderators: the digest as it would be now."""


@dataclass(frozen=True, slots=True)
class PostDigest:
    """Moderators: this period's digest, now."""


Command = (
    OpenForm
    | Capture
    | Help
    | ListIdeas
    | Mine
    | Show
    | Search
    | Top
    | Vote
    | Edit
    | Withdraw
    | ShowShortlist
    | Stats
    | Queue
    | SetStatus
    | PreviewDigest
    | PostDigest
)

STATUS_WORDS = {
    "pending": Status.PENDING,
    "en attente": Status.PENDING,
    "attente": Status.PENDING,
    "refused": Status.REFUSED,
    "refuse": Status.REFUSED,
    "refusee": Status.REFUSED,
    "refusees": Status.REFUSED,
    "withdrawn": Status.WITHDRAWN,
    "retiree": Status.WITHDRAWN,
    "retirees": Status.WITHDRAWN,
    "published": Status.PUBLISHED,
    "publiee": Status.PUBLISHED,
    "publiees": Status.PUBLISHED,
    "shortlisted": Status.SHORTLISTED,
    "selectionnee": Status.SHORTLISTED,
    "selectionnees": Status.SHORTLISTED,
    "retained": Status.RETAINED,
    "retenue": Status.RETAINED,
    "retenues": Status.RETAINED,
    "in progress": Status.IN_PROGRESS,
    "en cours": Status.IN_PROGRESS,
    "delivered": Status.DELIVERED,
    "realisee": Status.DELIVERED,
    "realisees": Status.DELIVERED,
    "declined": Status.DECLINED,
    "declinee": Status.DECLINED,
    "declinees": Status.DECLINED,
    "non retenue": Status.DECLINED,
    "non retenues": Status.DECLINED,
    "ecartee": Status.DECLINED,
    "ecartees": Status.DECLINED,
}

# A number has at most nine digits: longer ones fit no database and name no idea.
_NUMBER = r"#?\s?(?P<number>[0-9]{1,9})"
_STATUS = "(?P<status>" + "|".join(sorted((re.escape(word) for word in STATUS_WORDS), key=len, reverse=True)) + ")"

_Form = tuple[re.Pattern[str], Callable[[re.Match[str]], Command]]


def _number(match: re.Match[str]) -> int:
    return int(match["number"])


def _form(pattern: str, command: Callable[[re.Match[str]], Command]) -> _Form:
    return re.compile(pattern, re.DOTALL), command


_FORMS: tuple[_Form, ...] = (
    _form(r"help|aide|\?", lambda _: Help()),
    _form(r"list|liste", lambda _: ListIdeas()),
    _form(rf"(?:list|liste) {_STATUS}", lambda m: ListIdeas(STATUS_WORDS[m["status"]])),
    _form(r"mine|my ideas|mes|mes idees|miennes", lambda _: Mine()),
    _form(rf"(?:(?:show|voir) )?{_NUMBER}", lambda m: Show(_number(m))),
    _form(r"top|classement", lambda _: Top()),
    _form(rf"(?:vote|support|soutenir) {_NUMBER}", lambda m: Vote(_number(m))),
    _form(rf"(?:unvote|unsupport|retirer-soutien|retirer soutien) {_NUMBER}", lambda m: Vote(_number(m), False)),
    _form(rf"(?:edit|modifier) {_NUMBER}", lambda m: Edit(_number(m))),
    _form(rf"(?:withdraw|retirer) {_NUMBER}", lambda m: Withdraw(_number(m))),
    _form(r"shortlist|selection", lambda _: ShowShortlist()),
    _form(r"stats|statistiques|chiffres", lambda _: Stats()),
    _form(r"queue|file", lambda _: Queue()),
    _form(rf"(?:status|statut) {_NUMBER} {_STATUS}", lambda m: SetStatus(_number(m), STATUS_WORDS[m["status"]])),
    _form(r"digest preview|(?:digest|bulletin) apercu", lambda _: PreviewDigest()),
    _form(r"digest now|(?:digest|bulletin) maintenant", lambda _: PostDigest()),
)
LONGEST = 80
"""What is longer is no command but `search`, however much white space is in it."""
SEARCH_LIMIT = 300
"""What is longer is an idea, though it begins with "search": the answer to a search has a button that makes an idea of
the text after all, and must be able to carry it (bot/views/actions.py)."""
_SEARCH = re.compile(r"(?:search|chercher|cherche)\s+(?P<words>\S.*)", re.DOTALL | re.IGNORECASE)


def parse(text: str) -> Command:
    """What the text means; whatever is no command is an idea, kept to the letter but for outer white space."""
    text = text.strip()
    if not text:
        return OpenForm()
    if len(text) <= LONGEST:
        folded = fold(text)
        for pattern, command in _FORMS:
            if match := pattern.fullmatch(folded):
                return command(match)
    if len(text) <= SEARCH_LIMIT and "\n" not in text and (match := _SEARCH.fullmatch(text)):
        return Search(match["words"])
    return Capture(text)


def fold(text: str) -> str:
    """Lower case without accents, white space single: how keywords are compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())
