"""What Slack delivers, checked and made into events: commands, interactions and events, over either transport. Pure.

What an event means is the router's to decide; who said it was checked before (door.py, or Slack's own socket).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from bot.chat.emoji_names import with_emoji
from bot.chat.events import (
    ButtonClicked,
    CommandTyped,
    Event,
    FormSubmitted,
    HomeOpened,
    MessageChosen,
    ReactionChanged,
)
from bot.chat.slack.render import action_of
from bot.chat.slack.written import readable, typed

Payload = Mapping[str, Any]

SHORTCUT = "turn_into_idea"
"""The message shortcut's callback id."""
REACTION_EVENTS = ("reaction_added", "reaction_removed")
MEMBERSHIP_EVENTS = ("member_joined_channel", "member_left_channel")
PROFILE_EVENT = "user_change"
HOME_EVENT = "app_home_opened"
EVENTS = (HOME_EVENT, *MEMBERSHIP_EVENTS, *REACTION_EVENTS, PROFILE_EVENT)
"""The events that Butine subscribes to."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Damaged(Exception):
    """A payload that lacks what every payload of its kind has."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where somebody did something, as far as the answer needs it. `view` is the modal's or Home's id.

    `metadata` is what a modal carried along; `is_stacked` says that it stands on top of another one. `thread` is the
    timestamp of the message that a chosen one replies to, "" where that is none.
    """

    member: str
    trigger: str = ""
    response_url: str = ""
    view: str = ""
    is_home: bool = False
    is_ephemeral: bool = False
    is_stacked: bool = False
    thread: str = ""
    metadata: Mapping[str, Any] | None = None

    @property
    def is_from_home(self) -> bool:
        """Whether that is the Home, or a modal to which it has led."""
        return self.is_home or (self.metadata or {}).get("is_home") is True


@dataclass(frozen=True, slots=True)
class Membership:
    """Somebody joined or left a channel."""

    member: str
    channel: str
    is_present: bool


def command(body: Payload, now: datetime) -> tuple[CommandTyped, Origin]:
    """A slash command. Raises Damaged."""
    member, trigger = _text(body, "user_id"), _optional(body, "trigger_id")
    origin = Origin(member, trigger, _url(body))
    return CommandTyped(f"command:{trigger or digest(body)}", member, now, typed(_optional(body, "text"))), origin


def click(body: Payload, now: datetime) -> tuple[ButtonClicked, Origin]:
    """A button or a menu's option of a message, a modal or the Home. Raises Damaged."""
    member = _text(_part(body, "user"), "id")
    actions = body.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise Damaged("actions")
    action = actions[0]
    trigger = _optional(body, "trigger_id")
    at = moment(_optional(action, "action_ts")) if action.get("action_ts") else now
    container = _part(body, "container") if "container" in body else _place(body)
    kind = _text(container, "type")
    message = None
    is_ephemeral = container.get("is_ephemeral") is True
    if kind == "message" and not is_ephemeral:
        message = reference(_text(container, "channel_id"), _text(container, "message_ts"))
    view = _part(body, "view") if kind == "view" else {}
    origin = Origin(
        member,
        trigger,
        _url(body),
        view=_optional(view, "id"),
        is_home=_optional(view, "type") == "home",
        is_ephemeral=is_ephemeral,
        metadata=_metadata(view),
    )
    chosen = _part(action, "selected_option") if action.get("selected_option") is not None else action
    name, value = action_of(_text(action, "action_id")), typed(_optional(chosen, "value"))
    return ButtonClicked(f"click:{trigger or digest(body)}", member, at, name, value, message), origin


def form(body: Payload, now: datetime) -> tuple[FormSubmitted, Origin]:
    """A submitted modal. One modal is one event, however often it is sent. Raises Damaged."""
    member = _text(_part(body, "user"), "id")
    view = _part(body, "view")
    metadata = _metadata(view)
    values: dict[str, str] = {}
    for name, block in _part(_part(view, "state"), "values").items():
        if not isinstance(block, dict):
            raise Damaged("values")
        for element in block.values():
            if not isinstance(element, dict):
                raise Damaged("values")
            values[str(name)] = with_emoji(_optional(element, "value"))
    view_id = _text(view, "id")
    origin = Origin(
        member,
        _optional(body, "trigger_id"),
        _optional(metadata, "response_url"),
        view=view_id,
        is_stacked=bool(_optional(view, "previous_view_id")),
        metadata=metadata,
    )
    context = _optional(metadata, "context")
    return FormSubmitted(f"form:{view_id}", member, now, _text(view, "callback_id"), context, values), origin


def shortcut(body: Payload, now: datetime) -> tuple[MessageChosen, Origin]:
    """The message shortcut. The text is as people read it, but for mentions, which are still ids; the author may be a
    bot. Raises Damaged.
    """
    member, trigger = _text(_part(body, "user"), "id"), _optional(body, "trigger_id")
    message = _part(body, "message")
    channel, ts = _text(_part(body, "channel"), "id"), _optional(message, "ts") or _text(body, "message_ts")
    thread = _optional(message, "thread_ts")
    origin = Origin(member, trigger, _url(body), thread=thread if thread != ts else "")
    chosen = MessageChosen(
        f"shortcut:{trigger or digest(body)}",
        member,
        now,
        text=readable(_optional(message, "text")),
        author=_optional(message, "user") or None,
        link=reference(channel, ts),  # the platform makes an address of it
    )
    return chosen, origin


def asked(body: Payload, now: datetime) -> tuple[Event, Origin] | None:
    """What somebody typed, clicked, sent off or chose, and waits to be answered; None for the rest. Raises Damaged."""
    match body.get("type"):
        case None if "command" in body:
            return command(body, now)
        case "block_actions":
            return click(body, now)
        case "view_submission":
            return form(body, now)
        case "message_action":
            return shortcut(body, now)
    return None


def reaction(body: Payload, bot: str) -> ReactionChanged | None:
    """A reaction at a message that Butine (`bot`) posted, or None for any other and its own. Raises Damaged."""
    event = event_of(body)
    item = _part(event, "item")
    if item.get("type") != "message":
        return None
    changed = ReactionChanged(
        _text(body, "event_id"),
        _text(event, "user"),
        moment(_optional(event, "event_ts") or str(body.get("event_time"))),
        reference(_text(item, "channel"), _text(item, "ts")),
        _text(event, "reaction"),
        event.get("type") == "reaction_added",
    )
    is_at_butines = _optional(event, "item_user") in ("", bot)
    return changed if is_at_butines and changed.member != bot else None


def membership(body: Payload) -> Membership:
    """Somebody joined or left. Raises Damaged."""
    event = event_of(body)
    is_present = event.get("type") == "member_joined_channel"
    return Membership(_text(event, "user"), _text(event, "channel"), is_present)


def changed_profile(body: Payload) -> str:
    """Whose profile changed. Raises Damaged."""
    return _text(_part(event_of(body), "user"), "id")


def home(body: Payload, now: datetime) -> HomeOpened | None:
    """The Home was opened; None for the other tabs. Raises Damaged."""
    event = event_of(body)
    if event.get("tab", "home") != "home":
        return None
    return HomeOpened(_text(body, "event_id"), _text(event, "user"), now)


def event_of(body: Payload) -> Payload:
    """What an event delivery tells. Raises Damaged."""
    return _part(body, "event")


def check(body: object) -> None:
    """Raise Damaged for a delivery that is of no known kind or lacks what its kind has; unknown events may pass."""
    if not isinstance(body, dict):
        raise Damaged("body")
    match body.get("type"):
        case None:
            if body.get("ssl_check") != "1":
                _text(body, "command")
                command(body, EPOCH)
        case "url_verification":
            _text(body, "challenge")
        case "event_callback":
            _text(body, "event_id")
            _check_event(body)
        case "block_actions":
            click(body, EPOCH)
        case "view_submission":
            form(body, EPOCH)
        case "message_action":
            _text(body, "callback_id")
            shortcut(body, EPOCH)
        case "app_rate_limited" | "view_closed":
            pass
        case unknown:
            raise Damaged(str(unknown))


def _check_event(body: Payload) -> None:
    if "view" in body:  # an event has none, and Bolt would look into it
        raise Damaged("view")
    match _text(event_of(body), "type"):
        case "reaction_added" | "reaction_removed":
            reaction(body, "")
        case "member_joined_channel" | "member_left_channel":
            membership(body)
        case "user_change":
            changed_profile(body)
        case "app_home_opened":
            home(body, EPOCH)


def reference(channel: str, ts: str) -> str:
    """A message's id in Butine: the channel's and the message's own."""
    return f"{channel}:{ts}"


def moment(ts: str) -> datetime:
    """The time in one of Slack's timestamps, to the microsecond. Raises Damaged."""
    try:
        seconds = Decimal(ts)
        return EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise Damaged(ts) from error


def _place(body: Payload) -> Payload:
    """Where a button stands whose delivery doesn't say so in one place."""
    channel, message = _part(body, "channel"), _part(body, "message")
    return {"type": "message", "channel_id": channel.get("id"), "message_ts": message.get("ts")}


def _part(body: Payload, name: str) -> Payload:
    value = body.get(name)
    if not isinstance(value, dict):
        raise Damaged(name)
    return value


def _text(body: Payload, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Damaged(name)
    return _whole(value)


def _optional(body: Payload, name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Damaged(name)
    return _whole(value)


def _whole(text: str) -> str:
    """The text without halves of a character, which JSON can carry and nothing can store."""
    return text.encode("utf-8", "replace").decode()


def _url(body: Payload) -> str:
    url = _optional(body, "response_url")
    return url if url.startswith(("https://", "http://")) else ""


def _metadata(view: Payload) -> Payload:
    try:
        kept = json.loads(_optional(view, "private_metadata") or "{}")
    except ValueError as error:
        raise Damaged("private_metadata") from error
    if not isinstance(kept, dict):
        raise Damaged("private_metadata")
    return kept


def digest(body: Payload) -> str:
    """An identity for what has none: the same delivery has the same."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
