"""Full text, with accents and word forms forgiven: FTS5 on SQLite, tsvector on PostgreSQL.

Both index the same stems, made here, so both find the same. No rule about who may see what: callers name statuses.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import chain

import Stemmer
from sqlalchemy import String, bindparam, column, func, insert, literal, table, text
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from storage.statements import Prepared, among, listed
from storage.tables import Idea, Status, present

_TABLE = table("idea_search", column("rowid"), column("title"), column("body"))
_TSVECTORS = table("idea_search", column("idea_id"), column("terms"))
_ADD = Prepared(insert(_TABLE).values({name: bindparam(name) for name in ("rowid", "title", "body")}))
_ADD_TSVECTOR = text(
    "INSERT INTO idea_search (idea_id, terms) VALUES (:rowid,"
    " setweight(to_tsvector('simple', :title), 'A') || setweight(to_tsvector('simple', :body), 'B'))"
)

_WORD = re.compile(r"[a-z0-9]+")
_COMBINING = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
# Too common to tell ideas apart; folded, French and English.
_STOP_WORDS = frozenset(
    """
    a ai au aux avec c ce ces cet cette d dans de des du elle en est et etre eux il ils j je l la le les leur
    leurs lui m ma mais me mes moi mon n ne nos notre nous on ont ou par pas plus pour qu que qui s sa se ses si
    son sont sur t ta te tes toi ton tous tout toute toutes tu un une vos votre vous y an and are as at be by
    for from has have i in is it of or our that the their there they this to was we which with you your
    """.split()  # noqa: SIM905  a list of 120 quoted words is harder to read
)
WORD_LIMIT = 100
"""What is longer than this is cut, in what is kept and in what is asked: PostgreSQL keeps no very long words."""


@lru_cache(maxsize=64)
def terms(words: str) -> Sequence[str]:
    """The stems by which a text is found, in its order, repetitions kept.

    Remembered for a moment: an idea's texts are compared with others', and then made findable.
    """
    return tuple(chain.from_iterable(map(_stems, _words(words))))


def add(session: Session, idea_id: int, title: str, *texts: str) -> None:
    """Make a new idea's title and other texts findable."""
    values = _values(idea_id, title, texts)
    if _is_sqlite(session):
        _ADD(session, **values)
    else:
        session.execute(_ADD_TSVECTOR, values)


def index(session: Session, idea: Idea) -> None:
    """Make the idea's present text findable, and its former text no more."""
    idea_id = present(idea.id)
    table_key = "rowid" if _is_sqlite(session) else "idea_id"
    session.execute(text(f"DELETE FROM idea_search WHERE {table_key} = :id"), {"id": idea_id})  # noqa: S608  ours
    add(session, idea_id, idea.title, idea.need, idea.proposal, idea.benefit)


def indexed_terms(session: Session, idea_ids: Sequence[int]) -> dict[int, set[str]]:
    """The stems that the index holds of each of these ideas."""
    rows = _indexed(len(idea_ids), is_sqlite=_is_sqlite(session))(session, **listed(idea_ids)) if idea_ids else ()
    return {idea_id: {*title.split(), *body.split()} for idea_id, title, body in rows}


@lru_cache(maxsize=64)
def _indexed(number: int, *, is_sqlite: bool) -> Prepared:
    if is_sqlite:
        return Prepared(select_columns(_TABLE).where(among(_TABLE.c.rowid, number)))
    stems = func.array_to_string(func.tsvector_to_array(_TSVECTORS.c.terms), " ")
    return Prepared(select_columns(_TSVECTORS.c.idea_id, stems, literal("")).where(among(_TSVECTORS.c.idea_id, number)))


def find(session: Session, workspace_id: int, words: str, visible: "Visible", limit: int) -> list[Idea]:
    """Ideas that hold every word: first those with all in the title, then those with one in it; the newest first.

    A text without any word finds nothing.
    """
    groups = list({_stems(word): None for word in _words(words)})  # repetitions would cost FTS5 minutes
    if not groups:
        return []
    ranked = _ranked_by_sqlite if _is_sqlite(session) else _ranked_by_postgresql
    values = {
        "workspace": workspace_id,
        "statuses": [status.value for status in visible.statuses],
        "author": visible.author_id,
        "limit": limit,
    }
    return _in_order(session, ranked(session, groups, values))


class Visible:
    """Which ideas may be found: those in `statuses`, and those of `author_id` whatever their status."""

    def __init__(self, statuses: Collection[Status], author_id: str | None = None) -> None:
        self.statuses = list(statuses)
        self.author_id = author_id


def _values(idea_id: int, title: str, texts: Iterable[str]) -> dict[str, object]:
    return {"rowid": idea_id, "title": " ".join(terms(title)), "body": " ".join(chain.from_iterable(map(terms, texts)))}


_IS_VISIBLE = "idea.workspace_id = :workspace AND (idea.status IN :statuses OR idea.author_id = :author)"
_STATUSES = bindparam("statuses", expanding=True, type_=String)


def _ranked_by_sqlite(session: Session, groups: Sequence[Sequence[str]], values: dict[str, object]) -> Sequence[int]:
    """Each rank by itself, newest first, as the index has them: what a common word costs does not grow with its hits.

    Told by bm25, every hit would have to be read and weighed.
    """
    hits = [f"({' OR '.join(map(_in_double_quotes, group))})" for group in groups]
    every, either = " AND ".join(hits), " OR ".join(hits)
    ranks = dict.fromkeys((f"title : ({every})", f"title : ({either}) AND {every}", every))
    statement = " UNION ALL ".join(
        # CROSS JOIN, so that SQLite goes through the index and not through the ideas.
        f"SELECT * FROM (SELECT idea.id AS id, {rank} AS rank FROM idea_search"  # noqa: S608  the pieces are ours
        f" CROSS JOIN idea ON idea.id = idea_search.rowid WHERE idea_search MATCH :query{rank} AND {_IS_VISIBLE}"
        " ORDER BY idea_search.rowid DESC LIMIT :limit)"
        for rank in range(len(ranks))
    )
    best = text(f"SELECT id FROM ({statement}) GROUP BY id ORDER BY min(rank), id DESC LIMIT :limit")  # noqa: S608
    queries = {f"query{rank}": query for rank, query in enumerate(ranks)}
    return session.execute(best.bindparams(_STATUSES), {**values, **queries}).scalars().all()


def _ranked_by_postgresql(
    session: Session, groups: Sequence[Sequence[str]], values: dict[str, object]
) -> Sequence[int]:
    def query(label: str, joined: str) -> str:
        """The stems in quotes, so that PostgreSQL takes none for an operator."""
        hits = (" | ".join(f"'{stem}'{label}" for stem in group) for group in groups)
        return joined.join(f"({each})" for each in hits)

    queries = {"every": query("", " & "), "every_in_title": query(":A", " & "), "one_in_title": query(":A", " | ")}
    statement = text(
        "SELECT idea.id FROM idea_search JOIN idea ON idea.id = idea_search.idea_id"  # noqa: S608  the pieces are ours
        f" WHERE idea_search.terms @@ to_tsquery('simple', :every) AND {_IS_VISIBLE}"
        " ORDER BY idea_search.terms @@ to_tsquery('simple', :every_in_title) DESC,"
        " idea_search.terms @@ to_tsquery('simple', :one_in_title) DESC, idea.id DESC LIMIT :limit"
    )
    return session.execute(statement.bindparams(_STATUSES), {**values, **queries}).scalars().all()


def _in_order(session: Session, ids: Sequence[int]) -> list[Idea]:
    found = {idea.id: idea for idea in session.exec(select(Idea).where(col(Idea.id).in_(ids)))}
    return [found[idea_id] for idea_id in ids]


def _words(words: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", words.casefold().replace("œ", "oe").replace("æ", "ae"))
    folded = _COMBINING.sub("", decomposed)
    return [word[:WORD_LIMIT] for word in _WORD.findall(folded) if word not in _STOP_WORDS]


_FRENCH, _ENGLISH = Stemmer.Stemmer("french"), Stemmer.Stemmer("english")


@lru_cache(maxsize=50_000)
def _stems(word: str) -> tuple[str, ...]:
    """The word's stems in both languages: ideas in either are found by any form of their words."""
    return tuple(dict.fromkeys((_FRENCH.stemWord(word), _ENGLISH.stemWord(word))))


def _in_double_quotes(term: str) -> str:
    """So that FTS5 takes none for an operator ("or", "near")."""
    return f'"{term}"'


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
