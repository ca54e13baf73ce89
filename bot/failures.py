"""From an error to the sentence that the operator reads, and the command line's exit code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot import errors
from bot.config import ConfigErrors
from bot.views.texts import Texts
from storage.errors import CannotOpen, NotSaved, NotSound

REFUSED, CONFIG, DATABASE, NETWORK = 1, 3, 4, 5

_CONFIG: Mapping[str, str] = {
    "file_missing": "cli.error.file_missing",
    "file_unreadable": "cli.error.file_unreadable",
    "file_broken": "cli.error.file_broken",
    "file_not_utf8": "cli.error.file_not_utf8",
    "unknown_key": "cli.error.unknown_key",
    "missing_key": "cli.error.missing_key",
    "wrong_value": "cli.error.wrong_value",
    "same_channel": "cli.error.same_channel",
    "room_in_the_open": "cli.error.room_in_the_open",
    "ca_file": "cli.error.ca_file",
    "mattermost_token": "cli.error.mattermost_token",
    "mattermost_url": "cli.error.mattermost_url",
    "no_team": "cli.error.no_team",
    "no_channel": "cli.error.no_channel",
    "room_database": "cli.error.room_database",
    "port_in_use": "cli.error.port_in_use",
    "cannot_listen": "cli.error.cannot_listen",
    "untrusted": "cli.error.untrusted",
}
_CODES: Mapping[str, int] = {
    "room_database": DATABASE,
    **dict.fromkeys(("port_in_use", "cannot_listen", "untrusted", "mattermost_url"), NETWORK),
}
"""Of the settings, those whose trouble is found elsewhere than in the configuration."""
_REFUSED: Mapping[str, str] = {
    "no_workspace": "cli.error.no_workspace",
    "no_such_workspace": "cli.error.no_such_workspace",
    "which_workspace": "cli.error.which_workspace",
    "no_idea": "cli.error.no_idea",
    "already_done": "cli.error.already_done",
    "nothing_to_say": "cli.error.nothing_to_say",
    "file_exists": "cli.error.file_exists",
    "cannot_write": "cli.error.cannot_write",
    "cannot_read": "cli.error.cannot_read",
    "bad_line": "cli.error.bad_line",
    "bad_line_lacks": "cli.error.bad_line_lacks",
    "bad_line_unknown": "cli.error.bad_line_unknown",
    "bad_line_value": "cli.error.bad_line_value",
    "bad_text": "cli.error.bad_text",
    "backup_postgresql": "cli.error.backup_postgresql",
    "admin_token": "cli.error.admin_token",
    "no_admin": "cli.error.no_admin",
    "no_such_channel": "cli.error.no_such_channel",
    "channel_archived": "cli.error.channel_archived",
    "no_team": "cli.error.no_such_team",
    "name_taken": "cli.error.name_taken",
    "review_open": "cli.error.review_open",
    "command_taken": "cli.error.command_taken",
}
_CANNOT_OPEN: Mapping[str, str] = {
    CannotOpen.MISWRITTEN: "cli.error.miswritten",
    CannotOpen.UNREACHABLE: "cli.error.unreachable",
    CannotOpen.UNWRITABLE: "cli.error.unwritable",
    CannotOpen.UNLOCKABLE: "cli.error.unlockable",
    CannotOpen.DAMAGED: "cli.error.damaged",
    CannotOpen.TOO_NEW: "cli.error.too_new",
    CannotOpen.OUTDATED: "cli.error.outdated",
    CannotOpen.EMPTY: "cli.error.no_workspace",
    CannotOpen.FOREIGN: "cli.error.foreign",
    CannotOpen.IN_USE: "cli.error.in_use",
    CannotOpen.ENCODING: "cli.error.encoding",
    CannotOpen.LEFTOVER: "cli.error.leftover",
}


class Refused(errors.ButineError):
    """An operation that can't be done as asked; `code` names the sentence, `values` fill it."""

    def __init__(self, code: str, **values: Any) -> None:  # noqa: ANN401  they go into a sentence
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(eq=False)
class ImportStopped(errors.ButineError):
    """The database failed in the middle of an import; so many ideas are `added`, and the same import goes on."""

    added: int
    reason: str


def explain(error: Exception, texts: Texts) -> tuple[str, int]:
    """The sentence (a line for each where there are several) and the exit code."""
    match error:
        case ConfigErrors(problems=problems):
            return "\n".join(explain(problem, texts)[0] for problem in problems), CONFIG
        case errors.ConfigError(code=code, values=values):
            return texts(_config_sentence(code, values), **values), _CODES.get(code, CONFIG)
        case Refused(code="problems"):
            return texts.plural("cli.check.problems", error.values["count"]), REFUSED
        case Refused():
            return texts(_REFUSED[error.code], **error.values), REFUSED
        case ImportStopped(added=added, reason=reason):
            return texts.plural("cli.error.import_stopped", added, reason=_first_line(reason)), DATABASE
        case CannotOpen() | NotSaved() | NotSound():
            return _about_storage(error, texts), DATABASE
        case errors.ChatUnavailable(reason=reason) | errors.ChatRefused(reason=reason):
            return texts("cli.error.chat", reason=reason), NETWORK
    return texts("cli.error.unexpected", reason=_first_line(f"{type(error).__name__}: {error}")), REFUSED


def _config_sentence(code: str, values: Mapping[str, str]) -> str:
    if code == "unknown_key" and values["near"]:
        return "cli.error.unknown_key_near"
    if code == "wrong_value" and not values["given"]:  # it is secret
        return "cli.error.wrong_secret"
    return _CONFIG[code]


def _first_line(reason: str) -> str:
    """Drivers add hints and positions below; the log and --debug have them."""
    return next(iter(reason.strip().splitlines()), "?").rstrip(".")


def _about_storage(error: CannotOpen | NotSaved | NotSound, texts: Texts) -> str:
    match error:
        case CannotOpen(code=CannotOpen.UNREACHABLE, url=url, reason=reason) if url.startswith("sqlite:") and reason:
            return texts("cli.error.unopened", url=url, reason=_first_line(reason))
        case CannotOpen(code=code, url=url, reason=reason):
            return texts(_CANNOT_OPEN[code], url=url, reason=_first_line(reason))
        case NotSound(source=source, reason=reason):
            return texts("cli.error.not_sound", source=source, reason=_first_line(reason))
    sentence = "cli.check.damaged" if error.is_damage else "cli.error.not_saved"
    return texts(sentence, reason=_first_line(error.reason))
