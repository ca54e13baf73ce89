"""How a reply reaches the member who asked: privately where they are, as a form, or on their own page.

What the reply says was decided before.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import aiohttp
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.chat.events import CommandTyped, Event, HomeOpened, Reply
from bot.chat.platform import OnEvent
from bot.chat.recent import Recent
from bot.chat.slack import render
from bot.chat.slack.api import Api, proxy_for
from bot.chat.slack.channels import Channels
from bot.chat.slack.inbound import Origin
from bot.chat.slack.people import People
from bot.chat.slack.posts import Posts
from bot.chat.slack.render import Message
from bot.errors import ChatError, ChatUnavailable
from bot.views.cards import Card, Form, Paragraph, Quotation
from bot.views.texts import Texts, known_language

log = logging.getLogger(__name__)

OK, TOO_MANY = 200, 429
REMEMBERED = 2000
METADATA_LIMIT = 3000
FROM_HOME = '{"is_home": true}'
"""What a modal carries along to which the Home has led: what is done in it is to be seen there."""
TRIES = 5
"""For a private answer; what it tells is committed whether it arrives or not."""


class Answers:
    """Shows replies. `language` is of members whose own is not known; `sleep` waits for so many seconds."""

    def __init__(
        self,
        api: Api,
        people: People,
        channels: Channels,
        posts: Posts,
        session: aiohttp.ClientSession,
        language: str,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._api = api
        self._people = people
        self._channels = channels
        self._posts = posts
        self._session = session
        self._language = language
        self._sleep = sleep
        self._said: Recent[str, None] = Recent(REMEMBERED)

    async def texts(self, member: str) -> Texts:
        """Slack's own sentences in the member's language."""
        try:
            locale = (await self._people.profile(member)).locale
        except ChatError:
            locale = None
        return Texts(known_language(locale, self._language), domain="slack")

    def _texts_at_once(self, member: str) -> Texts:
        """The same before an acknowledgement, which nothing may delay: whoever took the event in asked already."""
        known = self._people.known(member)
        return Texts(known_language(known.locale if known else None, self._language), domain="slack")

    async def say(self, event: Event, origin: Origin, pending: Awaitable[Reply]) -> None:
        """Show the reply once it is there, once for an event however often it was delivered."""
        try:
            reply = await pending
        except Exception:  # the router has told everything it could tell; this is what it could not
            log.exception("no reply to %s", event.id)
            await self._private(event, origin, await self._sentence(origin.member, "slack.failed"))
            return
        if not self._is_first(event):
            return
        if reply.form:
            await self._open(event, origin, reply.form)
        elif reply.card:
            await self._private(event, origin, reply.card, replaces=reply.replaces and origin.is_ephemeral)

    def at_once(self, event: Event, reply: Reply) -> Message | None:
        """The reply to a typed command, if its acknowledgement can carry it: that saves everybody a request."""
        if not isinstance(event, CommandTyped) or reply.card is None:
            return None
        message, *more = render.messages(reply.card, self._texts_at_once(event.member))
        return None if more or not self._is_first(event) else message

    def _is_first(self, event: Event) -> bool:
        """Whether the event is to be answered: it may be delivered more than once."""
        if event.id in self._said:
            return False
        self._said[event.id] = None
        return True

    async def show_home(self, member: str, on_event: OnEvent, event_id: str, at: datetime) -> None:
        """Show a member's own page as it is now."""
        reply = await on_event(HomeOpened(event_id, member, at))
        if reply.card:
            try:
                await self._api.publish_home(member, render.home(reply.card, await self.texts(member)))
            except ChatError as error:
                log.warning("the Home of %s could not be shown (%s)", member, error)

    def error_view(self, origin: Origin, card: Card) -> dict[str, Any]:
        """A modal on top of the form, which stays as it is below."""
        return render.reading_modal(card, "{}", self._texts_at_once(origin.member))

    def kept_as_before(self, origin: Origin, values: Mapping[str, str]) -> dict[str, Any]:
        """The same for what was changed in a form that had been taken in: it is to be known, and kept by its author."""
        written = "\n\n".join(text for text in values.values() if text)
        return self.error_view(origin, _told(self._texts_at_once(origin.member), "slack.kept_as_before", written))

    def turned_away_view(self, origin: Origin) -> dict[str, Any]:
        """The same for a form of another workspace."""
        return self.error_view(origin, _told(self._texts_at_once(origin.member), "slack.other_workspace"))

    async def turn_away(self, event: Event, origin: Origin) -> None:
        """Tell whoever typed or clicked in another workspace; there is no other way there than the response_url."""
        if origin.response_url and self._is_first(event):
            texts = self._texts_at_once(event.member)
            card = _told(texts, "slack.other_workspace", event.text if isinstance(event, CommandTyped) else "")
            await self._respond(origin.response_url, card, texts, replaces=False)

    async def _open(self, event: Event, origin: Origin, form: Form) -> None:
        kept: dict[str, object] = {"context": form.context}
        if origin.response_url:
            kept["response_url"] = origin.response_url
        if origin.is_from_home:
            kept["is_home"] = True
        metadata = json.dumps(kept)
        if len(metadata) > METADATA_LIMIT:
            metadata = json.dumps({"context": form.context})
        view = render.modal(form, metadata, await self.texts(origin.member))
        try:
            if origin.view and not origin.is_home:
                await self._api.push_view(origin.trigger, view)
            else:
                await self._api.open_view(origin.trigger, view)
        except ChatError as error:
            log.warning("a form could not be opened for %s (%s)", origin.member, error)
            await self._private(event, origin, await self._sentence(origin.member, "slack.form_expired"))

    async def _private(self, event: Event, origin: Origin, card: Card, *, replaces: bool = False) -> None:
        texts = await self.texts(origin.member)
        try:
            if origin.response_url:
                if await self._respond(origin.response_url, card, texts, replaces=replaces):
                    return
            elif origin.is_home and origin.trigger:
                await self._api.open_view(origin.trigger, render.reading_modal(card, FROM_HOME, texts))
                return
            elif origin.view and origin.metadata is not None and origin.trigger and not _is_form(origin):
                metadata = FROM_HOME if origin.is_from_home else "{}"
                await self._api.update_view(origin.view, render.reading_modal(card, metadata, texts))
                return
        except ChatError as error:
            log.warning("a private answer took the other way (%s)", error)
        await self._direct(origin.member, card, f"answer:{event.id}", texts)

    async def _respond(self, url: str, card: Card, texts: Texts, *, replaces: bool) -> bool:
        """Through the response_url, which lives 30 minutes and takes five answers; whether all of it went that way."""
        for number, message in enumerate(render.messages(card, texts)):
            answer = {
                "text": message.text,
                "blocks": message.blocks,
                "response_type": "ephemeral",
                "replace_original": replaces and number == 0,
                "unfurl_links": False,
                "unfurl_media": False,
            }
            status = await self._send(url, answer)
            if status != OK:
                return False
        return True

    async def say_afterwards(self, url: str, message: Mapping[str, Any]) -> None:
        """Bring a command's answer that was to go with its acknowledgement, and did not."""
        for attempt in range(1, TRIES + 1):
            status = await self._send(url, message)
            if status == OK:
                return
            if status is not None and 400 <= status < 500 and status != TOO_MANY:  # noqa: PLR2004  HTTP's "your fault"
                break
            if attempt < TRIES:
                await self._sleep(2.0**attempt)
        log.error("a command's answer is lost")

    async def _send(self, url: str, message: Mapping[str, Any]) -> int | None:
        """HTTP's status, or None without an answer."""
        webhook = AsyncWebhookClient(url, session=self._session, retry_handlers=[])
        webhook.proxy = proxy_for(url)
        try:
            answer = await webhook.send_dict(dict(message))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("the response_url did not answer (%s)", str(error) or type(error).__name__)
            return None
        if answer.status_code != OK:
            log.info("the response_url does not take it: %s", answer.body)
        return answer.status_code

    async def _direct(self, member: str, card: Card, key: str, texts: Texts) -> None:
        """By direct message, once, although a try may have arrived whose answer was lost."""
        is_uncertain = False
        for attempt in range(1, TRIES + 1):
            try:
                channel = await self._channels.with_member(member)
                arrived = await self._posts.find(channel, key) if is_uncertain else None
                if arrived:
                    await self._posts.update(arrived.id, card, texts)
                else:
                    await self._posts.post(channel, card, key, texts)
            except ChatUnavailable as error:
                is_uncertain = is_uncertain or error.is_uncertain
                log.warning("%s could not be answered (%s), try %s", member, error.reason, attempt)
                if attempt < TRIES:
                    await self._sleep(error.retry_after or 2.0**attempt)
            except ChatError as error:
                log.warning("%s can't be answered (%s)", member, error)
                return
            else:
                return

    async def _sentence(self, member: str, key: str) -> Card:
        return _told(await self.texts(member), key)


def _told(texts: Texts, key: str, written: str = "") -> Card:
    """What went wrong, and the member's own text for them to keep."""
    sentence = texts(key)
    blocks = (Paragraph((sentence,)), *([Quotation(texts("slack.your_text"), written)] if written else ()))
    return Card(sentence, blocks, "error")


def _is_form(origin: Origin) -> bool:
    return "context" in (origin.metadata or {})
