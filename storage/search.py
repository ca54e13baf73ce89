"""Full text and similarity, with accents and word forms forgiven: FTS5 on SQLite, tsvector on PostgreSQL.

Both index the same stems, made here, so both find the same. No rule about who may see what: callers name statuses.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache

import snowballstemmer
from sqlalchemy import String, TextClause, bindparam, text
from sqlmodel import Session, col, select

from storage.tables import Idea, Status, present

_WORD = re.compile(r"[a-z0-9]+")
# Too common to tell ideas apart; folded, French and English.
_STOP_WORDS = frozenset(
    """
    a ai au aux avec c ce ces cet cette d dans de des du elle en est et etre eux il ils j je l la le les leur
    leurs lui m ma mais me mes moi mon n ne nos notre nous on ont ou par pas plus pour qu que qui s sa se ses si
    son sont sur t ta te tes toi ton tous tout toute toutes tu un une vos votre vous y an and are as at be by
    for from has have i in is it of or our that the their there they this to was we which with you your
    """.split()  # noqa: SIM905  a list of 120 quoted words is harder to read
)
COMMON = 500
"""A word in more ideas than this is not looked at for similarity: it says little, and reading it takes long."""
RARE_WORDS = 8
WORDS_WEIGHED = 60
CANDIDATES = 200
WORD_LIMIT = 100
"""What is longer than this is cut, in what is kept and in what is asked: PostgreSQL keeps no very long words."""
SIMILARITY = 0.34
"""The least share of weighted words in common that is worth showing; tried on real proposals (tests/data)."""


def terms(words: str) -> list[str]:
    """The stems by which a text is found, in its order, repetitions kept."""
    return [stem for word in _words(words) for stem in _stems(word)]


def index(session: Session, idea: Idea) -> None:
    """Make the idea's present text findable, and its former text no more."""
    values = {
        "id": present(idea.id),
        "title": " ".join(terms(idea.title)),
        "body": " ".join(terms(f"{idea.need}\n{idea.proposal}\n{idea.benefit}")),
    }
    if _is_sqlite(session):
        session.execute(text("DELETE FROM idea_search WHERE rowid = :id"), {"id": values["id"]})
        session.execute(text("INSERT INTO idea_search (rowid, title, body) VALUES (:id, :title, :body)"), values)
        return
    session.execute(
        text(
            "INSERT INTO idea_search (idea_id, terms) VALUES (:id,"
            " setweight(to_tsvector('simple', :title), 'A') || setweight(to_tsvector('simple', :body), 'B'))"
            " ON CONFLICT (idea_id) DO UPDATE SET terms = excluded.terms"
        ),
        values,
    )


def find(session: Session, workspace_id: int, words: str, visible: "Visible", limit: int) -> list[Idea]:
    """Ideas that hold every word, best first. A text without any word finds nothing."""
    groups = {_stems(word): None for word in _words(words)}  # repetitions would cost FTS5 minutes
    if not groups:
        return []
    and_, or_ = (" AND ", " OR ") if _is_sqlite(session) else (" & ", " | ")
    query = and_.join(f"({or_.join(map(_quoted(session), group))})" for group in groups)
    return _ranked(session, query, workspace_id, visible, limit)


def similar(
    session: Session, workspace_id: int, words: str, statuses: Collection[Status], limit: int
) -> list[tuple[Idea, float]]:
    """Ideas that say much the same, most alike first, with how alike (0 to 1].

    Weighs each common word by how rare it is; reads a bounded number of rows, however many ideas there are.
    """
    weights = _weights(session, set(terms(words)))
    if not weights:
        return []
    rare = sorted(weights, key=lambda term: -weights[term])[:RARE_WORDS]
    join = " OR " if _is_sqlite(session) else " | "
    found = _ranked(
        session,
        join.join(map(_quoted(session), rare)),
        workspace_id,
        Visible(statuses),
        CANDIDATES,
    )
    scored = [(idea, _likeness(weights, idea)) for idea in found]
    best = sorted(scored, key=lambda pair: -pair[1])
    return [(idea, score) for idea, score in best if score >= SIMILARITY][:limit]


class Visible:
    """Which ideas may be found: those in `statuses`, and those of `author_id` whatever their status."""

    def __init__(self, statuses: Collection[Status], author_id: str | None = None) -> None:
        self.statuses = list(statuses)
        self.author_id = author_id


def _ranked(session: Session, query: str, workspace_id: int, visible: Visible, limit: int) -> list[Idea]:
    if _is_sqlite(session):
        source = "idea_search JOIN idea ON idea.id = idea_search.rowid WHERE idea_search MATCH :query"
        order = "bm25(idea_search, 4.0, 1.0)"
    else:
        source = (
            "idea_search JOIN idea ON idea.id = idea_search.idea_id"
            " WHERE idea_search.terms @@ to_tsquery('simple', :query)"
        )
        order = "ts_rank(idea_search.terms, to_tsquery('simple', :query)) DESC"
    statement = text(
        f"SELECT idea.id FROM {source} AND idea.workspace_id = :workspace"  # noqa: S608  the pieces are ours
        f" AND (idea.status IN :statuses OR idea.author_id = :author) ORDER BY {order}, idea.id DESC LIMIT :limit"
    ).bindparams(bindparam("statuses", expanding=True, type_=String))
    values = {
        "query": query,
        "workspace": workspace_id,
        "statuses": [status.value for status in visible.statuses],
        "author": visible.author_id,
        "limit": limit,
    }
    ids = session.execute(statement, values).scalars().all()
    return _in_order(session, ids)


def _in_order(session: Session, ids: Sequence[int]) -> list[Idea]:
    found = {idea.id: idea for idea in session.exec(select(Idea).where(col(Idea.id).in_(ids)))}
    return [found[idea_id] for idea_id in ids]


def _weights(session: Session, candidates: Iterable[str]) -> dict[str, float]:
    """A weight for each word that is known and not too common: 1 for the rarest."""
    asked = sorted(candidates)[:WORDS_WEIGHED]
    if not asked:
        return {}
    quote = _quoted(session)
    values = {f"term{number}": quote(term) for number, term in enumerate(asked)}
    counts = session.execute(_counting(len(asked), is_sqlite=_is_sqlite(session)), {**values, "most": COMMON})
    return {asked[number]: 1 / (1 + count / 20) for number, count in counts if count < COMMON}


@lru_cache(maxsize=WORDS_WEIGHED + 1)
def _counting(words: int, *, is_sqlite: bool) -> TextClause:
    """One statement that counts, up to a bound, the ideas that hold each of the words: a statement each would cost more
    than all the rest of taking an idea in.
    """
    found = "idea_search MATCH :term{0}" if is_sqlite else "terms @@ to_tsquery('simple', :term{0})"
    count = f"SELECT {{0}}, count(*) FROM (SELECT 1 FROM idea_search WHERE {found} LIMIT :most) AS f{{0}}"  # noqa: S608  ours
    return text(" UNION ALL ".join(count.format(number) for number in range(words)))


def _likeness(weights: dict[str, float], idea: Idea) -> float:
    """Weighted share of the words that both have (Dice's coefficient); a word unknown to `weights` counts as rare."""
    theirs = set(terms(f"{idea.title}\n{idea.need}\n{idea.proposal}"))
    common = sum(weights[term] for term in theirs & weights.keys())
    total = sum(weights.values()) + sum(weights.get(term, 0.5) for term in theirs)
    return 2 * common / total if total else 0.0


def _words(words: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", words.casefold().replace("œ", "oe").replace("æ", "ae"))
    folded = "".join(char for char in decomposed if not unicodedata.combining(char))
    return [word[:WORD_LIMIT] for word in _WORD.findall(folded) if word not in _STOP_WORDS]


_FRENCH = snowballstemmer.stemmer("french")
_ENGLISH = snowballstemmer.stemmer("english")


@lru_cache(maxsize=50_000)
def _stems(word: str) -> tuple[str, ...]:
    """The word's stems in both languages: ideas in either are found by any form of their words."""
    return tuple(dict.fromkeys((_FRENCH.stemWord(word), _ENGLISH.stemWord(word))))


def _quoted(session: Session) -> Callable[[str], str]:
    """How the database's query language quotes a term, so that none is taken for an operator ("or", "near")."""
    mark = '"' if _is_sqlite(session) else "'"
    return lambda term: f"{mark}{term}{mark}"


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
