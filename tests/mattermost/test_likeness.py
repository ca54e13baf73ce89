"""The fake server is like the real one: its answers, events and calls compared with recordings, field by field.

The recordings are real traffic of a 5.37 server (tests/data/mattermost). Ids, times and signatures differ of course;
names of fields, kinds of values, and every value that isn't made anew each time must not.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import ClientSession

from tests.mattermost.rig import MattermostRig

DATA = Path(__file__).parent.parent / "data" / "mattermost"
REST: list[dict[str, Any]] = json.loads((DATA / "rest.json").read_text(encoding="utf-8"))
EVENTS: dict[str, list[dict[str, Any]]] = json.loads((DATA / "websocket.json").read_text(encoding="utf-8"))
CALLS: dict[str, dict[str, Any]] = json.loads((DATA / "integration_requests.json").read_text(encoding="utf-8"))

ID_LENGTH = 26
MADE_ANEW = re.compile(
    r"(^|_)(id|by)$|_at$|_time$|^(trigger_id|request_id|token|response_url|url|raw_body|order|seq|"
    r"name|channel_name|channel_display_name|username|user_name|sender_name|email|first_name|last_name|nickname|"
    r"locale|position|message|text|title|fallback|last_password_update|pending_post_id|mentions|cookie|"
    r"display_name|host|content-length|authorization|user-agent|style|color|reply_count|mention_count(_root)?|roles|scheme_admin|"
    r"automaticTimezone|key)$"
)


def recorded(note: str, path: str = "") -> dict[str, Any]:
    """The recorded call of that note, or to that path."""
    return next(each for each in REST if each["note"] == note and path in each["path"])


def compare(real: object, fake: object, where: str = "") -> list[str]:
    """What differs, as paths."""
    if isinstance(real, str) and real.startswith(("{", "[")):
        real, fake = json.loads(real), json.loads(fake if isinstance(fake, str) else "null")
    if isinstance(real, Mapping) and isinstance(fake, Mapping):
        if real and all(len(name) == ID_LENGTH for name in real):  # by id
            return compare(next(iter(real.values())), next(iter(fake.values())), where + "/*")
        found = [f"{where}/{name}: only in one" for name in real.keys() ^ fake.keys()]
        for name in real.keys() & fake.keys():
            if MADE_ANEW.search(name):
                if type(real[name]) is not type(fake[name]):
                    found.append(f"{where}/{name}: {real[name]!r} is of another kind than {fake[name]!r}")
            else:
                found += compare(real[name], fake[name], f"{where}/{name}")
        return found
    if isinstance(real, list) and isinstance(fake, list):
        if real and not fake:
            return [f"{where}: nothing, where there was {real[0]!r}"]
        return [each for one, other in zip(real, fake, strict=False) for each in compare(one, other, where + "[]")]
    return [] if real == fake and type(real) is type(fake) else [f"{where}: {real!r} is not {fake!r}"]


def is_about_the_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two events tell of the same kind of channel, or of the same emoji."""
    emoji = [re.findall(r'"emoji_name": ?"([^"]+)"', str(each.get("reaction", ""))) for each in (one, other)]
    return one.get("channel_type") == other.get("channel_type") and emoji[0] == emoji[1]


async def as_recorded(rig: MattermostRig, note: str, member: str, path: str, body: object = None, **at: str) -> Any:  # noqa: ANN401
    """The fake's answer to what was recorded under that note, after it was compared."""
    real = recorded(note, at.get("at", ""))
    status, answer = await rig.call(member, real["method"], path, body)
    assert (status, compare(real["response"], answer)) == (real["status"], [])
    return answer


def card(rig: MattermostRig) -> dict[str, Any]:
    """The recorded card, in our channel and calling our listener."""
    request = json.loads(
        json.dumps(recorded("a card with a button and a menu; integration.url and context do not come back")["request"])
    )
    for action in request["props"]["attachments"][0]["actions"]:
        action["integration"]["url"] = rig.command["url"].replace("/command", "/action")
    return dict(request | {"channel_id": rig.ideas})


@pytest.mark.parametrize(
    "real, fake, differences",
    [
        ([{"a": 1}, {"a": 1}], [{"a": 1}], []),  # there may be more or fewer of what is alike
        ([], [{"a": 1}], []),
        ([{"a": 1}], [], ["/x: nothing, where there was {'a': 1}"]),
        ([{"a": 1}], [{"a": 2}], ["/x[]/a: 1 is not 2"]),
    ],
)
def test_a_list_is_unlike_a_recorded_one_where_it_is_empty_or_holds_other_things(
    real: list[object], fake: list[object], differences: list[str]
) -> None:
    assert compare({"x": real}, {"x": fake}) == differences


async def test_accounts_and_places_are_as_recorded(rig: MattermostRig) -> None:
    await as_recorded(rig, "who the bot's token is", rig.bot, "/users/me")
    await as_recorded(rig, "", rig.bot, f"/users/{rig.other_agent}", at="/users/x47")
    await as_recorded(rig, "", rig.bot, "/channels/direct", [rig.bot, rig.other_agent], at="/channels/direct")
    await as_recorded(rig, "", rig.bot, f"/channels/{rig.review}/members", at="/members?page")
    real = recorded("unauthenticated client config: AsymmetricSigningPublicKey signs trigger ids")["response"]
    _, config = await rig.call(rig.bot, "GET", "/config/client?format=old")
    # Who is known is told more than was recorded for whoever is not (GenerateClientConfig in config/client.go).
    assert config.keys() - {"CollapsedThreads", "PostEditTimeLimit"} <= real.keys()
    assert len(config["AsymmetricSigningPublicKey"]) == len(real["AsymmetricSigningPublicKey"])


async def test_posts_are_as_recorded(rig: MattermostRig) -> None:
    note = "a card with a button and a menu; integration.url and context do not come back"
    post = await as_recorded(rig, note, rig.bot, "/posts", card(rig))
    again = {"channel_id": rig.ideas, "message": "again", "pending_post_id": "butine:card:7"}
    note = "same pending_post_id soon after: the first post is returned, none is created"
    assert (await as_recorded(rig, note, rig.bot, "/posts", again))["id"] == post["id"]
    for emoji in ("+1", "thumbsup", "heart", "thumbsup_dark_skin_tone"):
        given = {"user_id": rig.other_agent, "post_id": post["id"], "emoji_name": emoji}
        real = next(
            each
            for each in REST
            if each["path"].endswith("/reactions") and (each["request"] or {}).get("emoji_name") == emoji
        )
        status, answer = await rig.call(rig.other_agent, "POST", "/reactions", given)
        assert (status, compare(real["response"], answer)) == (200, [])
    path = f"/users/{rig.other_agent}/posts/{post['id']}/reactions/heart"
    await as_recorded(rig, "bob takes one back", rig.other_agent, path)
    await as_recorded(rig, "", rig.bot, f"/posts/{post['id']}/reactions", at="ghqshr/reactions")
    await as_recorded(rig, "bulk read", rig.bot, "/posts/ids/reactions", [post["id"]])
    note = "bulk read with one unreadable id: the whole call fails"
    await as_recorded(rig, note, rig.bot, "/posts/ids/reactions", [post["id"], "z" * 26])
    changes = recorded("updating a card: props are replaced whole")["request"]
    await as_recorded(rig, "updating a card: props are replaced whole", rig.bot, f"/posts/{post['id']}/patch", changes)
    await as_recorded(rig, "look back for a posted marker", rig.bot, f"/channels/{rig.ideas}/posts?per_page=3")
    reply = {"channel_id": rig.ideas, "root_id": post["id"], "message": "dans le fil"}
    await as_recorded(rig, "a reply in the card's thread", rig.bot, "/posts", reply)


async def test_refusals_are_as_recorded(rig: MattermostRig) -> None:
    psst = {"user_id": rig.other_agent, "post": {"channel_id": rig.ideas, "message": "psst"}}
    await as_recorded(rig, "an ordinary bot may NOT post ephemeral messages", rig.bot, "/posts/ephemeral", psst)
    command = {"team_id": rig.team, "trigger": "idea2", "method": "P", "url": "http://127.0.0.1:9100/"}
    await as_recorded(rig, "an ordinary bot may NOT create slash commands", rig.bot, "/commands", command)
    long = {"channel_id": rig.ideas, "message": "x" * 16_384}
    await as_recorded(rig, "one character too long", rig.bot, "/posts", long)
    await as_recorded(rig, "no such post", rig.bot, f"/posts/{'z' * 26}")


async def test_events_are_as_recorded(rig: MattermostRig) -> None:
    headers = {"Authorization": "Bearer butine-token"}
    async with (
        ClientSession(headers=headers) as session,
        session.ws_connect(f"{rig.server.url}/api/v4/websocket") as socket,
    ):
        heard = [await socket.receive_json(timeout=5)]
        post = rig.world.post(rig.bot, card(rig))
        for emoji in ("+1", "heart"):
            rig.world.react(rig.other_agent, post["id"], emoji)
        rig.world.unreact(rig.other_agent, post["id"], "heart")
        rig.world.edit(post["id"], {"message": "approved", "props": {}})
        rig.world.post(rig.bot, {"channel_id": rig.world.conversation(rig.bot, rig.other_agent), "message": "bonjour"})
        heard += [await socket.receive_json(timeout=5) for _ in range(6)]
    assert [event["seq"] for event in heard] == list(range(7))
    real = EVENTS["bot"]
    for event in heard:
        kind, data = event["event"], event["data"]
        same = next(each for each in real if each["event"] == kind and is_about_the_same(each["data"], data))
        differences = compare(same, event)
        # The server tells whom a direct message mentions, and metadata of an edit may hold reactions.
        assert [each for each in differences if "mentions" not in each and "reactions" not in each] == []


@pytest.mark.parametrize("name", ["01-command", "02-command"])
async def test_commands_are_sent_as_recorded(rig: MattermostRig, name: str) -> None:
    real = CALLS[name]
    text = real["parsed"].get("text", "")
    await rig.typed(rig.agent, f"/idea {text}" if text else "/idea")
    _, sent = rig.server.integrations.calls[-1]
    assert compare(dict(parse_qsl(real["raw_body"], keep_blank_values=True)), sent) == []
    assert sent["text"] == text


async def test_clicks_and_dialogs_are_sent_as_recorded(rig: MattermostRig) -> None:
    post = rig.world.post(rig.bot, card(rig))
    await rig.call(rig.moderator, "POST", f"/posts/{post['id']}/actions/status", {"selected_option": "retained"})
    _, sent = rig.server.integrations.calls[-1]
    assert compare(CALLS["07-action"]["parsed"], sent) == []
    submitted = CALLS["04-dialog"]["parsed"]
    url = rig.command["url"].replace("/command", "/dialog")
    given = submitted | {"url": url, "channel_id": rig.ideas, "team_id": rig.team}
    await rig.call(rig.agent, "POST", "/actions/dialogs/submit", given)
    _, sent = rig.server.integrations.calls[-1]
    assert compare(submitted, sent) == []
    await asyncio.sleep(0)
