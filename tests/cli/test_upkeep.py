"""`butine backup`, `migrate` and `digest`: what the operator does beside a running Butine."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from bot.domain.calendar import DAYS
from storage import ideas, migrations, outbox
from storage.tables import Digest, Status
from tests.cli.conftest import Terminal, in_web, older_database

REFUSED, DATABASE = 1, 4


# Backup and migrate


def test_a_backup_is_a_database_with_everything_in_it(filled: Terminal) -> None:
    shown = filled.succeed("backup", "copy.db")
    assert shown == filled.say("cli.backed_up", file="copy.db", source="butine.db") + "\n"
    filled.configure('[storage]\nurl = "sqlite:///copy.db"')
    assert "Des vélos" in filled.succeed("ideas", "show", "1")


def test_a_backup_overwrites_nothing(filled: Terminal) -> None:
    Path("copy.db").write_text("precious")
    filled.fail(REFUSED, filled.say("cli.error.file_exists", file="copy.db"), "backup", "copy.db")
    assert Path("copy.db").read_text() == "precious"


def test_a_backup_that_cannot_be_written_is_told_and_leaves_nothing(filled: Terminal) -> None:
    result = filled.run("backup", "missing/copy.db")
    start = filled.say("cli.error.cannot_write", file="missing/copy.db", reason="|").split("|")[0]
    assert result.stderr.startswith(start)
    assert (result.exit_code, result.stderr.count("\n")) == (REFUSED, 1)
    assert not Path("missing").exists()


def test_what_does_not_exist_cannot_be_backed_up(terminal: Terminal) -> None:
    result = terminal.run("backup", "copy.db")
    start = terminal.say("cli.error.cannot_read", file="butine.db", reason="|").split("|")[0]
    assert result.stderr.startswith(start)
    assert result.exit_code == REFUSED
    assert list(terminal.folder.iterdir()) == []


@pytest.mark.parametrize("harm", ["schema", "index"])
def test_a_backup_of_a_damaged_database_names_the_database_and_what_is_wrong_with_it(
    terminal: Terminal, harm: str
) -> None:
    terminal.write(in_web)
    with closing(sqlite3.connect(terminal.database, isolation_level=None)) as connection:
        connection.execute("CREATE INDEX by_name ON workspace (platform)")
        connection.execute("PRAGMA writable_schema=ON")
        if harm == "index":
            change = "sql = replace(sql, 'platform', 'external_id')"
            reason = "row 1 missing from index by_name"
        else:
            change = "rootpage = 99999"
            reason = "malformed database schema (by_name) - invalid rootpage"
        connection.execute(f"UPDATE sqlite_master SET {change} WHERE name = 'by_name'")  # noqa: S608  our own words
    sentence = terminal.say("cli.error.not_sound", source="butine.db", reason=reason)
    terminal.fail(DATABASE, sentence, "backup", "copy.db")
    assert not [path for path in terminal.folder.iterdir() if path.name.startswith("copy")]


def test_postgresql_has_its_own_backup(terminal: Terminal) -> None:
    terminal.configure('[storage]\nurl = "postgresql://localhost/butine"')
    terminal.fail(REFUSED, terminal.say("cli.error.backup_postgresql"), "backup", "copy.db")


def test_migrating_makes_the_newest_schema_and_says_so(terminal: Terminal) -> None:
    sentence = terminal.say("cli.migrated", url="sqlite:///butine.db", revision=migrations.HEAD)
    for _ in range(2):
        assert terminal.succeed("migrate").strip() == sentence
    assert terminal.database.exists()


@pytest.mark.parametrize(
    "command",
    [
        "ideas list",
        "ideas show 1",
        "ideas export ideas.jsonl",
        "ideas import old.jsonl",
        "digest --preview",
        "digest --now",
    ],
)
def test_what_is_done_beside_an_older_butine_leaves_the_schema_to_it(terminal: Terminal, command: str) -> None:
    """It would refuse the upgraded database at its next start."""
    older = older_database(terminal)
    Path("old.jsonl").touch()
    terminal.fail(DATABASE, terminal.say("cli.error.outdated", url="sqlite:///butine.db"), *command.split())
    assert terminal.database.read_bytes() == older
    assert not Path("new.jsonl").exists()


@pytest.mark.postgresql
def test_migrating_shows_no_password(english: Terminal, postgresql_url: str) -> None:
    url = postgresql_url.replace("postgres@", "postgres:s3cret@")
    english.configure(f'[storage]\nurl = "{url}"')
    assert "s3cret" not in english.succeed("migrate")


# Digest


def digest_on(day: datetime) -> str:
    """A configuration in which the digest is due on that day's weekday, when it begins."""
    return f'[digest]\nday = "{DAYS[day.weekday()]}"\nat = "00:00"\ntimezone = "UTC"'


def posted(session: Session) -> list[Digest]:
    """Every digest."""
    return list(session.exec(select(Digest)))


def test_a_preview_shows_the_digest_and_changes_nothing(filled: Terminal) -> None:
    before = filled.database.read_bytes()
    shown = filled.succeed("digest", "--preview")
    assert "Des vélos entre les sites" in shown
    assert "Refusée" not in shown
    assert filled.database.read_bytes() == before
    assert filled.read(posted) == []
    assert filled.succeed("digest", "--preview") == shown


def test_a_digest_is_frozen_once(filled: Terminal) -> None:
    filled.configure(digest_on(datetime.now(UTC) + timedelta(days=2)))
    shown = filled.succeed("digest", "--now")
    (digest,) = filled.read(posted)
    assert shown.strip() == filled.say("cli.digest_sent", period=filled.say.week(digest.period))
    idea = filled.read(lambda s: ideas.by_number(s, in_web(s), 1))
    assert idea
    assert idea.status is Status.SHORTLISTED
    key = f"digest:{digest.period}"
    assert filled.read(lambda s: outbox.by_key(s, in_web(s), key)), "Butine will post it"
    filled.fail(REFUSED, filled.say("cli.error.already_done", period=filled.say.week(digest.period)), "digest", "--now")
    assert len(filled.read(posted)) == 1


def test_a_digest_whose_hour_has_come_is_posted_now_and_the_next_week_keeps_its_own(filled: Terminal) -> None:
    """Butine was stopped over the hour, and starts again later that day."""
    now = datetime.now(UTC)
    filled.configure(digest_on(now))
    filled.succeed("digest", "--now")
    year, week, _ = now.isocalendar()
    assert [digest.period for digest in filled.read(posted)] == [f"{year}-W{week:02}"]


def test_where_there_is_nothing_to_say_no_digest_is_made(terminal: Terminal) -> None:
    terminal.write(in_web)
    terminal.fail(REFUSED, terminal.say("cli.error.nothing_to_say"), "digest", "--now")
    assert terminal.read(posted) == []


def test_the_digests_language_is_the_operators(filled: Terminal) -> None:
    """The terminal's, not the channel's: the operator reads it there."""
    filled.configure(f'language = "{"en" if filled.language == "fr" else "fr"}"')
    words = {"fr": "sélection", "en": "shortlist"}
    assert words[filled.language] in filled.succeed("digest", "--preview").casefold()
