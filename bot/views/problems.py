"""What went wrong, as a private card that says what to do; and as sentences at a form's fields."""

from collections.abc import Mapping

from bot import errors
from bot.domain.lifecycle import Action
from bot.views.cards import Block, Card, Paragraph, Quotation
from bot.views.ideas import STATUS_LABEL, decisions_to_take, name_of
from bot.views.texts import Texts
from storage.tables import Status

_ACTION_PROBLEM: Mapping[str, str] = {
    Action.EDIT: "problem.cannot_edit",
    Action.WITHDRAW: "problem.cannot_withdraw",
    Action.APPROVE: "problem.already_decided",
    Action.REFUSE: "problem.already_decided",
    Action.ASK: "problem.already_decided",
    Action.VOTE: "problem.cannot_vote",
    Action.SET_STATUS: "problem.cannot_set_status",
}


_FIELD: Mapping[str, str] = {
    "title": "field.title",
    "need": "field.need",
    "proposal": "field.proposal",
    "benefit": "field.benefit",
}
_ABOUT_AN_IDEA: Mapping[type[errors.ButineError], str] = {
    errors.IdeaNotFound: "problem.not_found",
    errors.OwnIdea: "problem.own_idea",
    errors.TextChanged: "problem.text_changed",
    errors.RefusedMeanwhile: "problem.refused_meanwhile",
}
_PLAIN: Mapping[type[errors.ButineError], str] = {
    errors.ChatError: "problem.chat_unavailable",
    errors.UnknownAct: "problem.unknown_act",
}


def problem_card(
    error: errors.ButineError, command: str, names: Mapping[str, str], texts: Texts, typed: str = ""
) -> Card:
    """The sentence for an expected error, and what is needed to go on; `typed` is given back where the member would
    lose it.
    """
    sentence = _sentence(error, command, names, texts)
    blocks: list[Block] = [Paragraph((sentence,))]
    if isinstance(error, errors.RefusedMeanwhile):
        blocks.append(Quotation(texts("field.reason"), error.reason))
    if typed:
        blocks.append(Quotation(texts("receipt.your_text"), typed))
    if isinstance(error, errors.TextChanged):
        blocks += [Quotation(texts(_FIELD[name]), part) for name, part in error.text.items() if part]
        blocks.append(decisions_to_take(error.number, error.mark, texts))
    # That there is nothing yet is no mistake of whoever asks.
    return Card(sentence, tuple(blocks), "plain" if isinstance(error, errors.NothingToShow) else "error")


def not_saved_card(texts: Texts, typed: str = "") -> Card:
    """Nothing was stored; the member's text is given back to be sent again."""
    return _with_text(texts("problem.not_saved"), typed, texts)


def unexpected_card(reference: str, texts: Texts, typed: str = "") -> Card:
    """Something that should not happen, with the reference under which the log has it."""
    return _with_text(texts("problem.unexpected", reference=reference), typed, texts)


def field_errors(error: errors.InvalidInput, texts: Texts) -> Mapping[str, str]:
    """The sentence at the field that can't be taken."""
    return {error.field: _invalid(error, texts)}


def _with_text(sentence: str, typed: str, texts: Texts) -> Card:
    given_back = (Quotation(texts("receipt.your_text"), typed),) if typed else ()
    return Card(sentence, (Paragraph((sentence,)), *given_back), "error")


def _sentence(error: errors.ButineError, command: str, names: Mapping[str, str], texts: Texts) -> str:
    match error:
        case errors.InvalidInput():
            return _invalid(error, texts)
        case errors.IdeaNotFound() | errors.OwnIdea() | errors.TextChanged() | errors.RefusedMeanwhile():
            return texts(_ABOUT_AN_IDEA[type(error)], number=error.number, command=command)
        case errors.NotPermitted(needs="moderator"):
            return texts("problem.needs_moderator", command=command)
        case errors.NotPermitted():
            return texts("problem.needs_author", command=command)
        case errors.NothingToShow(what=what):
            return texts("problem.nothing_to_announce" if what == "digest" else "problem.no_shortlist")
        case errors.AlreadyDone(period=period):
            return texts("problem.already_done", period=texts.week(period), command=command)
        case errors.WrongStatus():
            return _wrong_status(error, command, names, texts)
    return texts(_plain_key(error), command=command)


def _plain_key(error: errors.ButineError) -> str:
    """The sentence of an error that has no values to tell; the error itself where there is none."""
    for kind, key in _PLAIN.items():
        if isinstance(error, kind):
            return key
    raise error


def _wrong_status(error: errors.WrongStatus, command: str, names: Mapping[str, str], texts: Texts) -> str:
    key = _ACTION_PROBLEM[error.action]
    if error.status == Status.WITHDRAWN and error.action in {Action.EDIT, Action.WITHDRAW}:
        key = "problem.already_withdrawn"
    if error.status == Status.PENDING and error.action == Action.SET_STATUS:
        key = "problem.decide_first"
    status = texts(STATUS_LABEL[Status(error.status)])
    if key == "problem.already_decided" and error.by:
        who = name_of(error.by, names, texts)
        return texts("problem.decided_by", number=error.number, status=status, moderator=who)
    return texts(key, number=error.number, status=status, command=command)


def _invalid(error: errors.InvalidInput, texts: Texts) -> str:
    if error.problem == "too_long":
        return texts("problem.too_long", limit=texts.number(error.limit), length=texts.number(error.length))
    return texts("problem.required")
