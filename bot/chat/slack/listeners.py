"""Bolt's middleware that takes deliveries in: each is made into an event, taken in, and only then acknowledged.

What is acknowledged is committed. What could not be stored is not acknowledged, so that Slack delivers a reaction again
and a form stays open; whoever typed or clicked is told.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.chat.events import Event, FormSubmitted, MessageChosen, Reply
from bot.chat.platform import OnEvent
from bot.chat.recent import Recent
from bot.chat.slack import inbound
from bot.chat.slack.answers import Answers
from bot.chat.slack.inbound import Origin
from bot.chat.slack.mentions import Mentions
from bot.chat.slack.people import People
from bot.chat.slack.posts import Posts
from bot.chat.slack.voters import Voters
from bot.chat.under_way import UnderWay
from bot.errors import ChatError, MessageGone, NotTakenIn

ACKNOWLEDGE_SECONDS = 2.5
"""Slack waits for three; what takes longer is answered later, without a receipt that could be false."""
FORMS_REMEMBERED = 2000
OK, NOBODY_LISTENS, FAILED = 200, 404, 500
"""What Bolt answers; it has the second for an event that no listener wants. After the third an event comes again, and a
form stays open."""
TAKEN_IN = frozenset({OK, NOBODY_LISTENS})

log = logging.getLogger(__name__)

Body = dict[str, Any]


def _bolts_log() -> logging.Logger:
    """Where Bolt logs. Its warnings print whole payloads, members' words included, so only errors come through."""
    logger = logging.getLogger(f"{__name__}.bolt")
    logger.setLevel(logging.ERROR)
    return logger


class Listeners(AsyncMiddleware):
    """Takes in what Bolt hands on. `clock` is the time of day.

    One middleware that knows the kinds, where Bolt would try listener after listener: that takes a fifth of the time.
    What it leaves to Bolt are Slack's own questions (`url_verification`, `ssl_check`) and events that nobody wants.
    """

    def __init__(
        self,
        on_event: OnEvent,
        answers: Answers,
        people: People,
        mentions: Mentions,
        posts: Posts,
        voters: Voters,
        under_way: UnderWay,
        clock: Callable[[], datetime],
    ) -> None:
        self._on_event = on_event
        self._answers = answers
        self._people = people
        self._mentions = mentions
        self._posts = posts
        self._voters = voters
        self._under_way = under_way
        self._clock = clock
        self._tell_left_out: Callable[[], None] = lambda: None
        self._kept: Recent[str, str] = Recent(FORMS_REMEMBERED)
        self._foreign: set[str] = set()
        self._takes_in: Mapping[str, Callable[[Body], Awaitable[None]]] = {
            **dict.fromkeys(inbound.REACTION_EVENTS, self._reaction),
            **dict.fromkeys(inbound.MEMBERSHIP_EVENTS, self._membership),
            inbound.PROFILE_EVENT: self._profile,
            inbound.HOME_EVENT: self._home,
        }

    @property
    def events(self) -> Collection[str]:
        """The events that are taken in."""
        return self._takes_in.keys()

    def when_left_out(self, tell: Callable[[], None]) -> None:
        """Have `tell` called each time that Slack says it has left events out, which is each minute that it does so
        (docs.slack.dev/reference/events/app_rate_limited).
        """
        self._tell_left_out = tell

    def app(self, client: AsyncWebClient, identity: Mapping[str, str]) -> AsyncApp:
        """Bolt's app. It answers after its listener has run; who the bot is was asked once, at start."""

        async def authorize(**_: object) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=identity.get("enterprise_id"),
                team_id=identity["team_id"],
                bot_user_id=identity["user_id"],
                bot_id=identity.get("bot_id"),
                bot_token=client.token,
            )

        # Its own client makes no calls: each listener has what it needs, so it gets no token.
        # door.py has checked the signature already, and with its own clock.
        # Without a name it would look for one in the source of everything that is loaded, for a tenth of a second.
        return AsyncApp(
            name="butine",
            logger=_bolts_log(),
            client=AsyncWebClient(base_url=client.base_url),
            authorize=authorize,
            before_authorize=self,
            request_verification_enabled=False,
        )

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002  Bolt's names
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002  likewise
    ) -> BoltResponse | None:
        """Bolt's own method: take the delivery in and answer it, or leave it to Bolt."""
        try:
            return await self._answered(req, next)
        except NotTakenIn as error:
            log.error("%s is not acknowledged, as it could not be stored: %s", error.event, error.reason)  # noqa: TRY400
            return BoltResponse(status=FAILED)

    async def _answered(
        self, req: AsyncBoltRequest, leave_to_bolt: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse | None:
        body, ack = req.body, req.context.ack
        kind = body.get("type")
        if self._is_foreign(req):
            return await self._turn_away(ack, body, str(req.context.team_id))
        if kind is None and "command" in body:
            return await self._asked(*inbound.command(body, self._clock()), ack)
        if kind == "event_callback":
            take_in = self._takes_in.get(str(inbound.event_of(body).get("type")))
            if take_in:
                await take_in(body)
                return await ack()
        elif kind == "block_actions":
            return await self._click(ack, body)
        elif kind == "view_submission":
            return await self._form(ack, body)
        elif kind == "message_action" and body.get("callback_id") == inbound.SHORTCUT:
            return await self._shortcut(ack, body)
        elif kind == "app_rate_limited":
            self._tell_left_out()
            return await ack()
        return await leave_to_bolt()

    def _is_foreign(self, req: AsyncBoltRequest) -> bool:
        """Whether it comes from another workspace: one app may be installed in several, and tokens may be mixed up.

        Bolt knows where each kind of delivery names the installation that it is for; an event in a channel that two of
        them share names one there and may name the other beside it.
        """
        teams, organisation = (req.context.team_id, req.body.get("team_id")), req.context.enterprise_id
        return any(teams) and not any(self._people.is_home(team, organisation) for team in teams)

    async def _turn_away(self, ack: AsyncAck, body: Body, team: str) -> BoltResponse:
        """Nothing comes of it, and whoever typed, clicked or sent a form is told."""
        if team not in self._foreign:
            self._foreign.add(team)
            log.warning(
                "what comes from Slack's workspace %r is turned away, as the bot token is of %s: it and the app-level "
                "token or signing secret are to be of one app, and each workspace needs an app of its own",
                team,
                self._people.team,
            )
        asked = inbound.asked(body, self._clock())
        if asked is None:
            return await ack()
        event, origin = asked
        if isinstance(event, FormSubmitted):
            return await ack(response_action="push", view=self._answers.turned_away_view(origin))
        self._under_way.start(self._answers.turn_away(event, origin))
        return await ack()

    async def _click(self, ack: AsyncAck, body: Body) -> BoltResponse:
        event, origin = inbound.click(body, self._clock())
        if event.message:
            event = replace(event, message=self._posts.whole(event.message))
        return await self._asked(event, origin, ack)

    async def _shortcut(self, ack: AsyncAck, body: Body) -> BoltResponse:
        event, origin = inbound.shortcut(body, self._clock())
        return await self._asked(event, origin, ack, self._take_chosen(event, origin.thread))

    async def _take_chosen(self, event: MessageChosen, thread: str) -> Reply:
        # Side by side: the form that they are for has to be open three seconds after the choice.
        text, author = await asyncio.gather(self._mentions.named(event.text), self._author(event))
        return await self._take(replace(event, link=self._link(event, thread), text=text, author=author))

    async def _author(self, event: MessageChosen) -> str | None:
        """Whose words they are: nobody's where an app, a workflow or Slackbot speaks, but a member's where an app posts
        in their name.
        """
        if event.author is None or event.author == event.member:
            return event.author
        try:
            return None if (await self._people.profile(event.author)).is_bot else event.author
        except ChatError:
            return event.author

    def _link(self, event: MessageChosen, thread: str) -> str | None:
        try:
            return self._posts.link(event.link or "", thread)
        except MessageGone:
            return None

    async def _asked(
        self, event: Event, origin: Origin, ack: AsyncAck, taking: Coroutine[Any, Any, Reply] | None = None
    ) -> BoltResponse:
        taken = self._under_way.start(taking or self._take(event))
        done, _ = await asyncio.wait({taken}, timeout=ACKNOWLEDGE_SECONDS)
        if done and (message := self._answers.at_once(event, taken.result())):
            return await ack(
                message.text, message.blocks, response_type="ephemeral", unfurl_links=False, unfurl_media=False
            )
        self._under_way.start(self._answer(event, origin, taken))
        return await ack()

    async def _answer(self, event: Event, origin: Origin, taken: "asyncio.Task[Reply]") -> None:
        await self._answers.say(event, origin, asyncio.shield(taken))
        if origin.is_from_home:
            await self._answers.show_home(origin.member, self._on_event, f"home:{event.id}", self._clock())

    async def _form(self, ack: AsyncAck, body: Body) -> BoltResponse:
        event, origin = inbound.form(body, self._clock())
        taken = self._under_way.start(self._take_form(event))
        done, _ = await asyncio.wait({taken}, timeout=ACKNOWLEDGE_SECONDS)
        if not done:
            self._under_way.start(self._tell_late(event, origin, taken))
            # It stays open, and sending it again is the same event.
            log.warning("%s is not acknowledged, as it takes too long to store", event.id)
            return BoltResponse(status=FAILED)
        reply = taken.result()
        if reply.field_errors:
            return await ack(response_action="errors", errors=_placed(reply.field_errors, event))
        if reply.card and reply.card.tone == "error":
            return await ack(response_action="push", view=self._answers.error_view(origin, reply.card))
        if self._kept.get(event.id) != inbound.digest(event.values):
            return await ack(response_action="push", view=self._answers.kept_as_before(origin, event.values))
        self._under_way.start(self._answer(event, origin, taken))
        # Those below would go on showing what was true before.
        return await (ack(response_action="clear") if origin.is_stacked else ack())

    async def _take_form(self, event: FormSubmitted) -> Reply:
        """Take it in; of one that is sent again, corrected, what was sent first is what is kept."""
        reply = await self._take(event)
        if not reply.field_errors and not (reply.card and reply.card.tone == "error"):
            self._kept.setdefault(event.id, inbound.digest(event.values))
        return reply

    async def _tell_late(self, event: Event, origin: Origin, taken: "asyncio.Task[Reply]") -> None:
        try:
            reply = await asyncio.shield(taken)
        except NotTakenIn as error:
            log.error("%s could not be stored: %s", error.event, error.reason)  # noqa: TRY400  that says it all
            return
        if reply.card and reply.card.tone != "error":
            await self._answer(event, origin, taken)

    async def _take(self, event: Event) -> Reply:
        return await self._on_event(event)

    async def _reaction(self, body: Body) -> None:
        event = inbound.reaction(body, self._people.bot)
        if event and await self._voters.is_member(event.member):
            await self._on_event(replace(event, message=self._posts.whole(event.message)))

    async def _membership(self, body: Body) -> None:
        self._people.take_in(inbound.membership(body))

    async def _profile(self, body: Body) -> None:
        self._people.forget(inbound.changed_profile(body))

    async def _home(self, body: Body) -> None:
        event = inbound.home(body, self._clock())
        if event:
            self._under_way.start(self._answers.show_home(event.member, self._on_event, event.id, event.at))


def _placed(errors: Mapping[str, str], event: FormSubmitted) -> dict[str, str]:
    """The sentences by block; one of a field that the form does not have stands at its first."""
    first = next(iter(event.values), "")
    return {name if name in event.values else first: sentence for name, sentence in errors.items()}
