"""`butine check`: what is wrong with configuration, chat, database, address and clock, and how to mend it."""

import errno
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import click
from sqlalchemy.engine import URL
from sqlmodel import Session

from bot import platforms
from bot.config import Settings
from bot.domain.voting import is_standard
from bot.errors import ChatError, ConfigError
from bot.failures import Refused, explain
from bot.http import FAILING, OK
from bot.views.texts import Texts
from storage import ideas, notes, outbox
from storage.database import Database
from storage.errors import CannotOpen, NotSaved
from storage.opening import check_lock, parse_url, place, problems_of

HEALTH_SECONDS = 5.0
"""Longer than Butine tries its database before it says how it is."""


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class Findings:
    """What was found so far, printed as it is found."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self.problems = 0

    def good(self, key: str, **values: object) -> None:
        """Something is as it should be."""
        click.echo(f"✓ {self.texts(key, **values)}")

    def doubtful(self, key: str, **values: object) -> None:
        """Something may be as it should be, which only the operator can tell: no problem."""
        click.echo(f"? {self.texts(key, **values)}")

    def bad(self, sentence: str) -> None:
        """Something has to be mended."""
        self.problems += 1
        click.echo(f"✗ {sentence}")


async def check(settings: Settings, texts: Texts, config_file: str, clock: Callable[[], datetime] = utc_now) -> None:
    """Print a line for each thing that was looked at. Raises Refused where something has to be mended."""
    findings = Findings(texts)
    findings.good("cli.check.config", file=config_file)
    for name in settings.voting.emoji:
        if not is_standard(name):
            findings.doubtful("cli.check.emoji_unknown", name=name)
    await _check_database(settings, findings, clock)
    is_free = _check_address(settings, findings)
    await _check_platforms(settings, findings, clock)
    _check_room(settings, findings, is_free=is_free)
    if findings.problems:
        raise Refused("problems", count=findings.problems)
    click.echo(texts("cli.check.all_well"))


async def _check_database(settings: Settings, findings: Findings, clock: Callable[[], datetime]) -> None:
    """It is left as it is, also where a start would make or upgrade it: another version may be running."""
    try:
        check_lock(parse_url(settings.storage.url))
        database = Database.open(settings.storage.url, is_upgraded=False)
    except CannotOpen as error:
        if error.code == CannotOpen.EMPTY:
            findings.good("cli.check.database_empty", url=place(parse_url(settings.storage.url)))
            _check_clock(None, findings, clock())
        elif error.code == CannotOpen.OUTDATED:
            findings.good("cli.check.database_outdated", url=place(parse_url(settings.storage.url)))
            _check_integrity(parse_url(settings.storage.url), findings)
        else:
            findings.bad(explain(error, findings.texts)[0])
        return
    try:
        findings.good("cli.check.database", url=place(database.url))
        if not _check_integrity(database.url, findings):
            return
        if not database.is_sqlite:  # what keeps a file from being written to is seen where it is opened
            await _check_writing(database)
        _check_clock(await database.read(ideas.last_moment), findings, clock())
        if parked := await database.read(lambda session: outbox.parked(session, 1)):
            count = await database.read(outbox.count_parked)
            findings.bad(findings.texts.plural("cli.check.parked", count, reason=parked[0].reason))
    except NotSaved as error:
        findings.bad(findings.texts("cli.check.not_written", reason=error))
    finally:
        await database.close()


async def _check_writing(database: Database) -> None:
    """Write, and undo it: a standby takes nothing, nor does a server without the right to it. Raises NotSaved."""

    def write_and_undo(session: Session) -> None:
        with session.begin_nested() as undone:
            notes.put(session, "checked", "")
            session.flush()
            undone.rollback()

    await database.write(write_and_undo)


def _check_integrity(url: URL, findings: Findings) -> bool:
    """Whether nothing is damaged."""
    damage = problems_of(url)
    if damage:
        findings.bad(findings.texts("cli.check.damaged", reason=damage[0]))
    elif url.get_backend_name() == "sqlite":
        findings.good("cli.check.integrity")
    return not damage


async def _check_platforms(settings: Settings, findings: Findings, clock: Callable[[], datetime]) -> None:
    try:
        async for finding in platforms.findings(settings, clock):
            if finding.is_problem:
                findings.bad(findings.texts(finding.key, **finding.values))
            else:
                findings.good(finding.key, **finding.values)
    except (ChatError, ConfigError) as error:
        findings.bad(explain(error, findings.texts)[0])


def _check_clock(last: datetime | None, findings: Findings, now: datetime) -> None:
    texts = findings.texts
    if last and last > now:
        findings.bad(
            texts("cli.check.clock_wrong", now=now.isoformat(" ", "minutes"), last=last.isoformat(" ", "minutes"))
        )
    else:
        findings.good("cli.check.clock", now=now.isoformat(" ", "minutes"))


def _check_address(settings: Settings, findings: Findings) -> bool:
    """Whether it is free, or taken by a Butine that answers: the check may run beside it."""
    host, port = settings.web.host, settings.web.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        if not _is_butine(host, port):
            code = "port_in_use" if error.errno == errno.EADDRINUSE else "cannot_listen"
            values = {"host": host, "port": str(port), "reason": error.strerror or str(error)}
            findings.bad(explain(ConfigError(code, values), findings.texts)[0])
            return False
    if port:  # 0 is any
        findings.good("cli.check.port", host=host, port=port)
    return True


def _check_room(settings: Settings, findings: Findings, *, is_free: bool) -> None:
    """It is not open: a check opens nothing. Where it will be is known only of a port that is given and can be had."""
    if not settings.has_room:
        findings.good("cli.check.no_room")
        return
    try:
        platforms.look_at_room(settings)
    except ConfigError as error:
        findings.bad(explain(error, findings.texts)[0])
    else:
        if is_free and settings.web.port:
            findings.good("cli.check.room", address=_address(settings.web.host, settings.web.port))


def _is_butine(host: str, port: int) -> bool:
    health: object = None
    direct = build_opener(ProxyHandler({}))  # a proxy's answer says nothing of this machine
    try:
        with direct.open(f"{_address(host, port)}health", timeout=HEALTH_SECONDS) as answer:
            health = json.load(answer)
    except HTTPError as error:  # its database may fail
        with error, suppress(ValueError):
            health = json.load(error)
    except (OSError, ValueError, HTTPException):  # the other program may not even speak HTTP
        return False
    return isinstance(health, dict) and health.get("status") in {OK, FAILING}


def _address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
