"""Who the members are, as Slack says: profiles, and who moderates; cached, and kept current by events.

What a moderator may do is decided elsewhere.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf

from bot.chat.events import Profile
from bot.chat.recent import Recent
from bot.chat.slack.api import Answer, Api
from bot.chat.slack.channels import Channels
from bot.chat.slack.inbound import Membership
from bot.chat.slack.lookups import Lookups
from bot.chat.slack.written import typed
from bot.errors import ChatError

log = logging.getLogger(__name__)

LOOKUP_SECONDS = 1.0
"""How long somebody who typed or clicked waits for it: they are to be answered within three. What comes later is kept
for the next time."""
PROFILE_SECONDS = 3600.0
MEMBERS_SECONDS = 60.0
MEMBERS_TRUSTED_SECONDS = 600.0
"""How long the review channel's members are believed when they can't be read anew."""
KEPT_PROFILES = 5000
CHANGES_KEPT = 1000
"""Of who joins and leaves while the members are being read."""
REVIEW = "review"
SLACKBOT = "USLACKBOT"
LIMITED = ("deleted", "is_restricted", "is_ultra_restricted")
"""What says of a user that they are not, or no longer, a full member; guests are the restricted ones."""


@dataclass(frozen=True, slots=True)
class Person:
    """A profile, and whether it is of a person of this workspace or its organisation, and of a full member there, or of
    somebody who is not there any more.
    """

    profile: Profile
    has_left: bool
    is_member: bool
    is_colleague: bool
    read_at: float


@dataclass(frozen=True, slots=True)
class Review:
    """The review channel, and who was in it."""

    channel: str
    members: frozenset[str]
    read_at: float


class People:
    """The members of one workspace, moderators by the channel of use "review"; `clock` counts seconds."""

    def __init__(self, api: Api, channels: Channels, clock: Callable[[], float]) -> None:
        self._api = api
        self._channels = channels
        self._clock = clock
        self._known: Recent[str, Person] = Recent(KEPT_PROFILES)
        self._people = Lookups(self._keep_person)
        self._reviews = Lookups(self._keep_review)
        self._meanwhile: deque[Membership] = deque(maxlen=CHANGES_KEPT)
        self._moderators: set[str] = set()
        self._review_channel = ""
        self._members_read_at: float | None = None
        self.bot = ""
        self.team = ""
        self.organisation = ""

    async def profile(self, member: str) -> Profile:
        """As the port says."""
        return (await self._person(member)).profile

    def known(self, member: str) -> Profile | None:
        """The profile as it was read last, without asking: for what can't wait."""
        known = self._known.get(member)
        return known.profile if known else None

    def has_left(self, member: str) -> bool:
        """Whether the account was deactivated when it was read last, without asking."""
        known = self._known.get(member)
        return known is not None and known.has_left

    async def is_member(self, member: str) -> bool:
        """Whether it is a person of this workspace or its organisation, be they a guest. Raises as `profile` does."""
        return (await self._person(member)).is_member

    def is_known_member(self, member: str) -> bool | None:
        """The same as it was read last, without asking."""
        known = self._known.get(member)
        return known.is_member if known else None

    async def is_moderator(self, member: str) -> bool:
        """As the port says: whether the member is in the review channel, and a colleague."""
        return await self._is_in_review(member) and (await self._person(member)).is_colleague

    def is_home(self, team: object, organisation: object) -> bool:
        """Whether that is this workspace or another one of its organisation, whose id may stand in a team's place."""
        return team == self.team or (bool(self.organisation) and self.organisation in (team, organisation))

    async def prepare(self) -> None:
        """Read the moderators, so that the first who clicks need not wait for it. Never raises."""
        try:
            await self._reviews.answer(REVIEW, self._read_review, seconds=None)
        except ChatError as error:
            log.warning("the review channel's members can't be read yet (%s): nobody can moderate", error)

    async def close(self) -> None:
        """Ask no more."""
        await self._people.close()
        await self._reviews.close()

    def forget(self, member: str) -> None:
        """The profile changed."""
        self._known.pop(member, None)
        self._people.drop(member)

    def take_in(self, change: Membership) -> None:
        """Somebody joined or left a channel."""
        self._meanwhile.append(change)
        self._apply(change)

    def _apply(self, change: Membership) -> None:
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
            return await self._people.answer(member, partial(self._read_person, member), LOOKUP_SECONDS)
        except ChatError:
            if known:
                return known
            raise

    async def _read_person(self, member: str) -> Person:
        user = await self._api.user(member)
        is_member = self._is_member(user)
        is_colleague = is_member and not any(user.get(name) for name in LIMITED)
        return Person(_profile(member, user), bool(user.get("deleted")), is_member, is_colleague, self._clock())

    def _keep_person(self, member: str, person: Person) -> None:
        self._known[member] = person

    async def _is_in_review(self, member: str) -> bool:
        if self._members_age() >= MEMBERS_SECONDS:
            try:
                await self._reviews.answer(REVIEW, self._read_review, LOOKUP_SECONDS)
            except ChatError:
                if self._members_age() >= MEMBERS_TRUSTED_SECONDS:
                    raise
        return member in self._moderators

    def _members_age(self) -> float:
        return inf if self._members_read_at is None else self._clock() - self._members_read_at

    async def _read_review(self) -> Review:
        self._meanwhile.clear()
        began = self._clock()
        return await self._channels.at(REVIEW, partial(self._read_members, began))

    async def _read_members(self, began: float, channel: str) -> Review:
        return Review(channel, frozenset(await self._api.members(channel)), began)

    def _keep_review(self, _name: str, read: Review) -> None:
        self._review_channel, self._moderators, self._members_read_at = read.channel, set(read.members), read.read_at
        for change in self._meanwhile:  # what was read may be older
            self._apply(change)

    def _is_member(self, user: Answer) -> bool:
        if _is_bot(user) or user.get("is_stranger"):
            return False
        organisation = (user.get("enterprise_user") or {}).get("enterprise_id")
        return self.is_home(user.get("team_id", self.team), organisation)


def _profile(member: str, user: Answer) -> Profile:
    shown = user.get("profile") or {}
    names = (shown.get("display_name"), user.get("real_name"), shown.get("real_name"), user.get("name"))
    name = typed(next((str(name) for name in names if name), member))
    return Profile(member, name, user.get("locale") or None, user.get("tz") or None, _is_bot(user))


def _is_bot(user: Answer) -> bool:
    return bool(user.get("is_bot") or user.get("is_workflow_bot")) or user.get("id") == SLACKBOT
