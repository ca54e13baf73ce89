"""What one persona sees of the room: the content of a page, and afterwards what to put in its place.

Decides what is visible and in which order; the HTML itself is made in render.py.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.chat.web import render
from bot.chat.web.inbound import Refused
from bot.chat.web.places import Place, Places
from bot.chat.web.render import Entry, Page, Reader
from bot.chat.web.room import Change, Message, Persona, RoomStore
from bot.views.cards import Form, Hint
from bot.views.texts import Texts

PAGE_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Swap:
    """New HTML for the element of that id, "" where it is gone; what to announce of it, if there is anything to say.

    `is_news` says that it is announced to everybody; else only where it follows from what was just pressed on the page.
    `language` is the announcement's where that is not the page's.
    `as_of` is the room's last change when it was drawn: a page gets swaps in its answers and from its stream, and in
    whichever order they come, the newest is to stay.
    """

    id: str
    html: str
    as_of: int
    announcement: str | None = None
    is_news: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page's address asks for: a message to look at, or what came before one."""

    target: int | None = None
    before: int | None = None


class Window:
    """One persona's view of one place or thread. Its methods read the store, in the store's thread."""

    def __init__(self, places: Places, persona: Persona, place: Place, thread: int | None) -> None:
        self.persona = persona
        self.place = place
        self.thread = thread
        self._places = places
        self._texts = Texts(persona.locale, persona.time_zone, domain="room")

    @classmethod
    def opened(cls, store: RoomStore, places: Places, member: str, channel: str, thread: int | None) -> "Window":
        """The window at that address. Raises `Refused` where the persona isn't there or doesn't see the place."""
        persona = store.persona(member)
        if persona is None:
            raise Refused(404, "persona")
        place = places.named(channel, persona) if channel else places.seen_by(persona)[0]
        if place is None:
            raise Refused(404, "place")
        window = cls(places, persona, place, thread)
        if thread is not None:
            root = store.message(thread)
            if root is None or root.thread is not None or not window._sees(root):
                raise Refused(404, "message")
        return window

    @property
    def texts(self) -> Texts:
        """The sentences of the room in the persona's language."""
        return self._texts

    def _sees(self, message: Message) -> bool:
        return message.place == self.place.id and message.only_for in (None, self.persona.id)

    def _contains(self, message: Message) -> bool:
        if not self._sees(message):
            return False
        return message.thread == self.thread or (self.thread is not None and message.id == self.thread)

    def reader(self, store: RoomStore) -> Reader:
        """The window's side of everything that is rendered."""
        names = {persona.id: persona.name for persona in store.people()}
        return Reader(self.persona, self.place, self.thread, self._texts, names)

    def content(self, store: RoomStore, asked: Asked, hints: Sequence[Hint], config: dict[str, object]) -> str:
        """The whole page; from now on the persona has seen what is in the place."""
        cursor = store.latest_change
        timeline, older, is_latest = self._timeline(store, asked)
        if self.thread is None:
            store.mark_seen(self.persona.id, self.place.id)
        reader = self.reader(store)
        is_target_there = asked.target is None or any(shown.id == asked.target for shown in timeline)
        return render.page(
            reader,
            Page(
                messages=self._rendered(reader, timeline, asked.target),
                entries=self._entries(store),
                people=store.people(),
                hints=hints,
                config=config | {"cursor": cursor, "is_latest": is_latest},
                older=older,
                is_latest=is_latest,
                is_target_missing=not is_target_there,
            ),
        )

    def _timeline(self, store: RoomStore, asked: Asked) -> tuple[list[Message], int | None, bool]:
        """The messages of the page, the number before which there are older ones, and whether it ends at the end."""

        def back_from(before: int | None) -> list[Message]:
            return store.timeline(self.place.id, self.thread, self.persona.id, before=before, limit=PAGE_LENGTH + 1)

        found = back_from(asked.before)
        if asked.target is not None and found and asked.target < found[0].id and store.message(asked.target):
            found = back_from(asked.target + 1)
            asked = Asked(asked.target, asked.target + 1)
        older = found[1].id if len(found) > PAGE_LENGTH else None
        return found[-PAGE_LENGTH:], older, asked.before is None

    def _rendered(self, reader: Reader, timeline: Sequence[Message], target: int | None) -> list[str]:
        days = [self._day(shown) for shown in timeline]
        return [
            render.message(
                reader,
                shown,
                starts_day=number == 0 or days[number] != days[number - 1],
                is_target=shown.id == target,
            )
            for number, shown in enumerate(timeline)
        ]

    def _day(self, message: Message) -> str:
        return message.posted_at.astimezone(self._texts.time_zone).date().isoformat()

    def _entries(self, store: RoomStore) -> list[Entry]:
        return [Entry(place, store.unread(self.persona.id, place.id)) for place in self._places.seen_by(self.persona)]

    def _entries_after(self, store: RoomStore, new: Collection[int | None]) -> Swap:
        """The list of conversations as it is after these messages, and a word where one of them is a direct one."""
        html = render.entries(self.reader(store), self._entries(store))
        direct = self._places.direct(self.persona.id)
        arrived = [store.message(number) for number in new if number is not None]
        is_direct = any(m is not None and m.place == direct.id and not self._contains(m) for m in arrived)
        unread = store.unread(self.persona.id, direct.id) if is_direct else 0
        words = render.unread(self._texts, unread) if unread else None
        return Swap("places", html, store.latest_change, words, is_news=True)

    def swap(self, store: RoomStore, message: int, *, is_new: bool = False) -> Swap | None:
        """The message as it is now, or None where it is not in this window."""
        shown = store.message(message)
        if shown is None:
            return Swap(f"m-{message}", "", store.latest_change)
        if not self._contains(shown):
            return None
        reader = self.reader(store)
        before = store.timeline(self.place.id, self.thread, self.persona.id, before=shown.id, limit=1)
        html = render.message(reader, shown, starts_day=not before or self._day(before[0]) != self._day(shown))
        announcement = render.announcement(reader, shown) if shown.author != self.persona.id else None
        language = render.language(reader, shown)
        return Swap(f"m-{shown.id}", html, store.latest_change, announcement, is_new, language)

    def swaps(self, store: RoomStore, changes: Sequence[Change]) -> list[Swap]:
        """What to put on the page for these changes; what came is seen from now on."""
        new = {change.message for change in changes if change.is_new}
        touched = dict.fromkeys(change.message for change in changes)
        swaps = [self.swap(store, message, is_new=message in new) for message in touched if message is not None]
        if None in touched:
            swaps.append(Swap("people", render.people(self.reader(store), store.people()), store.latest_change))
        if new:
            if self.thread is None:
                store.mark_seen(self.persona.id, self.place.id)
            swaps.append(self._entries_after(store, new))
        return [swap for swap in swaps if swap is not None]

    def form(self, store: RoomStore, shown: Form, origin: int | None) -> str:
        """The dialog of a form."""
        return render.form(self.reader(store), shown, origin)
