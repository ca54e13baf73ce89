"""Event → use-case → reply, once per event; and every error into a private card, here and nowhere else."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from sqlmodel import Session

from bot.chat import acts
from bot.chat.acts import Act, Call
from bot.chat.events import (
    ButtonClicked,
    CommandTyped,
    Event,
    FormSubmitted,
    HomeOpened,
    MessageChosen,
    Profile,
    ReactionChanged,
    Reply,
)
from bot.chat.platform import Platform
from bot.domain import draft as drafts
from bot.domain.permissions import Caller
from bot.errors import (
    ButineError,
    ChatError,
    IdeaNotFound,
    InvalidInput,
    NotPermitted,
    NotTakenIn,
    UnknownAct,
    WrongStatus,
)
from bot.rules import Rules
from bot.usecases import voting
from bot.usecases.voting import Reaction
from bot.views import problems, wire
from bot.views.cards import Card
from bot.views.texts import Texts
from storage import inbox, workspaces
from storage.database import Database
from storage.errors import NotSaved, StorageError

log = logging.getLogger(__name__)


class Router:
    """Takes one workspace's events in; it is the port's `OnEvent`.

    `on_change` is called after a commit that chat may have to show. `new_reference` makes the short reference that
    stands in the log and in the card of an unexpected error.
    """

    def __init__(
        self,
        database: Database,
        platform: Platform,
        workspace_id: int,
        rules: Rules,
        *,
        clock: Callable[[], datetime],
        new_reference: Callable[[], str],
        on_change: Callable[[], None],
    ) -> None:
        self._database = database
        self._platform = platform
        self._workspace_id = workspace_id
        self._rules = rules
        self._clock = clock
        self._new_reference = new_reference
        self._on_change = on_change

    async def __call__(self, event: Event) -> Reply:
        """The reply to an event whose effects are committed.

        A reaction or form that could not be stored raises NotTakenIn, so that the platform delivers it again, reconcile
        finds it, or it stays open; whoever typed or clicked is told instead, with their text.
        """
        if isinstance(event, ReactionChanged):
            try:
                await self._react(event)
            except NotSaved as error:
                raise NotTakenIn(event.id, error.reason) from error
            return Reply()
        profile = await self._profile(event.member)
        texts = self._rules.texts(profile.locale, profile.time_zone) if profile else self._rules.texts()
        typed = ""
        try:
            act = _act_of(event)
            typed = act.typed
            return await self._run(event, act, profile, texts)
        except InvalidInput as error:
            if isinstance(event, FormSubmitted):
                return Reply(field_errors=problems.field_errors(error, texts))
            return Reply(await self._problem_card(error, texts, typed))
        except UnknownAct as error:
            log.warning("event %s asks for what there is not: %r", event.id, error.what)
            return Reply(await self._problem_card(error, texts, typed))
        except ButineError as error:
            return Reply(await self._problem_card(error, texts, typed))
        except NotSaved as error:
            if isinstance(event, FormSubmitted):
                raise NotTakenIn(event.id, error.reason) from error  # it stays open with everything in it
            log.error("not saved: event %s (%s)", event.id, error)  # noqa: TRY400  the reason says it all
            return Reply(problems.not_saved_card(texts, typed))
        except Exception:
            reference = self._new_reference()
            log.exception("unexpected error, reference %s", reference)
            return Reply(problems.unexpected_card(reference, texts, typed))

    async def _run(self, event: Event, act: Act, profile: Profile | None, texts: Texts) -> Reply:
        """Where chat can't tell who is a moderator, what any member may do is done all the same; to what depends on it
        the answer is chat's failure, and never what would be said to who is none.
        """
        if act.is_anyones:
            return await self._carry_out(event, act, Caller(self._workspace_id, event.member), profile, texts)
        try:
            caller = Caller(self._workspace_id, event.member, await self._platform.is_moderator(event.member))
        except ChatError as error:
            log.warning("not known whether %s is a moderator (%s)", event.member, error)
            anyone = Caller(self._workspace_id, event.member, is_role_known=False)
            try:
                return await self._carry_out(event, act, anyone, profile, texts)
            except (NotPermitted, IdeaNotFound):
                raise error from None
        return await self._carry_out(event, act, caller, profile, texts)

    async def _carry_out(self, event: Event, act: Act, caller: Caller, profile: Profile | None, texts: Texts) -> Reply:
        now = self._clock()
        if not act.writes:
            return await self._database.read(lambda session: act.run(Call(session, caller, self._rules, texts, now)))

        def work(session: Session) -> Reply:
            if (replied := inbox.reply_to(session, self._workspace_id, event.id)) is not None:
                return _decode(replied)
            if profile:
                name = drafts.sound(profile.name)
                workspaces.saw(session, self._workspace_id, event.member, name, profile.locale)
            reply = act.run(Call(session, caller, self._rules, texts, now))
            inbox.add(session, self._workspace_id, event.id, now, _encode(reply))
            return reply

        reply = await self._database.write(work)
        self._on_change()
        return reply

    async def _react(self, event: ReactionChanged) -> None:
        rules, now = self._rules.voting, self._clock()
        if not rules.counts(event.emoji):
            return

        reaction = Reaction(event.message, event.member, event.emoji, event.at, event.is_present)
        work = partial(voting.react, workspace_id=self._workspace_id, reaction=reaction, voting=rules, now=now)
        await self._database.write(work)
        self._on_change()

    async def _profile(self, member: str) -> Profile | None:
        """Whatever keeps chat from telling who somebody is, they are answered."""
        try:
            return await self._platform.profile(member)
        except Exception as error:
            log.warning("no profile for member %s (%s)", member, error, exc_info=not isinstance(error, ChatError))
            return None

    async def _problem_card(self, error: ButineError, texts: Texts, typed: str) -> Card:
        names: dict[str, str] = {}
        if isinstance(error, WrongStatus) and error.by:
            by = error.by
            with suppress(StorageError):  # then nobody is named
                names = await self._database.read(lambda s: workspaces.names(s, self._workspace_id, [by]))
        return problems.problem_card(error, self._rules.command, names, texts, typed)


def _act_of(event: Event) -> Act:
    match event:
        case CommandTyped():
            return acts.of_command(event)
        case ButtonClicked():
            return acts.of_click(event)
        case FormSubmitted():
            return acts.of_form(event)
        case HomeOpened():
            return acts.of_home()
        case MessageChosen():
            return acts.of_message(event)
    raise TypeError(event)


def _encode(reply: Reply) -> dict[str, Any]:
    return {"card": wire.encode(reply.card), "replaces": reply.replaces}


def _decode(stored: dict[str, Any]) -> Reply:
    return Reply(card=wire.decode(stored["card"]), replaces=stored["replaces"])
