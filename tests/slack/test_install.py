"""Installing in Slack: the manifest is what the code uses, the check says what is wrong, and the app is wired."""

import ast
import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from bot import checking, platforms
from bot.app import App, utc_now
from bot.chat.slack import inbound, manifest
from bot.chat.slack.diagnosis import diagnose
from bot.chat.slack.listeners import Listeners
from bot.chat.slack.platform import Access, Time
from bot.chat.slack.sockets import try_out
from bot.cli import main, texts
from bot.config import Settings, SlackSettings, StorageSettings, WebSettings
from bot.errors import ChatUnavailable
from bot.failures import Refused
from bot.views.texts import LANGUAGES, Texts
from tests.contract.slack_rig import CHANNELS
from tests.fakes.slack.deliveries import SECRET
from tests.fakes.slack.reading import shown
from tests.fakes.slack.state import BOT, IDEAS, REVIEW
from tests.fakes.slack.web_api import ALL_SCOPES, APP_TOKEN, BOT_TOKEN, SCOPES
from tests.fakes.slack.workspace import CAMILLE, NADIA, SAM, TICKET, FakeSlack
from tests.slack.installation import Installation

ADAPTER = Path(inbound.__file__).parent


def calls_in_code() -> set[str]:
    """The Web API methods that the adapter uses, by the SDK's names."""
    tree = ast.parse((ADAPTER / "api.py").read_text(encoding="utf-8"))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "_client"
    }


def printed(*options: str) -> dict[str, Any]:
    answer = CliRunner().invoke(main, ["slack", "manifest", *options])
    assert answer.exit_code == 0, answer.output
    return dict(json.loads(answer.output))


def test_the_manifest_asks_for_exactly_the_scopes_that_the_calls_need() -> None:
    """By the calls in the code; which scope a call needs is Slack's documentation, in the fake."""
    needed = {SCOPES[name] for name in SCOPES if name.replace(".", "_") in calls_in_code()}
    documented = {"conversations_history", "conversations_members", "users_conversations"}
    assert documented <= calls_in_code()
    conversations = {"channels:history", "groups:history", "im:history", "channels:read", "groups:read"}
    assert set(printed()["oauth_config"]["scopes"]["bot"]) == needed | conversations | {"commands"}
    assert set(manifest.SCOPES) == ALL_SCOPES


def test_every_call_of_the_sdk_is_made_in_one_place() -> None:
    for path in ADAPTER.glob("*.py"):
        names = re.findall(r"\.((?:chat|conversations|users|reactions|views|apps|auth)_[a-zA-Z_]+)\(", path.read_text())
        assert not names or path.name == "api.py", path


def test_the_manifest_subscribes_to_exactly_the_events_that_are_taken_in() -> None:
    nobody: Any = None
    taken_in = Listeners(nobody, nobody, nobody, nobody, nobody, nobody, nobody, nobody).events
    assert printed()["settings"]["event_subscriptions"]["bot_events"] == sorted(taken_in) == sorted(inbound.EVENTS)


def test_the_manifest_names_the_command_and_the_shortcut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUTINE_COMMAND", "/proposer")
    features = printed()["features"]
    assert [command["command"] for command in features["slash_commands"]] == ["/proposer"]
    assert [shortcut["callback_id"] for shortcut in features["shortcuts"]] == [inbound.SHORTCUT]


def test_without_an_address_the_manifest_is_for_socket_mode() -> None:
    found = printed()
    assert found["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in json.dumps(found)


def test_with_an_address_every_request_goes_to_it() -> None:
    found = printed("--url", "https://butine.example.org/")
    url = "https://butine.example.org/slack/events"
    assert found["settings"]["socket_mode_enabled"] is False
    assert found["settings"]["event_subscriptions"]["request_url"] == url
    assert found["settings"]["interactivity"]["request_url"] == url
    assert found["features"]["slash_commands"][0]["url"] == url


@pytest.mark.parametrize("address", ["butine.example.org", "http://butine.example.org", "https://", ""])
def test_an_address_that_slack_does_not_call_is_refused(address: str) -> None:
    answer = CliRunner().invoke(main, ["slack", "manifest", "--url", address])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert texts("cli.manifest_https", url=address) in answer.stderr


def test_where_http_mode_is_configured_a_manifest_without_an_address_says_what_it_is_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("MODE", "http"), ("BOT_TOKEN", "xoxb-1"), ("SIGNING_SECRET", "s")):
        monkeypatch.setenv(f"BUTINE_SLACK__{name}", value)
    answer = CliRunner().invoke(main, ["slack", "manifest"])
    assert json.loads(answer.stdout)["settings"]["socket_mode_enabled"] is True
    assert answer.stderr == texts("cli.manifest_needs_url") + "\n"
    answer = CliRunner().invoke(main, ["slack", "manifest", "--url", "https://butine.example.org"])
    assert answer.stderr == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_manifest_keeps_within_slacks_limits(language: str) -> None:
    """https://docs.slack.dev/reference/app-manifest"""
    found = manifest.manifest("/idea", language, None)
    assert len(found["display_information"]["name"]) <= 35
    assert len(found["display_information"]["description"]) <= 140
    (shortcut,) = found["features"]["shortcuts"]
    assert len(shortcut["name"]) <= 24
    assert len(shortcut["description"]) <= 150
    (command,) = found["features"]["slash_commands"]
    assert len(command["description"]) <= 2000
    assert len(command["usage_hint"]) <= 1000


async def test_the_scopes_suffice_for_everything_and_none_is_left_over(
    slack: FakeSlack, socket_butine: Installation
) -> None:
    """A journey through all that the adapter does, with what the manifest asks for and no more."""
    slack.api.scopes = set(manifest.SCOPES)
    slack.api.fail("chat.postMessage", "reset_after")
    await socket_butine.publish(1, "Des vélos")
    card = slack.card(IDEAS, "Des vélos")
    await slack.react(SAM, card, "+1")
    await socket_butine.reconcile()
    for channel, member in (("ideas", None), ("review", None), (None, CAMILLE)):
        await socket_butine.platform.find_posted(channel, member, "no such key")
    await socket_butine.settle()
    assert slack.api.needed | {"commands"} == set(manifest.SCOPES)


# The check


async def found(slack: FakeSlack, **changed: Any) -> list[str]:  # noqa: ANN401  parts of Access
    """The keys of the problems that a check finds."""
    values = {"bot_token": BOT_TOKEN, "api_url": slack.api_url, "mode": "socket", "app_token": APP_TOKEN} | changed
    channels = values.pop("channels", CHANNELS)
    access = Access(**values)
    findings = [finding async for finding in diagnose(access, channels, Time(slack.clock.now))]
    return [finding.key.removeprefix("cli.check.slack_") for finding in findings if finding.is_problem]


async def test_where_all_is_well_the_check_finds_nothing(slack: FakeSlack) -> None:
    assert await found(slack) == []
    assert await found(slack, mode="http") == []
    assert await found(slack, channels={"ideas": IDEAS, "review": REVIEW, "digest": "idees"}) == []


async def test_the_check_names_a_bad_token(slack: FakeSlack) -> None:
    assert await found(slack, bot_token="xoxb-wrong") == ["bot_token"]
    assert await found(slack, app_token="xapp-wrong") == ["app_token"]


async def test_the_check_names_each_missing_scope(slack: FakeSlack) -> None:
    slack.api.scopes -= {"reactions:read", "im:write"}
    assert await found(slack) == ["scope", "scope"]
    slack.api.scopes -= {"groups:read"}
    assert await found(slack) == ["scope", "scope", "scope"]


async def test_the_check_names_a_channel_that_the_bot_is_not_in(slack: FakeSlack) -> None:
    slack.state.channels[REVIEW].members.discard(BOT)
    assert await found(slack) == ["not_in_channel"]
    assert await found(slack, channels={"ideas": "C0ELSEWHERE"}) == ["not_in_channel"]


async def test_the_check_names_a_review_channel_that_anybody_may_join(slack: FakeSlack) -> None:
    slack.state.channels[REVIEW].is_private = False
    assert await found(slack) == ["cli.error.review_open"]
    assert await found(slack, channels={"review": REVIEW}) == ["cli.error.review_open"]


async def test_the_check_names_a_wrong_address(slack: FakeSlack) -> None:
    assert await found(slack, api_url=slack.api_url + "v2/") == ["api_url"]
    assert await found(slack, api_url="http://127.0.0.1:1/api/") == ["api_url"]
    slack.api.fail("auth.test", "html")
    assert await found(slack) == ["api_url"]


@pytest.mark.parametrize("how", ["not_enabled_x", "link_disabled"])
async def test_the_check_names_socket_mode_that_is_off(slack: FakeSlack, how: str) -> None:
    """Whether Slack gives no address for a socket, or turns away who comes there."""
    if how == "link_disabled":
        slack.sockets.instead_of_hello = "link_disabled"
    else:
        slack.api.fail("apps.connections.open", how)
    assert await found(slack) == ["no_socket"]


@pytest.mark.parametrize("how", ["refused", "closed"])
async def test_the_check_names_a_network_that_lets_no_websocket_through(slack: FakeSlack, how: str) -> None:
    """Calls pass, and Butine would start and hear nothing. The socket's ticket is nowhere told."""
    if how == "refused":
        slack.sockets.refusals = 1
    else:
        slack.sockets.instead_of_hello = "close"
    access = Access(BOT_TOKEN, slack.api_url, "socket", APP_TOKEN)
    (problem,) = [each async for each in diagnose(access, CHANNELS, Time(slack.clock.now)) if each.is_problem]
    assert problem.key == "cli.check.slack_no_websocket"
    for language in LANGUAGES:
        said = Texts(language, domain="cli")(problem.key, **problem.values)
        assert "127.0.0.1" in said
        assert ("HTTP 403" if how == "refused" else "no hello") in said
        assert TICKET not in said


async def test_a_socket_that_opens_and_stays_silent_is_none(slack: FakeSlack) -> None:
    slack.sockets.instead_of_hello = "wait"
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ChatUnavailable, match="TimeoutError"):
            await try_out(session, slack.api.wss_url(), seconds=0.1)


async def test_the_check_takes_nothing_from_a_butine_that_runs(slack: FakeSlack, socket_butine: Installation) -> None:
    """Slack delivers over any of an app's sockets: what comes over the check's own comes again."""
    await socket_butine.publish(1, "Une idée qui plaît")
    card = slack.card(IDEAS, "Une idée qui plaît")
    slack.sockets.connected.clear()
    slack.sockets.ack_seconds = 0.5
    reacting = [asyncio.create_task(slack.react(member, card, "+1")) for member in (SAM, NADIA)]  # over one each
    assert await found(slack) == []
    await asyncio.gather(*reacting)
    assert len(slack.sockets.open) == 1
    await socket_butine.settle()
    assert "2 soutiens" in shown(card)


@pytest.mark.parametrize("minutes", [-6, 6])
@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_the_check_names_a_clock_that_differs_from_slacks(
    slack: FakeSlack, minutes: int, mode: Literal["socket", "http"]
) -> None:
    access = Access(BOT_TOKEN, slack.api_url, mode, APP_TOKEN, SECRET)
    wrong = Time(lambda: slack.clock.now() + timedelta(minutes=minutes))
    (problem,) = [each async for each in diagnose(access, CHANNELS, wrong) if each.is_problem]
    assert problem.key == "cli.check.slack_clock_differs"
    assert problem.values["apart"] == "0:06:00"
    for language in LANGUAGES:
        said = Texts(language, domain="cli")(problem.key, **problem.values)
        assert "2026-11-24 09:00:00 UTC" in said
        assert "NTP" in said


@pytest.mark.parametrize("language", LANGUAGES)
async def test_in_http_mode_the_check_says_that_slack_has_to_verify_the_address_by_hand(
    slack: FakeSlack, language: str
) -> None:
    """An app that is made from a manifest gets no events before (docs.slack.dev/reference/app-manifest)."""
    access = Access(BOT_TOKEN, slack.api_url, "http", signing_secret=SECRET)
    said = [
        Texts(language, domain="cli")(each.key, **each.values)
        async for each in diagnose(access, CHANNELS, Time(slack.clock.now))
    ]
    assert any("Request URL" in sentence and "App Manifest" in sentence for sentence in said)


def settings_for(slack: FakeSlack, folder: Path, mode: Literal["socket", "http"] = "socket") -> Settings:
    """As an operator would configure it."""
    section = SlackSettings(
        bot_token=SecretStr(BOT_TOKEN),
        app_token=SecretStr(APP_TOKEN),
        signing_secret=SecretStr(SECRET),
        mode=mode,
        api_url=slack.api_url,
    )
    storage = StorageSettings(url=f"sqlite:///{folder}/butine.db")
    return Settings(slack=section, storage=storage, web=WebSettings(port=0))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_check_says_in_words_what_to_click(
    slack: FakeSlack, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    slack.api.scopes -= {"reactions:read"}
    slack.state.channels[REVIEW].members.discard(BOT)
    with pytest.raises(Refused):
        await checking.check(
            settings_for(slack, tmp_path), Texts(language, domain="cli"), "butine.toml", slack.clock.now
        )
    said = capsys.readouterr().out
    for words in ("reactions:read", "OAuth & Permissions", "Reinstall to Workspace", "/invite @Butine", "moderation"):
        assert words in said


# The whole


@pytest.fixture(params=["socket", "http"])
async def app(request: pytest.FixtureRequest, slack: FakeSlack, tmp_path: Path) -> AsyncIterator[App]:
    """Butine as the command line runs it."""
    running = App(settings_for(slack, tmp_path, request.param), slack.clock.now)
    await running.start()
    if request.param == "http":
        slack.use_http(f"{running.address}slack/events")
    yield running
    await running.stop()


@pytest.mark.usefixtures("app")
async def test_the_app_talks_to_slack(slack: FakeSlack) -> None:
    """Configured, it takes commands in, posts cards, and publishes."""
    wait = slack.until
    await slack.type_command(CAMILLE, "Une idée pour de vrai")
    card = await wait(lambda: slack.card(REVIEW, "Une idée pour de vrai"))
    await slack.click(NADIA, card, "Approuver")
    await wait(lambda: slack.card(IDEAS, "Une idée pour de vrai"))


async def test_a_wrong_token_stops_the_app_with_nothing_left_open(slack: FakeSlack, tmp_path: Path) -> None:
    settings = settings_for(slack, tmp_path)
    slack.api.fail("auth.test", "invalid_auth")
    app = App(settings, slack.clock.now)
    with pytest.raises(Exception, match="invalid_auth"):
        await app.start()
    assert len(asyncio.all_tasks()) <= 3


def test_findings_come_from_configured_platforms_alone() -> None:
    async def none() -> list[object]:
        return [finding async for finding in platforms.findings(Settings(), utc_now)]

    assert asyncio.run(none()) == []
