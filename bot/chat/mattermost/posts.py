"""Butine's posts on a Mattermost server: made once, found again, changed in place, and told from everybody else's.

A card that is too long for one post goes on in its thread. Which card is posted, and when, is not decided here.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from bot.chat.events import MessageRef
from bot.chat.mattermost.inbound import Json, is_id
from bot.chat.mattermost.people import People
from bot.chat.mattermost.render import attachments_of, message_of, pages_of
from bot.chat.mattermost.rest import NOT_FOUND, Denied, Rest
from bot.chat.mattermost.trust import Fact, Seal
from bot.chat.recent import Recent
from bot.errors import ChatRefused, ChatUnavailable, MessageGone, NeedsMending
from bot.views.cards import Button, Card, Menu

log = logging.getLogger(__name__)

FORBIDDEN = 403
IN_ARCHIVED_CHANNEL = "deleted.error"
"""How the codes end by which Mattermost refuses to post or change anything in an archived channel."""
TOO_OLD_TO_EDIT = "permissions_time_limit.app_error"
"""The same where messages may be edited for a while only."""
PENDING_IS_GONE = "api.post.deduplicate_create_post.failed_to_get"
KNOWN_AT_MOST = 5000
SEARCHED_PAGES, POSTS_PER_PAGE = 10, 200
"""How far back a post is looked for that may have arrived."""
BUTTON_LIFE = timedelta(days=30)
"""How long a private answer's buttons work; those of posts work as long as the post is there."""

Kind = Literal["post", "reply", "private"]
"""Where a button stands: in a post of the outbox, in a private answer that is a direct message, or in one that only
its reader's screen holds."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one of Butine's posts."""

    channel: str
    key: str
    pages: int


class Posts:
    """Everything that Butine posts as the account `me`; permalinks begin with `address`, clicks go to `action_url`."""

    def __init__(
        self,
        rest: Rest,
        people: People,
        seal: Seal,
        me: str,
        address: str,
        action_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._rest = rest
        self._people = people
        self._seal = seal
        self._me = me
        self._address = address
        self._action_url = action_url
        self._clock = clock
        self._known: Recent[str, Known] = Recent(KNOWN_AT_MOST)
        self._with_reaction: Recent[tuple[str, str], None] = Recent(KNOWN_AT_MOST)
        self._conversations: dict[str, str] = {}

    async def conversation(self, member: str) -> str:
        """The channel of Butine's direct messages with a member. Raises `ChatRefused`."""
        if not is_id(member):
            raise ChatRefused("no_such_member")
        if member not in self._conversations:
            self._conversations[member] = str((await self._rest.direct_channel(self._me, member))["id"])
        return self._conversations[member]

    async def create(self, channel: str, card: Card, key: str, *, reply_to: str = "") -> MessageRef:
        """Post a card; `reply_to` is the member whose private answer it is."""
        pages = pages_of(message_of(card))
        attachments = self._attachments(card, channel, key, "reply" if reply_to else "post", reply_to)
        with _may_be_mended():
            post = await self._create(
                {
                    "channel_id": channel,
                    "message": pages[0],
                    "pending_post_id": self._pending(channel, key),
                    "props": _props(key, len(pages), attachments),
                }
            )
        ref = self._learn(str(post["id"]), Known(channel, key, len(pages)))
        try:
            with _may_be_mended():
                for number, page in enumerate(pages[1:], start=2):
                    await self._add_page(ref.id, Known(channel, key, len(pages)), number, page)
                await self._react(ref.id, card)
        except ChatUnavailable as error:
            # What stands there already is to be found again before anything is posted anew.
            raise replace(error, is_uncertain=True) from error
        return ref

    async def update(self, post: str, card: Card, *, reply_to: str = "") -> MessageRef:
        """Replace a card in place. Raises `MessageGone`."""
        with _may_be_mended():
            return await self._update(post, card, reply_to)

    async def _update(self, post: str, card: Card, reply_to: str) -> MessageRef:
        known = await self.known(post)
        if known is None:
            raise MessageGone(post)
        pages = pages_of(message_of(card))
        attachments = self._attachments(card, known.channel, known.key, "reply" if reply_to else "post", reply_to)
        changes = {"message": pages[0], "props": _props(known.key, len(pages), attachments)}
        try:
            await self._rest.patch_post(post, changes)
        except Denied as error:
            self._known.pop(post, None)
            if await self.known(post) is None:
                raise MessageGone(post) from error
            raise
        ref = self._learn(post, Known(known.channel, known.key, len(pages)))
        if max(known.pages, len(pages)) > 1:
            await self._set_pages(post, known, pages)
        await self._react(post, card)
        return ref

    def answer(self, card: Card, channel: str, member: str) -> Json:
        """The card as a private answer to a command: no post, so nothing to change later."""
        return {
            "response_type": "ephemeral",
            "text": message_of(card),
            "attachments": self._attachments(card, channel, "", "private", member),
            "skip_slack_parsing": True,
        }

    async def find(self, channel: str, key: str) -> MessageRef | None:
        """Butine's post of that key, if it is among the channel's latest."""
        for page in range(SEARCHED_PAGES):
            with _may_be_mended():
                found = await self._rest.posts_of(channel, page, POSTS_PER_PAGE)
            for post_id in found["order"]:
                known = self._read(found["posts"][post_id])
                if known is not None and known.key == key:
                    return self._learn(post_id, known)
            if len(found["order"]) < POSTS_PER_PAGE:
                break
        return None

    async def known(self, post: str) -> Known | None:
        """What a post of Butine's is, asked of the server where it isn't remembered; None for any other post.

        Raises `Denied` where the post may not be read: it may be there all the same.
        """
        if post in self._known:
            return self._known[post]
        found = await self._existing(post)
        known = self._read(found) if found else None
        if known is not None:
            self._learn(post, known)
        return known

    async def reactions(self, posts: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """As the port's contract says."""
        rows = await self._rows([post for post in dict.fromkeys(posts) if is_id(post)])
        holders = {str(row["user_id"]) for held in rows.values() for row in held}
        no_members = {self._me} | await self._people.outsiders_among(holders - {self._me})
        shown: dict[str, dict[str, list[str]]] = {}
        for post, held in rows.items():
            # A post whose card has lost Butine's own reaction may have lost them all with the post itself.
            if not any(row["user_id"] == self._me for row in held) and not await self._is_readable(post):
                continue
            shown[post] = {}
            for row in held:
                if row["user_id"] not in no_members:
                    shown[post].setdefault(str(row["emoji_name"]), []).append(str(row["user_id"]))
        return shown

    async def _create(self, post: Json) -> Json:
        """Post. The server may remember a pending id whose post has been deleted since."""
        try:
            return await self._rest.create_post(post)
        except ChatUnavailable as error:
            if not error.reason.endswith(PENDING_IS_GONE):
                raise
        return await self._rest.create_post({name: value for name, value in post.items() if name != "pending_post_id"})

    async def _rows(self, posts: Sequence[str]) -> dict[str, list[Json]]:
        """One unreadable post fails the whole call, so the halves are read apart until it stands alone."""
        if not posts:
            return {}
        try:
            found = await self._rest.reactions_of(posts)
        except Denied:
            if len(posts) == 1:
                return {}
            half = len(posts) // 2
            return {**await self._rows(posts[:half]), **await self._rows(posts[half:])}
        return {post: found[post] or [] for post in posts if post in found}

    async def _existing(self, post: str) -> Json | None:
        if not is_id(post):
            return None
        try:
            found = await self._rest.post(post)
        except Denied as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return None if found.get("delete_at") else found

    async def _is_readable(self, post: str) -> bool:
        try:
            return await self._existing(post) is not None
        except Denied:
            return False

    def _read(self, post: Json) -> Known | None:
        marker = (post.get("props") or {}).get("butine")
        if post["user_id"] != self._me or post.get("delete_at") or not isinstance(marker, dict):
            return None
        return Known(str(post["channel_id"]), str(marker.get("key", "")), int(marker.get("pages") or 1))

    def _learn(self, post: str, known: Known) -> MessageRef:
        self._known[post] = known
        return MessageRef(post, f"{self._address}/pl/{post}")

    async def _set_pages(self, post: str, known: Known, pages: Sequence[str]) -> None:
        """Bring the thread's further pages in line with the card."""
        thread = await self._rest.thread(post)
        there = {found.key: post_id for post_id, each in thread["posts"].items() if (found := self._read(each))}
        for number in range(2, max(known.pages, len(pages)) + 1):
            page_id = there.get(_page_key(known.key, number))
            page = pages[number - 1] if number <= len(pages) else None
            if page is None and page_id:
                await self._rest.delete_post(page_id)
            elif page is not None and page_id:
                props = _props(_page_key(known.key, number), 1, [])
                await self._rest.patch_post(page_id, {"message": page, "props": props})
            elif page is not None:
                await self._add_page(post, known, number, page)

    async def _add_page(self, post: str, known: Known, number: int, page: str) -> None:
        key = _page_key(known.key, number)
        await self._create(
            {
                "channel_id": known.channel,
                "root_id": post,
                "message": page,
                "pending_post_id": self._pending(known.channel, key),
                "props": _props(key, 1, []),
            }
        )

    async def _react(self, post: str, card: Card) -> None:
        if card.reaction is None or (post, card.reaction) in self._with_reaction:
            return
        try:
            await self._rest.react(self._me, post, card.reaction)
        except Denied as error:
            log.warning("the reaction %s can't be put on: %s", card.reaction, error.reason)
        self._with_reaction[post, card.reaction] = None

    def _attachments(self, card: Card, channel: str, key: str, kind: Kind, member: str) -> list[Json]:
        until = int((self._clock() + BUTTON_LIFE).timestamp()) if kind == "private" else 0

        def context_of(part: Button | Menu) -> Json:
            facts: dict[str, Fact] = {
                "do": part.action,
                **_own_facts(part),
                "channel": channel,
                "key": key,
                "kind": kind,
                "member": member,
                "until": until,
            }
            return self._seal.sealed("click", facts)

        return attachments_of(card, self._action_url, context_of)

    def _pending(self, channel: str, key: str) -> str:
        """The same for the same post, so that the server itself drops a second one that comes soon."""
        return f"{self._me}:{hashlib.sha256(f'{channel} {key}'.encode()).hexdigest()[:32]}"


@contextmanager
def _may_be_mended() -> Iterator[None]:
    """What the server's administrators can undo is not given up: a channel that is archived or that Butine was taken
    out of, and a limit to the time for which messages may be edited.
    """
    try:
        yield
    except Denied as error:
        if error.status == FORBIDDEN or error.reason.endswith((IN_ARCHIVED_CHANNEL, TOO_OLD_TO_EDIT)):
            raise NeedsMending(error.reason) from error
        raise


def _own_facts(part: Button | Menu) -> dict[str, Fact]:
    if isinstance(part, Menu):  # the choice itself comes back without a seal, so it is held against what was offered
        return {"options": json.dumps([option.value for option in part.options]), "confirm": ""}
    confirm = part.confirm or ""
    return {"value": part.value, "label": part.label if confirm else "", "confirm": confirm}


def _page_key(key: str, number: int) -> str:
    return f"{key}/{number}"


def _props(key: str, pages: int, attachments: list[Json]) -> Json:
    marker = {"butine": {"key": key, "pages": pages}}
    return {**marker, "attachments": attachments} if attachments else marker
