"""Who may do and see what."""

from dataclasses import dataclass

from bot.domain.lifecycle import PUBLIC
from bot.errors import IdeaNotFound, NotPermitted
from storage.tables import Idea


@dataclass(frozen=True, slots=True)
class Caller:
    """The member who asks for something, as the platform vouches for them at this moment.

    `is_role_known` is false where it can't tell who moderates: then `is_moderator` is no more than not proved.
    """

    workspace_id: int
    member_id: str
    is_moderator: bool = False
    is_role_known: bool = True


def require_moderator(caller: Caller) -> None:
    """Raises NotPermitted for anybody else."""
    if not caller.is_moderator:
        raise NotPermitted("moderator")


def require_known_role(caller: Caller) -> None:
    """Before an answer that would say to a moderator what holds for others alone. Raises NotPermitted."""
    if not caller.is_role_known:
        raise NotPermitted("moderator")


def require_author(caller: Caller, idea: Idea) -> None:
    """Raises NotPermitted for another member; who may not even see the idea is told that there is none."""
    if idea.author_id == caller.member_id:
        return
    require_visible(caller, idea)
    raise NotPermitted("author")


def require_visible(caller: Caller, idea: Idea) -> None:
    """Before publication an idea exists for its author and the moderators alone. Raises IdeaNotFound."""
    if not can_see(caller, idea):
        raise IdeaNotFound(idea.number)


def can_read_exchange(caller: Caller, idea: Idea) -> bool:
    """Whether this member may read what moderators wrote to the author: a question, the reason of a refusal."""
    return caller.is_moderator or idea.author_id == caller.member_id


def can_see(caller: Caller, idea: Idea) -> bool:
    """Whether this member may know of the idea."""
    return idea.status in PUBLIC or caller.is_moderator or idea.author_id == caller.member_id
