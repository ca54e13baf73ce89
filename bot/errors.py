"""What can go wrong, as types with values. No sentences: bot/views/problems.py has those.

Errors of the database live in storage/errors.py, because storage imports nothing of bot.
"""

from collections.abc import Mapping
from dataclasses import dataclass


class ButineError(Exception):
    """Anything that is expected to go wrong now and then."""


# dataclass generates __init__ and __eq__; eq=False keeps exceptions hashable, which traceback printing needs.


@dataclass(eq=False)
class InvalidInput(ButineError):
    """A text that can't be taken: `problem` says why ("required", "too_long"), `limit` in characters."""

    field: str
    problem: str
    limit: int = 0
    length: int = 0


@dataclass(eq=False)
class IdeaNotFound(ButineError):
    """No idea of that number that this member may see."""

    number: int


@dataclass(eq=False)
class NotPermitted(ButineError):
    """The member has no right to do that; `needs` is "moderator" or "author"."""

    needs: str


@dataclass(eq=False)
class WrongStatus(ButineError):
    """The idea's status doesn't allow it. `action` is what was tried; who decided and when, where known."""

    number: int
    status: str
    action: str
    by: str | None = None


@dataclass(eq=False)
class TextChanged(ButineError):
    """The idea has another text than the one that was decided on: `text`, its four parts by name, with its `mark`."""

    number: int
    text: Mapping[str, str]
    mark: str


@dataclass(eq=False)
class RefusedMeanwhile(ButineError):
    """The idea was refused, for that reason, after the form was opened with which its author sends another text."""

    number: int
    reason: str


@dataclass(eq=False)
class OwnIdea(ButineError):
    """A vote for one's own idea, where that does not count."""

    number: int


@dataclass(eq=False)
class NothingToShow(ButineError):
    """What was asked for does not exist, or not any more; `what` is "shortlist", "digest" or a view."""

    what: str


@dataclass(eq=False)
class AlreadyDone(ButineError):
    """The period's digest exists already."""

    period: str


@dataclass(eq=False)
class UnknownAct(ButineError):
    """A button or form that no view makes (any more), or a value that none of them sends."""

    what: str


@dataclass(eq=False)
class NotTakenIn(ButineError):
    """Nothing of an event could be stored, so that it is to come again: `event` is its id, `reason` the database's."""

    event: str
    reason: str


@dataclass(eq=False)
class ConfigError(ButineError):
    """A setting that can't be used; `code` names the sentence, `values` fill it."""

    code: str
    values: dict[str, str]


class ChatError(ButineError):
    """The chat platform did not do what it was asked; as a string, the reason alone."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


@dataclass(eq=False)
class ChatUnavailable(ChatError):
    """It may work later. `retry_after` in seconds, where the platform said so.

    `is_uncertain` says that the message, or its edit, may have arrived all the same, or may still arrive.
    """

    reason: str
    retry_after: float | None = None
    is_uncertain: bool = False


class NeedsMending(ChatUnavailable):
    """It works once the operator has mended something: a token, a right, a file. Waiting alone won't do."""


@dataclass(eq=False)
class ChatRefused(ChatError):
    """It will never work like this; `reason` is the platform's code, for the operator."""

    reason: str


class MemberLeft(ChatRefused):
    """The member's account is deactivated: what is for them waits in case they come back. Nothing is to be mended."""


@dataclass(eq=False)
class MessageGone(ChatError):
    """The message is not there any more."""

    message: str
