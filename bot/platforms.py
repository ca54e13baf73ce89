"""Which chat platforms there are: names the concrete ones, to build, check and set them up.

What they do is in bot/chat; running them is app.py's part. A platform is imported only where it is configured, because
a start should not wait for what it doesn't use.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

import bot
from bot.chat.platform import Finding, Platform
from bot.config import MattermostSettings, Settings, SlackSettings
from bot.errors import ChatError, ChatUnavailable, ConfigError
from bot.http import Listener
from bot.views.lists import hints

if TYPE_CHECKING:
    from bot.chat.mattermost import setup
    from bot.chat.mattermost.platform import Mattermost
    from bot.chat.slack.platform import Access, Slack
    from bot.chat.web.platform import WebRoom


def build(
    settings: Settings, clock: Callable[[], datetime], own_key: Callable[[], Awaitable[bytes]]
) -> tuple[Sequence[Platform], Sequence[web.AbstractRouteDef]]:
    """The platforms that are configured, and what they answer over HTTP. Raises ConfigError.

    `own_key` gives Butine's own random key; it is asked for when a platform starts.
    """
    platforms: list[Platform] = []
    routes: list[web.AbstractRouteDef] = []
    if settings.slack is not None:
        slack = _slack(settings, settings.slack, clock)
        platforms.append(slack)
        routes += slack.routes()
    if settings.mattermost is not None:
        mattermost = _mattermost(settings, settings.mattermost, clock, own_key)
        platforms.append(mattermost)
        routes += mattermost.routes()
    if settings.has_room:
        room = _room(settings, clock)
        platforms.append(room)
        routes += room.routes()
    return platforms, routes


async def findings(settings: Settings, clock: Callable[[], datetime]) -> AsyncIterator[Finding]:
    """What a check of the configured platforms finds. Raises ChatError or ConfigError where one can't be asked."""
    if settings.slack is not None:
        from bot.chat.slack.diagnosis import diagnose  # noqa: PLC0415  see the module
        from bot.chat.slack.platform import Time  # noqa: PLC0415  see the module

        channels = settings.channels_of("slack").model_dump()
        async for finding in diagnose(_access(settings.slack), channels, Time(clock)):
            yield finding
    if settings.mattermost is not None:
        async for finding in _look_at_mattermost(settings, settings.mattermost, clock):
            yield finding


def look_at_room(settings: Settings) -> None:
    """Raise the ConfigError that the web room would end a start with; leaves no file behind."""
    from bot.chat.web.platform import look_at_room as look_at_file  # noqa: PLC0415  see the module

    _require_loopback(settings.web.host)
    look_at_file(settings.web.room_database)


def slack_manifest(settings: Settings, address: str | None) -> dict[str, Any]:
    """The manifest of the Slack app; `address` is where Slack reaches Butine in HTTP mode."""
    from bot.chat.slack.manifest import manifest  # noqa: PLC0415  see the module

    return manifest(settings.command, settings.language, address)


async def set_up_mattermost(
    url: str, admin_token: str, wanted: "setup.Wanted", ca_file: Path | None = None
) -> "AsyncIterator[setup.Done]":
    """Make at Mattermost what is missing. Raises CannotSetUp, ConfigError about its address, or ChatError."""
    from bot.chat.mattermost import setup  # noqa: PLC0415  see the module
    from bot.chat.mattermost.rest import Rest  # noqa: PLC0415  see the module

    admin, own = Rest(url, admin_token, ca_file), Rest(url, wanted.token, ca_file) if wanted.token else None
    try:
        async for done in setup.set_up(admin, own, wanted):
            yield done
    except ChatUnavailable as error:
        raise _about_address(error, url) from error
    finally:
        for rest in (admin, own):
            if rest:
                rest.close()


async def _look_at_mattermost(
    settings: Settings, section: MattermostSettings, clock: Callable[[], datetime]
) -> AsyncIterator[Finding]:
    """What is right and wrong at Mattermost; where Butine doesn't run, a stand-in answers the server's call."""
    from bot.chat.mattermost import probe  # noqa: PLC0415  see the module
    from bot.chat.mattermost.rest import Rest  # noqa: PLC0415  see the module
    from bot.chat.mattermost.websocket import try_out  # noqa: PLC0415  see the module

    access = (section.url, section.token.get_secret_value(), section.ca_file)
    rest = Rest(*access)
    routes = probe.stand_in(rest, section.command_token.get_secret_value(), clock)
    listener = Listener(settings.web.host, settings.web.port, bot.__version__, routes)
    try:
        with suppress(ConfigError):  # the address is taken: by Butine itself, which then answers
            await listener.start()
        channels = settings.channels_of("mattermost").model_dump()
        async for finding in probe.look(
            rest,
            partial(try_out, *access),
            section.url,
            section.team,
            channels,
            settings.command,
            section.callback_url,
            clock,
        ):
            yield finding
    except ChatError as error:
        raise _about_address(error, section.url) from error
    finally:
        await listener.stop()
        rest.close()


def _about_address(error: ChatError, url: str) -> ConfigError:
    """The setting to look at where a Mattermost server can't be asked."""
    from bot.chat.mattermost.platform import settings_error  # noqa: PLC0415  see the module

    return settings_error(error, url) or ConfigError("mattermost_url", {"url": url, "reason": str(error)})


def _slack(settings: Settings, slack: SlackSettings, clock: Callable[[], datetime]) -> "Slack":
    from bot.chat.slack.platform import Slack, Time  # noqa: PLC0415  see the module

    channels = settings.channels_of("slack").model_dump()
    return Slack(_access(slack), channels, language=settings.language, time=Time(clock))


def _access(slack: SlackSettings) -> "Access":
    from bot.chat.slack.platform import Access  # noqa: PLC0415  see the module

    secrets_of = (slack.app_token.get_secret_value(), slack.signing_secret.get_secret_value())
    return Access(slack.bot_token.get_secret_value(), slack.api_url, slack.mode, *secrets_of)


def _mattermost(
    settings: Settings,
    section: MattermostSettings,
    clock: Callable[[], datetime],
    own_key: Callable[[], Awaitable[bytes]],
) -> "Mattermost":
    from bot.chat.mattermost.platform import Account, Mattermost  # noqa: PLC0415  see the module

    account = Account(
        section.url,
        section.token.get_secret_value(),
        section.team,
        settings.channels_of("mattermost").model_dump(),
        section.command_token.get_secret_value(),
        section.callback_url,
        section.ca_file,
    )
    return Mattermost(account, language=settings.language, own_key=own_key, clock=clock)


def _room(settings: Settings, clock: Callable[[], datetime]) -> "WebRoom":
    from bot.chat.web.platform import WebRoom  # noqa: PLC0415  see the module

    _require_loopback(settings.web.host)
    return WebRoom(
        settings.web.room_database,
        settings.channels_of("web").model_dump(),
        language=settings.language,
        command=settings.command,
        clock=clock,
        hints=partial(hints, settings.command),
        hosts=[settings.web.host],
    )


def _require_loopback(host: str) -> None:
    """Raise ConfigError unless only this machine reaches the host: in the web room anybody can be anybody."""
    try:
        is_loopback = ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        raise ConfigError("room_in_the_open", {"host": host})
