"""Single values that Butine keeps for itself, by name."""

from sqlalchemy.dialects import postgresql
from sqlmodel import Session

from storage.tables import Note

_NEW = postgresql.insert(Note).on_conflict_do_nothing()  # SQLite has the same words for it


def get(session: Session, name: str) -> str | None:
    """The value, if there is one."""
    note = session.get(Note, name)
    return note.value if note else None


def put(session: Session, name: str, value: str) -> None:
    """Keep the value under the name."""
    session.merge(Note(name=name, value=value))


def settle(session: Session, name: str, value: str) -> str:
    """Keep the value, unless there is one under that name; the one that is kept. All processes get the same."""
    session.execute(_NEW, {"name": name, "value": value})  # waits for another process that is doing the same
    kept = get(session, name)
    if kept is None:
        raise LookupError(name)
    return kept
