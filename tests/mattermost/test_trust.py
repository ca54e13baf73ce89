"""For how long the server's word for a command or a click is believed, and that each is believed once."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.chat.mattermost.trust import TRIGGER_LIFE, TRIGGER_LIMIT, Forged, Triggers

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SERVER = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(SERVER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


class Clock:
    """Tells `now`."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


def trigger(name: str = "first", at: datetime = NOW, member: str = "sam") -> str:
    """What the server sends along; its signature is another one each time."""
    head = f"{name}:{member}:{round(at.timestamp() * 1000)}:".encode()
    signature = SERVER.sign(head, ec.ECDSA(hashes.SHA256()))
    return base64.b64encode(head + base64.b64encode(signature)).decode()


def refused(triggers: Triggers, given: str) -> str:
    """Why it is not believed."""
    with pytest.raises(Forged) as forged:
        triggers.take(given, "sam")
    return forged.value.reason


@pytest.mark.parametrize("off", [-TRIGGER_LIFE, timedelta(0), TRIGGER_LIFE])
def test_a_request_is_believed_for_as_long_as_clocks_may_differ(off: timedelta) -> None:
    beyond = MILLISECOND if off > timedelta(0) else -MILLISECOND
    assert Triggers(PUBLIC, Clock()).take(trigger(at=NOW + off), "sam") == NOW + off
    if off:
        assert refused(Triggers(PUBLIC, Clock()), trigger(at=NOW + off + beyond)) == "trigger_time"


def test_it_is_believed_once_also_under_another_signature_and_at_the_last_moment() -> None:
    clock = Clock()
    triggers = Triggers(PUBLIC, clock)
    triggers.take(trigger(), "sam")
    for seconds in (0, 60, TRIGGER_LIFE.total_seconds()):
        clock.now = NOW + timedelta(seconds=seconds)
        assert refused(triggers, trigger()) == "trigger_replayed"


def test_it_is_believed_once_however_many_others_come_after_it() -> None:
    triggers = Triggers("", Clock())
    for number in range(600):
        triggers.take(trigger(str(number)), "sam")
    assert {refused(triggers, trigger(str(number))) for number in (0, 255, 256, 257, 511, 599)} == {"trigger_replayed"}


def test_the_server_s_own_signature_counts_where_its_key_is_known() -> None:
    other = base64.b64encode(b"first:sam:1795510800000:" + base64.b64encode(b"no signature")).decode()
    assert refused(Triggers(PUBLIC, Clock()), other) == "trigger_signature"


def test_what_is_too_long_is_not_even_read() -> None:
    assert refused(Triggers(PUBLIC, Clock()), trigger("x" * TRIGGER_LIMIT)) == "trigger"
