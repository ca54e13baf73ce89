"""What is believed of what Mattermost calls, handed on as events, and answered.

What an event means is the router's matter. A request that is not believed changes nothing and learns nothing.
"""

import json
import logging
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.chat.events import ButtonClicked, CommandTyped, Event, FormSubmitted, Reply
from bot.chat.mattermost import inbound
from bot.chat.mattermost.inbound import Clicked, Json, Submitted
from bot.chat.mattermost.people import People
from bot.chat.mattermost.posts import Posts
from bot.chat.mattermost.render import dialog_of, has_buttons, message_of, question_of
from bot.chat.mattermost.rest import Rest
from bot.chat.mattermost.trust import Fact, Forged, Seal, Seen, Triggers, event_id, is_same, trigger_name
from bot.chat.platform import OnEvent
from bot.errors import ChatError, ChatRefused, ChatUnavailable, MessageGone, NotTakenIn
from bot.views.cards import Button, Card, Form, Paragraph, Quotation
from bot.views.texts import Texts, known_language

log = logging.getLogger(__name__)

FORM_LIFE = timedelta(days=4)
"""A form may stay open over a long weekend."""
TELL_TRIES = 4
PROBE = "butine-check"
"""A dialog's state by which `butine check` has the server call: answered with a word, and nothing is done."""


@dataclass
class Desk:
    """Decides what is believed, hands it on as events, and answers."""

    on_event: OnEvent
    rest: Rest
    posts: Posts
    people: People
    seal: Seal
    triggers: Triggers
    command_token: str
    team: str
    dialog_url: str
    language: str
    whispers: bool
    """Whether the answer to a click is seen where it was clicked. The server makes it a reply to the clicked message,
    and where replies are collapsed, current clients show it in that thread alone (mattermost#30310)."""
    clock: Callable[[], datetime]
    later: Callable[[Coroutine[Any, Any, Any]], object]
    sleep: Callable[[float], Coroutine[Any, Any, None]]

    def __post_init__(self) -> None:
        self._sent = Seen(self.clock)

    async def command(self, typed: inbound.Typed) -> Json:
        """The answer to a slash command. Raises Forged."""
        if not is_same(typed.token, self.command_token):
            raise Forged("command_token")
        if typed.team != self.team:
            raise Forged("foreign_team")
        at = self.triggers.take(typed.trigger, typed.member)
        event = CommandTyped(event_id("command", trigger_name(typed.trigger)), typed.member, at, typed.text)
        reply = await self._take_in(event)
        if reply is None:
            return self.posts.answer(self._not_saved(typed.member, typed.text), typed.channel, typed.member)
        if reply.form and not await self._open(reply.form, typed.trigger, typed.member):
            return self.posts.answer(self._too_late(typed.member), typed.channel, typed.member)
        return self.posts.answer(reply.card, typed.channel, typed.member) if reply.card else {}

    async def click(self, clicked: Clicked) -> Json:
        """The answer to a click. Raises Forged."""
        facts = self._facts_of(clicked.context)
        self._require_place(facts, clicked)
        await self._require_post(facts, clicked.post)
        at = self.triggers.take(clicked.trigger, clicked.member)
        key = event_id("click", trigger_name(clicked.trigger))
        if facts["confirm"]:
            is_open = await self._ask(facts, clicked)
            return {} if is_open else self._told(clicked.member, self._too_late(clicked.member), key)
        event = ButtonClicked(
            key,
            clicked.member,
            at,
            str(facts["do"]),
            str(facts["value"]),
            clicked.post if facts["kind"] == "post" else None,
        )
        reply = await self._take_in(event)
        if reply is None:
            return self._told(clicked.member, self._not_saved(clicked.member, ""), key)
        if reply.form:
            is_open = await self._open(reply.form, clicked.trigger, clicked.member)
            return {} if is_open else self._told(clicked.member, self._too_late(clicked.member), key)
        if reply.card is None:
            return {}
        if reply.replaces and facts["kind"] == "reply" and await self._try_to_replace(clicked, reply.card):
            return {}
        return self._told(clicked.member, reply.card, key)

    def _facts_of(self, context: Json) -> dict[str, Fact]:
        """What a button or menu was sealed with; the server adds what is chosen from a menu, as any client says."""
        if "options" not in context:
            return self.seal.opened("click", context)
        choice = context.get("selected_option")
        facts = self.seal.opened("click", {name: fact for name, fact in context.items() if name != "selected_option"})
        if not isinstance(choice, str) or choice not in json.loads(str(facts["options"])):
            raise Forged("option")
        return {**facts, "value": choice}

    async def submission(self, submitted: Submitted) -> Json:
        """The answer to a dialog. Raises Forged."""
        if submitted.state == PROBE:
            return {"error": PROBE}
        facts = self._facts_in(submitted)
        once = str(facts["once"])
        if submitted.is_cancelled:
            return {}
        if self._is_over(facts):
            # Any other answer than this would close the form, and what was written is gone.
            return {"error": self._texts(submitted.member)("mattermost.form_expired")}
        event = self._event_of(facts, submitted, once)
        reply = await self._take_in(event)
        if reply is None:
            return {"error": self._texts(submitted.member)("problem.not_saved")}
        if reply.field_errors:
            return {"errors": dict(reply.field_errors)}
        self._sent.add(once, self.clock() + 2 * FORM_LIFE)
        if reply.card and reply.replaces and facts.get("kind") == "reply":
            self.later(self._replace(str(facts["post"]), reply.card, submitted.member, event.id))
        elif reply.card:
            self.later(self._tell(submitted.member, reply.card, event.id))
        return {}

    def _facts_in(self, submitted: Submitted) -> dict[str, Fact]:
        """What a form was sealed with. Raises Forged, also for one that was taken before."""
        try:
            state = json.loads(submitted.state)
        except (ValueError, RecursionError) as error:
            raise Forged("state") from error
        if not isinstance(state, dict):
            raise Forged("state")
        facts = self.seal.opened("form", state)
        _require_member(facts, submitted.member)
        if str(facts["once"]) in self._sent:
            raise Forged("form_replayed")
        return facts

    def _event_of(self, facts: dict[str, Fact], submitted: Submitted, once: str) -> Event:
        now = self.clock()
        if facts["is"] == "form":
            name, context = str(facts["form"]), str(facts["context"])
            return FormSubmitted(event_id("form", once), submitted.member, now, name, context, submitted.values)
        post = str(facts["post"]) if facts["kind"] == "post" else None
        return ButtonClicked(
            event_id("click", once), submitted.member, now, str(facts["do"]), str(facts["value"]), post
        )

    def _require_place(self, facts: dict[str, Fact], clicked: Clicked) -> None:
        """Raises Forged for a click of another channel or member than it was made for, or too long after that.

        The server itself says which channel and team the button stands in.
        """
        if clicked.team not in (self.team, ""):  # direct conversations have no team
            raise Forged("foreign_team")
        if facts["channel"] != clicked.channel:
            raise Forged("channel")
        _require_member(facts, clicked.member)
        if self._is_over(facts):
            raise Forged("expired")

    def _is_over(self, facts: dict[str, Fact]) -> bool:
        until = facts["until"]
        return bool(until) and self.clock().timestamp() > int(until or 0)

    async def _require_post(self, facts: dict[str, Fact], post: str) -> None:
        """Raises Forged for a button that stands in another post than the one it was made for."""
        if facts["kind"] == "private":
            return
        try:
            known = await self.posts.known(post)
        except ChatError as error:
            raise Forged("post_unknown") from error
        if known is None or known.key != facts["key"] or known.channel != facts["channel"]:
            raise Forged("post")

    async def _take_in(self, event: Event) -> Reply | None:
        """The reply; None where the event could not be taken in at all."""
        try:
            return await self.on_event(event)
        except NotTakenIn as error:
            log.error("not taken in: %s (%s)", error.event, error.reason)  # noqa: TRY400  the reason says it all
            return None
        except Exception:
            log.exception("not taken in: event %s", event.id)
            return None

    async def _open(self, form: Form, trigger: str, member: str) -> bool:
        """Open a form; False where the server would not, which is when it was asked too late."""
        facts: dict[str, Fact] = {"is": "form", "form": form.name, "context": form.context, "member": member}
        return await self._show(trigger, dialog_of(form, self._state(facts)))

    async def _ask(self, facts: dict[str, Fact], clicked: Clicked) -> bool:
        """Open the question that is to be answered before the click counts."""
        button = Button(str(facts["label"]), str(facts["do"]), confirm=str(facts["confirm"]))
        kept = {name: facts[name] for name in ("do", "value", "kind")}
        state = self._state({**kept, "is": "confirm", "post": clicked.post, "member": clicked.member})
        return await self._show(clicked.trigger, question_of(button, state))

    def _state(self, facts: dict[str, Fact]) -> str:
        until = int((self.clock() + FORM_LIFE).timestamp())
        return json.dumps(self.seal.sealed("form", {**facts, "until": until, "once": secrets.token_hex(12)}))

    async def _show(self, trigger: str, dialog: Json) -> bool:
        try:
            await self.rest.open_dialog(trigger, self.dialog_url, dialog)
        except ChatError as error:
            log.warning("a dialog could not be opened (%s)", error)
            return False
        return True

    async def _tell(self, member: str, card: Card, key: str) -> None:
        """Private words as a direct message."""

        async def send() -> None:
            await self.posts.create(await self.posts.conversation(member), card, key, reply_to=member)

        await self._try_to_send(send)

    async def _try_to_replace(self, clicked: Clicked, card: Card) -> bool:
        """Put the card in the place of the private words that were clicked; False where that can't be done.

        An `update` in the answer would have the server show an error instead of it, where it lets nothing so old be
        edited (DoPostActionWithCookie in its app/integration_action.go).
        """
        try:
            await self.posts.update(clicked.post, card, reply_to=clicked.member)
        except ChatError as error:
            log.warning("private answer not replaced (%s)", error)
            return False
        return True

    async def _replace(self, post: str, card: Card, member: str, key: str) -> None:
        """Private words in place of others, or anew where that can't be done."""

        async def send() -> None:
            await self.posts.update(post, card, reply_to=member)

        if not await self._try_to_send(send):
            await self._tell(member, card, key)

    async def _try_to_send(self, send: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Send a private answer: what it tells is committed, so a few tries are enough."""
        for attempt in range(1, TELL_TRIES + 1):
            try:
                await send()
            except ChatUnavailable as error:
                log.warning("private answer not sent (%s), try %s", error.reason, attempt)
                if attempt < TELL_TRIES:
                    await self.sleep(error.retry_after or 2.0**attempt)
            except MessageGone:
                log.warning("private answer not sent: the one before it is gone")
                return False
            except ChatRefused as error:
                log.error("private answer not sent: %s", error.reason)  # noqa: TRY400  the reason says it all
                return False
            else:
                return True
        return False

    def _told(self, member: str, card: Card, key: str) -> Json:
        """The answer to a click: words where it was clicked if they are seen there, which buttons never are."""
        if self.whispers and not has_buttons(card):
            return _whisper(card)
        self.later(self._tell(member, card, key))
        return _whisper(_says(self._texts(member)("mattermost.answered_directly"))) if self.whispers else {}

    def _texts(self, member: str) -> Texts:
        return Texts(known_language(self.people.locale(member), self.language))

    def _not_saved(self, member: str, text: str) -> Card:
        texts = self._texts(member)
        words = Paragraph((texts("problem.not_saved"),))
        return Card("", (words, Quotation(texts("receipt.your_text"), text)) if text.strip() else (words,), "error")

    def _too_late(self, member: str) -> Card:
        return _says(self._texts(member)("mattermost.form_late"))


def _require_member(facts: dict[str, Fact], member: str) -> None:
    """Raises Forged for what was handed out to somebody else."""
    if facts["member"] not in ("", member):
        raise Forged("member")


def _whisper(card: Card) -> Json:
    return {"ephemeral_text": message_of(card), "skip_slack_parsing": True}


def _says(sentence: str) -> Card:
    return Card(sentence, (Paragraph((sentence,)),))
