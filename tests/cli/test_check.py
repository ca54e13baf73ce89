"""`butine check`: what is wrong, in words, and nothing changed."""

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psycopg
import pytest
from sqlmodel import Session

from storage import ideas, notes, outbox
from storage.opening import parse_url, shown
from storage.outbox import Wanted
from storage.tables import Idea, Step
from tests.cli.conftest import Terminal, in_web, older_database
from tests.contract.storage_rows import NOW, new_idea

REFUSED, DATABASE = 1, 4


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port, configured."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    monkeypatch.setenv("BUTINE_WEB__PORT", str(port))
    return port


def test_when_all_is_well_each_thing_is_named(terminal: Terminal, port: int) -> None:
    terminal.write(in_web)
    say, lines = terminal.say, terminal.succeed("check").splitlines()
    assert all(line.startswith("✓ ") for line in lines[:-1])
    assert lines[-1] == say("cli.check.all_well")
    for sentence in (
        say("cli.check.config", file=say("cli.check.config_none")),
        say("cli.check.database", url=terminal.database),
        say("cli.check.integrity"),
        say("cli.check.port", host="127.0.0.1", port=port),
        say("cli.check.room", address=f"http://127.0.0.1:{port}/"),
    ):
        assert f"✓ {sentence}" in lines


def test_an_emoji_that_may_be_a_typing_error_is_named_and_is_no_problem(terminal: Terminal, port: int) -> None:
    terminal.configure('[voting]\nemoji = ["+1", "👏", "thumsup"]')
    lines = terminal.succeed("check").splitlines()
    doubtful = [line for line in lines[:-1] if not line.startswith("✓ ")]
    assert doubtful == [f"? {terminal.say('cli.check.emoji_unknown', name='thumsup')}"]


@pytest.mark.parametrize("by", ["option", "variable", "folder"])
def test_the_configuration_that_was_read_is_named(
    english: Terminal, port: int, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    english.configure('language = "en"')
    options = []
    if by == "variable":
        monkeypatch.setenv("BUTINE_CONFIG", "butine.toml")
    elif by == "option":
        options = ["--config", "butine.toml"]
    assert english.say("cli.check.config", file="butine.toml") in english.succeed(*options, "check")


def has_problem(terminal: Terminal, *sentences: str) -> str:
    """`check` finds exactly these; returns all that it printed."""
    result = terminal.run("check")
    assert result.exit_code == REFUSED
    assert result.stderr == terminal.say.plural("cli.check.problems", len(sentences)) + "\n"
    bad = [line.removeprefix("✗ ") for line in result.stdout.splitlines() if line.startswith("✗ ")]
    assert len(bad) == len(sentences)
    for line, sentence in zip(bad, sentences, strict=True):
        start, _, end = sentence.partition("|")
        assert line.startswith(start)
        assert line.endswith(end)
    assert terminal.say("cli.check.all_well") not in result.stdout
    return result.stdout


def test_a_database_that_cannot_be_opened_is_a_problem_beside_others(terminal: Terminal, port: int) -> None:
    terminal.configure('[storage]\nurl = "sqlite:///missing/butine.db"')
    folder = terminal.folder / "missing"
    shown = has_problem(
        terminal, terminal.say("cli.error.unwritable", url="sqlite:///missing/butine.db", reason=folder)
    )
    assert terminal.say("cli.check.port", host="127.0.0.1", port=port) in shown, "the rest is looked at all the same"


def test_a_damaged_database_is_a_problem(terminal: Terminal, port: int) -> None:
    def fill(session: Session) -> None:
        for number in range(300):
            notes.put(session, f"note {number}", "x" * 3_000)

    terminal.write(fill)
    size = terminal.database.stat().st_size
    with terminal.database.open("r+b") as file:
        file.seek(size // 3)
        file.write(b"\xa5" * (size // 3))
    has_problem(terminal, terminal.say("cli.check.damaged", reason="|"))


def test_a_database_whose_every_page_is_damaged_is_one_problem(terminal: Terminal, port: int) -> None:
    terminal.write(in_web)
    with closing(sqlite3.connect(terminal.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'history'").fetchone()[0]
    with terminal.database.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xa5" * 4096)
    has_problem(terminal, terminal.say("cli.check.damaged", reason="|"))


def test_a_clock_before_the_last_action_is_a_problem(terminal: Terminal, port: int) -> None:
    later = (datetime.now(UTC) + timedelta(days=400)).replace(second=0, microsecond=0)

    def act(session: Session) -> None:
        workspace_id = in_web(session)
        idea = ideas_of(workspace_id)
        ideas.add(session, idea)
        ideas.record(session, idea, Step.SUBMITTED, "camille", later)

    terminal.write(act)
    sentence = terminal.say("cli.check.clock_wrong", now="|", last=later.isoformat(" ", "minutes"))
    has_problem(terminal, sentence)


def ideas_of(workspace_id: int) -> Idea:
    """One idea, not kept yet."""
    return new_idea(workspace_id)


@pytest.mark.parametrize("number", [1, 2, 12])
def test_messages_that_could_not_be_sent_are_a_problem(terminal: Terminal, port: int, number: int) -> None:
    def park(session: Session) -> None:
        workspace_id = in_web(session)
        for count in range(number):
            outbox.want(session, workspace_id, Wanted(f"card:{count}", "idea_card"), NOW)
        for count, claimed in enumerate(outbox.claim(session, workspace_id, NOW, timedelta(minutes=1), 99)[0]):
            outbox.park(session, claimed, "is_archived" if count else "channel_not_found")

    terminal.write(park)
    has_problem(terminal, terminal.say.plural("cli.check.parked", number, reason="channel_not_found"))


@contextmanager
def web_server(answer: object, host: str = "127.0.0.1", status: int = 200) -> Iterator[int]:
    """Another program on this machine, which answers everything with this JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
            pass

    class Server(HTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    with Server((host, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("answer", [{"status": "busy"}, {}, [], "ok", None])
def test_a_port_that_another_program_has_is_a_problem(terminal: Terminal, answer: object) -> None:
    """And the room will not open there."""
    with web_server(answer) as port:
        terminal.configure(f"[web]\nport = {port}")
        shown = has_problem(terminal, terminal.say("cli.error.port_in_use", host="127.0.0.1", port=port))
    assert terminal.say("cli.check.room", address=f"http://127.0.0.1:{port}/") not in shown


def test_where_any_free_port_is_taken_no_address_is_named(terminal: Terminal) -> None:
    terminal.configure("[web]\nport = 0")
    assert "127.0.0.1" not in terminal.succeed("check")


def test_a_port_where_something_else_than_http_is_spoken_is_a_problem(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                connection.recv(1024)

        thread = threading.Thread(target=greet)
        thread.start()
        port = server.getsockname()[1]
        terminal.configure(f"[web]\nport = {port}")
        has_problem(terminal, terminal.say("cli.error.port_in_use", host="127.0.0.1", port=port))
        thread.join()


def test_a_port_where_butine_answers_is_as_it_should_be(terminal: Terminal) -> None:
    with web_server({"status": "ok", "version": "0"}) as port:
        terminal.configure(f"[web]\nport = {port}")
        assert terminal.say("cli.check.all_well") in terminal.succeed("check")


def test_so_is_one_where_butine_says_that_its_database_fails(english: Terminal) -> None:
    """The database is looked at by itself."""
    with web_server({"status": "failing", "version": "0"}, status=503) as port:
        english.configure(f"[web]\nport = {port}")
        assert english.say("cli.check.all_well") in english.succeed("check")


def test_a_proxy_of_the_operator_says_nothing_of_this_machine(
    english: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would answer for Butine, or refuse to."""
    with web_server({"status": "ok"}) as proxy, web_server({"status": "busy"}) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
        english.configure(f"[web]\nport = {port}")
        has_problem(english, english.say("cli.error.port_in_use", host="127.0.0.1", port=port))


def test_an_address_of_version_6_is_looked_at_and_written_as_one(english: Terminal) -> None:
    with web_server({"status": "ok"}, "::1") as port:
        english.configure(f'[web]\nhost = "::1"\nport = {port}')
        assert f"http://[::1]:{port}/" in english.succeed("check")


def test_an_address_that_is_not_this_machines_is_a_problem(terminal: Terminal) -> None:
    terminal.configure('[web]\nhost = "192.0.2.1"\nport = 8030\nroom = false')
    has_problem(terminal, terminal.say("cli.error.cannot_listen", host="192.0.2.1", port=8030, reason="|"))


def test_a_closed_room_is_told(terminal: Terminal, port: int) -> None:
    terminal.configure("[web]\nroom = false")
    assert f"✓ {terminal.say('cli.check.no_room')}" in terminal.succeed("check").splitlines()


def test_a_file_is_named_with_the_folder_in_which_it_would_be_made(english: Terminal, port: int) -> None:
    """Started elsewhere, Butine would begin anew in that folder, and nobody would know where the ideas have gone."""
    assert str(english.folder / "butine.db") in english.succeed("check")


@pytest.mark.postgresql
def test_on_postgresql_all_is_well_without_a_word_of_integrity(
    english: Terminal, port: int, postgresql_url: str
) -> None:
    english.configure(f'[storage]\nurl = "{postgresql_url.replace("postgres@", "postgres:s3cret@")}"')
    english.succeed("migrate")
    shown = english.succeed("check")
    assert english.say("cli.check.all_well") in shown
    assert english.say("cli.check.integrity") not in shown
    assert "s3cret" not in shown


@pytest.mark.postgresql
def test_on_postgresql_too_a_check_makes_nothing(english: Terminal, port: int, postgresql_url: str) -> None:
    english.configure(f'[storage]\nurl = "{postgresql_url}"')
    sentence = english.say("cli.check.database_empty", url=shown(parse_url(postgresql_url)))
    for _ in range(2):
        assert sentence in english.succeed("check")


@pytest.mark.postgresql
def test_a_postgresql_server_that_takes_no_writes_is_a_problem(
    terminal: Terminal, port: int, postgresql_url: str
) -> None:
    """A standby answers everything that is read."""
    terminal.configure(f'[storage]\nurl = "{postgresql_url}"')
    terminal.succeed("migrate")
    terminal.configure(f'[storage]\nurl = "{postgresql_url}?options=-cdefault_transaction_read_only%3Don"')
    reason = "cannot execute INSERT in a read-only transaction"
    has_problem(terminal, terminal.say("cli.check.not_written", reason=reason))


@pytest.mark.postgresql
def test_what_a_check_writes_is_undone(english: Terminal, port: int, postgresql_url: str) -> None:
    english.configure(f'[storage]\nurl = "{postgresql_url}"')
    english.succeed("migrate")
    english.succeed("check")
    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("SELECT * FROM note").fetchall() == []


def test_an_address_that_others_reach_is_a_problem_for_the_room_alone(terminal: Terminal, port: int) -> None:
    """As it is at the start."""
    terminal.configure('[web]\nhost = "0.0.0.0"')
    has_problem(terminal, terminal.say("cli.error.room_in_the_open", host="0.0.0.0"))
    terminal.configure('[web]\nhost = "0.0.0.0"\nroom = false')
    terminal.succeed("check")


@pytest.mark.parametrize("name", ["missing/room.db", "folder", "file/room.db", "newer.db", "text.db"])
def test_a_database_of_the_room_that_cannot_be_used_is_a_problem_and_ends_a_start(
    terminal: Terminal, port: int, name: str
) -> None:
    Path("folder").mkdir()
    Path("file").touch()
    Path("text.db").write_text("Liste\n" * 1_000)
    with closing(sqlite3.connect("newer.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    terminal.configure(f'[web]\nroom_database = "{name}"')
    sentence = terminal.say("cli.error.room_database", file=name, reason="|")
    has_problem(terminal, sentence)
    result = terminal.run("run")
    start, _, end = sentence.partition("|")
    assert result.stderr.startswith(start)
    assert result.stderr.endswith(end + "\n")
    assert result.exit_code == DATABASE


def test_a_check_before_the_first_start_says_what_that_will_make_and_makes_nothing(
    terminal: Terminal, port: int
) -> None:
    """Neither the database nor the room's."""
    shown = terminal.succeed("check").splitlines()
    assert f"✓ {terminal.say('cli.check.database_empty', url=terminal.database)}" in shown
    assert list(terminal.folder.iterdir()) == []


def test_a_check_beside_an_older_butine_says_that_a_start_will_upgrade_the_database_and_does_not(
    terminal: Terminal, port: int
) -> None:
    older = older_database(terminal)
    shown = terminal.succeed("check").splitlines()
    for sentence in (
        terminal.say("cli.check.database_outdated", url=terminal.database),
        terminal.say("cli.check.integrity"),
        terminal.say("cli.check.all_well"),
    ):
        assert any(line.endswith(sentence) for line in shown)
    assert terminal.database.read_bytes() == older


def test_a_lock_that_cannot_be_written_is_a_problem_and_ends_a_start(terminal: Terminal, port: int) -> None:
    """It is another account's, where that has run Butine once by hand; a folder in its place binds root, too."""
    terminal.write(in_web)
    Path("butine.db.lock").mkdir()
    sentence = terminal.say("cli.error.unlockable", url="sqlite:///butine.db", reason="butine.db.lock")
    has_problem(terminal, sentence)
    terminal.fail(DATABASE, sentence, "run")
