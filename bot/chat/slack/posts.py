"""Posted cards: one message or several, found again by their key, replaced in place.

An id names all of a card's messages: the channel's id, ":", and the messages' timestamps with "+" between them.
"""

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.chat.events import MessageRef
from bot.chat.recent import Recent
from bot.chat.slack import render
from bot.chat.slack.api import OUT_OF_REACH, Answer, Api, next_cursor
from bot.chat.slack.voters import Voters
from bot.errors import ChatRefused, ChatUnavailable, MessageGone, NeedsMending
from bot.views.cards import Card
from bot.views.texts import Texts

log = logging.getLogger(__name__)

EVENT_TYPE = "butine_card"
REACTED = 50_000
"""So many cards are known to carry the reaction; under an older one it is put once more, which changes nothing."""
HISTORY_PAGES = 10
_ID = re.compile(r"(?P<channel>[A-Z][A-Z0-9]+):(?P<parts>\d+\.\d+(?:\+\d+\.\d+)*)")


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a card stands: a channel, and its messages' timestamps in order."""

    channel: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, ref: str) -> "Posted":
        """By its id. Raises MessageGone for one that Slack never gave."""
        match = _ID.fullmatch(ref)
        if match is None:
            raise MessageGone(ref)
        return cls(match["channel"], tuple(match["parts"].split("+")))

    @property
    def id(self) -> str:
        """The id."""
        return f"{self.channel}:{'+'.join(self.parts)}"


@dataclass(slots=True)
class History:
    """What has been read of a channel: everything between two timestamps, in so many pages.

    `marked` are the timestamps of cards' parts, by key and number.
    """

    newest: str = ""
    oldest: str = ""
    pages: int = 0
    is_whole: bool = False
    marked: dict[str, dict[int, str]] = field(default_factory=dict)

    def parts_of(self, key: str) -> Mapping[int, str]:
        """The parts that carry the key."""
        return self.marked.get(key, {})


class Posts:
    """Cards in channels and conversations. `bot` is Butine's own user id, `address` the workspace's."""

    def __init__(self, api: Api, voters: Voters, bot: str, address: str) -> None:
        self._api = api
        self._voters = voters
        self._bot = bot
        self._address = address.rstrip("/")
        self._whole: dict[str, str] = {}
        self._reacted: Recent[str, None] = Recent(REACTED)
        self._histories: dict[str, History] = {}

    async def post(self, channel: str, card: Card, key: str, texts: Texts) -> MessageRef:
        """Post a card, in order where it is several messages."""
        parts: list[str] = []
        try:
            for number, message in enumerate(render.messages(card, texts)):
                parts.append(await self._api.post(channel, message, _mark(key, number)))
            posted = Posted(channel, tuple(parts))
            await self._react(posted, card)
        except ChatUnavailable as error:
            if not parts:
                raise
            # What stands there already is to be found again before anything is posted anew.
            raise ChatUnavailable(error.reason, error.retry_after, is_uncertain=True) from error
        return self._ref(posted)

    async def update(self, ref: str, card: Card, texts: Texts) -> MessageRef:
        """Replace a card. Raises MessageGone where its first message is gone."""
        posted, key = Posted.of(ref), ""
        messages = render.messages(card, texts)
        if len(messages) > len(posted.parts):
            posted, key = await self._grown(posted)
        for ts, message in zip(posted.parts, messages, strict=False):
            await self._api.update(posted.channel, ts, message, ref)
        for ts in posted.parts[len(messages) :]:
            await self._api.delete(posted.channel, ts)
            self._forget(posted.channel, ts)
        parts = list(posted.parts[: len(messages)])
        for number in range(len(parts), len(messages)):
            mark = _mark(key, number) if key else None
            parts.append(await self._api.post(posted.channel, messages[number], mark))
        whole = replace(posted, parts=tuple(parts))
        for ts in posted.parts:
            self._whole.pop(f"{posted.channel}:{ts}", None)
        shown = self._ref(whole)
        try:
            await self._react(whole, card)
        except ChatUnavailable as error:
            if shown.id == ref:
                raise
            # Its new messages are to be known; the reaction stands under its former last one, too.
            log.warning("the reaction at %s waits for the card's next change: %s", shown.id, error.reason)
        return shown

    async def find(self, channel: str, key: str) -> MessageRef | None:
        """The card that carries the key, or None; of several copies the one that was read last.

        What was read is remembered: after a crash many are looked for, and to read everything for each of them would
        take longer than what was claimed may take.
        """
        found = (await self._read(channel, lambda read: 0 in read.parts_of(key))).parts_of(key)
        if 0 not in found:
            return None
        parts = [found[number] for number in range(len(found)) if number in found]
        return self._ref(Posted(channel, tuple(parts)))

    async def _grown(self, posted: Posted) -> tuple[Posted, str]:
        """The card with what an earlier try to make it longer has added, and its key; "" where that is too far back."""
        first, parts = posted.parts[0], list(posted.parts)
        read = await self._read(posted.channel, lambda read: bool(read.oldest) and read.oldest <= first)
        for key, found in read.marked.items():
            if found.get(0) == first:
                while len(parts) in found:
                    parts.append(found[len(parts)])
                return replace(posted, parts=tuple(parts)), key
        return posted, ""

    async def _read(self, channel: str, is_enough: Callable[[History], bool]) -> History:
        """What has come since the last time, and as much of what was before as it takes.

        Where more than a page has come it begins anew from the newest: to read months of talk through takes longer than
        a send may, and what is looked for is among the last of it.
        """
        read = self._histories.get(channel)
        if read is None or not await self._has_read_newer(channel, read):
            read = self._histories[channel] = History()
        while not is_enough(read) and read.pages < HISTORY_PAGES and not read.is_whole:
            answer = await self._api.history(channel, before=read.oldest)
            for message in answer["messages"]:
                self._note(read, message)
            read.pages += 1
            read.is_whole = not next_cursor(answer)
        return read

    def _forget(self, channel: str, ts: str) -> None:
        """The message was taken away."""
        read = self._histories.get(channel, History())
        read.marked = {
            key: {number: kept for number, kept in parts.items() if kept != ts} for key, parts in read.marked.items()
        }

    async def _has_read_newer(self, channel: str, read: History) -> bool:
        """Whether what has come since fits a page, and is noted: of a card that stands there twice by now the newer, as
        the older may be gone.
        """
        if not read.newest:  # there was nothing yet that "newer" could be counted from
            return False
        answer = await self._api.history(channel, after=read.newest)
        if next_cursor(answer):
            return False
        for message in sorted(answer["messages"], key=lambda message: str(message["ts"])):
            self._note(read, message)
        return True

    def _note(self, read: History, message: Mapping[str, Any]) -> None:
        ts = str(message["ts"])
        read.newest, read.oldest = max(read.newest, ts), min(read.oldest or ts, ts)
        key, number = self._mark_of(message)
        if key:
            read.marked.setdefault(key, {})[number] = ts

    async def reactions(self, refs: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """As the port says."""
        held: dict[str, dict[str, list[str]]] = {}
        for ref in refs:
            try:
                posted = Posted.of(ref)
                answers = [await self._api.reactions(posted.channel, ts) for ts in posted.parts]
            except MessageGone:
                continue
            except NeedsMending as error:
                if error.reason not in OUT_OF_REACH:
                    raise
                log.warning("the reactions of %s can't be read: %s", ref, error.reason)
                continue
            self._ref(posted)
            held[ref] = self._held(answers)
        holders = [member for by_emoji in held.values() for members in by_emoji.values() for member in members]
        members = await self._voters.members_among(holders)
        return {ref: _among(members, by_emoji) for ref, by_emoji in held.items()}

    def whole(self, ref: str) -> str:
        """The id of the card that a message is part of."""
        return self._whole.get(ref, ref)

    def link(self, ref: str, thread: str = "") -> str:
        """The address of a message (docs.slack.dev: the same for everybody in the workspace).

        Of a reply in a thread it is not found without the `thread`, which is the first message's timestamp.
        """
        posted = Posted.of(ref)
        within = f"?thread_ts={thread}&cid={posted.channel}" if thread else ""
        return f"{self._address}/archives/{posted.channel}/p{posted.parts[0].replace('.', '')}{within}"

    async def _react(self, posted: Posted, card: Card) -> None:
        """Butine's own reaction, under the last message; asked for until Slack has said yes or a final no."""
        mark = f"{posted.channel}:{posted.parts[-1]}"
        if not card.reaction or mark in self._reacted:
            return
        try:
            await self._api.react(posted.channel, posted.parts[-1], card.reaction)
        except ChatRefused as error:  # the card stands there all the same, and members may react by themselves
            log.warning("the reaction %s can't be put on: %s", card.reaction, error.reason)
        self._reacted[mark] = None

    def _ref(self, posted: Posted) -> MessageRef:
        if len(posted.parts) > 1:
            self._whole.update({f"{posted.channel}:{ts}": posted.id for ts in posted.parts})
        return MessageRef(posted.id, self.link(posted.id))

    def _held(self, answers: Sequence[Answer]) -> dict[str, list[str]]:
        held: dict[str, list[str]] = {}
        for answer in answers:
            for reaction in (answer.get("message") or {}).get("reactions") or ():
                members = held.setdefault(str(reaction["name"]), [])
                members += [user for user in reaction["users"] if user != self._bot and user not in members]
        return held

    def _mark_of(self, message: Mapping[str, Any]) -> tuple[str, int]:
        """The key that a message carries, "" for none, and which part of its card it is."""
        metadata = message.get("metadata") or {}
        payload = metadata.get("event_payload") or {}
        if message.get("user") not in (None, self._bot) or metadata.get("event_type") != EVENT_TYPE:
            return "", 0
        return str(payload.get("key") or ""), int(payload.get("part") or 0)


def _among(members: Collection[str], held: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    theirs = {emoji: [holder for holder in holders if holder in members] for emoji, holders in held.items()}
    return {emoji: holders for emoji, holders in theirs.items() if holders}


def _mark(key: str, part: int) -> Mapping[str, Any]:
    """The message metadata by which a card is found again (docs.slack.dev/messaging/message-metadata)."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key, "part": part}}
