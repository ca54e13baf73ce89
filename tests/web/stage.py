"""A room in a real browser, and what such tests are marked with. Opening both is conftest.py's part."""

import pytest
from playwright.async_api import BrowserContext, Page

from bot.chat.events import ButtonClicked, CommandTyped, Event, FormSubmitted, Reply
from bot.chat.web.platform import WebRoom
from bot.http import Listener
from tests.web.rooms import FORM, RECEIPT, WITHDRAWN, Router, failure, listed

IN_THE_BROWSER = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
"""What such a module's tests are marked with: they share the browser, and so its event loop."""
TITLE_ERROR = "Ce titre est trop court."


def answer(event: Event) -> Reply:
    """What a small router would say."""
    match event:
        case CommandTyped(text=""):
            return Reply(form=FORM)
        case CommandTyped(text="voir 99"):
            return Reply(card=failure("Il n’y a pas d’idée #99."))
        case CommandTyped(text="liste"):
            return Reply(card=listed("all"))
        case ButtonClicked(action="list", value=status):
            return Reply(card=listed(status), replaces=True)
        case CommandTyped():
            return Reply(card=RECEIPT)
        case FormSubmitted(values=values) if len(values["title"]) < 8:
            return Reply(field_errors={"title": TITLE_ERROR})
        case FormSubmitted():
            return Reply(card=RECEIPT)
        case ButtonClicked(action="withdraw"):
            return Reply(card=WITHDRAWN, replaces=True)
        case ButtonClicked(action="complete"):
            return Reply(form=FORM)
    return Reply()


class Stage:
    """A room at an address, its router, and a browser."""

    def __init__(self, room: WebRoom, router: Router, listener: Listener, context: BrowserContext) -> None:
        self.room = room
        self.router = router
        self.context = context
        self.address = f"http://127.0.0.1:{listener.port}"
        self.errors: list[str] = []

    async def tab(self, query: str = "as=camille&channel=idees") -> Page:
        """A new tab at an address of the room."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if "Policy" in message.text else None)
        await page.goto(f"{self.address}/?{query}")
        return page
