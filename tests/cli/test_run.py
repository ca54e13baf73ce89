"""`butine run`, as the real program: it says where it is, keeps its database to itself, and ends when asked."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

import bot
from bot.config import Settings, SlackSettings
from tests.cli.conftest import Terminal
from tests.ports import free_port

DATABASE, NETWORK = 4, 5


@contextmanager
def running(terminal: Terminal) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A running Butine, and the address that it printed; killed where the test did not end it."""
    process = terminal.start("run")
    try:
        assert process.stdout
        first = process.stdout.readline()
        before, after = terminal.say("cli.running", version=bot.__version__, address="|").split("|")
        assert first.startswith(before), process.communicate()
        yield process, first.removeprefix(before).removesuffix(after + "\n")
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number, terminal", [(signal.SIGTERM, "fr"), (signal.SIGINT, "en")], indirect=["terminal"])
def test_it_says_where_it_is_and_ends_when_asked(terminal: Terminal, number: signal.Signals) -> None:
    terminal.configure("[web]\nport = 0")
    with running(terminal) as (process, address):
        assert not address.endswith(":0/")
        with urlopen(address + "health", timeout=30) as answer:
            assert answer.status == 200
        assert process.stdout
        assert process.stdout.readline() == terminal.say("cli.room") + "\n"
        assert process.stdout.readline() == terminal.say("cli.kept_in", place=terminal.database) + "\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert out == terminal.say("cli.stopped") + "\n"
    assert "Traceback" not in err
    assert process.returncode == 0


def test_it_ends_when_asked_though_it_waits_for_a_silent_chat_server(english: Terminal) -> None:
    """At start and at the end: service managers kill what has not ended after ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        keys = {"url": url, "token": "t", "team": "t", "command_token": "t", "callback_url": url}
        section = "\n".join(f'{name} = "{value}"' for name, value in keys.items())
        english.configure(f"[web]\nport = 0\n[mattermost]\n{section}")
        process = english.start("run")
        with silent.accept()[0]:
            process.terminate()
            out, _ = process.communicate(timeout=10)
    assert out == english.say("cli.stopped") + "\n"
    assert process.returncode == 0


def test_beside_a_running_butine_all_else_works(english: Terminal) -> None:
    port = free_port()
    english.configure(f"[web]\nport = {port}")
    with running(english) as (process, address):
        assert address == f"http://127.0.0.1:{port}/"
        # Looking, copying and checking.
        assert english.succeed("ideas", "list").splitlines()
        english.succeed("digest", "--preview")
        english.succeed("backup", "copy.db")
        assert english.say("cli.check.all_well") in english.succeed("check")
        # But no second one on the same database, …
        sentence = english.say("cli.error.in_use", url="sqlite:///butine.db")
        english.fail(DATABASE, sentence, "run")
        # … nor at the same address with another.
        english.configure(f'[web]\nport = {port}\n[storage]\nurl = "sqlite:///other.db"')
        english.fail(NETWORK, english.say("cli.error.port_in_use", host="127.0.0.1", port=port), "run")
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0
    english.configure("[web]\nport = 0")
    with running(english):
        pass  # the database is free again


def test_where_the_room_is_closed_nobody_is_sent_there(english: Terminal) -> None:
    english.configure("[web]\nport = 0\nroom = false")
    with running(english) as (process, address):
        with urlopen(address, timeout=30) as answer:
            assert answer.read().decode().startswith("Butine ")
        assert process.stdout
        assert process.stdout.readline() == english.say("cli.kept_in", place=english.database) + "\n"
        process.terminate()
        out, _ = process.communicate(timeout=60)
    assert out.splitlines() == [english.say("cli.stopped")]


def test_with_a_chat_platform_the_room_is_closed_unless_it_is_asked_for() -> None:
    slack = SlackSettings.model_validate({"bot_token": "xoxb-1", "app_token": "xapp-1"})
    assert Settings().has_room
    assert not Settings(slack=slack).has_room
    assert Settings.model_validate({"slack": slack, "web": {"room": True}}).has_room
