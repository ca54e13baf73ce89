"""What the command line does with the database: list, show, export, import, back up, migrate, digest."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlmodel import Session

from bot import platforms
from bot.chat.mattermost.setup import CannotSetUp, Wanted
from bot.config import Settings
from bot.domain import draft as drafts
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.errors import AlreadyDone, IdeaNotFound, InvalidInput, NothingToShow
from bot.failures import ImportStopped, Refused
from bot.rules import rules_of
from bot.usecases import digesting, reading, transfer
from bot.usecases.transfer import IdeaRecord, Retitled
from bot.views import digest as digest_views
from bot.views import ideas as idea_views
from bot.views.plain import plain
from bot.views.texts import Texts
from storage import backup, ideas, migrations, workspaces
from storage.database import Database
from storage.errors import CannotOpen, NotSaved
from storage.files import new_file
from storage.opening import OWN_MODE, parse_url, shown, upgrade
from storage.tables import Idea, Status, Step, Workspace, present

IMPORTED_AT_ONCE = 100
LISTED_AT_ONCE = 500
UNFOLDED = 500
"""More columns than a line of the list ever has."""
_SET_UP = {
    ("server", True): "cli.setup.server",
    ("bot", True): "cli.setup.bot_made",
    ("bot", False): "cli.setup.bot_there",
    ("bot_enabled", True): "cli.setup.bot_enabled",
    ("channel", True): "cli.setup.channel_made",
    ("channel", False): "cli.setup.channel_there",
    ("command", True): "cli.setup.command_made",
    ("command", False): "cli.setup.command_there",
}
OPERATOR = ""
"""Stands for the person at the command line, who is no member and may see everything."""


async def preview_digest(settings: Settings, workspace: str | None, texts: Texts) -> None:
    """Print the digest as it would be now."""
    now, rules = datetime.now(UTC), rules_of(settings)
    async with _workspace(settings, workspace) as (database, workspace_id):
        period = await database.read(lambda s: digesting.current_one(s, workspace_id, rules.weekly, now))
        contents = await database.read(lambda s: digesting.preview(s, workspace_id, period, rules.sizes, now))
        words = rules.texts(texts.language)
        click.echo(plain(digest_views.digest_card(contents, words), words))


async def post_digest(settings: Settings, workspace: str | None, texts: Texts) -> None:
    """Freeze the digest that is to be posted next and leave it in the outbox. Raises Refused."""
    now, rules = datetime.now(UTC), rules_of(settings)
    period = digesting.wished_one(rules.weekly, now)
    async with _workspace(settings, workspace) as (database, workspace_id):
        try:
            contents = await database.write(
                lambda s: digesting.publish_early(s, workspace_id, period, rules.sizes, now)
            )
        except AlreadyDone as error:
            raise Refused("already_done", period=texts.week(error.period)) from error
        except NothingToShow as error:
            raise Refused("nothing_to_say") from error
        click.echo(texts("cli.digest_sent", period=texts.week(contents.period)))


async def list_ideas(settings: Settings, workspace: str | None, status: Status | None, texts: Texts) -> None:
    """Print a table of ideas, newest first."""
    words = rules_of(settings).texts(texts.language)
    columns = ("cli.column.number", "cli.column.title", "cli.column.author", "cli.column.status")
    table = Table(*(texts(key) for key in columns), box=None, pad_edge=False)
    table.add_column(texts("cli.column.supporters"), justify="right")
    async with _workspace(settings, workspace) as (database, workspace_id):
        before: int | None = None
        while page := await database.read(lambda s: _page(s, workspace_id, status, before)):  # noqa: B023  awaited here
            for idea, author in page:
                label = words(idea_views.STATUS_LABEL[idea.status])
                table.add_row(str(idea.number), idea.title, author, label, str(idea.supporters))
            before = page[-1][0].number
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = UNFOLDED  # a program or a file takes it: one line for each idea
    console.print(table)


async def show_idea(settings: Settings, workspace: str | None, number: int, texts: Texts) -> None:
    """Print one idea with its history. Raises Refused."""
    words = rules_of(settings).texts(texts.language)
    async with _workspace(settings, workspace) as (database, workspace_id):
        operator = Caller(workspace_id, OPERATOR, is_moderator=True)
        try:
            shown = await database.read(lambda session: reading.show(session, operator, number))
        except IdeaNotFound as error:
            raise Refused("no_idea", number=number) from error
        click.echo(plain(idea_views.shown_card(shown, words), words))


async def export_ideas(settings: Settings, workspace: str | None, file: Path, texts: Texts) -> None:
    """Write every idea to a new file, one JSON object a line, whole or not at all. Raises Refused."""
    rules = rules_of(settings)
    with _progress() as progress:

        def gathered(session: Session, workspace_id: int) -> list[Mapping[str, Any]]:
            total = sum(ideas.count_by_status(session, workspace_id).values())
            found = transfer.export(session, workspace_id, rules.voting)
            return list(progress.track(found, total, description=texts("cli.progress.export")))

        async with _workspace(settings, workspace) as (database, workspace_id):
            records = await database.read(partial(gathered, workspace_id=workspace_id))
    try:
        with new_file(file, OWN_MODE) as part, part.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    except FileExistsError as error:
        raise Refused("file_exists", file=file) from error
    except OSError as error:
        raise Refused("cannot_write", file=file, reason=error.strerror) from error
    click.echo(texts.plural("cli.exported", len(records), file=file))


async def import_ideas(settings: Settings, workspace: str | None, file: Path, texts: Texts) -> None:
    """Add the ideas of a file; one wrong line and none is added. Raises Refused, or ImportStopped.

    They are added by and by, so that a running Butine can write in between and keeps nobody waiting.
    """
    records = list(_records(file))
    now, voting, shared = datetime.now(UTC), rules_of(settings).voting, transfer.shared_moments(records)
    added = 0
    retitled: list[Retitled] = []
    async with _workspace(settings, workspace) as (database, workspace_id):
        with _progress() as progress:
            task = progress.add_task(texts("cli.progress.import"), total=len(records))
            for start in range(0, len(records), IMPORTED_AT_ONCE):
                part = records[start : start + IMPORTED_AT_ONCE]
                bring_in = partial(transfer.bring_in, records=part, voting=voting, now=now, shared=shared)
                try:
                    brought = await database.write(partial(bring_in, workspace_id=workspace_id))
                except NotSaved as error:
                    if added:
                        raise ImportStopped(added, error.reason) from error
                    raise
                added += len(brought.added)
                retitled += brought.retitled
                progress.advance(task, len(part))
    click.echo(texts.plural("cli.imported", added))
    for each in retitled:
        click.echo(texts("cli.import_retitled", title=each.title, number=each.number, kept=each.kept_title))


async def back_up(settings: Settings, file: Path, texts: Texts) -> None:
    """Copy a SQLite database that may be in use, and check the copy. Raises Refused, or NotSound for a damaged one."""
    url = parse_url(settings.storage.url)
    if url.get_backend_name() != "sqlite":
        raise Refused("backup_postgresql")
    source = Path(url.database or "")
    with _progress() as progress:
        task = progress.add_task(texts("cli.progress.backup"))
        try:
            backup.copy(source, file, lambda done, total: progress.update(task, completed=done, total=total))
        except FileExistsError as error:
            raise Refused("file_exists", file=file) from error
        except backup.CannotRead as error:
            raise Refused("cannot_read", file=source, reason=error) from error
        except (OSError, backup.CopyFailed) as error:
            raise Refused("cannot_write", file=file, reason=getattr(error, "strerror", None) or error) from error
    click.echo(texts("cli.backed_up", file=file, source=source))


async def migrate(settings: Settings, texts: Texts) -> None:
    """Upgrade the schema and say so."""
    url = parse_url(settings.storage.url)
    upgrade(url)
    click.echo(texts("cli.migrated", url=shown(url), revision=migrations.HEAD))


async def set_up_mattermost(
    settings: Settings,
    url: str,
    admin_token: str,
    team: str,
    callback_url: str,
    texts: Texts,
    ca_file: Path | None = None,
) -> None:
    """Make at Mattermost what is missing, and print the section that goes into the configuration. Raises Refused."""
    section = settings.mattermost
    members_texts = Texts(settings.language, domain="cli")  # who types the command may not speak as this terminal does
    wanted = Wanted(
        team=team,
        channels=settings.channels_of("mattermost").model_dump(),
        command=settings.command,
        callback_url=callback_url.rstrip("/"),
        hint=members_texts("cli.setup.hint"),
        about=members_texts("cli.setup.about"),
        token=section.token.get_secret_value() if section else "",
    )
    found: dict[str, str] = {}
    try:
        async for done in platforms.set_up_mattermost(url.rstrip("/"), admin_token, wanted, ca_file):
            if done.step in ("token", "command_token"):
                found[done.step] = done.value
            else:
                click.echo(f"✓ {texts(_SET_UP[done.step, done.is_new], value=done.value)}")
    except CannotSetUp as error:
        raise Refused(error.reason, value=error.value, team=error.value) from error
    lines = {"url": url.rstrip("/"), "token": found["token"], "team": team}
    lines |= {"command_token": found["command_token"], "callback_url": callback_url.rstrip("/")}
    if ca_file:
        lines["ca_file"] = str(ca_file)
    click.echo(texts("cli.setup.section"))
    click.echo("[mattermost]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items()))


@asynccontextmanager
async def _workspace(settings: Settings, name: str | None) -> AsyncIterator[tuple[Database, int]]:
    """The open database, and the workspace of that name ("slack", "slack:T1") or the only one. Raises Refused.

    Who tries a new version beside the running one goes on with that: the schema is left as it is.
    """
    try:
        database = Database.open(settings.storage.url, is_upgraded=False)
    except CannotOpen as error:
        if error.code == CannotOpen.EMPTY:
            raise Refused("no_workspace") from error
        raise
    try:
        known = await database.read(workspaces.all_of)
        chosen = [workspace for workspace in known if name in {None, workspace.platform, _full_name(workspace)}]
        names = ", ".join(_names(known))
        if not known:
            raise Refused("no_workspace")
        if not chosen:
            raise Refused("no_such_workspace", name=name, names=names)
        if len(chosen) > 1:
            raise Refused("which_workspace", names=names)
        yield database, present(chosen[0].id)
    finally:
        await database.close()


def _progress() -> Progress:
    """A bar for a terminal; elsewhere it would leave an empty line, which cron sends by mail."""
    console = Console()
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def _full_name(workspace: Workspace) -> str:
    return f"{workspace.platform}:{workspace.external_id}"


def _names(known: Sequence[Workspace]) -> list[str]:
    """What to call each with --workspace: the platform alone where it has but one."""
    count = Counter(workspace.platform for workspace in known)
    return [workspace.platform if count[workspace.platform] == 1 else _full_name(workspace) for workspace in known]


def _page(session: Session, workspace_id: int, status: Status | None, before: int | None) -> list[tuple[Idea, str]]:
    statuses = {status} if status else set(Status)
    found = ideas.newest(session, workspace_id, statuses, before=before, limit=LISTED_AT_ONCE)
    names = workspaces.names(session, workspace_id, [idea.author_id for idea in found])
    return [(idea, names.get(idea.author_id, idea.author_id)) for idea in found]


def _records(file: Path) -> Iterator[IdeaRecord]:
    """The file's ideas, each checked before the first is kept. Raises Refused with the line's number."""
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")  # splitlines would also split at U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("cannot_read", file=file, reason=getattr(error, "strerror", None) or error) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = IdeaRecord.model_validate_json(line)
            drafts.checked(Draft(record.title, record.need, record.proposal, record.benefit))
        except ValidationError as error:
            raise _bad_line(error, line=number, file=file) from error
        except InvalidInput as error:
            limit = drafts.limit_of(error.field)
            raise Refused("bad_text", line=number, file=file, field=error.field, limit=limit) from error
        yield record


_MOMENT = "2026-11-24T09:30:00+01:00"
_ALLOWED = {
    "number": "12",
    "status": ", ".join(Status),
    "step": ", ".join(Step),
    "supporters": '["…"]',
    "history": f'[{{"at": "{_MOMENT}", "step": "status_set", "detail": "retained"}}]',
    **dict.fromkeys(("at", "submitted_at", "published_at"), _MOMENT),
}
"""What a record's fields take, but for texts, in a notation without words."""


def _bad_line(error: ValidationError, **values: object) -> Refused:
    """The first thing that is wrong with a line, named as it stands there."""
    first = error.errors(include_url=False)[0]
    if not first["loc"]:  # no JSON, or not an object
        return Refused("bad_line", **values)
    values["field"] = ".".join(map(str, first["loc"]))
    match first["type"]:
        case "missing":
            return Refused("bad_line_lacks", **values)
        case "extra_forbidden":
            return Refused("bad_line_unknown", **values, names=", ".join(IdeaRecord.model_fields))
    name = next(part for part in reversed(first["loc"]) if isinstance(part, str))
    return Refused("bad_line_value", **values, allowed=_ALLOWED.get(name, '"…"'))
