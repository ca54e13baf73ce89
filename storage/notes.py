"""Single values that Butine keeps for itself, by name."""

from sqlmodel import Session

from storage.tables import Note


def get(session: Session, name: str) -> str | None:
    """The value, if there is one."""
    note = session.get(Note, name)
    return note.value if note else None


def put(session: Session, name: str, value: str) -> None:
    """Keep the value under the name."""
    session.merge(Note(name=name, value=value))
