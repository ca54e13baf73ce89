"""The command line: parse, call, print. What the calls do is in operations.py.

Imports little, so that --help answers at once.
"""

import codecs
import io
import json
import os
import re
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import bot
from bot.views.texts import Texts, known_language

if TYPE_CHECKING:
    from bot.config import Settings


def _operator_language() -> str:
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), None)
    return known_language(locale, "fr")


_PLAIN = {"✓": "ok", "✗": "!!", "’": "'", "“": '"', "”": '"', "…": "...", "→": ">", "œ": "oe", "\u202f": " "}


def _spelt_plainly(error: UnicodeError) -> tuple[str, int]:
    """What a terminal's encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error("butine", _spelt_plainly)
for _stream in (sys.stdout, sys.stderr):
    if isinstance(_stream, io.TextIOWrapper) and not _stream.encoding.lower().startswith("utf"):
        _stream.reconfigure(errors="butine")  # a line with one such sign would end the program

texts = Texts(_operator_language(), domain="cli")
FILE = click.Path(path_type=Path, readable=False)
"""Whether it can be read is told in a sentence of ours."""
CONTEXT = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True, slots=True)
class Options:
    """What stands before the command."""

    config: Path | None
    is_debugging: bool


class Failed(click.ClickException):
    """One sentence on standard error, and an exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it a class variable, and reads the instance

    def show(self, file: Any = None) -> None:  # noqa: ANN401  click's signature
        """Print the sentence alone: it needs no "Error:" before it."""
        click.echo(self.message, file=file or sys.stderr)


class _Command(click.Command):
    """Its --help is in the operator's language too, and what it can't import is told in words."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        """Commands import what they need: after an upgrade without `make install`, a package may be lacking."""
        try:
            return super().invoke(ctx)
        except ImportError as error:
            options = ctx.find_object(Options)
            raise _failed(options, texts("cli.error.packages", name=error.name or error), 1) from error

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Click's own, with our words."""
        option = super().get_help_option(ctx)
        if option:
            option.help = texts("cli.option.help")
        return option


class _Group(_Command, click.Group):
    """Commands of a name, and groups in it, are of these kinds as well."""

    command_class = _Command
    group_class = type


@click.group(cls=_Group, help=texts("cli.about"), epilog=texts("cli.codes"), context_settings=CONTEXT)
@click.option("--config", "path", type=FILE, help=texts("cli.option.config"))
@click.option("--debug", is_flag=True, envvar="BUTINE_DEBUG", help=texts("cli.option.debug"))
@click.version_option(bot.__version__, prog_name="butine", help=texts("cli.option.version"))
@click.pass_context
def main(context: click.Context, path: Path | None, debug: bool) -> None:
    """Parse what all commands share; the configuration is read by those that need it."""
    context.obj = Options(path, debug)


@main.command(help=texts("cli.run"))
@click.pass_obj
def run(options: Options) -> None:
    """Serve until a signal comes."""
    _execute(options, lambda settings: _run(settings, options))
    click.echo(texts("cli.stopped"))


@main.command(help=texts("cli.check"))
@click.pass_obj
def check(options: Options) -> None:
    """Say what is wrong."""
    from bot import checking  # noqa: PLC0415  see the module

    _execute(options, lambda settings: checking.check(settings, texts, _config_file(options.config)))


@main.command(help=texts("cli.digest"))
@click.option("--preview", is_flag=True, help=texts("cli.option.preview"))
@click.option("--now", is_flag=True, help=texts("cli.option.now"))
@click.option("--workspace", help=texts("cli.option.workspace"))
@click.pass_obj
def digest(options: Options, preview: bool, now: bool, workspace: str | None) -> None:
    """Print or post the digest."""
    if preview == now:
        raise click.UsageError(texts("cli.choose_one"))
    from bot import operations  # noqa: PLC0415  see the module

    operation = operations.preview_digest if preview else operations.post_digest
    _execute(options, lambda settings: operation(settings, workspace, texts))


@main.group(help=texts("cli.ideas"))
def ideas() -> None:
    """Hold the commands for ideas."""


@ideas.command("list", help=texts("cli.ideas_list"))
@click.option("--status", help=texts("cli.option.status"))
@click.option("--workspace", help=texts("cli.option.workspace"))
@click.pass_obj
def ideas_list(options: Options, status: str | None, workspace: str | None) -> None:
    """Print a table."""
    from bot import operations  # noqa: PLC0415  see the module
    from storage.tables import Status  # noqa: PLC0415

    if status is not None and status not in set(Status):
        raise click.UsageError(texts("cli.no_status", status=status, names=", ".join(Status)))
    chosen = Status(status) if status else None
    _execute(options, lambda settings: operations.list_ideas(settings, workspace, chosen, texts))


@ideas.command("show", help=texts("cli.ideas_show"))
@click.argument("number", type=click.IntRange(1))
@click.option("--workspace", help=texts("cli.option.workspace"))
@click.pass_obj
def ideas_show(options: Options, number: int, workspace: str | None) -> None:
    """Print one idea."""
    from bot import operations  # noqa: PLC0415  see the module

    _execute(options, lambda settings: operations.show_idea(settings, workspace, number, texts))


@ideas.command("export", help=texts("cli.ideas_export"))
@click.argument("file", type=FILE)
@click.option("--workspace", help=texts("cli.option.workspace"))
@click.pass_obj
def ideas_export(options: Options, file: Path, workspace: str | None) -> None:
    """Write a file."""
    from bot import operations  # noqa: PLC0415  see the module

    _execute(options, lambda settings: operations.export_ideas(settings, workspace, file, texts))


@ideas.command("import", help=texts("cli.ideas_import"))
@click.argument("file", type=FILE)
@click.option("--workspace", help=texts("cli.option.workspace"))
@click.pass_obj
def ideas_import(options: Options, file: Path, workspace: str | None) -> None:
    """Read a file."""
    from bot import operations  # noqa: PLC0415  see the module

    _execute(options, lambda settings: operations.import_ideas(settings, workspace, file, texts))


@main.command(help=texts("cli.backup"))
@click.argument("file", type=FILE)
@click.pass_obj
def backup(options: Options, file: Path) -> None:
    """Copy the database."""
    from bot import operations  # noqa: PLC0415  see the module

    _execute(options, lambda settings: operations.back_up(settings, file, texts))


@main.command(help=texts("cli.migrate"))
@click.pass_obj
def migrate(options: Options) -> None:
    """Upgrade the schema."""
    from bot import operations  # noqa: PLC0415  see the module

    _execute(options, lambda settings: operations.migrate(settings, texts))


@main.group(help=texts("cli.slack"))
def slack() -> None:
    """Hold the commands for Slack."""


@slack.command("manifest", help=texts("cli.slack_manifest"))
@click.option("--url", help=texts("cli.option.url"))
@click.pass_obj
def slack_manifest(options: Options, url: str | None) -> None:
    """Print the app to create."""
    if url is not None and not re.match(r"https://[^/\s]", url):
        raise click.UsageError(texts("cli.manifest_https", url=url))
    _execute(options, lambda settings: _print_manifest(settings, url))


async def _print_manifest(settings: "Settings", url: str | None) -> None:
    from bot import platforms  # noqa: PLC0415  see the module

    if url is None and settings.slack and settings.slack.mode == "http":
        click.echo(texts("cli.manifest_needs_url"), err=True)
    click.echo(json.dumps(platforms.slack_manifest(settings, url), ensure_ascii=False, indent=2))


@main.group(help=texts("cli.mattermost"))
def mattermost() -> None:
    """Hold the commands for Mattermost."""


@mattermost.command("setup", help=texts("cli.mattermost_setup"))
@click.option("--admin-token", required=True, envvar="MATTERMOST_ADMIN_TOKEN", help=texts("cli.option.admin_token"))
@click.option("--url", help=texts("cli.option.mattermost_url"))
@click.option("--team", help=texts("cli.option.mattermost_team"))
@click.option("--callback-url", help=texts("cli.option.callback_url"))
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    help=texts("cli.option.ca_file"),
)
@click.pass_obj
def mattermost_setup(
    options: Options,
    admin_token: str,
    url: str | None,
    team: str | None,
    callback_url: str | None,
    ca_file: Path | None,
) -> None:
    """Make bot, channels and command."""
    from bot import operations  # noqa: PLC0415  see the module

    async def set_up(settings: "Settings") -> None:
        section = settings.mattermost
        given = (
            url or (section and section.url),
            team or (section and section.team),
            callback_url or (section and section.callback_url),
        )
        missing = [name for name, value in zip(("--url", "--team", "--callback-url"), given, strict=True) if not value]
        if missing:
            raise click.UsageError(texts("cli.setup_needs", options=", ".join(missing)))
        where, name, back = map(str, given)
        for address in (where, back):
            if not re.match(r"https?://[^/\s]", address):
                raise click.UsageError(texts("cli.setup_address", url=address))
        ca = ca_file or (section.ca_file if section else None)
        await operations.set_up_mattermost(settings, where, admin_token, name, back, texts, ca)

    _execute(options, set_up)


async def _run(settings: "Settings", options: Options) -> None:
    import gc  # noqa: PLC0415  see the module
    import logging  # noqa: PLC0415

    from bot.app import App  # noqa: PLC0415

    level = logging.DEBUG if options.is_debugging else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("alembic", "apscheduler", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)

    def say_ready(address: str) -> None:
        click.echo(texts("cli.running", version=bot.__version__, address=address))
        if settings.has_room:
            click.echo(texts("cli.room"))
        click.echo(texts("cli.kept_in", place=app.place))
        gc.collect()
        gc.freeze()  # what the start has made stays: each look at it would hold every answer up, for 60 ms

    app = App(settings)
    await app.run(say_ready)


def _config_file(path: Path | None) -> str:
    from bot.config import chosen_file  # noqa: PLC0415  see the module

    return str(chosen_file(path) or texts("cli.check.config_none"))


def _execute(options: Options, operation: "Callable[[Settings], Coroutine[Any, Any, None]]") -> None:
    """Read the configuration, run the operation, and turn what goes wrong into a sentence and an exit code."""
    import asyncio  # noqa: PLC0415  see the module

    from bot import failures  # noqa: PLC0415
    from bot.config import load  # noqa: PLC0415

    try:
        asyncio.run(operation(load(options.config)))
    except (click.ClickException, BrokenPipeError, ImportError):
        raise  # click ends without a word where nobody reads on, as in `| head`
    except Exception as error:
        raise _failed(options, *failures.explain(error, texts)) from error


def _failed(options: Options | None, sentence: str, exit_code: int) -> Failed:
    """For the error that is being handled, which --debug shows as well."""
    if options and options.is_debugging:
        import traceback  # noqa: PLC0415  see the module

        traceback.print_exc()
    return Failed(sentence, exit_code)
