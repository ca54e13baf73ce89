"""What proves that a request is genuine: seals on what Butine hands out, and the server's signature on what it sends.

Any member can have the real server send any click and any form to Butine (seen on a 5.37 server), so neither where a
request comes from nor what it says proves anything. What is done about a forgery is not decided here.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

TRIGGER_LIFE = timedelta(minutes=5)
"""How old or new a request's time may be: the clocks of two servers differ, and a replay comes later."""
TRIGGER_LIMIT = 1024

Fact = str | int | None


class Forged(Exception):
    """A request that can't be believed; `reason` is a word for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Seal:
    """Signs facts under Butine's own key, and tells what it has signed."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sealed(self, kind: str, facts: Mapping[str, Fact]) -> dict[str, Fact]:
        """The facts with their seal; `kind` keeps a button's from being taken for a form's."""
        return {**facts, "mac": self._mac(kind, facts)}

    def opened(self, kind: str, sealed: Mapping[str, object]) -> dict[str, Fact]:
        """The facts. Raises Forged where they are not exactly those that were sealed for that kind."""
        facts: dict[str, Fact] = {}
        for name, value in sealed.items():
            if isinstance(value, bool) or not isinstance(value, str | int | None):
                raise Forged("odd_fact")
            facts[name] = value
        mac = facts.pop("mac", None)
        if not isinstance(mac, str) or not is_same(mac, self._mac(kind, facts)):
            raise Forged("seal")
        return facts

    def _mac(self, kind: str, facts: Mapping[str, Fact]) -> str:
        told = json.dumps([kind, sorted(facts.items())], separators=(",", ":"))
        return hmac.new(self._key, told.encode(), hashlib.sha256).hexdigest()


def is_same(given: str, expected: str) -> bool:
    """Compared in a time that tells nothing."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))


class Seen:
    """What was taken once and may not be taken again, for as long as it could still be believed."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._until: dict[str, datetime] = {}

    def __contains__(self, name: str) -> bool:
        return self._until.get(name, datetime.min.replace(tzinfo=UTC)) > self._clock()

    def add(self, name: str, until: datetime) -> None:
        """Taken now."""
        now = self._clock()
        if len(self._until) % 256 == 0:
            self._until = {name: until for name, until in self._until.items() if until > now}
        self._until[name] = until


class Triggers:
    """Checks the `trigger_id` that comes with commands and clicks.

    It is base64 of "id:user:millis:signature", the signature ECDSA P-256 over "id:user:millis:"
    (model/integration_action.go); servers of autumn 2026 and later state and sign the channel, too (mattermost#38193).
    `public_key` is the server's AsymmetricSigningPublicKey; without one the signature is not looked at, and the time
    and the user still are.
    """

    def __init__(self, public_key: str, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._seen = Seen(clock)
        self._key: EllipticCurvePublicKey | None = None
        if public_key:
            key = load_der_public_key(base64.b64decode(public_key))
            self._key = key if isinstance(key, EllipticCurvePublicKey) else None

    def take(self, trigger_id: str, member: str) -> datetime:
        """The server's time of the request. Raises Forged, also for one that was taken before."""
        head, millis, signature = _parts(trigger_id, member)
        if self._key is not None:
            try:
                self._key.verify(signature, head, ECDSA(hashes.SHA256()))
            except InvalidSignature as error:
                raise Forged("trigger_signature") from error
        try:
            at = datetime.fromtimestamp(millis / 1000, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise Forged("trigger_time") from error
        if abs(self._clock() - at) > TRIGGER_LIFE:
            raise Forged("trigger_time")
        name = head.decode()  # the signature's form may vary without becoming wrong
        if name in self._seen:
            raise Forged("trigger_replayed")
        self._seen.add(name, at + 2 * TRIGGER_LIFE)
        return at


def event_id(kind: str, once: str) -> str:
    """A name for an event that a redelivery shares."""
    return f"{kind}:{hashlib.sha256(once.encode('utf-8', 'replace')).hexdigest()[:40]}"


def trigger_name(trigger_id: str) -> str:
    """What of a trigger id names the event: all but the signature. Of one that `Triggers.take` has taken."""
    return base64.b64decode(trigger_id).decode().rpartition(":")[0]


def _parts(trigger_id: str, member: str) -> tuple[bytes, int, bytes]:
    if not 0 < len(trigger_id) <= TRIGGER_LIMIT:
        raise Forged("trigger")
    try:
        head, _, signature = base64.b64decode(trigger_id, validate=True).decode().rpartition(":")
        name, user, *stated = head.split(":")
        (millis,) = (each for each in stated if each.isascii() and each.isdigit())
        if user != member or not name:
            raise Forged("trigger_member")
        return f"{head}:".encode(), int(millis), base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Forged("trigger") from error
