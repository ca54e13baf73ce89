"""Ids and JSON as a Mattermost 5.37 server gives them; tests compare them with recordings, field by field."""

import copy
import hashlib
from typing import Any

Json = dict[str, Any]

ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"
VERSION = "5.37.0..7124b702a8cd481c4875c9970900e330.false"


def an_id(seed: object) -> str:
    """26 letters and digits, the same for the same seed."""
    number = int.from_bytes(hashlib.sha256(str(seed).encode()).digest(), "big")
    return "".join(ALPHABET[number >> 5 * place & 31] for place in range(26))


def error(status: int, code: str, message: str, request_id: str) -> Json:
    """What goes with a status of 400 and above."""
    return {
        "id": code,
        "message": message,
        "detailed_error": "",
        "request_id": request_id,
        "status_code": status,
    }


def user(name: str, at: int, **given: object) -> Json:
    """A member, as others see them; what is absent is not in the answer."""
    return {
        "id": an_id(f"user {name}"),
        "create_at": at,
        "update_at": at,
        "delete_at": 0,
        "username": name,
        "auth_data": "",
        "auth_service": "",
        "email": f"{name}@localhost",
        "nickname": "",
        "first_name": "",
        "last_name": "",
        "position": "",
        "roles": "system_user",
        "locale": "en",
        "timezone": {"automaticTimezone": "", "manualTimezone": "", "useAutomaticTimezone": "true"},
        "disable_welcome_email": False,
    } | given


def as_self(found: Json) -> Json:
    """A member as they see themselves."""
    return found | {
        "notify_props": {
            "channel": "true",
            "comments": "never",
            "desktop": "mention",
            "desktop_sound": "true",
            "email": "true",
            "first_name": "false",
            "mention_keys": "",
            "push": "mention",
            "push_status": "away",
        },
        "last_password_update": found["create_at"],
    }


def channel(id_: str, name: str, team: str, kind: str, creator: str, at: int) -> Json:
    """A channel or a direct conversation."""
    return {
        "id": id_,
        "create_at": at,
        "update_at": at,
        "delete_at": 0,
        "team_id": team,
        "type": kind,
        "display_name": name if kind != "D" else "",
        "name": name,
        "header": "",
        "purpose": "",
        "last_post_at": 0,
        "total_msg_count": 0,
        "extra_update_at": 0,
        "creator_id": creator,
        "scheme_id": None,
        "props": None,
        "group_constrained": None,
        "shared": False,
        "total_msg_count_root": 0,
        "policy_id": None,
    }


def member(channel_id: str, user_id: str, at: int, *, is_admin: bool = False) -> Json:
    """A membership of a channel."""
    return {
        "channel_id": channel_id,
        "user_id": user_id,
        "roles": "channel_user channel_admin" if is_admin else "channel_user",
        "last_viewed_at": 0,
        "msg_count": 0,
        "mention_count": 0,
        "mention_count_root": 0,
        "msg_count_root": 0,
        "notify_props": {
            "desktop": "default",
            "email": "default",
            "ignore_channel_mentions": "default",
            "mark_unread": "all",
            "push": "default",
        },
        "last_update_at": at,
        "scheme_guest": False,
        "scheme_user": True,
        "scheme_admin": is_admin,
        "explicit_roles": "",
    }


def reaction(user_id: str, post_id: str, emoji: str, created: int, updated: int) -> Json:
    """A reaction; `created` is 0 in what tells that it was taken off."""
    return {
        "user_id": user_id,
        "post_id": post_id,
        "emoji_name": emoji,
        "create_at": created,
        "update_at": updated,
        "delete_at": 0,
        "remote_id": "",
    }


def post(given: Json, user_id: str, id_: str, at: int) -> Json:
    """A post as it is kept: with the integrations of its buttons, which nobody is shown."""
    return {
        "id": id_,
        "create_at": at,
        "update_at": at,
        "edit_at": 0,
        "delete_at": 0,
        "is_pinned": False,
        "user_id": user_id,
        "channel_id": given["channel_id"],
        "root_id": given.get("root_id", ""),
        "parent_id": given.get("root_id", ""),
        "original_id": "",
        "message": given.get("message", ""),
        "type": given.get("type", ""),
        "props": props(given.get("props") or {}),
        "hashtags": "",
        "pending_post_id": "",
        "reply_count": 0,
        "last_reply_at": 0,
        "participants": None,
    }


def props(given: Json) -> Json:
    """Props with attachments filled up."""
    kept = copy.deepcopy(given)
    if "attachments" in kept:  # none at all come back as null
        kept["attachments"] = [_attachment(each) for each in kept["attachments"] or []] or None
    return kept


def shown(kept: Json, reactions: list[Json]) -> Json:
    """A post as it is shown: without integrations, with metadata."""
    seen = copy.deepcopy(kept)
    for attachment in seen["props"].get("attachments") or []:
        for action in attachment.get("actions", []):
            action.pop("integration", None)
    seen["metadata"] = {}
    if seen["props"].get("attachments"):
        seen["metadata"]["embeds"] = [{"type": "message_attachment"}]
    if reactions:
        seen["has_reactions"] = True
        seen["metadata"]["reactions"] = reactions
    return seen


def _attachment(given: Json) -> Json:
    names = ("fallback", "color", "pretext", "author_name", "author_link", "author_icon", "title", "title_link", "text")
    filled: Json = {"id": 0, **{name: given.get(name, "") for name in names}}
    filled |= {"fields": None, "image_url": given.get("image_url", ""), "thumb_url": "", "footer": ""}
    filled |= {"footer_icon": "", "ts": None}
    if given.get("actions"):
        filled["actions"] = [_action(each) for each in given["actions"]]
    return filled


def _action(given: Json) -> Json:
    order = ("id", "type", "name", "style", "options", "default_option", "integration", "cookie")
    return {name: given[name] for name in order if given.get(name)}
