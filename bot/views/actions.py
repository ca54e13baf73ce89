"""Names of buttons and forms, as they travel through chat and come back. What they do is acts.py's part."""

from enum import StrEnum


class Click(StrEnum):
    """A button's action; its value is an idea's number where nothing else is said."""

    EDIT = "edit"
    WITHDRAW = "withdraw"
    VOTE = "vote"
    SUPPORT_INSTEAD = "support_instead"
    """Value: the number to support, a comma, the number to withdraw."""
    APPROVE = "approve"
    """Value: the number, a comma, the mark of the text that is decided on (bot/domain/seen.py); on cards of 0.1.0 the
    number alone."""
    REFUSE = "refuse"
    """Value: as of APPROVE."""
    ASK = "ask"
    """Value: as of APPROVE."""
    SHOW = "show"
    LIST = "list"
    """Value: a status, or ALL."""
    MORE_IDEAS = "more_ideas"
    """Value: a status or nothing, a comma, the number to go on below."""
    MORE_MINE = "more_mine"
    """Value: the number to go on below."""
    PROPOSE = "propose"
    """No value."""
    AGREE = "agree"
    """Value: the key of a request for consent."""
    DISAGREE = "disagree"
    """Value: as of AGREE."""
    CAPTURE = "capture"
    """Value: the text of an idea that was taken for a search."""


class FormName(StrEnum):
    """A form's name; its context is an idea's number where nothing else is said."""

    PROPOSE = "propose"
    """Context: whose words it uses, if another's."""
    EDIT = "edit"
    """Context: the number, a comma, the mark of the moderators' word that stands above the fields (bot/domain/seen.py);
    in forms of 0.1.0 the number alone."""
    REFUSE = "refuse"
    """Context: the value of the button that opens it."""
    ASK = "ask"
    """Context: as of REFUSE."""


ALL = "all"
"""In the place of a status: whatever is public."""

VALUE_LIMIT = 300
"""The most characters that a button's value holds on every platform."""
