"""What a Mattermost server keeps: people, channels, posts, reactions; and who is told of what changes."""

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.mattermost import answers
from tests.fakes.mattermost.answers import Json

PENDING_MILLIS = 30_000
MESSAGE_LIMIT, PROPS_LIMIT = 16_383, 8_000
TRIGGER_MILLIS = 3_000


class Refusal(Exception):
    """An answer of 4xx."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def forbidden() -> Refusal:
    """The refusal of everything that one may not do."""
    return Refusal(403, "api.context.permissions.app_error", "You do not have the appropriate permissions.")


@dataclass
class World:
    """Everything on the server. `tell` is called with a websocket event and the ids of those who get it.

    `is_current`: it does what servers of 11 and 12 do otherwise than 5.37, as far as an integration meets it.
    """

    clock: Callable[[], datetime]
    tell: Callable[[str, Json, str, set[str]], None] = lambda *_: None
    users: dict[str, Json] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    teams: dict[str, Json] = field(default_factory=dict)
    team_members: dict[str, set[str]] = field(default_factory=dict)
    channels: dict[str, Json] = field(default_factory=dict)
    members: dict[str, dict[str, Json]] = field(default_factory=dict)
    posts: dict[str, Json] = field(default_factory=dict)
    reactions: dict[str, list[Json]] = field(default_factory=dict)
    commands: dict[str, Json] = field(default_factory=dict)
    pending: dict[str, tuple[str, int]] = field(default_factory=dict)
    ephemerals: list[tuple[str, Json]] = field(default_factory=list)
    dialogs: list[tuple[str, Json]] = field(default_factory=list)
    config: Json = field(default_factory=dict)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    shown_key: ec.EllipticCurvePrivateKey | None = None
    last: int = 0
    is_forgetful: bool = False
    hides_archived: bool = False
    edit_seconds: int = -1
    reads_open: bool = False
    is_current: bool = False
    has_site_url: bool = True

    def now(self) -> int:
        """Milliseconds, never twice the same."""
        self.last = max(int(self.clock().timestamp() * 1000), self.last + 1)
        return self.last

    def new_id(self) -> str:
        """An id that nothing has yet."""
        return answers.an_id(next(self.numbers))

    def public_key(self) -> str:
        """As in the client's configuration; `shown_key` in its place is one with which nothing is signed."""
        form, encoding = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.DER
        return base64.b64encode((self.shown_key or self.key).public_key().public_bytes(encoding, form)).decode()

    def trigger(self, user: str, channel: str = "") -> str:
        """What goes with a command or click in that channel, which current servers state."""
        head = f"{self.new_id()}:{user}:{f'{channel}:' if self.is_current else ''}{self.now()}:"
        signature = self.key.sign(head.encode(), ec.ECDSA(hashes.SHA256()))
        return base64.b64encode(head.encode() + base64.b64encode(signature)).decode()

    def add_user(self, name: str, **given: object) -> str:
        """Somebody, with a token of their own name."""
        user = answers.user(name, self.now(), **given)
        self.users[user["id"]] = user
        self.tokens[f"{name}-token"] = user["id"]
        return str(user["id"])

    def add_team(self, name: str, *users: str) -> str:
        """A team."""
        id_ = answers.an_id(f"team {name}")
        self.teams[id_] = {"id": id_, "name": name, "display_name": name, "type": "O", "delete_at": 0}
        self.team_members[id_] = set(users)
        return id_

    def add_channel(self, team: str, name: str, kind: str, *users: str) -> str:
        """A channel or conversation."""
        id_ = answers.an_id(f"channel {team} {name}")
        self.channels[id_] = answers.channel(id_, name, team, kind, users[0] if users else "", self.now())
        self.members[id_] = {user: answers.member(id_, user, self.now()) for user in users}
        return id_

    def conversation(self, one: str, other: str) -> str:
        """The direct conversation of two, made if there was none."""
        name = "__".join(sorted((one, other)))
        found = answers.an_id(f"channel  {name}")
        return found if found in self.channels else self.add_channel("", name, "D", one, other)

    def is_admin(self, user: str) -> bool:
        """Whether the user administers the server."""
        return "system_admin" in self.users[user]["roles"]

    def may_read(self, user: str, channel: str) -> bool:
        """Whether somebody is in a channel, or an open one of theirs that the server lets all its team read.

        Archived ones can be read unless the server hides them.
        """
        found = self.channels.get(channel)
        if found is None or (found["delete_at"] and self.hides_archived):
            return False
        is_open = self.reads_open and found["type"] == "O" and user in self.team_members[found["team_id"]]
        return is_open or user in self.members[channel]

    def existing(self, post: str) -> Json:
        """A post that is there."""
        found = self.posts.get(post)
        if found is None or found["delete_at"]:
            raise Refusal(404, "app.post.get.app_error", "Unable to get the post.")
        return found

    def shown(self, post: Json) -> Json:
        """A post as it is shown."""
        return answers.shown(post, self.reactions.get(post["id"], []))

    def post(self, user: str, given: Json) -> Json:
        """Post; the answer."""
        if not self.may_read(user, given.get("channel_id", "")) or user not in self.members[given["channel_id"]]:
            raise forbidden()
        if self.channels[given["channel_id"]]["delete_at"]:
            raise Refusal(400, "api.post.create_post.can_not_post_to_deleted.error", "Can not post to deleted channel.")
        self._check(given)
        pending = given.get("pending_post_id", "")
        known, at = self.pending.get(pending, ("", 0))
        if known and self.now() - at < PENDING_MILLIS:
            if self.posts[known]["delete_at"]:
                raise Refusal(500, "api.post.deduplicate_create_post.failed_to_get", "Failed to fetch original post.")
            seen = self.shown(self.existing(known))
            seen.pop("metadata")
            return seen
        kept = answers.post(given, user, self.new_id(), self.now())
        if self.users[user].get("is_bot"):
            kept["props"]["from_bot"] = "true"
        if kept["root_id"]:
            kept["reply_count"] = 1 + sum(post["root_id"] == kept["root_id"] for post in self.posts.values())
        self.posts[kept["id"]] = kept
        if pending:
            self.pending[pending] = (kept["id"], self.now())
        answer = self.shown(kept) | {"pending_post_id": pending}
        self._posted(answer)
        return answer

    def edit(self, post: str, changes: Json) -> Json:
        """Change a post."""
        kept = self.existing(post)
        if self.channels[kept["channel_id"]]["delete_at"]:
            code = "api.post.patch_post.can_not_update_post_in_deleted.error"
            raise Refusal(400, code, "Can not update a post in a deleted channel.")
        age = self.now() - kept["create_at"]
        is_same = "message" not in changes or (not self.is_current and changes["message"] == kept["message"])
        if 0 <= self.edit_seconds * 1000 < age and not is_same:
            code = "api.post.update_post.permissions_time_limit.app_error"
            raise Refusal(400, code, f"Post edit is only allowed for {self.edit_seconds} seconds.")
        self._check(changes)
        kept["message"] = changes.get("message", kept["message"])
        if changes.get("props") is not None:
            kept["props"] = answers.props(changes["props"])
        kept["update_at"] = kept["edit_at"] = self.now()
        shown = self.shown(kept)
        self.tell("post_edited", {"post": json.dumps(shown)}, kept["channel_id"], set(self.members[kept["channel_id"]]))
        return shown

    def delete(self, post: str) -> None:
        """Take a post away; its reactions are still told of, except by a forgetful server."""
        kept = self.existing(post)
        kept["delete_at"] = kept["update_at"] = self.now()
        if self.is_forgetful:
            self.reactions.pop(post, None)
        shown = self.shown(kept)
        members = set(self.members[kept["channel_id"]])
        self.tell("post_deleted", {"post": json.dumps(shown)}, kept["channel_id"], members)

    def react(self, user: str, post: str, emoji: str, at: int | None = None) -> Json:
        """Put a reaction on, at a moment that its client may name (milliseconds)."""
        kept = self.existing(post)
        if self.channels[kept["channel_id"]]["delete_at"]:
            raise Refusal(
                403, "api.reaction.save.archived_channel.app_error", "You cannot react in an archived channel."
            )
        held = self.reactions.setdefault(post, [])
        for row in held:
            if (row["user_id"], row["emoji_name"]) == (user, emoji):
                return row
        now = self.now()
        row = answers.reaction(user, post, emoji, now if at is None else at, now)
        held.append(row)
        kept["update_at"] = self.now()
        members = set(self.members[kept["channel_id"]])
        self.tell("reaction_added", {"reaction": json.dumps(row)}, kept["channel_id"], members)
        return row

    def unreact(self, user: str, post: str, emoji: str) -> None:
        """Take a reaction off."""
        kept = self.existing(post)
        self.reactions[post] = [
            row for row in self.reactions.get(post, []) if (row["user_id"], row["emoji_name"]) != (user, emoji)
        ]
        row = answers.reaction(user, post, emoji, 0, self.now())
        kept["update_at"] = self.now()
        members = set(self.members[kept["channel_id"]])
        self.tell("reaction_removed", {"reaction": json.dumps(row)}, kept["channel_id"], members)

    def whisper(self, user: str, channel: str, message: str, props: Json | None = None, root: str = "") -> Json:
        """Show somebody a message that is kept nowhere; as a reply, current clients show it in its thread alone."""
        given = {"channel_id": channel, "message": message, "props": props or {}, "type": "system_ephemeral"}
        kept = answers.post(given | {"root_id": root}, user, self.new_id(), self.now()) | {"update_at": 0}
        if not (root and self.is_current):
            self.ephemerals.append((user, kept))
        self.tell("ephemeral_message", {"post": json.dumps(self.shown(kept))}, channel, {user})
        return kept

    def _check(self, given: Json) -> None:
        if len(given.get("message") or "") > MESSAGE_LIMIT:
            raise Refusal(400, "model.post.is_valid.msg.app_error", "Invalid message.")
        if len(json.dumps(given.get("props") or {}, ensure_ascii=False)) > PROPS_LIMIT:
            raise Refusal(400, "model.post.is_valid.props.app_error", "Invalid props.")

    def _posted(self, shown: Json) -> None:
        channel = self.channels[shown["channel_id"]]
        data = {
            "channel_display_name": channel["display_name"] or f"@{self.users[shown['user_id']]['username']}",
            "channel_name": channel["name"],
            "channel_type": channel["type"],
            "post": json.dumps(shown),
            "sender_name": f"@{self.users[shown['user_id']]['username']}",
            "set_online": True,
            "team_id": channel["team_id"],
        }
        self.tell("posted", data, channel["id"], set(self.members[channel["id"]]))
