"""What the room does when somebody does something in it: keeps it, hands it over as an event, shows the reply.

Knows neither HTTP nor HTML, and not what the events mean.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.chat.events import Event, Reply
from bot.chat.platform import OnEvent
from bot.chat.web import glyphs, inbound
from bot.chat.web.inbound import Gesture, NewPerson, Payload, Refused
from bot.chat.web.places import Places
from bot.chat.web.room import Message, NewMessage, Persona, Room, RoomStore
from bot.chat.web.window import Window
from bot.errors import NotTakenIn
from bot.views.cards import Card, Form, Paragraph
from bot.views.texts import LANGUAGES
from bot.views.wire import written

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the browser is to show of a gesture: messages that changed, the reply, a form, sentences at its fields.

    `keeps_text` says that what was typed stays in the box, because it did not do what its author wanted.
    """

    window: Window
    messages: Sequence[int] = ()
    reply: int | None = None
    form: Form | None = None
    origin: int | None = None
    field_errors: Mapping[str, str] | None = None
    keeps_text: bool = False


class Gestures:
    """Each method takes one gesture in and has stored all of it when it returns. They raise `Refused`.

    A gesture sent again has no second effect in the room, and its event carries the same id.
    """

    def __init__(
        self, room: Room, places: Places, on_event: OnEvent, command: str, clock: Callable[[], datetime]
    ) -> None:
        self._room = room
        self._places = places
        self._on_event = on_event
        self._triggers = inbound.triggers(command)
        self._clock = clock
        self._last_reaction: datetime | None = None

    async def say(self, payload: Payload) -> Outcome:
        """Send what stands in the message box: words for the others, or a command."""
        made = inbound.gesture(payload)
        text = inbound.text_of(payload, "text")
        meant = inbound.typed(text, self._triggers)
        window = await self._window(made)
        match meant:
            case inbound.Command(words):
                reply = await self._hand_over(inbound.command_typed(made, words, self._clock()))
                return await self._show(window, made, reply)
            case inbound.OtherCommand(word):
                unknown = window.texts("room.unknown_command", word=word, command=self._triggers[0])
                card = Card(unknown, (Paragraph((unknown,)),), tone="warning")
                return replace(await self._show(window, made, Reply(card)), keeps_text=True)
        said = NewMessage(
            window.place.id, text, f"said:{made.persona}:{made.mark}", thread=window.thread, author=made.persona
        )
        message = await self._room.run(lambda store: store.post(said, self._clock()))
        return Outcome(window, [message.id])

    async def click(self, payload: Payload) -> Outcome:
        """Press a button of a card."""
        made = inbound.gesture(payload)
        window = await self._window(made)
        message = await self._message(window.persona, inbound.number_of(payload, "message"))
        is_private = message.only_for is not None
        reply = await self._hand_over(
            inbound.button_clicked(made, payload, None if is_private else message.id, self._clock())
        )
        return await self._show(window, made, reply, message.id if is_private else None)

    async def submit(self, payload: Payload) -> Outcome:
        """Send a form."""
        made = inbound.gesture(payload)
        origin = inbound.number_of(payload, "origin")
        event = inbound.form_submitted(made, payload, self._clock())
        window = await self._window(made)
        return await self._show(window, made, await self._hand_over(event), origin)

    async def react(self, payload: Payload) -> Outcome:
        """Put a reaction on or take it off. It stays even if the event can't be taken in, as on any platform."""
        made = inbound.gesture(payload)
        emoji = inbound.text_of(payload, "emoji")
        is_present = payload.get("is_present") is True
        window = await self._window(made)
        message = await self._message(window.persona, inbound.number_of(payload, "message"))
        is_held = any(reaction.emoji == emoji for reaction in message.reactions)
        if message.only_for is not None or not (is_held or glyphs.is_known(emoji)):
            raise Refused(400, "request")

        def store_reaction(store: RoomStore) -> tuple[int | None, datetime]:
            change = store.react(message.id, emoji, made.persona, is_present=is_present)
            return change, self._reaction_time()

        change, at = await self._room.run(store_reaction)
        reply = Reply()
        if change is not None:
            event = inbound.reaction_changed(made.persona, message.id, emoji, change, at, is_present=is_present)
            try:
                reply = await self._on_event(event)
            except NotTakenIn as error:
                log.error("not taken in: %s (%s)", error.event, error.reason)  # noqa: TRY400  the reason says it all
            except Exception:
                log.exception("The reaction %s was not taken in; it will be read again", event.id)
        outcome = await self._show(window, made, reply)
        return replace(outcome, messages=[message.id])

    def _reaction_time(self) -> datetime:
        """Now, but later than the reaction before: the order of two reactions is told by their times."""
        now = self._clock()
        if self._last_reaction is not None:
            now = max(now, self._last_reaction + timedelta(microseconds=1))
        self._last_reaction = now
        return now

    async def dismiss(self, payload: Payload) -> Outcome:
        """Take a private message away."""
        made = inbound.gesture(payload)
        number = inbound.number_of(payload, "message")
        window = await self._window(made)

        def remove(store: RoomStore) -> None:
            message = store.message(number or 0)
            if message is not None and message.only_for == made.persona:
                store.remove(message.id)

        await self._room.run(remove)
        return Outcome(window, [number or 0])

    async def add_person(self, payload: Payload) -> Persona:
        """Let somebody new into the room."""
        new: NewPerson = inbound.new_person(payload, LANGUAGES)
        return await self._room.run(
            lambda store: store.add_persona(new.name, new.language, is_moderator=new.is_moderator)
        )

    async def _window(self, made: Gesture) -> Window:
        return await self._room.run(
            lambda store: Window.opened(store, self._places, made.persona, made.channel, made.thread)
        )

    async def _message(self, persona: Persona, number: int | None) -> Message:
        message = await self._room.run(lambda store: store.message(number or 0))
        if message is None or self._places.of(message, persona) is None:
            raise Refused(404, "message")
        return message

    async def _hand_over(self, event: Event) -> Reply:
        try:
            return await self._on_event(event)
        except NotTakenIn as error:
            log.error("not taken in: %s (%s)", error.event, error.reason)  # noqa: TRY400  the reason says it all
            raise Refused(503, "not_saved") from error
        except Exception as error:
            log.exception("The event %s was not taken in", event.id)
            raise Refused(503, "not_saved") from error

    async def _show(self, window: Window, made: Gesture, reply: Reply, origin: int | None = None) -> Outcome:
        """Keep the reply's card, in place of the private message `origin` where it replaces that."""
        card = reply.card
        if card is None:
            return Outcome(window, form=reply.form, origin=origin, field_errors=reply.field_errors)
        draft = NewMessage(
            window.place.id,
            written(card),
            f"reply:{made.persona}:{made.mark}",
            thread=window.thread,
            only_for=made.persona,
        )

        def keep(store: RoomStore) -> int:
            replaced = store.message(origin) if reply.replaces and origin is not None else None
            if replaced is None or replaced.only_for != made.persona:
                return store.post(draft, self._clock()).id
            store.edit(replaced.id, draft.content)
            return replaced.id

        shown = await self._room.run(keep)
        return Outcome(window, reply=shown, keeps_text=card.tone == "error")
