"""A room for tests: a scripted router behind it, a clock that goes by hand, and requests as the page makes them."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import uuid4

from aiohttp import web
from aiohttp.test_utils import TestClient

from bot.chat.events import Event, Reply
from bot.chat.web.platform import WebRoom
from bot.views.cards import (
    Actions,
    Button,
    Card,
    Field,
    Form,
    Heading,
    Hint,
    Menu,
    Option,
    Paragraph,
    Quotation,
)

CHANNELS = {"ideas": "idees", "review": "moderation", "digest": "idees"}
Client = TestClient[web.Request, web.Application]


def hints(language: str, *, is_moderator: bool) -> Sequence[Hint]:
    """Some commands in that language."""
    if language == "fr":
        found = [
            Hint("/idea", "", "ouvrir le formulaire"),
            Hint("/idea aide", "", "ce que Butine sait faire"),
            Hint("/idea liste", "", "lister"),
            Hint("/idea retirer", "12", "retirer votre idée"),
        ]
        return [*found, Hint("/idea file", "", "ce qui attend")] if is_moderator else found
    return [
        Hint("/idea", "", "open the form"),
        Hint("/idea help", "", "what Butine can do"),
        Hint("/idea list", "", "list"),
    ]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)


@dataclass
class Router:
    """Takes events in: keeps them, waits for `gate`, raises `failure` or gives what `answer` makes of them."""

    answer: Callable[[Event], Reply] = field(default=lambda _: Reply())
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[Event] = field(default_factory=list)

    async def __call__(self, event: Event) -> Reply:
        """Keep the event and answer it."""
        self.events.append(event)
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.answer(event)


@dataclass
class Scene:
    """A room that is open, with everything around it."""

    room: WebRoom
    router: Router
    clock: Clock
    client: Client

    async def page(self, address: str) -> str:
        """A page's HTML."""
        return await (await self.client.get(address)).text()

    async def token(self) -> str:
        """A token that goes with the client's cookie."""
        return str((await (await self.client.get("/room/token")).json())["token"])

    async def send(self, path: str, member: str = "camille", /, **payload: object) -> tuple[int, dict[str, Any]]:
        """The status and answer of a gesture; what isn't given is as the page would fill it."""
        body = {"as": member, "channel": "idees", "thread": "", "mark": str(uuid4())} | payload
        headers = {"X-Room-Token": await self.token()}
        response = await self.client.post(f"/room/{path}", json=body, headers=headers)
        return response.status, await response.json()

    async def say(self, text: str, member: str = "camille", **payload: object) -> dict[str, Any]:
        """Send what stands in the message box; the answer."""
        status, answer = await self.send("say", member, text=text, **payload)
        assert status == 200, answer
        return answer

    def stream(self, query: str, **headers: str) -> "Stream":
        """A live page's stream, for use in `async with`."""
        return Stream(self.client, f"/room/stream?{query}", headers)


class Stream:
    """Reads server-sent events."""

    def __init__(self, client: Client, address: str, headers: dict[str, str]) -> None:
        self._client = client
        self._address = address
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def __aenter__(self) -> Self:
        """Connect."""
        self.response = await self._client.get(self._address, headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        self.response.close()

    async def block(self) -> str:
        """The next block, "" at the end."""
        lines = []
        async with asyncio.timeout(10):
            while (line := await self.response.content.readline()) not in (b"\n", b""):
                lines.append(line.decode())
        return "".join(lines)

    async def event(self) -> tuple[int, list[dict[str, Any]]]:
        """The next change: its number and swaps."""
        while not (block := await self.block()).startswith("id:"):
            assert block, "the stream ended"
        first, _, rest = block.partition("\n")
        return int(first.removeprefix("id: ")), json.loads(rest.removeprefix("data: "))


FORM = Form(
    "idea",
    "Proposer une idée",
    "Envoyer à la modération",
    (
        Field("title", "Titre", 120, hint="Une phrase qui dit l’essentiel.", required=True),
        Field("need", "Besoin", 2000, hint="Qui est concerné, et par quel problème\u202f?", multiline=True),
        Field("proposal", "Proposition", 4000, value="Des vélos", required=True, multiline=True),
    ),
    context="brouillon 7",
    intro="La modération relit chaque idée avant publication.",
)
RECEIPT = Card(
    "Votre idée #13 est enregistrée.",
    (
        Heading("Merci, votre idée est enregistrée\u00a0: #13"),
        Paragraph(("Vous saurez d’ici jeudi ce qu’elle devient.",)),
        Actions(
            (Button("Compléter", "complete", "13"), Button("Retirer", "withdraw", "13", confirm="Vraiment\u202f?"))
        ),
    ),
    tone="success",
)
WITHDRAWN = Card("Votre idée #13 est retirée.", (Paragraph(("L’idée #13 est retirée.",)),))
IDEA = Card(
    "Nouvelle idée #12",
    (
        Heading("#12 Un parc de vélos partagés"),
        Quotation("Besoin", "Les voitures manquent pour les visites."),
        Actions((Button("Approuver", "approve", "12"),)),
    ),
)


def listed(status: str) -> Card:
    """A list of the ideas of a status, which can be of another."""
    options = (Option("Toutes les idées", "all"), Option("Idées retenues", "retained"), Option("Réalisées", "done"))
    words = f"Idées : {status}"
    return Card(words, (Heading(words), Menu("Afficher", "list", options, status), Paragraph(("nº 1",))))


def failure(tone_text: str) -> Card:
    """A private card that says what is wrong."""
    return Card(tone_text, (Paragraph((tone_text,)),), tone="error")
