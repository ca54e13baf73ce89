"""What only administrators may do: commands, bots, tokens, teams, channels and the configuration."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from tests.fakes.mattermost import answers
from tests.fakes.mattermost.answers import Json
from tests.fakes.mattermost.integrations import Integrations
from tests.fakes.mattermost.world import Refusal, World, forbidden

Handler = Callable[[web.Request, str], Awaitable[Any]]


class Administration:
    """Does it in the world, for administrators; others are refused."""

    def __init__(self, world: World, integrations: Integrations) -> None:
        self.world = world
        self.integrations = integrations

    def handlers(self) -> Mapping[str, Handler]:
        """Each call's handler."""
        paths: dict[str, Handler] = {
            "GET /commands": self._commands,
            "POST /commands": self._create_command,
            "PUT /commands/{command}": self._update_command,
            "PUT /commands/{command}/regen_token": self._command_token,
            "GET /bots": self._bots,
            "POST /bots": self._create_bot,
            "POST /bots/{user}/enable": self._enable_bot,
            "POST /users/{user}/tokens": self._create_token,
            "POST /teams/{team}/members": self._join_team,
            "POST /channels": self._create_channel,
            "POST /channels/{channel}/members": self._join_channel,
            "GET /config": self._config,
            "PUT /config/patch": self._patch_config,
        }
        return {path: self._for_administrators(handler) for path, handler in paths.items()}

    def _for_administrators(self, handler: Handler) -> Handler:
        async def handle(request: web.Request, user: str) -> Any:  # noqa: ANN401  each call has its own answer
            if not self.world.is_admin(user):
                raise forbidden()
            return await handler(request, user)

        return handle

    async def _commands(self, request: web.Request, _user: str) -> list[Json]:
        return [each for each in self.world.commands.values() if each["team_id"] == request.query["team_id"]]

    async def _create_command(self, request: web.Request, user: str) -> Json:
        given = await request.json()
        if any(
            (c["team_id"], c["trigger"]) == (given["team_id"], given["trigger"]) for c in self.world.commands.values()
        ):
            raise Refusal(400, "api.command.duplicate_trigger.app_error", "This trigger word is already in use.")
        _check_command(given)
        return self.integrations.add_command(given | {"creator_id": user})

    async def _update_command(self, request: web.Request, _user: str) -> Json:
        given = await request.json()
        _check_command(given)
        self.world.commands[request.match_info["command"]] |= given
        return self.world.commands[request.match_info["command"]]

    async def _command_token(self, request: web.Request, _user: str) -> Json:
        token = self.world.new_id()
        self.world.commands[request.match_info["command"]]["token"] = token
        return {"token": token}

    async def _bots(self, _request: web.Request, user: str) -> list[Json]:
        bots = (found for found in self.world.users.values() if found.get("is_bot"))
        return [{"user_id": found["id"], "username": found["username"], "owner_id": user} for found in bots]

    async def _create_bot(self, request: web.Request, _user: str) -> Json:
        if not self.world.config.get("ServiceSettings", {}).get("EnableBotAccountCreation"):
            raise Refusal(403, "api.bot.create_disabled", "Bot creation has been disabled.")
        given = await request.json()
        names = {"first_name": given.get("display_name", ""), "is_bot": True}
        return {"user_id": self.world.add_user(given["username"], **names), "username": given["username"]}

    async def _enable_bot(self, request: web.Request, _user: str) -> Json:
        found = self.world.users[request.match_info["user"]]
        found["delete_at"] = 0
        return {"user_id": found["id"], "username": found["username"]}

    async def _create_token(self, request: web.Request, _user: str) -> Json:
        token = self.world.new_id()
        self.world.tokens[token] = request.match_info["user"]
        description = (await request.json())["description"]
        return {
            "id": self.world.new_id(),
            "token": token,
            "user_id": request.match_info["user"],
            "description": description,
        }

    async def _join_team(self, request: web.Request, _user: str) -> Json:
        given = await request.json()
        self.world.team_members[given["team_id"]].add(given["user_id"])
        return {"team_id": given["team_id"], "user_id": given["user_id"], "roles": "team_user", "delete_at": 0}

    async def _create_channel(self, request: web.Request, user: str) -> Json:
        given = await request.json()
        if any(
            (each["team_id"], each["name"]) == (given["team_id"], given["name"])
            for each in self.world.channels.values()
        ):
            raise Refusal(400, "store.sql_channel.save_channel.exists.app_error", "It exists, be it archived.")
        id_ = self.world.add_channel(given["team_id"], given["name"], given["type"], user)
        self.world.channels[id_]["display_name"] = given["display_name"]
        return self.world.channels[id_]

    async def _join_channel(self, request: web.Request, _user: str) -> Json:
        channel, joining = request.match_info["channel"], (await request.json())["user_id"]
        return self.world.members[channel].setdefault(joining, answers.member(channel, joining, self.world.now()))

    async def _config(self, _request: web.Request, _user: str) -> Json:
        return self.world.config

    async def _patch_config(self, request: web.Request, _user: str) -> Json:
        for section, values in (await request.json()).items():
            self.world.config.setdefault(section, {}).update(values)
        return self.world.config


def _check_command(given: Json) -> None:
    """The server counts a description in bytes, and its database refuses longer hints with a 500 (seen on 5.37)."""
    if len(given.get("description", "").encode()) > 128:
        raise Refusal(400, "model.command.is_valid.description.app_error", "Invalid description")
    if max(len(given.get(name, "")) for name in ("auto_complete_hint", "auto_complete_desc")) > 1024:
        raise Refusal(500, "app.command.updatecommand.internal_error", "Unable to update the command.")
