"""Butine as an operator runs it: `python -m bot run`, before the fake chat platforms, its database on disk.

What is asked of it, and what that took, is not known here.
"""

from pathlib import Path

from bench.processes import Process
from bench.traffic import Chat
from tests.ports import free_port

ADDRESS = "http://127.0.0.1:"
ESTABLISHED = "01"
"""Linux, include/net/tcp_states.h. A connection that its caller has closed, and Butine not, has another state."""


class Butine(Process):
    """One Butine; `platforms` are of "slack", "mattermost" and "web"."""

    def __init__(self, chat: Chat, folder: Path, *platforms: str, database: Path | None = None) -> None:
        self.database = database or folder / "butine.db"
        self._port = port = free_port()
        self.url = f"{ADDRESS}{port}"
        environ = {
            "BUTINE_STORAGE__URL": f"sqlite:///{self.database}",
            "BUTINE_WEB__HOST": "127.0.0.1",
            "BUTINE_WEB__PORT": str(port),
            "BUTINE_WEB__ROOM": "true" if "web" in platforms else "false",
            "BUTINE_WEB__ROOM_DATABASE": str(folder / "room.db"),
        }
        if "slack" in platforms:
            environ |= {
                "BUTINE_SLACK__MODE": "http",
                "BUTINE_SLACK__BOT_TOKEN": chat.slack_bot_token,
                "BUTINE_SLACK__SIGNING_SECRET": chat.slack_secret,
                "BUTINE_SLACK__API_URL": chat.slack_api,
            }
        if "mattermost" in platforms:
            environ |= {
                "BUTINE_MATTERMOST__URL": chat.mattermost,
                "BUTINE_MATTERMOST__TOKEN": chat.mattermost_token,
                "BUTINE_MATTERMOST__TEAM": chat.mattermost_team_name,
                "BUTINE_MATTERMOST__COMMAND_TOKEN": chat.mattermost_command_token,
                "BUTINE_MATTERMOST__CALLBACK_URL": self.url,
            }
        super().__init__(["-m", "bot", "run"], folder, environ, lambda line: ADDRESS in line)

    @property
    def own_descriptors(self) -> int:
        """Files and sockets that are Butine's to close: all but the connections that chat keeps open to it."""
        connections = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        kept = sum(
            state == ESTABLISHED and local.endswith(f":{self._port:04X}") for _, local, _, state, *_ in connections
        )
        return self.descriptors - kept
