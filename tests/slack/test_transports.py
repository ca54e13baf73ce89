"""Both transports under stress: nothing is acknowledged that is not kept."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

import pytest

from bot.chat.events import CommandTyped, Event, ReactionChanged, Reply
from bot.errors import NotTakenIn
from bot.views.cards import Card, Paragraph
from tests.contract.slack_rig import SlackRig
from tests.contract.test_platform import idea
from tests.fakes.slack.deliveries import Http
from tests.fakes.slack.reading import shown
from tests.fakes.slack.state import TEAM
from tests.fakes.slack.workspace import CAMILLE, NADIA, OMAR, SAM, FakeSlack
from tests.slack.installation import Installation

RECEIPT = Reply(Card("Reçu", (Paragraph(("Reçu",)),)))


@dataclass
class Slow:
    """Takes events in when it is allowed to; fails as often as it is told to."""

    failures: int = 0
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    fails_late: bool = False
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[Event] = field(default_factory=list)

    async def __call__(self, event: Event) -> Reply:
        self.has_begun.set()
        if self.failures:
            self.failures -= 1
            raise NotTakenIn(event.id, "disk full")
        await self.may_go_on.wait()
        if self.fails_late:
            raise NotTakenIn(event.id, "disk full")
        self.taken.append(event)
        return RECEIPT


@pytest.fixture(params=["socket", "http"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[SlackRig]:
    """The adapter alone, over each transport in turn."""
    rig = SlackRig(request.param)
    rig.slack.sockets.ack_seconds = 0.5
    yield rig
    await rig.stop()


async def test_an_event_that_could_not_be_stored_is_delivered_again(
    rig: SlackRig, caplog: pytest.LogCaptureFixture
) -> None:
    """HTTP says 500, Socket Mode says nothing; Slack tries again; then it is taken. Each try is a line in the log."""
    slow = Slow(failures=2)
    slow.may_go_on.set()
    await rig.start(slow)
    posted = await rig.platform.post("ideas", idea(), "card:1")
    await rig.react(CAMILLE, posted, "heart")
    (event,) = slow.taken
    assert isinstance(event, ReactionChanged)
    if isinstance(rig.slack.transport, Http):
        assert rig.slack.transport.statuses == [500, 500, 200]
    assert told(caplog) == [f"{event.id} is not acknowledged, as it could not be stored: disk full"] * 2


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of it; no line has a traceback."""
    found = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not any(record.exc_info for record in found)
    return [record.getMessage() for record in found]


async def test_where_slack_leaves_events_out_reactions_are_read_again_and_the_log_says_so_now_and_then(
    rig: SlackRig, caplog: pytest.LogCaptureFixture
) -> None:
    await rig.start()
    missed: list[int] = []
    for minute in range(12):
        rig.platform.when_missed(partial(missed.append, minute))
        told = {"type": "app_rate_limited", "team_id": TEAM, "minute_rate_limited": minute * 60}
        assert await rig.slack.transport.deliver("events_api", told) == {}
        rig.slack.clock.advance(60)
    assert missed == list(range(12))
    assert caplog.text.count("Slack leaves events out") == 2


async def test_who_types_is_told_when_it_could_not_be_stored(slack: FakeSlack, butine: Installation) -> None:
    """With their text, so that it can be sent again; no receipt is given."""
    blocker = sqlite3.connect(butine.database.url.database or "")
    blocker.execute("BEGIN IMMEDIATE")
    await slack.type_command(CAMILLE, "Une idée pendant une panne")
    told = await slack.until(lambda: slack.private(CAMILLE, "Une idée pendant une panne"))
    assert "est enregistrée" not in shown(told)
    blocker.rollback()
    blocker.close()
    assert await butine.ideas() == []


async def test_what_is_under_way_is_finished_and_acknowledged_before_the_end(rig: SlackRig) -> None:
    """SIGTERM: close waits for it, its acknowledgement and its answer; nothing new is taken meanwhile."""
    slow = Slow()
    await rig.start(slow)
    rig.slack.sockets.ack_seconds = 5.0
    typing = asyncio.create_task(rig.slack.type_command(CAMILLE, "juste avant la fin"))
    await slow.has_begun.wait()
    rig.slack.sockets.ack_seconds = 0.2
    closing = asyncio.create_task(rig.platform.close())
    await asyncio.sleep(0)
    assert await rig.slack.type_command(SAM, "trop tard") is None
    slow.may_go_on.set()
    await closing
    assert await typing is not None
    (event,) = slow.taken
    assert isinstance(event, CommandTyped)
    assert event.text == "juste avant la fin"
    assert rig.slack.private(CAMILLE, "Reçu")
    assert SAM not in rig.slack.state.private


async def test_who_clicked_just_before_the_end_has_their_answer(rig: SlackRig) -> None:
    """It comes by a request of its own, for which there still has to be a way once the click is stored."""
    slow = Slow()
    await rig.start(slow)
    rig.slack.sockets.ack_seconds = 5.0
    await rig.platform.post("ideas", idea(), "card:1")
    (message,) = rig.slack.messages("C0IDEES0001")
    clicking = asyncio.create_task(rig.slack.click(SAM, message, "Soutenir"))
    await slow.has_begun.wait()
    closing = asyncio.create_task(rig.platform.close())
    await asyncio.sleep(0)
    slow.may_go_on.set()
    await closing
    await clicking
    assert rig.slack.private(SAM, "Reçu")


async def test_a_command_that_takes_long_to_store_is_answered_afterwards(rig: SlackRig) -> None:
    """Slack has its acknowledgement within three seconds, and the member no receipt before it is true."""
    rig.slack.sockets.ack_seconds = 3.0
    slow = Slow()
    await rig.start(slow)
    async with asyncio.timeout(3.0):
        assert await rig.slack.type_command(CAMILLE, "une idée lente") == {}
    assert rig.slack.state.private == {}
    slow.may_go_on.set()
    await rig.slack.until(lambda: rig.slack.private(CAMILLE, "Reçu"))


@pytest.mark.parametrize("hanging", [("users.info",), ("users.info", "conversations.members")], ids=str)
@pytest.mark.usefixtures("socket_butine")
async def test_while_nobody_can_be_looked_up_answers_still_come_within_slacks_three_seconds(
    slack: FakeSlack, hanging: tuple[str, ...]
) -> None:
    """A moderator's own, and those of ten people whom a message mentions."""
    members = [slack.state.add_user(f"U0AGENT{number:03}", f"Agent {number}") for number in range(10)]
    chosen = slack.write(SAM, " ".join(f"<@{member}>" for member in members))
    slack.sockets.ack_seconds = 3.0
    slack.clock.advance(660)
    slack.api.meets = lambda method, _: "hang" if method in hanging else ""
    typed, chose = await asyncio.gather(slack.type_command(NADIA, "vote 99"), slack.use_shortcut(OMAR, chosen))
    assert typed is not None
    assert await slack.until(lambda: slack.private(NADIA, "ne répond pas pour le moment"))
    assert chose == {}


async def test_a_command_that_fails_after_it_was_acknowledged_is_told(rig: SlackRig) -> None:
    """Never silence, and never a false receipt."""
    rig.slack.sockets.ack_seconds = 3.0
    slow = Slow(fails_late=True)
    await rig.start(slow)
    assert await rig.slack.type_command(CAMILLE, "une idée lente") == {}
    slow.may_go_on.set()
    await rig.slack.until(lambda: rig.slack.private(CAMILLE, "rien n’a été enregistré"))


async def test_a_form_that_takes_long_to_store_stays_open_and_may_be_sent_again(
    rig: SlackRig, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack shows that there was trouble; it is told once, when it is true."""
    rig.slack.sockets.ack_seconds = 3.0
    slow = Slow()
    await rig.start(slow)
    view = {"id": "V1", "hash": "1", "callback_id": "propose", "private_metadata": "{}", "type": "modal", "blocks": []}
    form = rig.slack.submitted(CAMILLE, view, {})
    assert await rig.slack.transport.deliver("interactive", form) is None
    assert told(caplog) == ["form:V1 is not acknowledged, as it takes too long to store"]
    slow.may_go_on.set()
    await rig.slack.until(lambda: rig.slack.direct(CAMILLE, "Reçu"))
    assert await rig.slack.transport.deliver("interactive", form if rig.mode == "socket" else form | {"x": 1}) == {}
    assert len({event.id for event in slow.taken}) == 1
    await rig.platform.close()
    assert len(rig.slack.messages(rig.slack.state.direct(CAMILLE).id)) == 1


@pytest.mark.parametrize(
    "member, words", [(CAMILLE, "Votre premier envoi est enregistré"), (SAM, "What you sent first")]
)
async def test_a_correction_in_a_form_that_was_kept_already_is_not_lost_silently(
    slack: FakeSlack, butine: Installation, member: str, words: str
) -> None:
    """Slack had no answer and left it open; its author is told what is kept, and has their words back."""
    await slack.type_command(member, "")
    view = await slack.until(lambda: slack.form_of(member))
    sent = slack.submitted(member, view, {"title": "Vélos", "proposal": "court"})
    assert await slack.transport.deliver("interactive", sent) == {}  # and suppose that this did not reach Slack
    for _ in range(2):
        answer = await slack.submit(member, {"title": "Vélos", "proposal": "bien plus long"})
        assert answer
        assert answer["response_action"] == "push"
        assert words in shown(answer["view"])
        slack.close_modal(member)
        assert "bien plus long" in shown(answer["view"])
    assert await slack.submit(member, {"title": "Vélos", "proposal": "court"}) == {}
    assert [idea.proposal for idea in await butine.ideas()] == ["court"]


async def test_a_form_that_was_refused_is_kept_as_it_is_corrected(slack: FakeSlack, butine: Installation) -> None:
    await slack.type_command(CAMILLE, "")
    await slack.until(lambda: slack.form_of(CAMILLE))
    refused = await slack.submit(CAMILLE, {"title": "x" * 500})
    assert refused
    assert refused["response_action"] == "errors"
    assert await slack.submit(CAMILLE, {"title": "Vélos"}) == {}
    assert [idea.title for idea in await butine.ideas()] == ["Vélos"]


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_form_that_could_not_be_stored_stays_open(
    rig: SlackRig, caplog: pytest.LogCaptureFixture, *, is_late: bool
) -> None:
    rig.slack.sockets.ack_seconds = 3.0
    slow = Slow(fails_late=True) if is_late else Slow(failures=1)
    await rig.start(slow)
    view = {"id": "V1", "hash": "1", "callback_id": "propose", "private_metadata": "{}", "type": "modal", "blocks": []}
    assert await rig.slack.transport.deliver("interactive", rig.slack.submitted(CAMILLE, view, {})) is None
    slow.may_go_on.set()
    await rig.platform.close()
    assert rig.slack.state.all_messages() == []
    assert told(caplog)[-1].endswith("could not be stored: disk full")
