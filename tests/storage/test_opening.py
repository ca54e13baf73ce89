"""Opening a database: made where it is missing, migrated, and refused with a reason where it can't be used."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlmodel import Session

from storage import migrations, notes
from storage.database import Database
from storage.errors import CannotOpen
from storage.opening import engine_for, parse_url, problems_of

pytest_plugins = ["tests.contract.storage_fixtures"]

ROOT = Path(__file__).parent.parent.parent


def refusal(url: str, *, exclusively: bool = False) -> CannotOpen:
    """Why a database is not opened."""
    with pytest.raises(CannotOpen) as raised:
        Database.open(url, exclusively=exclusively)
    return raised.value


def code_of(url: str) -> str:
    """The reason's name."""
    return refusal(url).code


def open_to_others(folder: Path) -> dict[str, int]:
    """What everybody on the machine may do with each file."""
    return {path.name: path.stat().st_mode & 0o007 for path in folder.iterdir()}


async def note_in(url: str) -> str | None:
    """Open, keep a note, open again and read it."""
    database = Database.open(url)
    await database.write(partial(notes.put, name="n", value="kept"))
    await database.close()
    again = Database.open(url)
    kept = await again.read(partial(notes.get, name="n"))
    await again.close()
    return kept


async def test_a_missing_file_is_made(tmp_path: Path) -> None:
    assert await note_in(f"sqlite:///{tmp_path}/new.db") == "kept"


async def test_others_on_the_machine_may_not_read_a_new_database(tmp_path: Path) -> None:
    """Nor what SQLite puts beside it: ideas that wait, who wrote them, and the key of Butine's seals are in them."""
    database = Database.open(f"sqlite:///{tmp_path}/new.db")
    await database.write(partial(notes.put, name="n", value="kept"))
    files = open_to_others(tmp_path)
    await database.close()
    assert files == {"new.db": 0, "new.db-wal": 0, "new.db-shm": 0}


async def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert await note_in(f"sqlite:///{tmp_path}/empty.db") == "kept"


@pytest.mark.postgresql
async def test_an_empty_database_is_filled(postgresql_url: str) -> None:
    assert await note_in(postgresql_url) == "kept"
    assert await note_in(postgresql_url.replace("postgresql:", "postgresql+psycopg:")) == "kept"


@pytest.mark.parametrize("name", ["with space", "100 %", "a#b?c", "été"])
async def test_a_file_may_be_called_anything(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name.replace("?", "")
    folder.mkdir()
    assert await note_in(f"sqlite:///{folder}/butine.db") == "kept"


# Without an upgrade


def test_who_may_not_make_a_database_makes_none(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    for name in ("missing.db", "empty.db"):
        assert unchanged_refusal(f"sqlite:///{tmp_path}/{name}").code == CannotOpen.EMPTY
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("empty.db", 0)]


async def test_who_may_not_upgrade_a_database_opens_one_that_needs_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/butine.db"
    migrations.upgrade(engine_for(parse_url(url), is_reader=False), migrations.known_revisions()[-1])
    assert unchanged_refusal(url).code == CannotOpen.OUTDATED
    assert unchanged_refusal(url).reason == migrations.known_revisions()[-1]
    assert await note_in(url) == "kept"
    database = Database.open(url, is_upgraded=False)
    assert await database.read(lambda s: notes.get(s, "n")) == "kept"
    await database.close()


def unchanged_refusal(url: str) -> CannotOpen:
    """Why a database is not opened as it is."""
    with pytest.raises(CannotOpen) as raised:
        Database.open(url, is_upgraded=False)
    return raised.value


# One service for each file


async def test_a_file_has_one_service_at_a_time(sqlite_url: str) -> None:
    first = Database.open(sqlite_url, exclusively=True)
    assert refusal(sqlite_url, exclusively=True).code == CannotOpen.IN_USE
    beside = Database.open(sqlite_url)  # as the command line does
    await beside.close()
    await first.close()
    again = Database.open(sqlite_url, exclusively=True)
    await again.close()


def test_a_file_that_could_not_be_opened_is_not_held(sqlite_path: Path, sqlite_url: str) -> None:
    content = sqlite_path.read_bytes()
    sqlite_path.write_text("nonsense" * 1_000)
    assert refusal(sqlite_url, exclusively=True).code == CannotOpen.DAMAGED
    sqlite_path.write_bytes(content)
    asyncio.run(Database.open(sqlite_url, exclusively=True).close())


def test_a_file_and_a_symbolic_link_to_it_are_one_database(sqlite_path: Path, tmp_path: Path) -> None:
    """What lies beside the file counts, and not what lies beside the link."""
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "butine.db"
    link.symlink_to(sqlite_path)
    held = Database.open(f"sqlite:///{sqlite_path}", exclusively=True)
    assert refusal(f"sqlite:///{link}", exclusively=True).code == CannotOpen.IN_USE
    asyncio.run(held.close())
    with closing(sqlite3.connect(sqlite_path)) as connection:  # as a backup has it
        connection.execute("PRAGMA journal_mode=DELETE")
    Path(f"{sqlite_path}-wal").write_bytes(b"another database's")
    assert refusal(f"sqlite:///{link}").code == CannotOpen.LEFTOVER


@pytest.mark.parametrize("exclusively", [False, True])
def test_what_cannot_be_written_is_refused(tmp_path: Path, exclusively: bool) -> None:  # noqa: FBT001  by name
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for name in ("missing/butine.db", "folder", "file/butine.db"):
        assert refusal(f"sqlite:///{tmp_path}/{name}", exclusively=exclusively).code == CannotOpen.UNWRITABLE, name
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == ["file", "folder"]


# What is there already


def a_text_file(path: Path) -> None:
    path.write_text("Liste des idées\n" * 1_000, encoding="utf-8")


def another_programs_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE accounts (id INTEGER); INSERT INTO accounts VALUES (1)")


def a_newer_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("UPDATE alembic_version SET version_num = '9999'")


def a_newer_files_backup(path: Path) -> None:
    a_newer_file(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def a_file_with_a_broken_beginning(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xa5" * 8192)


@pytest.mark.parametrize(
    "make, code, starts_empty",
    [
        (a_text_file, CannotOpen.DAMAGED, True),
        (a_file_with_a_broken_beginning, CannotOpen.DAMAGED, False),
        (another_programs_file, CannotOpen.FOREIGN, True),
        (a_newer_file, CannotOpen.TOO_NEW, False),
        (a_newer_files_backup, CannotOpen.TOO_NEW, False),
    ],
)
def test_what_is_not_ours_is_refused_and_left_as_it_is(
    sqlite_path: Path,
    make: Callable[[Path], None],
    code: str,
    starts_empty: bool,  # noqa: FBT001  by name
) -> None:
    if starts_empty:
        sqlite_path.unlink()
    make(sqlite_path)
    content = sqlite_path.read_bytes()
    error = refusal(f"sqlite:///{sqlite_path}")
    assert (error.code, error.url) == (code, f"sqlite:///{sqlite_path}")
    assert sqlite_path.read_bytes() == content
    assert [path.name for path in sqlite_path.parent.iterdir()] == [sqlite_path.name]


def test_a_newer_schema_is_named(sqlite_path: Path) -> None:
    a_newer_file(sqlite_path)
    assert refusal(f"sqlite:///{sqlite_path}").reason == "9999"


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "statement, code",
    [
        ("CREATE TABLE accounts (id INTEGER)", CannotOpen.FOREIGN),
        ("CREATE TABLE alembic_version AS SELECT '9999' AS version_num", CannotOpen.TOO_NEW),
    ],
)
def test_a_database_that_is_not_ours_is_refused(postgresql_url: str, statement: str, code: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(statement.encode())
        assert code_of(postgresql_url) == code
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert len(tables) == 1


# Damage


def fill(session: Session) -> None:
    """Enough for many pages."""
    for number in range(200):
        notes.put(session, f"note {number}", "x" * 3_000)


@pytest.fixture
async def large_path(sqlite_path: Path, sqlite_url: str) -> Path:
    """A file of many pages."""
    database = Database.open(sqlite_url)
    await database.write(fill)
    await database.close()
    return sqlite_path


def test_a_sound_file_has_no_problems(large_path: Path) -> None:
    assert problems_of(parse_url(f"sqlite:///{large_path}")) == []


@pytest.mark.parametrize("share", [0.0002, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused_or_its_damage_found(large_path: Path, share: float) -> None:
    with large_path.open("r+b") as file:
        file.truncate(max(100, int(large_path.stat().st_size * share)))
    assert_damage_is_told(large_path)


@pytest.mark.parametrize("place", [0.01, 0.3, 0.6, 0.9])
def test_an_overwritten_file_is_refused_or_its_damage_found(large_path: Path, place: float) -> None:
    size = large_path.stat().st_size
    with large_path.open("r+b") as file:
        file.seek(int(size * place))
        file.write(b"\xa5" * (size // 20))
    assert_damage_is_told(large_path)


def assert_damage_is_told(path: Path) -> None:
    """Nobody is told that the file is sound."""
    url = f"sqlite:///{path}"
    try:
        database = Database.open(url)
    except CannotOpen as error:
        told = error.code
    else:
        asyncio.run(database.close())
        told = CannotOpen.DAMAGED
    assert told == CannotOpen.DAMAGED
    assert problems_of(parse_url(url))


def test_a_file_that_is_no_database_has_that_problem(tmp_path: Path) -> None:
    a_text_file(tmp_path / "text.db")
    (problem,) = problems_of(parse_url(f"sqlite:///{tmp_path}/text.db"))
    assert "not a database" in problem


# Processes


def opening(url: str, then: str = "pass") -> "subprocess.Popen[str]":
    """Another process that opens the database."""
    program = f"import sys; from storage.database import Database; Database.open({url!r}); {then}"
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    "url", [None, pytest.param("postgresql_url", marks=pytest.mark.postgresql)], ids=["sqlite", "postgresql"]
)
def test_processes_that_open_a_new_database_at_once_all_succeed(
    request: pytest.FixtureRequest, tmp_path: Path, url: str | None
) -> None:
    where = request.getfixturevalue(url) if url else f"sqlite:///{tmp_path}/new.db"
    processes = [opening(where) for _ in range(2)]
    told = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 2, told


def test_a_start_does_not_wait_for_what_migrations_need(sqlite_url: str) -> None:
    """Alembic takes long to import, and there is nothing to migrate."""
    process = opening(sqlite_url, "sys.exit('alembic' in sys.modules)")
    assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)


async def test_a_copy_of_a_file_opens_where_it_is_put(sqlite_path: Path, tmp_path: Path) -> None:
    assert await note_in(f"sqlite:///{sqlite_path}") == "kept"
    copied = shutil.copy(sqlite_path, tmp_path / "copy.db")
    database = Database.open(f"sqlite:///{copied}")
    assert await database.read(lambda s: notes.get(s, "n")) == "kept"
    await database.close()
