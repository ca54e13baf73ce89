"""Loading an idea for a member, with the right answer where there is none that they may see."""

from sqlmodel import Session

from bot.domain.permissions import Caller, require_author, require_visible
from bot.errors import IdeaNotFound
from storage import ideas
from storage.tables import Idea


def visible_idea(session: Session, caller: Caller, number: int, *, for_change: bool = False) -> Idea:
    """The idea of that number; `for_change` holds it, which only a write may. Raises IdeaNotFound for this member."""
    idea = ideas.by_number(session, caller.workspace_id, number, for_change=for_change)
    if idea is None:
        raise IdeaNotFound(number)
    require_visible(caller, idea)
    return idea


def own_idea(session: Session, caller: Caller, number: int, *, for_change: bool = False) -> Idea:
    """The member's own idea. Raises IdeaNotFound or NotPermitted."""
    idea = visible_idea(session, caller, number, for_change=for_change)
    require_author(caller, idea)
    return idea
