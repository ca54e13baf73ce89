"""A running Butine and a browser in front of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.chromium import CHROMIUM_FLAGS
from tests.e2e.person import Person
from tests.e2e.process import Butine


@pytest.fixture
def butine(tmp_path: Path) -> Iterator[Butine]:
    """An installation that is not started yet; it ends with the test."""
    installation = Butine(tmp_path)
    yield installation
    installation.kill()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    opened = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
    yield opened
    opened.close()


@pytest.fixture
def enter(browser: Browser) -> Iterator[Callable[[str, str], Person]]:
    """Opens a tab for a persona at an address."""
    contexts = []

    def open_tab(address: str, name: str) -> Person:
        context = browser.new_context(locale="fr-FR", viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Person(context.new_page(), address, name)

    yield open_tab
    for context in contexts:
        context.close()
