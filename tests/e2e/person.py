"""Somebody who uses the web room with a browser: what they type, click and see."""

import re
from collections.abc import Mapping

from playwright.sync_api import Locator, Page, expect


class Person:
    """One persona in one tab. Whatever is asked for waits until the room shows it."""

    def __init__(self, page: Page, address: str, name: str) -> None:
        self.page = page
        self._address = address
        self.name = name

    def go(self, channel: str = "idees") -> "Person":
        self.page.goto(f"{self._address}?as={self.name}&channel={channel}")
        return self

    def say(self, text: str) -> None:
        """Type into the message box and send it."""
        box = self.page.locator("#say-text")
        box.fill(text)
        box.press("Enter")
        expect(box).to_have_value("")

    def fill_form(self, fields: Mapping[str, str]) -> None:
        """Fill in the open form and send it."""
        form = self.page.locator("dialog form#form")
        for name, value in fields.items():
            form.locator(f"[name={name}]").fill(value)
        form.locator("button[type=submit]").click()

    @property
    def form_errors(self) -> Locator:
        return self.page.locator("dialog form#form .error:not(:empty)")

    @property
    def form(self) -> Locator:
        return self.page.locator("dialog form#form")

    def private(self, words: str) -> Locator:
        """The newest private card that holds the words."""
        return self.page.locator("li.is-private", has_text=words).last

    def card(self, title: str) -> Locator:
        """The public card with that title."""
        heading = self.page.locator(".card-title", has_text=re.compile(f"^{re.escape(title)}$"))
        return self.page.locator("li.entry:not(.is-private)").filter(has=heading).last

    def message(self, words: str) -> Locator:
        """The newest message that holds the words."""
        return self.page.locator("li.entry", has_text=words).last

    def click(self, card: Locator, button: str, *, confirms: bool = False) -> None:
        """Click a button of a card, and say yes if it asks."""
        card.get_by_role("button", name=button, exact=True).click()
        if confirms:
            self.page.locator("#confirm .dialog-foot button").last.click()

    def react(self, card: Locator, emoji: str = "+1") -> None:
        """Put one's own reaction on a card, or take it off."""
        chip = card.locator(f'button[data-emoji="{emoji}"]')
        was = chip.get_attribute("aria-pressed")
        chip.click()
        expect(chip).to_have_attribute("aria-pressed", "false" if was == "true" else "true")
