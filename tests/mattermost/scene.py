"""A workspace in which everything is genuine, and ways to send what is not. What is forged, test_forgeries.py says."""

import copy
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.mattermost.house import House

Json = dict[str, Any]


class Scene:
    """Two ideas that wait, an approved one, a form that is open, and a private answer: all genuine."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.world = house.world
        self._database = folder / "butine.db"

    async def set(self) -> None:
        """Bring it about."""
        house = self.house
        for title in ("Des vélos partagés", "Un guichet unique"):
            await house.typed(house.agent, f"/idea {title}")
        self.first = await house.card(house.review, "Des vélos partagés")
        self.second = await house.card(house.review, "Un guichet unique")
        self.command = copy.deepcopy(house.server.integrations.calls[-1][1])
        self.private = house.world.ephemerals[-1][1]
        await house.typed(house.agent, "/idea")
        self.form = (await house.form(house.agent, "Proposer une idée"))["dialog"]
        await house.typed(house.moderator, "/idea liste")
        self.list = house.world.ephemerals[-1][1]
        self.menu = self.list["props"]["attachments"][0]["actions"][0]

    def state(self) -> list[list[Any]]:
        """Everything that is kept, and everything that is posted."""
        with closing(sqlite3.connect(self._database)) as database:
            names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            # Of the outbox what is wanted: whether it has been noted as sent is the dispatcher's business.
            columns = {"outbox": "key, wanted"}
            queries = [f"SELECT {columns.get(name, '*')} FROM {name}" for name in sorted(names)]  # noqa: S608
            kept = [sorted(map(repr, database.execute(query))) for query in queries]
        shown = [
            f"{post['message']} {post['props']}"
            for post in self.world.posts.values()
            if post["user_id"] == self.house.bot
        ]
        return [
            *kept,
            shown,
            [repr(each) for each in self.world.ephemerals],
            [repr(each) for each in self.world.dialogs],
        ]

    async def send(self, path: str, *, form: Json | None = None, payload: Json | None = None) -> int:
        """Send it to Butine's listener; the status."""
        address = f"http://127.0.0.1:{self.house.port}/mattermost/{path}"
        async with ClientSession() as session, session.post(address, data=form, json=payload) as response:
            assert response.status == 200 or not await response.read()
            return response.status

    async def typed(self, **changed: str) -> int:
        """A command as the server sends it, with something changed."""
        fresh = self.command | {"trigger_id": self.world.trigger(self.house.agent), "text": "Une idée volée"}
        return await self.send("command", form=fresh | changed)

    def context(self, post: Json | None = None) -> Json:
        """What stands behind the first button: nobody but the server and Butine sees it."""
        kept = self.world.posts[(post or self.first)["id"]]
        return copy.deepcopy(dict(kept["props"]["attachments"][0]["actions"][0]["integration"]["context"]))

    async def click(self, context: Json, *, by: str = "", **changed: Any) -> int:  # noqa: ANN401
        """A moderator's click as the server sends it, with something changed."""
        member = by or self.house.moderator
        payload = {
            "user_id": member,
            "channel_id": self.house.review,
            "team_id": self.house.team,
            "post_id": self.first["id"],
            "trigger_id": self.world.trigger(member),
            "type": "button",
            "context": context,
        }
        return await self.send("action", payload=payload | changed)

    async def choose(self, *, by: str = "", **changed: Any) -> int:  # noqa: ANN401
        """A choice from the moderator's menu as the server sends it, with something changed in its context."""
        context = self.house.server.integrations.behind(self.menu["cookie"]) | {"selected_option": "all"} | changed
        chosen = {name: value for name, value in context.items() if value is not None}
        return await self.click(chosen, by=by, channel_id=self.house.ideas, post_id=self.list["id"], type="select")

    async def submit(self, state: str, **changed: Any) -> int:  # noqa: ANN401
        """The form sent off as the server sends it, with something changed."""
        payload = {
            "type": "dialog_submission",
            "callback_id": "propose",
            "state": state,
            "user_id": self.house.agent,
            "channel_id": self.house.ideas,
            "team_id": self.house.team,
            "submission": {"title": "Une idée volée"},
            "cancelled": False,
        }
        return await self.send("dialog", payload=payload | changed)

    def stated(self, **changed: Any) -> str:  # noqa: ANN401
        """The open form's state with something changed."""
        return json.dumps(json.loads(self.form["state"]) | changed)

    async def relayed(self, context: Json, member: str) -> int:
        """A member's own post with a button that leads to Butine, clicked: the server calls Butine for it."""
        url = self.house.command["url"].replace("/command", "/action")
        action = {"id": "x", "name": "Cliquez", "type": "button", "integration": {"url": url, "context": context}}
        props = {"attachments": [{"actions": [action]}], "butine": {"key": context.get("key"), "pages": 1}}
        _, post = await self.house.call(member, "POST", "/posts", {"channel_id": self.house.ideas, "props": props})
        await self.house.press(member, post, "Cliquez")
        return self.house.server.integrations.statuses[-1]
