"""A database that is locked, full or read-only: nobody is told "saved" about what is not, and it goes on afterwards.

What a damaged file does is in test_damage.py.
"""

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from bot.failures import explain
from bot.views.texts import Texts
from storage.database import Database
from storage.errors import CannotOpen
from storage.opening import LOCK_TIMEOUT_SECONDS
from tests.chat.desk import Desk
from tests.torture.conftest import Figures
from tests.torture.dose import dose
from tests.torture.talk import Talk, connections, integrity, titles, writing_one
from tests.usecases.builders import new_file

HOLDER = """
import sqlite3, sys
held = [sqlite3.connect(path, isolation_level=None) for path in sys.argv[1:]]
for connection in held:
    connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
ROUNDS = dose(20, 1)
NOBODY = 65534


@contextmanager
def held_by_another_process(paths: Sequence[Path]) -> Iterator[None]:
    """Another program is in the middle of a transaction on each file, until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, *map(str, paths)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield
        process.stdin.close()
        assert process.wait(30) == 0


async def desks(folder: Path, number: int) -> list[Desk]:
    """Some workspaces, each with a published idea."""
    opened = []
    for each in range(number):
        (folder / str(each)).mkdir()
        opened.append(await Desk.open(folder / str(each)))
        await opened[-1].published("Une idée d’avant")
    return opened


async def assert_it_goes_on(talk: Talk) -> None:
    """After the fault: ideas, votes and sends work again, and a restart finds a sound file with just what was saved."""
    desk = talk.desk
    had = len(talk.saved)
    await talk.burst(2)
    await talk.fill_in()
    assert len(talk.saved) == had + 3
    assert await talk.react("card:1:ideas")
    await desk.send()
    await desk.database.close()
    assert integrity(desk.path) == "ok"
    found = titles(desk.path)
    assert sorted(found) == sorted([*talk.saved, "Une idée d’avant"])
    assert talk.unexpected == []
    again = Database.open(f"sqlite:///{desk.path}", exclusively=True)
    await again.close()


async def test_while_another_program_locks_the_database_nobody_is_told_that_something_is_saved(
    tmp_path: Path, figures: Figures
) -> None:
    """For half a minute, on many databases at once; whoever writes meanwhile is told within moments."""
    seconds = dose(30, 1)
    talks = [Talk(desk) for desk in await desks(tmp_path, ROUNDS)]
    with held_by_another_process([talk.desk.path for talk in talks]):
        begin = monotonic()

        async def go_on(talk: Talk) -> None:
            while monotonic() - begin < seconds:
                await talk.burst(3)
                await talk.fill_in()
                assert not await talk.react("card:1:ideas")
                assert "Une idée d’avant" in str((await talk.desk.type("sam", "list")).card), "reading goes on"

        await asyncio.gather(*map(go_on, talks))
        lasted = monotonic() - begin
        assert all(talk.saved == [] for talk in talks)
    refused = sum(len(talk.not_saved) for talk in talks)
    assert refused >= 4 * ROUNDS
    for talk in talks:
        await assert_it_goes_on(talk)
    figures(locks=ROUNDS, seconds=f"{lasted:.0f}", ideas_given_back=refused)


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_in_a_full_database_what_does_not_fit_is_given_back(
    number: int, tmp_path: Path, figures: Figures
) -> None:
    """It has a few pages left, which small ideas take and large ones don't fit into."""
    chance = random.Random(number)  # noqa: S311  the same each time
    with connections() as opened:
        (desk,) = await desks(tmp_path, 1)
        talk = Talk(desk)
        await talk.propose()
    writer = writing_one(opened)
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count={pages + chance.randrange(0, 12)}")
    more = dose(10, 2)
    while not talk.not_saved or (more := more - 1):
        await talk.burst(chance.randrange(1, 6), chance.choice([1, 40, 100]))
        await talk.fill_in()
    refused = len(talk.not_saved)
    writer.execute("PRAGMA max_page_count=1000000")
    await assert_it_goes_on(talk)
    figures(ideas_saved=len(talk.saved), given_back=refused)


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_a_database_that_turns_read_only_says_so_and_recovers(
    number: int, tmp_path: Path, figures: Figures
) -> None:
    """As after a disk's error, when the system mounts it anew for reading alone."""
    with connections() as opened:
        (desk,) = await desks(tmp_path, 1)
        talk = Talk(desk)
        await talk.burst(number % 4)
    had, writer = len(talk.saved), writing_one(opened)
    writer.execute("PRAGMA query_only=ON")
    for _ in range(3):
        await talk.burst(4)
        await talk.fill_in()
        assert not await talk.react("card:1:ideas")
        assert "Une idée d’avant" in str((await desk.type("sam", "list")).card), "reading goes on"
    assert len(talk.saved) == had
    refused = len(talk.not_saved)
    assert refused == 15
    writer.execute("PRAGMA query_only=OFF")
    await assert_it_goes_on(talk)
    figures(given_back=refused)


@contextmanager
def as_one_who_may_not_do_everything() -> Iterator[None]:
    """Whoever is root becomes nobody for a while: permissions don't bind root."""
    if os.getuid() != 0:
        yield
        return
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_file_is_refused_in_words_at_the_start(what: str) -> None:
    """The folder counts too: SQLite keeps its log beside the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = new_file(Path(folder))
        content = path.read_bytes()
        path.chmod(0o444 if what == "file" else 0o666)
        Path(folder).chmod(0o777 if what == "file" else 0o555)
        with as_one_who_may_not_do_everything(), pytest.raises(CannotOpen) as refused:
            Database.open(f"sqlite:///{path}")
        assert refused.value.code == CannotOpen.UNWRITABLE
        sentence, exit_code = explain(refused.value, Texts("en", domain="cli"))
        assert (str(path) in sentence, exit_code) == (True, 4)
        assert path.read_bytes() == content
        Path(folder).chmod(0o700)


async def test_a_write_that_waits_behind_a_lock_is_answered_in_the_time_of_one(tmp_path: Path) -> None:
    """Chat waits three seconds: what comes while others wait for the lock must not wait for it all over again."""
    (desk,) = await desks(tmp_path, 1)
    talk = Talk(desk)
    with held_by_another_process([desk.path]):
        first = asyncio.create_task(talk.propose())
        await asyncio.sleep(LOCK_TIMEOUT_SECONDS / 4)  # the first waits for the lock, which nothing tells
        later = asyncio.create_task(talk.propose())
        await first
        begin = monotonic()
        await later
        assert monotonic() - begin < LOCK_TIMEOUT_SECONDS / 2
    assert len(talk.not_saved) == 2
    await desk.database.close()


def test_the_fault_is_real(tmp_path: Path) -> None:
    """Another program does hold the file."""
    path = new_file(tmp_path)
    with (
        held_by_another_process([path]),
        closing(sqlite3.connect(path, timeout=0)) as connection,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        connection.execute("BEGIN IMMEDIATE")
