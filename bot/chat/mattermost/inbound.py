"""What Mattermost sends, read strictly: payload → what a member did. Trust is its neighbour's matter."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.chat.emoji_names import with_emoji
from bot.chat.events import Profile, ReactionChanged
from bot.chat.mattermost.markdown import joined

ID_LENGTH = 26
OPEN = "O"
"""A channel's type: whoever is in the team may join it."""
TEXT_LIMIT = 20_000

Json = dict[str, Any]


class Unreadable(Exception):
    """A payload that no server of ours would send."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A slash command; `token` and `team` are yet to be compared."""

    token: str
    team: str
    channel: str
    member: str
    text: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Clicked:
    """A click on a button; `context` is what was given to somebody's button, and yet to be believed."""

    team: str
    channel: str
    member: str
    post: str
    trigger: str
    context: Json


@dataclass(frozen=True, slots=True)
class Submitted:
    """A dialog sent off; `state` is yet to be believed.

    The team and channel that come along are those that the client showed at that moment, wherever the dialog is from.
    """

    member: str
    state: str
    values: dict[str, str]
    is_cancelled: bool


def is_id(text: str) -> bool:
    """Whether the text has the form of the server's ids."""
    return len(text) == ID_LENGTH and text.isascii() and text.isalnum()


def typed(form: Mapping[str, object]) -> Typed:
    """A command's form. The server leaves `text` out where it is empty on some versions. Raises Unreadable."""
    return Typed(
        token=_text(form, "token"),
        team=_text(form, "team_id"),
        channel=_text(form, "channel_id"),
        member=_text(form, "user_id"),
        text=with_emoji(_text(form, "text")),
        trigger=_text(form, "trigger_id"),
    )


def clicked(payload: object) -> Clicked:
    """A click's JSON. Raises Unreadable."""
    if not isinstance(payload, dict) or not isinstance(payload.get("context"), dict):
        raise Unreadable
    return Clicked(
        team=_text(payload, "team_id"),
        channel=_text(payload, "channel_id"),
        member=_text(payload, "user_id"),
        post=_text(payload, "post_id"),
        trigger=_text(payload, "trigger_id"),
        context=payload["context"],
    )


def submitted(payload: object) -> Submitted:
    """A dialog's JSON; what is no text in it becomes text. Raises Unreadable."""
    if not isinstance(payload, dict):
        raise Unreadable
    given = payload.get("submission") or {}
    if not isinstance(given, dict):
        raise Unreadable
    values = {name: value for name, value in given.items() if isinstance(value, str)}
    if any(len(value) > TEXT_LIMIT for value in values.values()):
        raise Unreadable
    return Submitted(
        member=_text(payload, "user_id"),
        state=_text(payload, "state"),
        values={str(name): with_emoji(_whole(value)) for name, value in values.items()},
        is_cancelled=payload.get("cancelled") is True,
    )


def reaction_changed(event: Json, now: datetime) -> ReactionChanged | None:
    """The reaction of a websocket event; None for every other event. Raises Unreadable."""
    if event.get("event") not in ("reaction_added", "reaction_removed"):
        return None
    is_present = event["event"] == "reaction_added"
    try:
        reaction = json.loads(event["data"]["reaction"])
        member, post, emoji = (str(reaction[name]) for name in ("user_id", "post_id", "emoji_name"))
        millis = int(reaction.get("create_at" if is_present else "update_at") or 0)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable from error
    at = _moment(millis) or now
    name = f"reaction:{post}:{member}:{emoji}:{int(at.timestamp() * 1000)}:{'on' if is_present else 'off'}"
    return ReactionChanged(name, member, at, post, emoji, is_present)


def _moment(millis: int) -> datetime | None:
    """None for what is no moment: whoever reacts through the API may name any number."""
    try:
        return datetime.fromtimestamp(millis / 1000, UTC) if millis > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def profile(user: Json) -> Profile:
    """A member as the port has them."""
    full = " ".join(part for part in (user.get("first_name"), user.get("last_name")) if part)
    return Profile(
        id=str(user["id"]),
        name=str(user.get("nickname") or full or user.get("username") or user["id"]),
        locale=user.get("locale") or None,
        time_zone=_time_zone(user.get("timezone")),
        is_bot=bool(user.get("is_bot")),
    )


def is_outsider(user: Json) -> bool:
    """A bot, or a person of another organisation whose server shares a channel with this one."""
    return bool(user.get("is_bot") or user.get("remote_id"))


def is_of_the_house(user: Json) -> bool:
    """A person of this organisation, active, and no guest."""
    roles = str(user.get("roles", "")).split()
    return not is_outsider(user) and not user.get("delete_at") and "system_guest" not in roles


def _time_zone(told: object) -> str | None:
    if not isinstance(told, dict):
        return None
    is_automatic = str(told.get("useAutomaticTimezone", "true")).lower() == "true"
    name = told.get("automaticTimezone" if is_automatic else "manualTimezone")
    try:
        return ZoneInfo(name).key if isinstance(name, str) and name else None
    except (KeyError, ValueError, OSError):
        return None


def _text(payload: Mapping[str, object], name: str) -> str:
    value = payload.get(name, "")
    if not isinstance(value, str) or len(value) > TEXT_LIMIT:
        raise Unreadable(name)
    return _whole(value)


def _whole(text: str) -> str:
    """The text as it was written: without halves of a character and without NUL, which JSON can carry and nothing can
    store, and without what keeps a member's words in a post from being more than words.
    """
    return joined(text.encode("utf-8", "replace").decode().replace("\x00", ""))
