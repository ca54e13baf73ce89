"""Socket Mode's connections: none is lost for long, nothing is left behind, and it is known when nothing is heard."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from bot.chat.events import CommandTyped
from bot.chat.slack.platform import Slack
from bot.chat.slack.sockets import Connection
from bot.errors import ChatUnavailable, NeedsMending
from tests.contract.slack_rig import platform_before
from tests.fakes.slack.deliveries import InsteadOfHello
from tests.fakes.slack.web_api import APP_TOKEN
from tests.fakes.slack.workspace import CAMILLE, FakeSlack
from tests.slack.test_transports import Slow


async def connected(slack: FakeSlack, ping_seconds: float) -> tuple[Slack, Slow]:
    slow = Slow()
    slow.may_go_on.set()
    platform = platform_before(slack, "socket", ping_seconds)
    await platform.start(slow)
    return platform, slow


async def refresh(slack: FakeSlack) -> None:
    await slack.sockets.say({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}})


async def warning(slack: FakeSlack) -> None:
    await slack.sockets.say({"type": "disconnect", "reason": "warning", "debug_info": {}})


async def cut(slack: FakeSlack) -> None:
    await slack.sockets.close()


async def half_open(slack: FakeSlack) -> None:
    """The connection stands, and no ping is answered on it any more."""
    slack.sockets.is_silent = True


@pytest.mark.parametrize("trouble", [refresh, warning, cut, half_open])
async def test_after_trouble_with_its_socket_it_has_another(
    slack: FakeSlack, trouble: Callable[[FakeSlack], Awaitable[None]]
) -> None:
    """And says that events may have been missed, so that reactions are read again."""
    platform, slow = await connected(slack, ping_seconds=0.2)
    missed = asyncio.Event()
    platform.when_missed(missed.set)
    assert not missed.is_set()
    next_one = asyncio.create_task(slack.sockets.next_connection())
    await asyncio.sleep(0)
    await trouble(slack)
    await next_one
    slack.sockets.is_silent = False
    slack.sockets.forget_all_but_the_newest()
    answer = await slack.type_command(CAMILLE, "toujours là")
    assert answer is not None
    assert answer["text"] == "Reçu"
    assert [event.text for event in slow.taken if isinstance(event, CommandTyped)] == ["toujours là"]
    await asyncio.wait_for(missed.wait(), 10)  # reactions are to be read again
    await platform.close()


@pytest.mark.parametrize("how", [[], ["500", "reset_before", "429", "503"]], ids=str)
async def test_a_receipt_whose_acknowledgement_broke_off_with_the_socket_comes_afterwards(
    slack: FakeSlack, how: list[str]
) -> None:
    """A command does not come again, and what it did is committed."""
    platform, slow = await connected(slack, ping_seconds=3600)
    slow.may_go_on.clear()
    typing = asyncio.create_task(slack.type_command(CAMILLE, "pendant la coupure"))
    await slow.has_begun.wait()
    slack.api.fail("apps.connections.open", "500")
    for each in how:
        slack.api.fail("response_url", each)
    await slack.sockets.close()
    slow.may_go_on.set()
    await slack.until(lambda: slack.private(CAMILLE, "Reçu"))
    await platform.close()
    typing.cancel()
    assert len(slack.state.private[CAMILLE]) == 1


async def test_a_silent_socket_is_replaced_within_a_minute(slack: FakeSlack) -> None:
    """Even where the SDK believes in it: the watchdog looks every five seconds and believes in traffic alone."""
    platform, slow = await connected(slack, ping_seconds=3600)
    await slack.type_command(CAMILLE, "on s’entend")
    assert await platform.look()
    slack.clock.advance(30)
    assert await platform.look()
    slack.clock.advance(25)
    assert not await platform.look()
    assert slack.sockets.connections == 2
    assert await platform.look()
    slack.sockets.forget_all_but_the_newest()
    await slack.type_command(CAMILLE, "par la nouvelle")
    assert len(slow.taken) == 2
    await platform.close()


async def test_a_replaced_socket_leaves_nothing_behind(slack: FakeSlack) -> None:
    """Also where its other end does not even answer to a goodbye: else one more would stay with each trouble."""
    slack.sockets.is_dead = True
    platform, _ = await connected(slack, ping_seconds=3600)
    before = sdk_tasks(), open_sessions()
    slack.sockets.is_dead = False
    slack.clock.advance(60)
    assert not await platform.look()
    assert slack.sockets.connections == 2
    await asyncio.sleep(0)  # what was cancelled ends
    assert (sdk_tasks(), open_sessions()) == before
    await platform.close()


def sdk_tasks() -> list[str]:
    """What the SDK's clients do at the moment."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return sorted(name for name in names if name.startswith("SocketModeClient."))


def open_sessions() -> int:
    """How many of aiohttp's client sessions are open."""
    gc.collect()
    return sum(isinstance(each, aiohttp.ClientSession) and not each.closed for each in gc.get_objects())


async def test_while_slack_gives_no_new_socket_the_watchdog_goes_on_trying(slack: FakeSlack) -> None:
    platform, _ = await connected(slack, ping_seconds=3600)
    await slack.type_command(CAMILLE, "on s’entend")
    assert await platform.look()
    slack.clock.advance(60)
    slack.api.fail("apps.connections.open", "500")
    assert not await platform.look()
    slack.clock.advance(5)
    assert not await platform.look()
    assert slack.sockets.connections == 2
    assert await platform.look()
    await platform.close()


async def test_while_slack_gives_no_new_socket_it_is_asked_ever_more_rarely_and_a_pause_is_kept(
    slack: FakeSlack,
) -> None:
    platform, _ = await connected(slack, ping_seconds=3600)
    await slack.type_command(CAMILLE, "on s’entend")
    assert await platform.look()
    slack.api.meets = lambda method, _: "500" if method == "apps.connections.open" else ""

    async def tries(seconds: int) -> list[int]:
        """When it was asked, counted from now; the watchdog looks every five seconds."""
        began, asked = slack.clock.seconds(), len(slack.api.calls)
        for _ in range(seconds // 5):
            await platform.look()
            slack.clock.advance(5)
        return [round(moment - began) for _, moment, _ in slack.api.calls[asked:]]

    slack.clock.advance(40)
    assert await tries(250) == [0, 5, 15, 35, 75, 135, 195]
    slack.api.meets = lambda method, _: "429:120" if method == "apps.connections.open" else ""
    assert await tries(130) == [5, 125]
    slack.api.meets = lambda *_: ""
    slack.clock.advance(120)
    assert await tries(5) == [0]
    slack.sockets.forget_all_but_the_newest()
    await slack.type_command(CAMILLE, "par la nouvelle")
    assert await platform.look()
    slack.clock.advance(40)
    slack.api.meets = lambda method, _: "500" if method == "apps.connections.open" else ""
    assert await tries(15) == [0, 5]
    await platform.close()


@pytest.mark.parametrize(
    "how", ["invalid_auth", "not_allowed_token_type", "account_inactive", "socket_mode_not_enabled", "code_of_tomorrow"]
)
async def test_that_nothing_is_heard_is_known_and_what_is_to_be_mended_is_said_once(
    slack: FakeSlack, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """Somebody revokes the app-level token while Butine runs: calls go on working, and no command arrives."""
    platform, _ = await connected(slack, ping_seconds=3600)
    await slack.type_command(CAMILLE, "on s’entend")
    assert platform.deaf_seconds == 0
    slack.api.meets = lambda method, _: how if method == "apps.connections.open" else ""
    for _ in range(60):
        slack.clock.advance(5)
        await platform.look()
    assert platform.deaf_seconds >= 290
    assert slack.sockets.open == []
    assert slack.api.counted("apps.connections.open") <= 10
    (error,) = [record for record in caplog.records if record.levelname == "ERROR" and "sockets" in record.name]
    assert how in error.getMessage()
    assert "app-level token" in error.getMessage()
    slack.api.meets = lambda *_: ""
    slack.clock.advance(60)
    greeted = asyncio.create_task(slack.sockets.next_connection())
    await asyncio.sleep(0)
    await platform.look()
    await greeted
    slack.sockets.forget_all_but_the_newest()
    await slack.type_command(CAMILLE, "de nouveau là")
    assert platform.deaf_seconds == 0
    await platform.close()


@pytest.mark.parametrize("reason", ["link_disabled", "too_many_websockets", "close"])
async def test_a_socket_from_which_slack_turns_butine_away_is_none(
    slack: FakeSlack, caplog: pytest.LogCaptureFixture, reason: InsteadOfHello
) -> None:
    """Socket Mode is off, or ten programs have a socket of the app: Slack opens another one, says so, and closes it. A
    proxy that can't carry it closes it without a word.
    """
    platform, _ = await connected(slack, ping_seconds=3600)
    slack.sockets.instead_of_hello = reason
    await slack.sockets.close()
    await slack.until(lambda: slack.sockets.connections == 2)
    await asyncio.sleep(0.1)  # in which the SDK would open dozens of them
    for _ in range(60):
        slack.clock.advance(5)
        await platform.look()
    assert platform.deaf_seconds >= 290
    assert slack.api.counted("apps.connections.open") <= 12
    errors = [record for record in caplog.records if record.levelname == "ERROR" and "slack.sockets" in record.name]
    assert [reason in error.getMessage() for error in errors] == [True] * (reason == "link_disabled")
    slack.sockets.instead_of_hello = ""
    slack.clock.advance(60)
    assert not await platform.look()
    await slack.type_command(CAMILLE, "de nouveau là")
    assert platform.deaf_seconds == 0
    await platform.close()


@pytest.mark.parametrize(
    "reason, is_to_mend", [("link_disabled", True), ("too_many_websockets", False), ("close", False)]
)
async def test_it_does_not_start_where_slack_turns_it_away(
    slack: FakeSlack, reason: InsteadOfHello, *, is_to_mend: bool
) -> None:
    slack.sockets.instead_of_hello = reason
    platform = platform_before(slack, "socket")
    with pytest.raises(ChatUnavailable, match="no hello" if reason == "close" else reason) as failed:
        await platform.start(Slow())
    assert isinstance(failed.value, NeedsMending) is is_to_mend
    slack.sockets.instead_of_hello = ""
    await platform.start(Slow())
    await platform.close()


async def test_whoever_stops_it_need_not_wait_for_a_greeting_and_nothing_is_left_behind(slack: FakeSlack) -> None:
    """Neither while it starts nor while a socket is replaced; the one that was not greeted yet would stay open."""
    before = sdk_tasks(), open_sessions()
    slack.sockets.instead_of_hello = "wait"
    starting = asyncio.create_task(platform_before(slack, "socket").start(Slow()))
    await slack.sockets.reached.wait()
    starting.cancel()
    await asyncio.wait({starting})
    assert (sdk_tasks(), open_sessions()) == before
    slack.sockets.instead_of_hello = ""
    platform, _ = await connected(slack, ping_seconds=3600)
    slack.sockets.instead_of_hello = "wait"
    slack.clock.advance(60)
    slack.sockets.reached.clear()
    looking = asyncio.create_task(platform.look())
    await slack.sockets.reached.wait()
    looking.cancel()
    await asyncio.wait({looking})
    await platform.close()
    assert (sdk_tasks(), open_sessions()) == before


async def test_a_socket_that_is_greeted_after_all_is_one() -> None:
    """Slack may say twice that a connection is about to end: the SDK takes up the second while it makes the next."""
    connection = Connection(APP_TOKEN)
    await connection.connect_to_new_endpoint(force=True)
    assert connection.turned_away
    connection.take_word('{"type": "hello"}')
    assert not connection.turned_away
    await connection.close()  # type: ignore[no-untyped-call]  # the SDK forgot "-> None"


async def test_over_http_there_is_no_connection_to_lose(slack: FakeSlack) -> None:
    platform = platform_before(slack, "http")
    await platform.start(Slow())
    slack.clock.advance(3600)
    assert platform.deaf_seconds == 0
    await platform.close()


async def test_a_damaged_envelope_does_not_come_again(slack: FakeSlack) -> None:
    platform, slow = await connected(slack, ping_seconds=5)
    assert await slack.transport.deliver("interactive", {"type": "block_actions", "actions": "none"}) == {}
    assert slow.taken == []
    await platform.close()
