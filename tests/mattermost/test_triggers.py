"""What comes with commands and clicks to prove them is believed as servers of each age make it, and not otherwise."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bot.chat.mattermost.trust import Forged, Triggers, trigger_name
from tests.fakes.mattermost.answers import an_id
from tests.fakes.mattermost.world import World

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MILLIS = int(NOW.timestamp() * 1000)
NAME, MEMBER, CHANNEL = an_id("trigger"), an_id("member"), an_id("channel")


@pytest.fixture
def world() -> World:
    """A server with its key."""
    return World(lambda: NOW)


def signed(world: World, *stated: object) -> str:
    """A trigger of the server that states this."""
    head = "".join(f"{each}:" for each in stated)
    signature = world.key.sign(head.encode(), ec.ECDSA(hashes.SHA256()))
    return base64.b64encode(head.encode() + base64.b64encode(signature)).decode()


def triggers(world: World) -> Triggers:
    """Butine's part."""
    return Triggers(world.public_key(), lambda: NOW)


@pytest.mark.parametrize(
    "stated", [(NAME, MEMBER, MILLIS), (NAME, MEMBER, CHANNEL, MILLIS), (NAME, MEMBER, MILLIS, CHANNEL)]
)
def test_the_channel_may_be_stated_beside_the_time(world: World, stated: tuple[object, ...]) -> None:
    """Servers of autumn 2026 began to, and each command and click of theirs was refused."""
    trigger = signed(world, *stated)
    assert triggers(world).take(trigger, MEMBER) == NOW
    assert trigger_name(trigger) == ":".join(map(str, stated))


def test_a_channel_that_the_server_did_not_state_is_none(world: World) -> None:
    trigger = base64.b64decode(signed(world, NAME, MEMBER, CHANNEL, MILLIS)).decode()
    changed = base64.b64encode(trigger.replace(CHANNEL, an_id("another")).encode()).decode()
    with pytest.raises(Forged, match="trigger_signature"):
        triggers(world).take(changed, MEMBER)


@pytest.mark.parametrize(
    "stated",
    [(NAME, MEMBER), (NAME, MEMBER, CHANNEL), (NAME, MEMBER, MILLIS, MILLIS), (NAME, CHANNEL, MEMBER, MILLIS), ("",)],
)
def test_what_states_no_time_or_two_or_another_member_is_no_trigger(world: World, stated: tuple[object, ...]) -> None:
    with pytest.raises(Forged):
        triggers(world).take(signed(world, *stated), MEMBER)
