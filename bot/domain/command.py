"""What a typed text after the slash command means. Doing it is the use-cases' part.

A keyword counts only where the whole text fits its form, so that an idea may begin with any word.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
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

STATUS_WORDS: Mapping[Status, str] = {
    Status.PENDING: r"pending|waiting(?: for moderation)?|(?:en )?attente(?: de moderation)?|a moderer",
    Status.REFUSED: r"refused|refusee?s?",
    Status.WITHDRAWN: r"withdrawn|retiree?s?",
    Status.PUBLISHED: (
        r"published(?:, open to votes)?|open(?: to votes)?|publiee?s?(?:, ouvertes? aux votes)?"
        r"|ouvertes?(?: aux votes| au vote)?"
    ),
    Status.SHORTLISTED: r"shortlisted(?:, answer due)?|selectionnee?s?(?:, reponse attendue)?",
    Status.RETAINED: r"retained|retenue?s?",
    Status.IN_PROGRESS: r"in[ -]progress|en cours(?: de realisation)?",
    Status.DELIVERED: r"delivered|done|realisee?s?|terminee?s?|livree?s?",
    Status.DECLINED: r"declined|rejected|declinee?s?|not retained|(?:non[ -]|pas )retenue?s?|ecartee?s?|rejetee?s?",
}
"""What a status may be called, folded: among other words those by which the catalogues name it (bot/locale)."""

# With the signs that Butine itself puts before it (bot/locale). It has at most nine digits: longer ones name no idea.
_NUMBER = r"(?:#|№|n[oº°]\.?|numero|number)?\s?(?P<number>[0-9]{1,9})"
_NOUN = r"(?:l'|la |mon |ma |my |the )?(?:idee|idea|proposition|proposal) |la |ma "
_IDEA = rf"(?:{_NOUN})?{_NUMBER}"
_OF_IDEA = rf"(?:(?:pour|for|of) |(?:a|de|to) (?={_NOUN}))?{_IDEA}"
"""As votes and statuses have it: who cancels something *for* 12 withdraws no idea."""
_STATUS = "(?:" + "|".join(f"(?P<{status}>{words})" for status, words in STATUS_WORDS.items()) + ")"
_ALL = r"(?:les |toutes les |des |de toutes les |all |the |all the )?(?:idees|ideas)"
_MINE = r"(?:mes|my) (?:idees?|ideas?|propositions?|proposals?)"
_SHOW = "show|see|view|open|voir|afficher?|montrer?|consulter|ouvrir|lire"
_EDIT = "edit|complete|update|modifier?|editer|completer|corriger|changer|mettre a jour"
_WITHDRAW = "withdraw|delete|remove|cancel|retirer?|supprimer?|effacer|annuler"
_UNVOTE = (
    "unvote|unsupport|ne plus soutenir"
    "|(?:retirer|annuler|enlever|supprimer|remove|withdraw|cancel)[ -](?:mon |le |my )?(?:soutien|vote|support)"
)
_ALONE = (
    f"{_SHOW}|{_EDIT}|{_WITHDRAW}|{_UNVOTE}"
    "|search|chercher|rechercher|vote|voter|soutenir|status|statut|digest|recapitulatif"
)
"""Keywords that want something behind them. By itself none of them is an idea: what they want is in the help."""
_NEAR = (
    *("support", "soutenir", "voter", "unvote", "retirer-soutien", "modifier", "completer"),
    *("withdraw", "delete", "retirer", "supprimer", "afficher", "status", "statut"),
)
"""Keywords with so many letters that a word which differs in one is a slip of the finger where a number follows."""
_END = r"(?:,? (?:svp|stp|s'il (?:vous|te) plait|merci|please|thanks|thank you))?\s?[.!?…]*"
"""Phones end a text with a full stop at two spaces, people with a "!", and the polite ask."""

_Form = tuple[re.Pattern[str], Callable[[re.Match[str]], Command]]


def _number(match: re.Match[str]) -> int:
    return int(match["number"])


def _status(match: re.Match[str]) -> Status:
    return next(status for status in Status if match[status])


def _form(pattern: str, command: Callable[[re.Match[str]], Command]) -> _Form:
    return re.compile(f"(?:{pattern}){_END}", re.DOTALL), command


_FORMS: tuple[_Form, ...] = (
    _form(
        r"(?:(?:proposer|propose) )?(?:une |votre |mon |an |your |my |a )?(?:nouvelle |new )?(?:idee|idea)"
        r"|proposer|propose|j'ai une idee|i have an idea|formulaire|form",
        lambda _: OpenForm(),
    ),
    _form(
        r"help|help me|aide|aide[ -]moi|aidez[ -]moi|a l'aide|comment ca marche|how does it work|\?", lambda _: Help()
    ),
    _form(_ALONE, lambda _: Help()),
    _form(rf"list(?: all)?|(?:la )?liste(?: tout| tous| toutes)?|{_ALL}", lambda _: ListIdeas()),
    _form(
        rf"(?:(?:list|(?:la )?liste|{_SHOW}) )?(?:{_ALL} |all |the )?{_STATUS}(?: ideas)?",
        lambda m: ListIdeas(_status(m)),
    ),
    _form(rf"(?:list|(?:la )?liste|{_SHOW}) {_ALL}", lambda _: ListIdeas()),
    _form(rf"mine|mes|(?:les )?miennes|(?:(?:list|liste|{_SHOW}) )?{_MINE}(?: {_STATUS})?", lambda _: Mine()),
    _form(rf"(?:{_EDIT}|{_WITHDRAW}) (?:mon|ma|mes|my) (?:idees?|ideas?|propositions?|proposals?)", lambda _: Mine()),
    _form(rf"(?:l'idee |(?:idee|idea|la) (?![0-9]))?{_NUMBER}", lambda m: Show(_number(m))),
    _form(rf"(?:{_SHOW})(?: me|[ -]moi)? ?{_IDEA}", lambda m: Show(_number(m))),
    _form(rf"(?:status|statut) ?{_OF_IDEA}", lambda m: Show(_number(m))),
    _form(r"(?:le |the )?(?:top|classement|ranking)(?: [0-9]{1,2})?", lambda _: Top()),
    _form(
        rf"(?:(?:je |i )?(?:vote|soutiens|support)|soutien|voter|soutenir|upvote) ?{_OF_IDEA}",
        lambda m: Vote(_number(m)),
    ),
    _form(rf"(?:{_UNVOTE}) ?{_OF_IDEA}", lambda m: Vote(_number(m), False)),
    _form(rf"(?:{_EDIT}) ?{_IDEA}", lambda m: Edit(_number(m))),
    _form(rf"(?:{_WITHDRAW}) ?{_IDEA}", lambda m: Withdraw(_number(m))),
    _form(
        r"(?:la |the )?(?:derniere |last )?(?:selections?|short[ -]?list)(?: de la semaine)?", lambda _: ShowShortlist()
    ),
    _form(r"(?:les |the )?(?:stats?|statistiques?|statistics|chiffres|figures)", lambda _: Stats()),
    _form(r"(?:la |the )?(?:queue|file)", lambda _: Queue()),
    _form(rf"(?:status|statut) {_OF_IDEA}(?:\s?[:=])? {_STATUS}", lambda m: SetStatus(_number(m), _status(m))),
    _form(r"digest preview|(?:digest|bulletin|recap(?:itulatif)?) apercu", lambda _: PreviewDigest()),
    _form(r"preview(?: the)? digest|apercu(?: du)? (?:digest|bulletin|recap(?:itulatif)?)", lambda _: PreviewDigest()),
    _form(r"digest now|(?:digest|bulletin|recap(?:itulatif)?) maintenant", lambda _: PostDigest()),
)
LONGEST = 80
"""What is longer is no command but `search`, however much white space is in it."""
SEARCH_LIMIT = 300
"""What is longer is an idea, though it begins with "search": the answer to a search has a button that makes an idea of
the text after all, and must be able to carry it (bot/views/actions.py)."""
_SEARCH = re.compile(
    r"(?:search|chercher|cherche|rechercher|recherche)(?:\s?:)?\s+(?P<words>[^\s:].*)", re.DOTALL | re.IGNORECASE
)

_SLIP = re.compile(rf"(?P<word>[a-z-]+) ?{_OF_IDEA}{_END}")

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Zero-width characters and marks of direction, which come along with what is copied."""
_AS_TYPED = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-") | dict.fromkeys("\u2018\u2019\u02bc\u2032\u00b4`", "'")
)
"""Hyphens and apostrophes as the keyboard has them: phones and word processors make others of these."""


def parse(text: str) -> Command:
    """What the text means; whatever is no command is an idea, kept to the letter but for outer white space."""
    text = text.strip()
    if not text:
        return OpenForm()
    if len(text) <= LONGEST:
        folded = fold(text)
        for pattern, command in _FORMS:
            if match := pattern.fullmatch(folded):
                return _asked(command(match)) if "?" in folded else command(match)
        if (match := _SLIP.fullmatch(folded)) and any(_is_slip(match["word"], keyword) for keyword in _NEAR):
            return Help()
    if len(text) <= SEARCH_LIMIT and "\n" not in text and (match := _SEARCH.fullmatch(_UNSEEN.sub("", text))):
        return Search(match["words"])
    return Capture(text)


def _asked(command: Command) -> Command:
    """What a question is answered with: nothing is done of which it was only asked."""
    match command:
        case Vote(number) | Withdraw(number) | SetStatus(number):
            return Show(number)
        case PostDigest():
            return PreviewDigest()
    return command


def _is_slip(word: str, keyword: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two neighbours have changed places."""
    short, long = sorted((word, keyword), key=len)
    at = next((at for at, (one, other) in enumerate(zip(short, long, strict=False)) if one != other), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    exchanged = short[:at] + short[at : at + 2][::-1] + short[at + 2 :]
    return short[at + 1 :] == long[at + 1 :] or exchanged == long


def fold(text: str) -> str:
    """Lower case without accents and unseen marks, white space single, hyphens and apostrophes plain: how keywords are
    compared.

    What merely looks like a figure, such as the small 2 of "m²", is none.
    """
    decomposed = unicodedata.normalize("NFD", _UNSEEN.sub("", text).translate(_AS_TYPED).casefold())
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())
