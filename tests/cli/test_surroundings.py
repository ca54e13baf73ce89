"""Butine in surroundings that are not as it would have them: a terminal's encoding, a package that is not there."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import click
import pytest

from bot.views.texts import LOCALE_DIR
from tests.cli.conftest import PROGRAM, Terminal, in_web

CONFIG, DATABASE, REFUSED = 3, 4, 1


@pytest.mark.parametrize("encoding", ["iso-8859-1", "iso-8859-15", "cp1252"])
@pytest.mark.parametrize("locale", ["fr_FR", "en_GB"])
def test_a_terminal_without_some_signs_shows_others_in_their_place(in_folder: Path, encoding: str, locale: str) -> None:
    """One of them ended the program, in the middle of a check."""
    environment = {**os.environ, "LC_ALL": locale, "PYTHONIOENCODING": encoding, "BUTINE_WEB__PORT": "0"}
    for word, beginning in (("--help", b"Usage"), ("check", b"ok ")):
        shown = subprocess.run([PROGRAM, word], cwd=in_folder, env=environment, capture_output=True, check=True)
        assert shown.stdout.startswith(beginning)
        assert shown.stdout.decode(encoding)
        assert shown.stderr == b""
    refused = subprocess.run(
        [PROGRAM, "--config", "nowhere.toml", "check"], cwd=in_folder, env=environment, capture_output=True, check=False
    )
    assert refused.returncode == CONFIG
    assert b"\\u" not in refused.stderr


def test_every_sign_of_the_command_line_is_spelt_otherwise_where_the_terminal_lacks_it(terminal: Terminal) -> None:
    """A way through menus, as « Console système → Environnement », came with question marks."""
    assert terminal.cli.FILE, "what spells them is there once the command line is imported"
    catalogue = (LOCALE_DIR / terminal.language / "LC_MESSAGES" / "cli.po").read_text(encoding="utf-8")
    assert catalogue.encode("iso-8859-1", errors="butine").count(b"?") == catalogue.count("?")


@pytest.mark.parametrize("package, command", [("pydantic", "run"), ("sqlmodel", "check"), ("Stemmer", "ideas list")])
def test_a_package_that_is_not_there_is_named_with_what_brings_it(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, package: str, command: str
) -> None:
    """As after an upgrade without `make install`."""
    (terminal.folder / f"{package}.py").write_text(f"raise ModuleNotFoundError(name={package!r})", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(terminal.folder), prepend=os.pathsep)
    process = terminal.start(*command.split())
    out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("", terminal.say("cli.error.packages", name=package) + "\n", REFUSED)


def test_whether_a_file_can_be_read_is_told_by_butine_and_not_by_click(terminal: Terminal) -> None:
    """Click has one language, and an exit code of its own."""
    main = terminal.cli.main
    parsers = (main, main.commands["backup"], *main.commands["ideas"].commands.values())
    paths = [each.type for parser in parsers for each in parser.params if isinstance(each.type, click.Path)]
    assert len(paths) == 4
    assert not any(path.readable for path in paths)


def test_a_configuration_in_another_encoding_is_told_as_that(terminal: Terminal) -> None:
    """Editors show nothing wrong in that line."""
    (terminal.folder / "butine.toml").write_bytes("# é\n".encode("latin-1"))
    terminal.fail(CONFIG, terminal.say("cli.error.file_not_utf8", file="butine.toml", line=1), "check")


def test_a_file_that_another_program_holds_is_not_blamed_on_a_server(terminal: Terminal) -> None:
    terminal.write(in_web)
    with closing(sqlite3.connect(terminal.database, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        sentence = terminal.say("cli.error.unopened", url="sqlite:///butine.db", reason="database is locked")
        terminal.fail(DATABASE, sentence, "ideas", "list")
