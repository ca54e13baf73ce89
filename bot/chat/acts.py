"""What each event asks for: command, click or form → one use-case, and the card that answers it.

Opening transactions, repeated deliveries and errors are the router's part.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlmodel import Session

from bot.chat.events import ButtonClicked, CommandTyped, FormSubmitted, MessageChosen, Reply
from bot.domain import command as commands
from bot.domain import draft as drafts
from bot.domain.draft import Draft
from bot.domain.lifecycle import Action
from bot.domain.permissions import Caller, require_moderator
from bot.errors import UnknownAct
from bot.rules import Rules
from bot.usecases import consent, digesting, moderation, reading, submission, voting
from bot.usecases.submission import Submitted
from bot.views import digest as digest_views
from bot.views import forms, ideas, lists, receipts
from bot.views.actions import ALL, Click, FormName
from bot.views.cards import Form
from bot.views.texts import Texts
from storage.tables import Status


@dataclass(frozen=True, slots=True)
class Call:
    """One event under way: the transaction, who asks, in which words, and when."""

    session: Session
    caller: Caller
    rules: Rules
    texts: Texts
    now: datetime


@dataclass(frozen=True, slots=True)
class Act:
    """What to do. `typed` is the member's text that would be lost if it failed.

    `is_anyones` where it makes no difference who moderates: chat need not be asked.
    """

    run: Callable[[Call], Reply]
    writes: bool = False
    typed: str = ""
    is_anyones: bool = False


def of_command(event: CommandTyped) -> Act:
    """What the typed text asks for."""
    text = drafts.sound(event.text)
    match commands.parse(text):
        case commands.OpenForm():
            return _open_form(forms.propose_form)
        case commands.Capture(idea):
            return _capture(idea)
        case commands.Help():
            return Act(_help)
        case commands.ListIdeas(status):
            return Act(partial(_list, status=status))
        case commands.Mine():
            return Act(_mine)
        case commands.Show(number):
            return Act(partial(_show, number=number))
        case commands.Search(words):
            return Act(partial(_search, words=words, typed=text.strip()))
        case commands.Top():
            return Act(lambda call: Reply(lists.page_card(reading.ranking(call.session, call.caller), call.texts)))
        case commands.Vote(number, is_present):
            return Act(partial(_vote, number=number, is_present=is_present), writes=True)
        case commands.Edit(number):
            return Act(partial(_edit_form, number=number))
        case commands.Withdraw(number):
            return Act(partial(_withdraw, number=number), writes=True)
        case commands.ShowShortlist():
            return Act(_shortlist)
        case commands.Stats():
            return Act(lambda call: Reply(lists.stats_card(reading.stats(call.session, call.caller), call.texts)))
        case commands.Queue():
            return Act(lambda call: Reply(lists.page_card(reading.queue(call.session, call.caller), call.texts)))
        case commands.SetStatus(number, status):
            return Act(partial(_set_status, number=number, status=status), writes=True)
        case commands.PreviewDigest():
            return Act(_preview_digest)
        case commands.PostDigest():
            return Act(_post_digest, writes=True)


def of_click(event: ButtonClicked) -> Act:
    """What the button asks for. Raises UnknownAct."""
    value = drafts.sound(event.value)
    match event.action:
        case Click.CAPTURE:
            return _capture_after_all(value)
        case Click.LIST:
            return Act(partial(_list, status=None if value == ALL else _status(value), replaces=True))
        case Click.MORE_IDEAS:
            status, _, before = value.partition(",")
            return Act(partial(_list, status=_status(status), before=_number(before), replaces=True))
        case Click.MORE_MINE:
            return Act(partial(_mine, before=_number(value), replaces=True))
        case Click.SUPPORT_INSTEAD:
            other, _, own = value.partition(",")
            return Act(partial(_support_instead, number=_number(other), own=_number(own)), writes=True)
        case Click.PROPOSE:
            return _open_form(forms.propose_form)
        case Click.APPROVE:
            number, read = _marked(value)
            return Act(partial(_approve, number=number, read=read, is_private=event.message is None), writes=True)
        case Click.REFUSE:
            number, read = _marked(value)
            return Act(partial(_moderation_form, number=number, action=Action.REFUSE, read=read))
        case Click.ASK:
            number, read = _marked(value)
            return Act(partial(_moderation_form, number=number, action=Action.ASK, read=read))
        case Click.AGREE | Click.DISAGREE:
            return Act(partial(_consent, key=value, agrees=event.action == Click.AGREE), writes=True)
    number = _number(value)
    match event.action:
        case Click.SHOW:
            return Act(partial(_show, number=number))
        case Click.EDIT:
            return Act(partial(_edit_form, number=number))
        case Click.WITHDRAW:
            return Act(partial(_withdraw, number=number, replaces=event.message is None), writes=True)
        case Click.VOTE:
            return Act(partial(_vote, number=number, is_present=True), writes=True)
    raise UnknownAct(event.action)


def of_form(event: FormSubmitted) -> Act:
    """What the form asks for. Raises UnknownAct."""
    values = {name: drafts.sound(text) for name, text in event.values.items()}
    typed = "\n\n".join(text for text in values.values() if text)
    match event.form:
        case FormName.PROPOSE:
            run: Callable[[Call], Reply] = partial(_propose, draft=_draft(values))
            if event.context not in {"", event.member}:
                run = partial(_ask_consent, author=event.context, draft=_draft(values), event=event.id)
        case FormName.EDIT:
            number, read = _marked(event.context)
            run = partial(_edit, number=number, draft=_draft(values), read=read)
        case FormName.REFUSE:
            number, read = _marked(event.context)
            run = partial(_refuse, number=number, reason=values.get("reason", ""), read=read)
        case FormName.ASK:
            number, read = _marked(event.context)
            run = partial(_ask, number=number, question=values.get("question", ""), read=read)
        case _:
            raise UnknownAct(event.form)
    return Act(run, writes=True, typed=typed)


def of_home() -> Act:
    """What a member's own page shows."""
    return Act(lambda call: Reply(lists.home_card(reading.home(call.session, call.caller), call.texts)))


def of_message(event: MessageChosen) -> Act:
    """A form with the message's words. Words that are somebody else's need their consent."""
    asks = event.author if event.author != event.member else None
    return _open_form(partial(forms.message_form, event.text, event.link, asks))


LONGEST_NUMBER = 9  # digits; more fit no number that a view makes


def _number(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > LONGEST_NUMBER:
        raise UnknownAct(value)
    return int(value)


def _marked(value: str) -> tuple[int, str]:
    """An idea's number, and the mark of what was shown of it; "" where the view was of a time that knew none."""
    number, _, mark = value.partition(",")
    return _number(number), mark


def _status(value: str) -> Status | None:
    if value and value not in set(Status):
        raise UnknownAct(value)
    return Status(value) if value else None


def _draft(values: Mapping[str, str]) -> Draft:
    return Draft(*(values.get(name, "") for name in ("title", "need", "proposal", "benefit")))


def _open_form(form_in: Callable[[Texts], Form]) -> Act:
    """A form for a new idea, in the member's language. Chat has it open within three seconds or not at all."""
    return Act(lambda call: Reply(form=form_in(call.texts)), is_anyones=True)


def _capture(text: str) -> Act:
    return Act(lambda call: _propose(call, drafts.split(text)), writes=True, typed=text, is_anyones=True)


def _capture_after_all(text: str) -> Act:
    def run(call: Call) -> Reply:
        may_support_own, draft = call.rules.voting.own_ideas, drafts.split(text)
        submitted = submission.submit_once(call.session, call.caller, draft, call.now, may_support_own=may_support_own)
        return _receipt(call, submitted, replaces=True)

    return Act(run, writes=True, typed=text, is_anyones=True)


def _propose(call: Call, draft: Draft) -> Reply:
    may_support_own = call.rules.voting.own_ideas
    submitted = submission.submit(call.session, call.caller, draft, call.now, may_support_own=may_support_own)
    return _receipt(call, submitted)


def _ask_consent(call: Call, author: str, draft: Draft, event: str) -> Reply:
    consent.ask(call.session, call.caller, author, draft, event, call.now)
    return Reply(receipts.consent_asked_card(call.texts))


def _consent(call: Call, *, key: str, agrees: bool) -> Reply:
    consent.answer(call.session, call.caller, key, call.now, agrees=agrees)
    return Reply()  # the request itself shows it


def _receipt(call: Call, submitted: Submitted, *, replaces: bool = False) -> Reply:
    links = reading.card_links(call.session, call.caller.workspace_id, submitted.similar)
    period = digesting.next_one(call.session, call.caller.workspace_id, call.rules.weekly, call.now)
    return Reply(receipts.submitted_card(submitted, period.due_at, links, call.texts), replaces=replaces)


def _edit_form(call: Call, number: int) -> Reply:
    return Reply(form=forms.edit_form(submission.editable_idea(call.session, call.caller, number), call.texts))


def _edit(call: Call, number: int, draft: Draft, read: str) -> Reply:
    edited = submission.edit(call.session, call.caller, number, draft, call.now, read=read)
    return Reply(receipts.edited_card(edited, call.texts))


def _withdraw(call: Call, *, number: int, replaces: bool = False) -> Reply:
    withdrawn = submission.withdraw(call.session, call.caller, number, call.now)
    return Reply(receipts.withdrawn_card(withdrawn, call.texts), replaces=replaces)


def _support_instead(call: Call, number: int, own: int) -> Reply:
    done = voting.support_instead(call.session, call.caller, number, own, call.rules.voting, call.now)
    return Reply(receipts.supported_card(done, call.texts), replaces=True)


def _vote(call: Call, *, number: int, is_present: bool) -> Reply:
    voted = voting.cast(call.session, call.caller, number, call.rules.voting, call.now, is_present=is_present)
    return Reply(receipts.voted_card(voted, call.texts))


def _approve(call: Call, number: int, read: str, *, is_private: bool) -> Reply:
    decided = moderation.approve(call.session, call.caller, number, call.now, read=read)
    if is_private:
        return Reply(receipts.decided_card(decided, call.texts), replaces=True)
    return Reply()  # the review card itself shows it


def _moderation_form(call: Call, number: int, action: Action, read: str) -> Reply:
    idea = moderation.undecided_idea(call.session, call.caller, number, action, read=read)
    form = forms.refuse_form if action is Action.REFUSE else forms.ask_form
    return Reply(form=form(idea, call.texts))


def _refuse(call: Call, number: int, reason: str, read: str) -> Reply:
    decided = moderation.refuse(call.session, call.caller, number, reason, call.now, read=read)
    return Reply(receipts.decided_card(decided, call.texts))


def _ask(call: Call, number: int, question: str, read: str) -> Reply:
    decided = moderation.ask(call.session, call.caller, number, question, call.now, read=read)
    return Reply(receipts.decided_card(decided, call.texts))


def _set_status(call: Call, number: int, status: Status) -> Reply:
    decided = moderation.set_status(call.session, call.caller, number, status, call.now)
    return Reply(receipts.decided_card(decided, call.texts))


def _help(call: Call) -> Reply:
    may_moderate = call.caller.is_moderator or not call.caller.is_role_known
    return Reply(lists.help_card(call.rules.command, call.texts, is_moderator=may_moderate))


def _list(call: Call, *, status: Status | None, before: int | None = None, replaces: bool = False) -> Reply:
    page = reading.list_ideas(call.session, call.caller, status, before)
    return Reply(lists.page_card(page, call.texts), replaces=replaces)


def _mine(call: Call, *, before: int | None = None, replaces: bool = False) -> Reply:
    return Reply(lists.page_card(reading.mine(call.session, call.caller, before), call.texts), replaces=replaces)


def _show(call: Call, number: int) -> Reply:
    return Reply(ideas.shown_card(reading.show(call.session, call.caller, number), call.texts))


def _search(call: Call, words: str, typed: str) -> Reply:
    return Reply(lists.page_card(reading.find(call.session, call.caller, words, typed), call.texts))


def _shortlist(call: Call) -> Reply:
    return Reply(lists.shortlist_card(reading.last_shortlist(call.session, call.caller), call.texts))


def _preview_digest(call: Call) -> Reply:
    require_moderator(call.caller)
    workspace_id = call.caller.workspace_id
    period = digesting.current_one(call.session, workspace_id, call.rules.weekly, call.now)
    contents = digesting.preview(call.session, workspace_id, period, call.rules.sizes, call.now)
    return Reply(digest_views.digest_card(contents, call.texts, is_preview=True))


def _post_digest(call: Call) -> Reply:
    require_moderator(call.caller)
    weekly, workspace_id = call.rules.weekly, call.caller.workspace_id
    period = digesting.wished_one(weekly, call.now)
    contents = digesting.publish_early(call.session, workspace_id, period, call.rules.sizes, call.now)
    following = digesting.next_one(call.session, workspace_id, weekly, call.now)
    return Reply(digest_views.posted_card(contents, period.due_at, following.due_at, call.texts))
