"""How the fake server calls integrations: commands, clicks and dialogs, from whoever asks for it.

It checks no more than the real one does: any member may post a button that leads anywhere with any context, and
submit any dialog to any address.
"""

import base64
import json
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession

from tests.fakes.mattermost import answers, reading
from tests.fakes.mattermost.answers import Json
from tests.fakes.mattermost.world import TRIGGER_MILLIS, Refusal, World, forbidden

RETAINED = ("override_username", "override_icon_url", "from_webhook", "from_bot")


class Integrations:
    """Calls out. `calls` keeps what was sent, `statuses` what came back."""

    session: ClientSession
    site_url = ""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cookies: dict[str, Json] = {}
        self.calls: list[tuple[str, Json]] = []
        self.statuses: list[int] = []
        self.is_blocked = False

    def add_command(self, given: Json) -> Json:
        """A slash command with a token of its own."""
        id_ = self._world.new_id()
        empty = dict.fromkeys(("username", "icon_url", "auto_complete_hint", "auto_complete_desc", "display_name"), "")
        command = {
            **empty,
            "description": "",
            "auto_complete": False,
            **given,
            "id": id_,
            "token": self._world.new_id(),
        }
        self._world.commands[id_] = command
        return command

    async def execute(self, user: str, channel: str, line: str) -> Json:
        """What a member types, sent to whose command it is."""
        return await self.hand_on(self.typed(user, channel, line))

    def typed(self, user: str, channel: str, line: str) -> Json:
        """What the server sends when a member types it."""
        trigger, _, text = line.partition(" ")
        team = self._world.channels[channel]["team_id"] or next(iter(self._world.teams))
        found = next((c for c in self._world.commands.values() if f"/{c['trigger']}" == trigger.lower()), None)
        if found is None:
            raise Refusal(404, "api.command.execute_command.not_found.app_error", f"Command {trigger} not found.")
        if self._world.is_current and not self._world.has_site_url:
            raise Refusal(400, "api.command.execute_command.site_url_required.app_error", "Site URL is required.")
        return {
            "channel_id": channel,
            "channel_name": self._world.channels[channel]["name"],
            "command": trigger,
            "response_url": f"{self.site_url}/hooks/commands/{self._world.new_id()}",
            "team_domain": self._world.teams[team]["name"],
            "team_id": team,
            "text": text,
            "token": found["token"],
            "trigger_id": self._world.trigger(user, channel),
            "user_id": user,
            "user_name": self._world.users[user]["username"],
        }

    async def hand_on(self, form: Json, url: str = "") -> Json:
        """Send a typed command to that address, or to the command's own; the client's answer."""
        found = next(each for each in self._world.commands.values() if each["token"] == form["token"])
        headers = {"Authorization": f"Token {found['token']}", "Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._call(url or found["url"], urlencode(form).encode(), headers, form)
        if answer.get("text") or answer.get("attachments"):
            self._show_answer(form["user_id"], form["channel_id"], answer)
        client_trigger = base64.b64decode(form["trigger_id"]).decode().partition(":")[0]
        empty: Json = {"response_type": "", "text": "", "username": "", "channel_id": "", "icon_url": "", "type": ""}
        empty |= {"props": None, "goto_location": "", "skip_slack_parsing": False, "attachments": None}
        return {**empty, "extra_responses": None, **answer, "trigger_id": client_trigger}

    def behind(self, cookie: str) -> Json:
        """The context that a private message's button or menu was given; no client is shown it."""
        return dict(self._cookies[cookie]["integration"]["context"])

    def _show_answer(self, user: str, channel: str, answer: Json) -> None:
        text = answer.get("text", "")
        props = dict(answer.get("props") or {})
        if answer.get("attachments"):
            props["attachments"] = answer["attachments"]
        post = {"channel_id": channel, "message": text if answer.get("skip_slack_parsing") else reading.slack(text)}
        if answer.get("response_type") == "in_channel":
            self._world.post(user, post | {"props": props})
            return
        props = answers.props(props | {"from_webhook": "true"})
        shown = self._world.whisper(user, channel, post["message"], props)
        for attachment in shown["props"].get("attachments") or []:
            for action in attachment.get("actions", []):
                cookie = self._world.new_id()
                integration = action.pop("integration")
                kept = {"integration": integration, "channel": channel, "post": shown["id"], "type": action["type"]}
                self._cookies[cookie] = kept
                action["cookie"] = cookie

    async def act(self, user: str, post: str, action: str, option: str = "", cookie: str = "") -> str:
        """A click, sent with the context that nobody was shown."""
        kept = self._world.posts.get(post)
        if kept is None:
            known = self._cookies.get(cookie)
            if known is None or known["post"] != post:
                raise Refusal(404, "app.post.get.app_error", "Unable to get the post.")
            channel, integration, kind, root = known["channel"], known["integration"], known["type"], ""
        else:
            actions = [a for each in kept["props"].get("attachments") or [] for a in each.get("actions", [])]
            found = next((each for each in actions if each["id"] == action and each.get("integration")), None)
            if not self._world.may_read(user, kept["channel_id"]):
                raise forbidden()
            if found is None:
                raise Refusal(404, "api.post.do_action.action_id.app_error", "Invalid action id.")
            channel, integration, kind = kept["channel_id"], found["integration"], found["type"]
            root = kept["root_id"] or post
        place = self._world.channels[channel]
        trigger = self._world.trigger(user, channel)
        context = integration.get("context") or {}
        payload = {
            "user_id": user,
            "user_name": self._world.users[user]["username"],
            "channel_id": channel,
            "channel_name": place["name"],
            "team_id": place["team_id"],
            "team_domain": self._world.teams[place["team_id"]]["name"] if place["team_id"] else "",
            "post_id": post,
            "trigger_id": trigger,
            "type": kind,
            "data_source": "",
            "context": context | ({"selected_option": option} if option and kind == "select" else {}),
        }
        answer = await self._post(integration["url"], payload)
        if answer.get("update"):
            if kept is None:
                raise Refusal(404, "app.post.get.app_error", "Unable to get the post.")
            update = answer["update"]
            props = update.get("props")
            if props is not None:
                props = {name: value for name, value in props.items() if name not in RETAINED}
                props |= {name: kept["props"][name] for name in RETAINED if name in kept["props"]}
            self._world.edit(post, {"message": update.get("message", ""), "props": props})
        if answer.get("ephemeral_text"):
            text = answer["ephemeral_text"]
            text = text if answer.get("skip_slack_parsing") else reading.slack(text)
            self._world.whisper(user, channel, text, root=root)
        return base64.b64decode(trigger).decode().partition(":")[0]

    def open_dialog(self, given: Json) -> None:
        """Show a dialog to whom the trigger is of."""
        try:
            name, user, *_, millis, _ = base64.b64decode(given["trigger_id"]).decode().split(":")
        except ValueError as error:
            code = "interactive_message.decode_trigger_id.base64_decode_failed"
            raise Refusal(400, code, "Failed to decode base64 for trigger ID for interactive dialog.") from error
        if self._world.now() - int(millis) > TRIGGER_MILLIS:
            raise Refusal(
                400, "interactive_message.decode_trigger_id.expired", "Trigger ID for interactive dialog is expired."
            )
        dialog = json.loads(json.dumps(given))
        self._check(dialog["dialog"])
        self._world.dialogs.append((user, dialog | {"trigger_id": name}))
        self._world.tell("open_dialog", {"dialog": json.dumps(dialog)}, "", {user})

    @staticmethod
    def _check(dialog: Json) -> None:
        """The limits that newer servers hold dialogs to; older ones only write them into their log."""
        assert 0 < len(dialog["title"]) <= 24
        for element in dialog["elements"]:
            assert len(element["display_name"]) <= 24
            assert len(element["help_text"]) <= 150
            assert element["max_length"] <= (3000 if element["type"] == "textarea" else 150)
            assert len(element["default"]) <= element["max_length"]

    async def submit(self, user: str, given: Json) -> Json:
        """A dialog's submission, sent to the address that it names; current servers ask no client for the team."""
        team = self._world.channels[given["channel_id"]]["team_id"] if self._world.is_current else given["team_id"]
        payload = {
            "type": "dialog_submission",
            "callback_id": given.get("callback_id", ""),
            "state": given.get("state", ""),
            "user_id": user,
            "channel_id": given["channel_id"],
            "team_id": team,
            "submission": given.get("submission") or {},
            "cancelled": bool(given.get("cancelled")),
        }
        return await self._post(given["url"], payload)

    async def _post(self, url: str, payload: Json) -> Json:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        return await self._call(url, body, {"Content-Type": "application/json"}, payload)

    async def _call(self, url: str, body: bytes, headers: dict[str, str], told: Json) -> Json:
        self.calls.append((url, told))
        failed = Refusal(400, "api.post.do_action.action_integration.app_error", "Action integration error.")
        if self.is_blocked:  # AllowedUntrustedInternalConnections does not name the host
            raise failed
        try:
            async with self.session.post(url, data=body, headers={"Accept": "application/json", **headers}) as response:
                self.statuses.append(response.status)
                answer: Any = await response.json() if response.status == 200 else None
        except (ClientError, ValueError) as error:
            raise failed from error
        if not isinstance(answer, dict):
            raise failed
        return answer
