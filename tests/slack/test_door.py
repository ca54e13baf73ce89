"""Forged and damaged requests to the HTTP transport: none changes anything, and none is answered with a 5xx."""

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.chat.slack.door import REMEMBERED_AT_MOST, REMEMBERED_SECONDS, STALE_SECONDS, Accepted
from tests.fakes.slack.deliveries import SECRET, Http, encoded
from tests.fakes.slack.state import IDEAS
from tests.fakes.slack.workspace import CAMILLE, FakeSlack, Json
from tests.slack.installation import Installation
from tests.usecases.builders import NOW

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
Request = tuple[bytes, dict[str, str]]
Make = Callable[[Http, Json], Request]


def genuine(http: Http, command: Json) -> Request:
    """What Slack would have sent."""
    body, content_type = encoded("slash_commands", command)
    return body, http.signed(body) | {"Content-Type": content_type}


def signed(body: bytes, content_type: str) -> Make:
    """A body that has the right signature and makes no sense."""
    return lambda http, _: (body, http.signed(body) | {"Content-Type": content_type})


def payload(value: object) -> Make:
    """An interaction that has the right signature and makes no sense."""
    return signed(urlencode({"payload": json.dumps(value)}).encode(), FORM)


def event(value: object) -> Make:
    """An event delivery that has the right signature and makes no sense."""
    return signed(json.dumps({"type": "event_callback", "event_id": "Ev1", "event": value}).encode(), JSON)


def headers(**changed: str | None) -> Make:
    """A genuine request with other headers; None leaves one out."""

    def make(http: Http, command: Json) -> Request:
        body, sent = genuine(http, command)
        for name, value in changed.items():
            header = name.replace("_", "-")
            sent = {have: given for have, given in sent.items() if have.lower() != header.lower()}
            if value is not None:
                sent[header] = value
        return body, sent

    return make


def at(seconds: int, secret: str = SECRET) -> Make:
    """A request that was signed at another time, or with another secret."""

    def make(http: Http, command: Json) -> Request:
        body, sent = genuine(http, command)
        now = int(sent["X-Slack-Request-Timestamp"])
        return body, sent | http.signed(body, now + seconds, secret)

    return make


def changed(http: Http, command: Json) -> Request:
    """A genuine request in which somebody else stands for the author."""
    body, sent = genuine(http, command)
    return body.replace(b"U0CAMILLE0", b"U0NADIA000"), sent


REQUESTS: dict[str, Make] = {
    "nothing at all": lambda _http, _command: (b"", {}),
    "unsigned": headers(X_Slack_Signature=None),
    "no timestamp": headers(X_Slack_Request_Timestamp=None),
    "empty signature": headers(X_Slack_Signature=""),
    "signature of another version": headers(X_Slack_Signature="v1=" + "0" * 64),
    "wrong signature": headers(X_Slack_Signature="v0=" + "0" * 64),
    "signature that is not ASCII": headers(X_Slack_Signature="v0=" + "é" * 64),
    "short signature": headers(X_Slack_Signature="v0=00"),
    "timestamp of letters": headers(X_Slack_Request_Timestamp="abc"),
    "timestamp with a sign": headers(X_Slack_Request_Timestamp="-1"),
    "timestamp beyond all numbers": headers(X_Slack_Request_Timestamp="9" * 400),
    "timestamp of other digits": headers(X_Slack_Request_Timestamp="١٢٣"),
    "signed six minutes ago": at(-360),
    "signed in six minutes": at(360),
    "signed with another secret": at(0, "another"),
    "body changed after signing": changed,
    "signed, but no content type": headers(Content_Type=None),
    "signed, but of an unknown type": signed(b"command=/idea&user_id=U1", "text/plain"),
    "signed, but not UTF-8": signed(b"command=%2Fidea&text=\xff\xfe", FORM),
    "signed, but escaped bytes are not UTF-8": signed(b"command=%2Fidea&text=%ff%fe&user_id=U1", FORM),
    "signed, but broken JSON": signed(b'{"type": "event_callback"', JSON),
    "signed, but a list": signed(b"[1, 2, 3]", JSON),
    "signed, but endless brackets": signed(b"[" * 100_000, JSON),
    "signed, but a broken payload": signed(b"payload=%7Bnope", FORM),
    "signed, but a payload of null": payload(None),
    "signed, but a click without a button": payload({"type": "block_actions", "user": {"id": "U1"}, "actions": []}),
    "signed, but a click of numbers": payload({"type": "block_actions", "user": 1, "actions": {}, "container": []}),
    "signed, but a form without fields": payload({"type": "view_submission", "user": {"id": "U1"}, "view": {}}),
    "signed, but an event that is text": event("reaction_added"),
    "signed, but a reaction to nothing": event({"type": "reaction_added", "user": "U1", "reaction": "+1"}),
    "signed, but a reaction at no time": event(
        {"type": "reaction_added", "user": "U1", "event_ts": "soon", "item": {"type": "message"}}
    ),
    "signed, but of an unknown kind": payload({"type": "dialog_cancellation", "user": {"id": "U1"}}),
    "too large, and says so": signed(b"text=" + b"x" * 600_000, FORM),
    "packed, but not what it says": headers(Content_Encoding="gzip"),
    "packed, and enormous": lambda http, _: (
        gzip.compress(b"x" * 5_000_000),
        http.signed(b"x") | {"Content-Type": FORM, "Content-Encoding": "gzip"},
    ),
}


@pytest.mark.parametrize("make", REQUESTS.values(), ids=REQUESTS)
async def test_a_forged_or_damaged_request_is_turned_away(
    slack: FakeSlack, http_butine: Installation, make: Make
) -> None:
    status = await sent(slack, http_butine, make)
    assert status in (400, 401, 413), status
    await unchanged(slack, http_butine)


async def sent(slack: FakeSlack, butine: Installation, make: Make) -> int:
    """Send the request; the answer's status."""
    assert isinstance(slack.transport, Http)
    body, given = make(slack.transport, slack.command(CAMILLE, "Une idée que personne n’a eue"))
    as_sent = {name: value.encode().decode("latin-1") for name, value in given.items()}
    async with aiohttp.ClientSession() as session, session.post(butine.address, data=body, headers=as_sent) as answer:
        return answer.status


async def unchanged(slack: FakeSlack, butine: Installation) -> None:
    """Nothing came of it."""
    await butine.settle()
    assert await butine.ideas() == []
    assert slack.state.all_messages() == []
    assert slack.state.private == {}


@pytest.mark.parametrize(
    "make, words",
    [
        (at(0, "another"), "slack.signing_secret is not the Signing Secret"),
        (at(-360, "another"), "slack.signing_secret is not the Signing Secret"),
        (at(-360), "360 s apart: set its clock right"),
        (at(360), "360 s apart: set its clock right"),
    ],
)
async def test_what_may_be_slacks_own_and_is_refused_is_named_in_the_log_once_a_minute(
    slack: FakeSlack, http_butine: Installation, caplog: pytest.LogCaptureFixture, make: Make, words: str
) -> None:
    """A secret that was mistyped or made anew, or a clock that is wrong: otherwise nothing would show it."""
    for _ in range(3):
        await sent(slack, http_butine, make)
    slack.clock.advance(61)
    await sent(slack, http_butine, make)
    first, second = warnings(caplog)
    assert words in first
    assert words in second


@pytest.mark.parametrize("name", ["nothing at all", "unsigned", "short signature", "timestamp of letters"])
async def test_garbage_is_not_worth_a_line(
    slack: FakeSlack, http_butine: Installation, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    await sent(slack, http_butine, REQUESTS[name])
    assert warnings(caplog) == []


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the operator reads of refused requests."""
    return [record.getMessage() for record in caplog.records if record.name == "bot.chat.slack.door"]


def test_there_are_at_least_thirty_of_them() -> None:
    assert len(REQUESTS) >= 30


async def test_a_body_that_only_turns_out_to_be_too_large_is_not_read_to_its_end(http_butine: Installation) -> None:
    async def endless() -> object:
        for _ in range(100):
            yield b"x" * 65_536

    async with (
        aiohttp.ClientSession() as session,
        session.post(http_butine.address, data=endless(), headers={"Content-Type": FORM}) as answer,
    ):
        assert answer.status == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_turned_away(http_butine: Installation, method: str) -> None:
    async with aiohttp.ClientSession() as session, session.request(method, http_butine.address) as answer:
        assert answer.status == 400


async def test_a_genuine_request_that_is_replayed_changes_nothing(slack: FakeSlack, http_butine: Installation) -> None:
    """Within the five minutes in which its signature is still good."""
    assert isinstance(slack.transport, Http)
    body, sent = genuine(slack.transport, slack.command(CAMILLE, "Une seule fois"))
    statuses = []
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.post(http_butine.address, data=body, headers=sent) as answer:
                statuses.append(answer.status)
            slack.clock.advance(60)
    assert statuses == [200, 401, 401]
    assert len(await http_butine.ideas()) == 1
    await http_butine.settle()
    assert len(slack.messages("G0MODERER01")) == 1


def test_signatures_are_remembered_for_as_long_as_they_could_be_repeated() -> None:
    """At Slack's ceiling, eight a second, an hour of them took megabytes."""
    now = NOW
    accepted = Accepted(lambda: now)
    for number in range(3600):
        accepted.add(f"v0={number}")
        now += timedelta(seconds=1)
    assert len(accepted) == REMEMBERED_SECONDS + 1
    assert f"v0={3600 - STALE_SECONDS}" in accepted


def test_of_a_flood_of_signatures_the_newest_are_remembered() -> None:
    accepted = Accepted(lambda: NOW)
    for number in range(REMEMBERED_AT_MOST + 2):
        accepted.add(f"v0={number}")
    assert len(accepted) == REMEMBERED_AT_MOST
    assert "v0=1" not in accepted
    assert "v0=2" in accepted


async def test_slacks_own_questions_are_answered(slack: FakeSlack, http_butine: Installation) -> None:
    """The challenge when the address is entered, the check of its certificate, and events nobody listens to."""
    transport = slack.transport
    challenge = {"type": "url_verification", "challenge": "3eZbrw1aB10u", "token": "t"}
    assert await transport.deliver("events_api", challenge) == {"challenge": "3eZbrw1aB10u"}
    assert await transport.deliver("slash_commands", {"ssl_check": "1", "token": "t"}) == {}
    assert await transport.deliver("events_api", slack.event({"type": "emoji_changed"})) == {}
    assert slack.messages(IDEAS) == []
