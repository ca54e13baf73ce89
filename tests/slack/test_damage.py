"""Deliveries with the right signature in which one part is not what it should be: never a 5xx, whatever the part."""

import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.slack.deliveries import Http, encoded
from tests.fakes.slack.state import IDEAS, REVIEW, TEAM
from tests.fakes.slack.workspace import CAMILLE, SAM, FakeSlack, Json
from tests.slack.installation import Installation

JUNK: tuple[object, ...] = (None, 5, "x", [], [5], {}, {"id": 5}, [{}], True, float("inf"), "\ud800")
KINDS = (
    "reaction_added",
    "member_left_channel",
    "user_change",
    "app_home_opened",
    "message",
    "form",
    "shortcut",
    "menu",
)
BOLT_LOOKS_AT = ("team", "enterprise", "authorizations", "is_enterprise_install", "view", "user", "channel", "actor_id")


async def delivery(slack: FakeSlack, kind: str) -> tuple[str, Json]:
    """A genuine one."""
    message = slack.write(CAMILLE, "Bonjour")
    match kind:
        case "form":
            await slack.type_command(CAMILLE, "")
            view: Json = await slack.until(lambda: slack.form_of(CAMILLE))
            return "interactive", slack.submitted(CAMILLE, view, {"title": "Un titre"})
        case "menu":
            await slack.type_command(CAMILLE, "liste")
            (listed,) = await slack.until(lambda: slack.state.private.get(CAMILLE, []))
            return "interactive", slack.chosen_from(CAMILLE, listed, "Afficher", "Idées retenues")
        case "shortcut":
            return "interactive", slack.chosen(SAM, message)
        case "reaction_added":
            return "events_api", slack.reaction(SAM, message, "+1", kind)
    event = {"type": kind, "user": SAM, "channel": REVIEW, "text": "x", "tab": "home", "team": TEAM}
    if kind == "user_change":
        event["user"] = slack.state.users[SAM]  # type: ignore[assignment]
    return "events_api", slack.event(event)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  JSON
    """Where there is something in it."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*path, name)
        yield from paths(part, (*path, name))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_delivery_with_a_damaged_part_is_never_answered_with_a_5xx(
    slack: FakeSlack, http_butine: Installation, kind: str
) -> None:
    assert isinstance(slack.transport, Http)
    transport_kind, whole = await delivery(slack, kind)
    bad = []
    async with aiohttp.ClientSession() as session:
        for path in {*paths(whole), *((name,) for name in BOLT_LOOKS_AT)}:
            for junk in JUNK:
                damaged = json.loads(json.dumps(whole))
                place = damaged
                for name in path[:-1]:
                    place = place[name]
                place[path[-1]] = junk
                body, content_type = encoded(transport_kind, damaged)
                headers = slack.transport.signed(body) | {"Content-Type": content_type}
                async with session.post(http_butine.address, data=body, headers=headers) as answer:
                    if answer.status >= 500:
                        bad.append((path, junk, answer.status))
    assert bad == []
    assert len(slack.messages(IDEAS)) == 1
