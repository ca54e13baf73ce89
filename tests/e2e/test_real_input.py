"""Ideas as agents write them, from the room to a digest. `make pictures` takes all forty, and the README's picture."""

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from bot.domain.draft import Draft, split
from tests.e2e.person import Person
from tests.e2e.process import Butine

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("BUTINE_TESTS_PICTURES")
SHORT = 12
"""The ten that are published, and the one that says the same; `make pictures` takes all forty."""
ALL: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent.parent / "data/ideas.toml").read_text())["idea"]
IDEAS = ALL if PICTURES else ALL[:SHORT]
ADDED = {"leila": "Leïla Haddad", "thomas": "Thomas Girard", "ines": "Inès Da Silva"}


def draft_of(idea: dict[str, Any]) -> Draft:
    if "text" in idea:
        return split(idea["text"])
    return Draft(*(idea.get(name, "") for name in ("title", "need", "proposal", "benefit")))


def title_of(idea: dict[str, Any]) -> str:
    return draft_of(idea).title


def test_real_ideas_make_a_digest(butine: Butine, enter: Callable[[str, str], Person]) -> None:
    """All are taken in to the letter, ten are published and voted for, and the digest ranks them."""
    address = butine.start()
    nadia = enter(address, "nadia").go("moderation")
    people = {name: enter(address, name) for name in ("camille", "sam")}
    for name, full_name in ADDED.items():
        people[name] = add_person(enter(address, "camille").go(), full_name, address)
    for person in people.values():
        person.go()

    for number, idea in enumerate(IDEAS, start=1):
        author = people[idea["by"]]
        if "text" in idea:
            author.say(f"/idea {idea['text']}")
        else:
            author.say("/idea")
            author.fill_form({name: text for name, text in idea.items() if name not in {"by", "votes"}})
        receipt = f"no.\u00a0{number} is saved" if author.name == "sam" else f"nº\u00a0{number} est enregistrée"
        expect(author.private(receipt)).to_be_visible()
        if "votes" in idea:
            nadia.click(nadia.card(title_of(idea)), "Approuver")
            expect(author.card(title_of(idea))).to_be_visible()
    expect(people["thomas"].private("Une idée déjà publiée ressemble à la vôtre")).to_contain_text("Prêter des vélos")

    people["nadia"] = nadia.go()
    for idea in IDEAS:
        for name in idea.get("votes", []):
            people[name].react(people[name].card(title_of(idea)))
    expect(nadia.card("Un guichet unique pour les dossiers MDPH")).to_contain_text("5 soutiens")

    nadia.say("/idea digest maintenant")
    camille = people["camille"]
    digest = camille.message("Sélection de la semaine")
    expect(digest.locator("ol li").first).to_contain_text("Un guichet unique pour les dossiers MDPH · 5 soutiens")
    expect(digest.locator("ol li")).to_have_count(5)
    expect(digest).to_contain_text(f"{len(IDEAS)} idées proposées · 10 publiées · 6 personnes ont voté")
    exported = butine.folder / "ideas.jsonl"
    butine.run("ideas", "export", str(exported))
    kept = [json.loads(line) for line in exported.read_text().splitlines()]
    for idea, record in zip(IDEAS, kept, strict=True):
        draft = draft_of(idea)
        assert (record["title"], record["need"], record["proposal"]) == (draft.title, draft.need, draft.proposal)
    nadia.go()
    nadia.message("Sélection de la semaine").scroll_into_view_if_needed()
    keep_picture(nadia, "room")


def add_person(opened_by: Person, full_name: str, address: str) -> Person:
    page = opened_by.page
    page.locator("details.who summary").click()
    page.locator("#add-person").click()
    page.locator("#person-name").fill(full_name)
    page.locator("#person-form button[type=submit]").click()
    expect(page.locator(".who-name")).to_contain_text(full_name)
    name = page.evaluate("new URL(location.href).searchParams.get('as')")
    return Person(page, address, str(name))


def keep_picture(person: Person, name: str) -> None:
    """Save what is on the page, where the folder for it is named."""
    if PICTURES:
        person.page.wait_for_timeout(500)
        person.page.screenshot(path=Path(PICTURES) / f"{name}.png")
