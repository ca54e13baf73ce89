"""The whole of Butine on the fake Mattermost, with its own listener and database."""

from pathlib import Path
from typing import Self

from bot.app import App
from bot.config import Settings, load
from tests.mattermost.rig import Team
from tests.ports import free_port
from tests.usecases.builders import new_file


class House(Team):
    """A team whose members Butine serves."""

    def __init__(self, folder: Path, *, is_current: bool = False) -> None:
        super().__init__(is_current=is_current)
        self._folder = folder
        self.port = free_port()
        self.app: App | None = None

    def settings(self, **changed: str) -> Settings:
        """As an operator would have them."""
        given = {
            "BUTINE_STORAGE__URL": f"sqlite:///{new_file(self._folder)}",
            "BUTINE_WEB__PORT": str(self.port),
            "BUTINE_MATTERMOST__URL": self.server.url,
            "BUTINE_MATTERMOST__TOKEN": "butine-token",
            "BUTINE_MATTERMOST__TEAM": "valdoise",
            "BUTINE_MATTERMOST__COMMAND_TOKEN": str(self.command["token"]),
            "BUTINE_MATTERMOST__CALLBACK_URL": f"http://127.0.0.1:{self.port}",
        }
        return load(environ=given | changed)

    async def __aenter__(self) -> Self:
        """Start the server, and Butine."""
        await self.server.start()
        self.lead_to(f"http://127.0.0.1:{self.port}")
        await self.start()
        return self

    async def start(self) -> None:
        """Start Butine."""
        self.app = App(self.settings(), self.clock)
        await self.app.start()

    async def stop(self) -> None:
        """Stop Butine alone."""
        if self.app is not None:
            await self.app.stop()
        self.app = None

    async def __aexit__(self, *_: object) -> None:
        """Stop both."""
        await self.stop()
        await self.close()
