"""Who the members are, as Slack says: profiles, and who moderates; cached, and kept current by events.

What a moderator may do is decided elsewhere.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bot.chat.events import Profile
from bot.chat.slack.api import Answer, Api, within
from bot.chat.slack.channels import Channels
from bot.chat.slack.inbound import Membership
from bot.errors import ChatError

log = logging.getLogger(__name__)

LOOKUP_SECONDS = 1.0
"""How long somebody who typed or clicked may wait for it: they are to be answered within three."""
PROFILE_SECONDS = 3600.0
MEMBERS_SECONDS = 60.0
MEMBERS_TRUSTED_SECONDS = 600.0
"""How long the review channel's members are believed when they can't be read anew."""
KEPT_PROFILES = 5000
SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class Person:
    """A profile, and whether it is of a full member of this organisation."""

    profile: Profile
    is_colleague: bool
    read_at: float


class People:
    """The members of one workspace, moderators by the channel of use "review"; `clock` counts seconds."""

    def __init__(self, api: Api, channels: Channels, clock: Callable[[], float]) -> None:
        self._api = api
        self._channels = channels
        self._clock = clock
        self._known: OrderedDict[str, Person] = OrderedDict()
        self._moderators: set[str] = set()
        self._review_channel = ""
        self._members_read_at: float | None = None
        self.team = ""
        self.organisation = ""

    async def profile(self, member: str) -> Profile:
        """As the port says."""
        return (await self._person(member)).profile

    def known_locale(self, member: str) -> str | None:
        """The locale as it was read last, without asking: for what can't wait."""
        known = self._known.get(member)
        return known.profile.locale if known else None

    async def is_moderator(self, member: str) -> bool:
        """Whether the member is in the review channel and a colleague. Never raises: without an answer it is no."""
        try:
            return await self._is_in_review(member) and (await self._person(member)).is_colleague
        except ChatError:
            log.warning("not known whether %s moderates", member, exc_info=True)
            return False

    async def prepare(self) -> None:
        """Read the moderators, so that the first who clicks need not wait for it. Never raises."""
        try:
            await self._is_in_review("")
        except ChatError:
            log.warning("the review channel's members can't be read: nobody moderates", exc_info=True)

    def forget(self, member: str) -> None:
        """The profile changed."""
        self._known.pop(member, None)

    def take_in(self, change: Membership) -> None:
        """Somebody joined or left a channel."""
        if change.channel != self._review_channel:
            return
        if change.is_present:
            self._moderators.add(change.member)
        else:
            self._moderators.discard(change.member)

    async def _person(self, member: str) -> Person:
        known = self._known.get(member)
        if known and self._clock() - known.read_at < PROFILE_SECONDS:
            self._known.move_to_end(member)
            return known
        try:
            user = await within(LOOKUP_SECONDS, self._api.user(member))
        except ChatError:
            if known:
                return known
            raise
        person = Person(_profile(member, user), self._is_colleague(user), self._clock())
        self._known[member] = person
        if len(self._known) > KEPT_PROFILES:
            self._known.popitem(last=False)
        return person

    async def _is_in_review(self, member: str) -> bool:
        now = self._clock()
        if self._members_read_at is None or now - self._members_read_at >= MEMBERS_SECONDS:
            try:
                read = await within(LOOKUP_SECONDS, self._channels.at("review", self._members_of))
                self._moderators, self._review_channel = set(read["members"]), read["channel"]
                self._members_read_at = now
            except ChatError:
                if self._members_read_at is None or now - self._members_read_at >= MEMBERS_TRUSTED_SECONDS:
                    raise
        return member in self._moderators

    async def _members_of(self, channel: str) -> Answer:
        return {"channel": channel, "members": await self._api.members(channel)}

    def _is_colleague(self, user: Answer) -> bool:
        outside = ("is_bot", "deleted", "is_restricted", "is_ultra_restricted", "is_stranger", "is_workflow_bot")
        if user.get("id") == SLACKBOT or any(user.get(name) for name in outside):
            return False
        organisation = (user.get("enterprise_user") or {}).get("enterprise_id")
        is_same_organisation = bool(self.organisation) and organisation == self.organisation
        return user.get("team_id", self.team) == self.team or is_same_organisation


def _profile(member: str, user: Answer) -> Profile:
    shown = user.get("profile") or {}
    names = (shown.get("display_name"), user.get("real_name"), shown.get("real_name"), user.get("name"))
    name = next((str(name) for name in names if name), member)
    is_bot = bool(user.get("is_bot")) or user.get("id") == SLACKBOT
    return Profile(member, name, user.get("locale") or None, user.get("tz") or None, is_bot)
