"""Workspaces, and members as last seen in chat."""

from collections.abc import Iterable

from sqlalchemy import bindparam
from sqlalchemy import select as select_columns
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, col, select

from storage.statements import Prepared
from storage.tables import Member, Workspace, present

_KNOWN = Prepared(
    select_columns(col(Member.name), col(Member.locale)).where(
        col(Member.workspace_id) == bindparam("workspace_id"), col(Member.id) == bindparam("id")
    )
)
_NEW = postgresql.insert(Member).values(  # SQLite has the same words for it
    {name: bindparam(name) for name in ("workspace_id", "id", "name", "locale")}
)
_SAW = Prepared(
    _NEW.on_conflict_do_update(
        index_elements=["workspace_id", "id"], set_={"name": _NEW.excluded.name, "locale": _NEW.excluded.locale}
    )
)


def ensure(session: Session, platform: str, external_id: str) -> int:
    """The workspace's id, made where it is new."""
    found = session.exec(
        select(Workspace.id).where(Workspace.platform == platform, Workspace.external_id == external_id)
    ).first()
    if found is not None:
        return found
    workspace = Workspace(platform=platform, external_id=external_id)
    session.add(workspace)
    session.flush()
    return present(workspace.id)


def all_of(session: Session) -> list[Workspace]:
    """Every workspace, oldest first."""
    return list(session.exec(select(Workspace).order_by(col(Workspace.id))))


def saw(session: Session, workspace_id: int, member_id: str, name: str, locale: str | None) -> None:
    """Remember a member's name and locale, for cards that are rendered when they are away."""
    known = _KNOWN(session, workspace_id=workspace_id, id=member_id)
    if not known or tuple(known[0]) != (name, locale):
        _SAW(session, workspace_id=workspace_id, id=member_id, name=name, locale=locale)


def names(session: Session, workspace_id: int, member_ids: Iterable[str | None]) -> dict[str, str]:
    """Names by member id; an unknown member is absent."""
    wanted = {member_id for member_id in member_ids if member_id}
    query = select(Member.id, Member.name).where(Member.workspace_id == workspace_id, col(Member.id).in_(wanted))
    return dict(session.exec(query).all())


def locale_of(session: Session, workspace_id: int, member_id: str) -> str | None:
    """The member's locale as last seen."""
    member = session.get(Member, (workspace_id, member_id))
    return member.locale if member else None
