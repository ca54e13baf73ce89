"""What goes wrong is one sentence in the operator's language, without a traceback, and an exit code."""

import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from types import ModuleType

import click
import pytest

from bot import errors
from bot.failures import explain
from bot.views.texts import Texts
from storage import ideas, workspaces
from storage.errors import CannotOpen, NotSaved
from tests.cli.conftest import Terminal, in_web, words_of
from tests.contract.storage_rows import new_idea

CONFIG, DATABASE, NETWORK, REFUSED, USAGE = 3, 4, 5, 1, 2


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command, with the groups before it."""
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


# Help and language


def test_every_command_explains_itself(terminal: Terminal) -> None:
    for path in commands(terminal.cli.main):
        command: click.Command = terminal.cli.main
        for name in path:
            assert isinstance(command, click.Group)
            command = command.commands[name]
        shown = words_of(terminal.succeed(*path, "--help"))
        assert words_of(command.help or "?") in shown
        assert terminal.succeed(*path, "-h")
        for option in command.params:
            if isinstance(option, click.Option):
                assert words_of(option.help or "?") in shown, option.name


def test_help_is_in_the_operators_language_throughout(terminal: Terminal) -> None:
    for path in commands(terminal.cli.main):
        assert terminal.say("cli.option.help") in words_of(terminal.succeed(*path, "--help")), path


def test_exit_codes_are_documented(terminal: Terminal) -> None:
    assert words_of(terminal.say("cli.codes")) in words_of(terminal.succeed("--help"))


@pytest.mark.parametrize(
    "locale, language", [("fr_FR.UTF-8", "fr"), ("en_US.UTF-8", "en"), ("en", "en"), ("de_DE.UTF-8", "fr"), ("C", "fr")]
)
def test_the_language_is_the_locales_and_french_where_there_is_none(
    cli_of: Callable[[str], ModuleType], locale: str, language: str
) -> None:
    assert cli_of(locale).texts.language == language


def test_the_version_is_told(english: Terminal) -> None:
    assert english.succeed("--version").startswith("butine, version ")


def test_both_languages_are_spoken(terminal: Terminal) -> None:
    sentence = {
        "fr": "Il n’y a pas encore d’espace\u00a0: démarrez Butine une fois avec «\u00a0butine run\u00a0».",
        "en": "There is no workspace yet: start Butine once with “butine run”.",
    }[terminal.language]
    terminal.fail(REFUSED, sentence, "ideas", "list")


# Configuration


def test_a_missing_file_is_named(terminal: Terminal) -> None:
    sentence = terminal.say("cli.error.file_missing", file="nowhere.toml")
    terminal.fail(CONFIG, sentence, "--config", "nowhere.toml", "migrate")
    assert not terminal.database.exists()


def test_a_file_named_by_the_environment_may_be_missing_too(english: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUTINE_CONFIG", "elsewhere.toml")
    english.fail(CONFIG, english.say("cli.error.file_missing", file="elsewhere.toml"), "run")


def test_broken_toml_is_told_with_its_place(terminal: Terminal) -> None:
    terminal.configure('language = "fr"\n[storage\n')
    sentence = terminal.say("cli.error.file_broken", file="butine.toml", line=2, column=9, reason="|")
    result = terminal.run("check")
    assert (result.exit_code, result.stdout) == (CONFIG, "")
    assert result.stderr.startswith(sentence.partition("|")[0])


def test_a_file_that_cannot_be_read_is_told(terminal: Terminal) -> None:
    (terminal.folder / "folder").mkdir()
    result = terminal.run("--config", "folder", "check")
    start = terminal.say("cli.error.file_unreadable", file="folder", reason="|").split("|")[0]
    assert result.stderr.startswith(start)
    assert (result.exit_code, result.stderr.count("\n")) == (CONFIG, 1)


@pytest.mark.parametrize(
    "text, key, values",
    [
        (
            "langage = 'fr'",
            "cli.error.unknown_key_near",
            {"key": "langage", "source": "butine.toml", "near": "language"},
        ),
        ("xyz = 1", "cli.error.unknown_key", {"key": "xyz", "source": "butine.toml"}),
        (
            "[digest]\nsize = 99",
            "cli.error.wrong_value",
            {"key": "digest.size", "source": "butine.toml", "given": "99", "allowed": "1 … 20"},
        ),
        (
            "[channels]\nreview = 'idees'",
            "cli.error.same_channel",
            {"key": "channels.review", "other": "channels.ideas", "channel": "idees"},
        ),
        (
            "[slack]\nbot_token = 'xoxb-1'",
            "cli.error.missing_key",
            {"key": "slack.app_token", "variable": "BUTINE_SLACK__APP_TOKEN"},
        ),
    ],
)
def test_a_wrong_setting_is_told_by_name(terminal: Terminal, text: str, key: str, values: dict[str, str]) -> None:
    terminal.configure(text)
    terminal.fail(CONFIG, terminal.say(key, **values), "check")


def test_a_value_stands_between_quotation_marks(terminal: Terminal) -> None:
    """« La valeur de de » is none."""
    terminal.configure("language = 'de'")
    quoted = {"fr": "«\u00a0de\u00a0»", "en": "“de”"}[terminal.language]
    assert quoted in terminal.run("check").stderr


def test_several_problems_are_told_at_once_each_on_its_line(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.configure("xyz = 1")
    monkeypatch.setenv("BUTINE_DIGEST__DAY", "someday")
    result = terminal.run("ideas", "list")
    assert result.exit_code == CONFIG
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert sorted(line for line in lines if "xyz" in line or "BUTINE_DIGEST__DAY" in line) == sorted(lines)


# Database


def test_a_database_in_a_missing_folder_cannot_be_written(terminal: Terminal) -> None:
    terminal.configure('[storage]\nurl = "sqlite:///missing/butine.db"')
    folder = terminal.folder / "missing"
    sentence = terminal.say("cli.error.unwritable", url="sqlite:///missing/butine.db", reason=folder)
    for command in (["run"], ["migrate"], ["ideas", "list"], ["digest", "--now"]):
        terminal.fail(DATABASE, sentence, *command)


def test_a_file_that_is_no_database_is_told_and_left_alone(terminal: Terminal) -> None:
    terminal.database.write_text("Liste\n" * 1_000)
    reason = "file is not a database"
    terminal.fail(
        DATABASE, terminal.say("cli.error.damaged", url="sqlite:///butine.db", reason=reason), "ideas", "list"
    )
    assert terminal.database.read_text() == "Liste\n" * 1_000


def test_a_newer_schema_is_told(terminal: Terminal) -> None:
    terminal.write(in_web)
    with closing(sqlite3.connect(terminal.database)) as connection:
        connection.executescript("UPDATE alembic_version SET version_num = '9999'")
    sentence = terminal.say("cli.error.too_new", url="sqlite:///butine.db", reason="9999")
    terminal.fail(DATABASE, sentence, "migrate")
    terminal.fail(DATABASE, sentence, "run")


def test_another_programs_database_is_told(terminal: Terminal) -> None:
    with closing(sqlite3.connect(terminal.database)) as connection:
        connection.executescript("CREATE TABLE accounts (id INTEGER)")
    terminal.fail(DATABASE, terminal.say("cli.error.foreign", url="sqlite:///butine.db"), "migrate")


def test_an_unreachable_server_is_told_without_the_password(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    terminal.configure(f'[storage]\nurl = "postgresql://butine:s3cret@127.0.0.1:{port}/butine"')
    result = terminal.run("migrate")
    assert result.exit_code == DATABASE
    url = f"postgresql+psycopg://butine:***@127.0.0.1:{port}/butine"
    assert result.stderr.startswith(terminal.say("cli.error.unreachable", url=url, reason="|").split("|")[0])
    assert "s3cret" not in result.output
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "url", ["postgresql://u:Tr0ub4@dor-s3cret@localhost:1/d", "postgresql://u:p@ss:s3cret@localhost/d"]
)
@pytest.mark.parametrize("options", [[], ["--debug"]], ids=["", "debug"])
def test_a_password_with_an_at_sign_is_explained_and_never_shown(
    english: Terminal, url: str, options: list[str]
) -> None:
    english.configure(f'[storage]\nurl = "{url}"')
    process = english.start(*options, "migrate")
    out, err = process.communicate(timeout=60)
    assert "s3cret" not in out + err
    if not options:
        assert (out, err, process.returncode) == ("", english.say("cli.error.miswritten") + "\n", DATABASE)


def test_a_wrong_address_of_the_database_is_told_without_the_address(terminal: Terminal) -> None:
    terminal.configure('[storage]\nurl = "host=db user=butine password=s3cret dbname=butine"')
    values = {"key": "storage.url", "source": "butine.toml", "allowed": "sqlite:///…, postgresql://…"}
    terminal.fail(CONFIG, terminal.say("cli.error.wrong_secret", **values), "check")


# Network


def test_a_taken_port_is_told(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        terminal.configure(f"[web]\nport = {port}")
        terminal.fail(NETWORK, terminal.say("cli.error.port_in_use", host="127.0.0.1", port=port), "run")


def test_an_address_that_is_not_this_machines_is_told(terminal: Terminal) -> None:
    terminal.configure('[web]\nhost = "192.0.2.1"\nport = 0\nroom = false')
    result = terminal.run("run")
    assert result.exit_code == NETWORK
    assert "192.0.2.1" in result.stderr
    assert result.stderr.count("\n") == 1


# Workspaces


def test_without_a_workspace_there_is_nothing_to_do(terminal: Terminal) -> None:
    for command in (
        ["ideas", "list"],
        ["ideas", "show", "1"],
        ["ideas", "export", "x.jsonl"],
        ["digest", "--preview"],
        ["digest", "--now"],
    ):
        terminal.fail(REFUSED, terminal.say("cli.error.no_workspace"), *command)
    assert list(terminal.folder.iterdir()) == []


def test_of_two_workspaces_one_has_to_be_named(filled: Terminal) -> None:
    filled.write(lambda s: workspaces.ensure(s, "slack", "T1"))
    sentence = filled.say("cli.error.which_workspace", names="web, slack")
    for command in (["ideas", "list"], ["ideas", "show", "1"], ["digest", "--preview"]):
        filled.fail(REFUSED, sentence, *command)
    assert "vélos" in filled.succeed("ideas", "list", "--workspace", "web")
    assert "vélos" not in filled.succeed("ideas", "list", "--workspace", "slack")
    assert "vélos" in filled.succeed("ideas", "list", "--workspace", "web:room")


def test_of_two_workspaces_of_one_platform_each_has_a_name_of_its_own(filled: Terminal) -> None:
    """A test workspace was tried first, with the same database."""
    filled.write(lambda s: workspaces.ensure(s, "slack", "T1"))
    filled.write(lambda s: ideas.add(s, new_idea(workspaces.ensure(s, "slack", "T2"), "Du miel")))
    sentence = filled.say("cli.error.which_workspace", names="web, slack:T1, slack:T2")
    for options in ([], ["--workspace", "slack"]):
        filled.fail(REFUSED, sentence, "ideas", "list", *options)
    assert "Du miel" in filled.succeed("ideas", "list", "--workspace", "slack:T2")
    assert "Du miel" not in filled.succeed("ideas", "list", "--workspace", "slack:T1")


def test_a_workspace_that_there_is_not_is_told_with_those_that_there_are(filled: Terminal) -> None:
    sentence = filled.say("cli.error.no_such_workspace", name="wbe", names="web")
    filled.fail(REFUSED, sentence, "ideas", "list", "--workspace", "wbe")


# Usage


@pytest.mark.parametrize(
    "words",
    [
        ["digest"],
        ["digest", "--now", "--preview"],
        ["ideas", "list", "--status", "lost"],
        ["ideas", "show", "0"],
        ["ideas", "show", "twelve"],
        ["ideas", "show"],
        ["slack", "manifest", "--url", "butine.example.org"],
        ["backup"],
        ["nonsense"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_a_command_that_is_written_wrongly_has_its_own_code(terminal: Terminal, words: list[str]) -> None:
    result = terminal.run(*words)
    assert (result.exit_code, result.stdout) == (USAGE, "")
    assert "Traceback" not in result.stderr
    assert not terminal.database.exists()


def test_the_statuses_that_there_are_are_shown(terminal: Terminal) -> None:
    names = "pending, refused, withdrawn, published, shortlisted, retained, in_progress, delivered, declined"
    sentence = terminal.say("cli.no_status", status="lost", names=names)
    assert sentence in terminal.run("ideas", "list", "--status", "lost").stderr


def test_preview_or_now_has_to_be_said(terminal: Terminal) -> None:
    assert terminal.say("cli.choose_one") in terminal.run("digest").stderr


# As the real program


def test_where_nobody_reads_on_it_ends_without_a_word(english: Terminal) -> None:
    """As in `butine check | head -3`."""
    reader, writer = os.pipe()
    os.close(reader)
    process = english.start("check", stdout=writer)
    os.close(writer)
    assert process.communicate(timeout=60)[1] == ""


def test_the_real_program_prints_one_sentence_and_no_traceback(english: Terminal) -> None:
    process = english.start("--config", "nowhere.toml", "check")
    out, err = process.communicate(timeout=60)
    sentence = english.say("cli.error.file_missing", file="nowhere.toml")
    assert (out, err, process.returncode) == ("", sentence + "\n", CONFIG)


def test_debug_shows_the_traceback_before_the_sentence(english: Terminal) -> None:
    """What starts it goes by the same exit codes."""
    process = english.start("--debug", "--config", "nowhere.toml", "check")
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert err.startswith("Traceback (most recent call last):")
    *_, error, sentence = err.splitlines()
    assert "ConfigError" in error
    assert sentence == english.say("cli.error.file_missing", file="nowhere.toml")
    assert process.returncode == CONFIG


def test_the_environment_can_ask_for_the_traceback(english: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUTINE_DEBUG", "1")
    assert "Traceback (most recent call last):" in english.run("--config", "nowhere.toml", "check").stderr


# What has no command of its own to provoke it


@pytest.mark.parametrize(
    "error, key, values, code",
    [
        (NotSaved("database is locked\nhint"), "cli.error.not_saved", {"reason": "database is locked"}, DATABASE),
        (errors.ChatUnavailable("timeout"), "cli.error.chat", {"reason": "timeout"}, NETWORK),
        (errors.ChatRefused("invalid_auth"), "cli.error.chat", {"reason": "invalid_auth"}, NETWORK),
        (ZeroDivisionError("by\nzero"), "cli.error.unexpected", {"reason": "ZeroDivisionError: by"}, REFUSED),
        (
            NotSaved("database disk image is malformed"),
            "cli.check.damaged",
            {"reason": "database disk image is malformed"},
            DATABASE,
        ),
        (
            CannotOpen(CannotOpen.LEFTOVER, "butine.db", "butine.db-wal"),
            "cli.error.leftover",
            {"url": "butine.db", "reason": "butine.db-wal"},
            DATABASE,
        ),
        (NotSaved(""), "cli.error.not_saved", {"reason": "?"}, DATABASE),
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_error_becomes_one_line(
    language: str, error: Exception, key: str, values: dict[str, str], code: int
) -> None:
    texts = Texts(language, domain="cli")
    assert explain(error, texts) == (texts(key, **values), code)
