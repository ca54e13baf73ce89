"""A fake Slack: its servers, and its members, who type, click, fill in forms and react as people do."""

import asyncio
import html
import json
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.fakes.slack import reading
from tests.fakes.slack.clock import Clock
from tests.fakes.slack.deliveries import RETRIES_AFTER, Http, Sockets, Transport
from tests.fakes.slack.state import BOT, IDEAS, REVIEW, TEAM, State
from tests.fakes.slack.web_api import WebApi

Json = dict[str, Any]
CAMILLE, SAM, NADIA, OMAR = "U0CAMILLE0", "U0SAM00000", "U0NADIA000", "U0OMAR0000"
TICKET = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
"""Opens a socket, once."""
PATIENCE_SECONDS = 10.0
MESSAGE_PARTS = ("type", "subtype", "user", "text", "ts", "thread_ts", "bot_id")
VIEW_PARTS = ("id", "hash", "callback_id", "private_metadata", "type", "previous_view_id", "root_view_id")


class FakeSlack:
    """A workspace with two agents and two moderators. Everything is delivered by `transport` once that is set.

    `api` makes its Web API over the state; `clock` is what the workspace goes by.
    """

    def __init__(self, api: Callable[[State], WebApi] = WebApi, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.state = State(self.clock)
        self.api = api(self.state)
        self.sockets = Sockets()
        self.transport: Transport = self.sockets
        for id_, name, locale in (
            (CAMILLE, "Camille Martin", "fr-FR"),
            (SAM, "Sam Taylor", "en-GB"),
            (NADIA, "Nadia Benali", "fr-FR"),
            (OMAR, "Omar Haddad", "fr-FR"),
        ):
            self.state.add_user(id_, name, locale)
        self.state.channels[REVIEW].members |= {NADIA, OMAR}
        app = web.Application(client_max_size=10 * 1024 * 1024)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self.api.answer),
                web.post("/response/{id}", self.api.respond),
                web.get("/socket", self.sockets.answer),
            ]
        )
        self._server = TestServer(app)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        await self._server.start_server()
        self._session = aiohttp.ClientSession()
        self.api.wss_url = lambda: self._url(f"/socket?ticket={TICKET}&app_id=1").replace("http", "ws", 1)

    async def stop(self) -> None:
        self.api.released.set()
        self.api.may_answer.set()
        await self.sockets.close()
        await self._server.close()
        if self._session:
            await self._session.close()

    @property
    def api_url(self) -> str:
        return str(self._server.make_url("/api/"))

    def use_http(self, url: str) -> Http:
        """From now on everything is delivered to that address."""
        assert self._session
        self.transport = http = Http(self.clock, self._session, url)
        return http

    def _url(self, path: str) -> str:
        return str(self._server.make_url(path))

    # What members do

    async def type_command(self, member: str, text: str, channel: str = IDEAS) -> Json | None:
        """The slash command, as Slack hands it on: with its three characters escaped."""
        return await self.hand_on(self.command(member, text, channel))

    async def hand_on(self, command: Json) -> Json | None:
        """A command's delivery; a message in its acknowledgement is shown to who typed it."""
        answer = await self.transport.deliver("slash_commands", command)
        if answer:
            self.api.show_privately(command["user_id"], command["channel_id"], answer)
        return answer

    def command(self, member: str, text: str, channel: str = IDEAS) -> Json:
        """What Slack sends when a member types it."""
        return {
            "command": "/idea",
            "text": html.escape(text, quote=False),
            "user_id": member,
            "user_name": self.state.users[member]["name"],
            "team_id": TEAM,
            "channel_id": channel,
            "trigger_id": self.state.trigger(member),
            "response_url": self._url(self.state.response_url(member, channel)),
        }

    async def choose(self, member: str, message: Json, label: str, option: str) -> Json | None:
        """An option of the menu of that label."""
        return await self.transport.deliver("interactive", self.chosen_from(member, message, label, option))

    def chosen_from(self, member: str, message: Json, label: str, option: str) -> Json:
        """What Slack sends when a member chooses it."""
        menu = menu_of(message, label)
        chosen = next(each for each in menu["options"] if each["text"]["text"] == option)
        action = {
            "type": "static_select",
            "block_id": "b",
            "action_id": menu["action_id"],
            "selected_option": chosen,
            "initial_option": menu.get("initial_option"),
            "placeholder": menu["placeholder"],
            "action_ts": self.state.ts(),
        }
        return self._acted(member, message, action)

    async def click(self, member: str, message: Json, label: str) -> Json | None:
        """The button of that label, in a channel's message or a private one."""
        return await self.transport.deliver("interactive", self.clicked(member, message, label))

    def clicked(self, member: str, message: Json, label: str) -> Json:
        """What Slack sends when a member clicks it."""
        return self._acted(member, message, self._action(button_of(message, label)))

    def _acted(self, member: str, message: Json, action: Json) -> Json:
        is_private = message in self.state.private.get(member, [])
        channel = message["channel"]
        url = self.state.response_url(member, channel, message if is_private else None)
        return {
            "type": "block_actions",
            "user": {"id": member, "team_id": TEAM},
            "team": {"id": TEAM},
            "container": {
                "type": "message",
                "message_ts": message["ts"],
                "channel_id": channel,
                "is_ephemeral": is_private,
            },
            "channel": {"id": channel},
            "message": {"ts": message["ts"], "text": message.get("text", "")},
            "trigger_id": self.state.trigger(member),
            "response_url": self._url(url),
            "actions": [action],
        }

    def _action(self, button: Json) -> Json:
        return {
            "type": "button",
            "block_id": "b",
            "action_id": button["action_id"],
            "value": button.get("value"),
            "action_ts": self.state.ts(),
        }

    async def click_in_view(self, member: str, view: Json, label: str) -> Json | None:
        """A button of the Home or of a modal."""
        payload = {
            "type": "block_actions",
            "user": {"id": member, "team_id": TEAM},
            "team": {"id": TEAM},
            "container": {"type": "view", "view_id": view.get("id", "VHOME")},
            "view": {"id": view.get("id", "VHOME"), **{k: v for k, v in view.items() if k not in ("id", "member")}},
            "trigger_id": self.state.trigger(member),
            "actions": [self._action(button_of(view, label))],
        }
        return await self.transport.deliver("interactive", payload)

    async def submit(self, member: str, fields: dict[str, str]) -> Json | None:
        """Fill in the member's open form and send it; Slack closes it, or all of them, or shows another one above."""
        view = self.form_of(member)
        answer = await self.transport.deliver("interactive", self.submitted(member, view, fields))
        match answer:
            case {"response_action": "clear"}:
                self.state.close_views(member)
            case {"response_action": "push", "view": above}:
                self.api.push(member, above)
            case {"response_action": "errors", "errors": errors}:
                assert set(errors) <= {block.get("block_id") for block in view["blocks"]}
            case {}:
                del self.state.views[view["id"]]
        return answer

    def close_modal(self, member: str) -> None:
        """The member closes the modal that they see; the one below it is there again."""
        del self.state.views[self.form_of(member)["id"]]

    def submitted(self, member: str, view: Json, fields: dict[str, str]) -> Json:
        """What Slack sends for it: each field has the text that stands in it."""
        values: Json = {}
        for block in view["blocks"]:
            if block["type"] == "input":
                element = block["element"]
                value = fields.get(block["block_id"], element.get("initial_value"))
                values[block["block_id"]] = {element["action_id"]: {"type": "plain_text_input", "value": value or None}}
        kept = {name: view[name] for name in VIEW_PARTS if name in view}
        return {
            "type": "view_submission",
            "user": {"id": member, "team_id": TEAM},
            "team": {"id": TEAM},
            "trigger_id": self.state.trigger(member),
            "view": {**kept, "state": {"values": values}},
        }

    def form_of(self, member: str) -> Json:
        """The modal that a member sees."""
        return self.state.views_of(member)[-1]

    async def use_shortcut(self, member: str, message: Json) -> Json | None:
        """The message shortcut."""
        return await self.transport.deliver("interactive", self.chosen(member, message))

    def chosen(self, member: str, message: Json) -> Json:
        """What Slack sends for it."""
        return {
            "type": "message_action",
            "callback_id": "turn_into_idea",
            "user": {"id": member},
            "team": {"id": TEAM},
            "channel": {"id": message["channel"]},
            "message_ts": message["ts"],
            "message": {name: message[name] for name in MESSAGE_PARTS if name in message},
            "trigger_id": self.state.trigger(member),
            "response_url": self._url(self.state.response_url(member, message["channel"])),
        }

    def write(self, member: str, text: str, channel: str = IDEAS, below: Json | None = None) -> Json:
        """An ordinary message of a member, or a reply below another one."""
        ts = self.state.ts()
        message: Json = {"type": "message", "user": member, "text": text, "ts": ts, "channel": channel, "reactions": {}}
        if below:
            below["thread_ts"] = message["thread_ts"] = below["ts"]
        self.state.channels[channel].messages[ts] = message
        return message

    async def react(self, member: str, message: Json, emoji: str, *, is_told: bool = True) -> None:
        """Put a reaction on; without `is_told` the app hears nothing of it."""
        message["reactions"].setdefault(emoji, []).append(member)
        if is_told:
            await self.tell(self.reaction(member, message, emoji, "reaction_added"))

    async def unreact(self, member: str, message: Json, emoji: str, *, is_told: bool = True) -> None:
        """Take a reaction off."""
        message["reactions"][emoji].remove(member)
        if is_told:
            await self.tell(self.reaction(member, message, emoji, "reaction_removed"))

    def reaction(self, member: str, message: Json, emoji: str, kind: str) -> Json:
        """The event of a reaction."""
        item = {"type": "message", "channel": message["channel"], "ts": message["ts"]}
        return self.event({"type": kind, "user": member, "reaction": emoji, "item": item, "item_user": message["user"]})

    def event(self, event: Json) -> Json:
        """An event delivery."""
        return {
            "type": "event_callback",
            "team_id": TEAM,
            "event_id": f"Ev{self.state.number():08}",
            "event_time": int(self.clock.now().timestamp()),
            "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
            "event": {"event_ts": self.state.ts(), **event},
        }

    async def tell(self, event: Json) -> bool:
        """Deliver an event, again where it was not taken; returns whether it was in the end."""
        if await self.transport.deliver("events_api", event) is not None:
            return True
        for retry, pause in enumerate(RETRIES_AFTER, start=1):
            self.clock.advance(pause)
            if await self.transport.deliver("events_api", event, retry) is not None:
                return True
        return False

    # What members see

    def messages(self, channel: str) -> list[Json]:
        return list(self.state.channels[channel].messages.values())

    def card(self, channel: str, words: str) -> Json:
        """The newest message in a channel that holds the words."""
        return [message for message in self.messages(channel) if words in reading.shown(message)][-1]

    def private(self, member: str, words: str) -> Json:
        """The newest private message for a member that holds the words."""
        return [message for message in self.state.private.get(member, []) if words in reading.shown(message)][-1]

    def direct(self, member: str, words: str) -> Json:
        """The newest direct message to a member that holds the words."""
        return self.card(self.state.direct(member).id, words)

    async def until(self, look: Callable[[], object]) -> Any:  # noqa: ANN401  whatever is looked for
        """What `look` finds, as soon as it finds something."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                self.api.changed.clear()
                try:
                    if found := look():
                        return found
                except (IndexError, KeyError, StopIteration):
                    pass
                await self.api.changed.wait()


def button_of(message: Json, label: str) -> Json:
    """The button of that label; StopIteration where there is none."""
    buttons = [element for block in message["blocks"] if block["type"] == "actions" for element in block["elements"]]
    return next(button for button in buttons if button["text"]["text"] == label)


def menu_of(message: Json, label: str) -> Json:
    """The menu of that label; StopIteration where there is none."""
    sections = [block for block in message["blocks"] if block["type"] == "section" and "accessory" in block]
    return dict(next(block["accessory"] for block in sections if block["text"]["text"] == label))


def labels(message: Json) -> list[str]:
    """The labels of a message's buttons."""
    text = json.dumps(message.get("blocks", []))
    return [
        element["text"]["text"]
        for block in json.loads(text)
        if block["type"] == "actions"
        for element in block["elements"]
    ]
