"""Which ideas say much the same, told by the stems that they share, the rare ones above all.

Reads a bounded number of rows, however many ideas there are. No rule about who may see what: callers name statuses.
"""

import zlib
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from sqlalchemy import bindparam, func, insert, literal
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, col

from storage import ideas, search
from storage.statements import Prepared, among, listed
from storage.tables import Brief, Idea, Status, Stem, StemOfIdea, present

COMMON = 500
"""A stem of more ideas than this is not looked at: it says little, and reading its ideas takes long."""
WORDS_WEIGHED = 64
"""So many stems of a text are looked up, which most texts don't reach: a sample of a longer one says as much."""
RARE_STEMS = 8
IDEAS_READ = 1000
"""Rarest stems first, until so many ideas hold them."""
IDEAS_RANKED = 64
CANDIDATES = 16
ALIKE = 0.34
"""The least share of weighted stems in common that is worth showing; tried on real proposals (tests/data)."""
UNKNOWN_WEIGHT = 0.5

_NEW = postgresql.insert(Stem).values(  # SQLite has the same words for it
    {"workspace_id": bindparam("workspace_id"), "term": bindparam("term"), "ideas": 1}
)
_COUNT_STEM = Prepared(
    _NEW.on_conflict_do_update(index_elements=["workspace_id", "term"], set_={"ideas": col(Stem.ideas) + 1}).returning(
        col(Stem.id)
    )
)
_HOLD = Prepared(insert(StemOfIdea).values(stem_id=bindparam("stem_id"), idea_id=bindparam("idea_id")))


def compare_with(session: Session, idea: Idea) -> None:
    """Have new texts compared with this idea from now on. It has to be indexed, and once is enough."""
    idea_id = present(idea.id)
    for stem in sorted(search.indexed_terms(session, [idea_id]).get(idea_id, ())):  # in one order, against deadlocks
        ((stem_id,),) = _COUNT_STEM(session, workspace_id=idea.workspace_id, term=stem)
        _HOLD(session, stem_id=stem_id, idea_id=idea_id)


def similar(
    session: Session,
    workspace_id: int,
    texts: Iterable[str],
    statuses: Collection[Status],
    limit: int,
    *,
    not_by: str = "",
) -> list[tuple[Brief, float]]:
    """Ideas of others than `not_by` that say much the same as the texts, most alike first, with how alike (0 to 1]."""
    stems: set[str] = set().union(*map(search.terms, texts))
    last = sorted(map(_place, stems))[WORDS_WEIGHED - 1] if len(stems) > WORDS_WEIGHED else None
    known = _known(session, workspace_id, _sample(stems, last))
    if not known or not statuses:
        return []
    weights = {stem: _weight(holders) for stem, _, holders in known}
    candidates = _holders(session, _rarest(known), sorted(statuses), not_by)
    scores = {
        idea_id: _likeness(weights, _sample(theirs, last))
        for idea_id, theirs in search.indexed_terms(session, candidates).items()
    }
    best = sorted(scores, key=lambda idea_id: (-scores[idea_id], -idea_id))
    alike = [idea_id for idea_id in best if scores[idea_id] >= ALIKE][:limit]
    return [(idea, scores[idea.id]) for idea in ideas.briefs(session, alike)] if alike else []


def _place(stem: str) -> int:
    """A stem's place in an order in which those of any text lie as if shuffled."""
    return zlib.crc32(stem.encode())


def _sample(stems: set[str], last: int | None) -> set[str]:
    """Of a long text the stems up to that place, so that of what it is compared with the same ones are looked at."""
    return stems if last is None else {stem for stem in stems if _place(stem) <= last}


def _known(session: Session, workspace_id: int, asked: Collection[str]) -> list[tuple[str, int, int]]:
    """Of these stems, those that other ideas hold and that are not too common: stem, key and number of ideas."""
    if not asked:
        return []
    rows = _stems_among(len(asked))(session, workspace_id=workspace_id, **listed(asked))
    return [(stem, stem_id, holders) for stem, stem_id, holders in rows if holders < COMMON]


@lru_cache(maxsize=WORDS_WEIGHED + 1)
def _stems_among(number: int) -> Prepared:
    query = select_columns(col(Stem.term), col(Stem.id), col(Stem.ideas))
    is_here = col(Stem.workspace_id) == bindparam("workspace_id")
    return Prepared(query.where(is_here, among(col(Stem.term), number)))


def _rarest(known: Iterable[tuple[str, int, int]]) -> list[int]:
    """The keys of the rarest stems, at least one, as many as together don't make too much to read."""
    chosen: list[int] = []
    left = IDEAS_READ
    for _, stem_id, holders in sorted(known, key=lambda stem: (stem[2], stem[0]))[:RARE_STEMS]:
        if chosen and holders > left:
            break
        chosen.append(stem_id)
        left -= holders
    return chosen


def _holders(session: Session, stem_ids: Sequence[int], statuses: Sequence[Status], not_by: str) -> list[int]:
    """The ideas in those statuses, of others, that share most of these stems, by weight."""
    query = _holders_of(len(stem_ids), len(statuses))
    rows = query(session, **listed(stem_ids), **listed(statuses, "status"), not_by=not_by)
    return [idea_id for (idea_id,) in rows]


@lru_cache(maxsize=64)
def _holders_of(stems: int, statuses: int) -> Prepared:
    weight = func.sum(literal(1.0) / (1 + col(Stem.ideas) / 20.0)).label("weight")
    ranked = (
        select_columns(col(StemOfIdea.idea_id).label("idea_id"), weight)
        .join(Stem, col(Stem.id) == col(StemOfIdea.stem_id))
        .where(among(col(StemOfIdea.stem_id), stems))
        .group_by(col(StemOfIdea.idea_id))
        .order_by(weight.desc(), col(StemOfIdea.idea_id).desc())
        .limit(IDEAS_RANKED)
        .subquery()
    )
    return Prepared(
        select_columns(ranked.c.idea_id)
        .join(Idea, col(Idea.id) == ranked.c.idea_id)
        .where(among(col(Idea.status), statuses, "status"), col(Idea.author_id) != bindparam("not_by"))
        .order_by(ranked.c.weight.desc(), ranked.c.idea_id.desc())
        .limit(CANDIDATES)
    )


def _weight(holders: int) -> float:
    return 1 / (1 + holders / 20)


def _likeness(weights: dict[str, float], theirs: set[str]) -> float:
    """Weighted share of the stems that both have (Dice's coefficient); a stem unknown to `weights` counts as rare."""
    shared = theirs & weights.keys()
    common = sum(weights[stem] for stem in shared)
    total = sum(weights.values()) + common + UNKNOWN_WEIGHT * (len(theirs) - len(shared))
    return 2 * common / total if total else 0.0
