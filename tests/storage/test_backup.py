"""A copy of a SQLite file in use is sound and whole, and a copy that fails leaves nothing behind."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlmodel import Session

from storage import ideas, notes, search, workspaces
from storage.backup import CannotRead, CopyFailed, copy
from storage.database import Database
from storage.errors import CannotOpen, NotSound
from storage.opening import parse_url, problems_of, require_own_journal
from storage.search import Visible
from storage.tables import Status
from tests.contract.storage_rows import new_idea
from tests.full import file_size_limit

pytest_plugins = ["tests.contract.storage_fixtures"]


def ignore(_done: int, _total: int) -> None:
    """Nobody watches."""


def fill(session: Session) -> None:
    """Enough for several steps of the copy."""
    workspace_id = workspaces.ensure(session, "web", "room")
    for number in range(30):
        ideas.add(session, new_idea(workspace_id, f"Idée {number}"))
    for number in range(300):
        notes.put(session, f"large {number}", "x" * 20_000)


async def test_a_copy_made_while_writes_go_on_holds_all_that_was_acknowledged_before(
    sqlite_path: Path, sqlite_url: str, tmp_path: Path
) -> None:
    database = Database.open(sqlite_url)
    await database.write(fill)
    written = 0
    is_copied = asyncio.Event()

    async def write_on() -> None:
        nonlocal written
        while not is_copied.is_set():
            await database.write(partial(notes.put, name=f"note {written}", value="kept"))
            written += 1

    writing = asyncio.create_task(write_on())
    await database.write(partial(notes.put, name="acknowledged", value="kept"))
    acknowledged = written
    await asyncio.to_thread(copy, sqlite_path, tmp_path / "copy.db", ignore)
    is_copied.set()
    await writing
    await database.close()

    copied_url = f"sqlite:///{tmp_path}/copy.db"
    assert problems_of(parse_url(copied_url)) == []
    copied = Database.open(copied_url)
    assert len(await copied.read(lambda s: ideas.after(s, 1, 0, 1_000))) == 30
    assert len(await copied.read(lambda s: search.find(s, 1, "idée", Visible(set(Status)), 1_000))) == 30
    for name in ("acknowledged", *(f"note {number}" for number in range(acknowledged))):
        assert await copied.read(partial(notes.get, name=name)) == "kept"
    await copied.close()


def test_a_copy_does_not_begin_anew_when_something_is_written_between_two_of_its_steps(
    large_path: Path, tmp_path: Path
) -> None:
    """A database that is written to all the time would otherwise never be copied."""
    seen: list[tuple[int, int]] = []
    with closing(sqlite3.connect(large_path, isolation_level=None)) as writer:

        def write(done: int, total: int) -> None:
            assert done > max((before for before, _ in seen), default=0), "it has begun anew"
            seen.append((done, total))
            writer.execute("INSERT INTO note (name, value) VALUES (?, 'later')", (f"between {len(seen)}",))

        copy(large_path, tmp_path / "copy.db", write)
    assert len(seen) > 1, "otherwise nothing is written between two steps"
    assert {total for _, total in seen} == {seen[-1][0]}
    assert problems_of(parse_url(f"sqlite:///{tmp_path}/copy.db")) == []
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copied:
        assert copied.execute("SELECT count(*) FROM note WHERE name LIKE 'large%'").fetchone() == (300,)
        assert copied.execute("SELECT count(*) FROM note WHERE value = 'later'").fetchone() == (0,)


def test_a_copy_is_one_file_that_can_be_moved_alone(sqlite_path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    copy(sqlite_path, folder / "copy.db", ignore)
    with closing(sqlite3.connect(f"file:{folder}/copy.db?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert [path.name for path in folder.iterdir()] == ["copy.db"]


def test_in_the_place_of_a_database_that_was_killed_a_copy_is_not_written_over_by_its_log(
    sqlite_path: Path, tmp_path: Path
) -> None:
    """It would be undone without a word, or damaged. Once the log is gone, all that was copied is there."""
    saved, restored = tmp_path / "saved.db", tmp_path / "restored.db"
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as killed:
        copy(sqlite_path, saved, ignore)
        killed.execute("INSERT INTO note VALUES ('later', '')")
        log = Path(shutil.copy(f"{sqlite_path}-wal", f"{restored}-wal"))
    shutil.copy(saved, restored)
    for opening in (lambda: Database.open(f"sqlite:///{restored}"), lambda: copy(restored, tmp_path / "again", ignore)):
        with pytest.raises(CannotOpen) as refused:
            opening()
        assert (refused.value.code, refused.value.reason) == (CannotOpen.LEFTOVER, str(log))
    assert restored.read_bytes() == saved.read_bytes()
    log.unlink()
    Database.open(f"sqlite:///{restored}", is_upgraded=False)
    with closing(sqlite3.connect(restored)) as connection:
        assert connection.execute("SELECT count(*) FROM note WHERE name = 'later'").fetchone() == (0,)


def test_looking_at_the_log_beside_a_database_takes_no_lock_from_who_has_it_open(sqlite_path: Path) -> None:
    """Another program would take itself for the only one, and remove the log that is in use."""
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO note VALUES ('later', '')")
        require_own_journal(sqlite_path)
        other = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM note'); c.close()"
        subprocess.run([sys.executable, "-c", other, str(sqlite_path)], check=True)
        assert Path(f"{sqlite_path}-wal").exists()


def test_progress_goes_up_to_the_whole(large_path: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    copy(large_path, tmp_path / "copy.db", lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] > 0


@pytest.mark.parametrize("name", ["with space", "100%41", "a#b", "été"])
def test_files_may_be_called_anything(sqlite_path: Path, tmp_path: Path, name: str) -> None:
    source = sqlite_path.rename(tmp_path / name)
    copy(source, tmp_path / f"{name}.copy", ignore)
    assert problems_of(parse_url(f"sqlite:///{tmp_path}/{name}.copy")) == []
    with closing(sqlite3.connect(tmp_path / f"{name}.copy")) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_what_is_there_already_is_not_overwritten(sqlite_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(FileExistsError):
        copy(sqlite_path, target, ignore)
    assert target.read_text() == "precious"


def test_of_two_copies_under_one_name_at_once_the_later_is_refused_and_the_other_sound(
    large_path: Path, tmp_path: Path
) -> None:
    """As when a scheduled backup is not done yet when the next one begins."""
    folder = tmp_path / "copies"
    folder.mkdir()
    is_first = True

    def begin_another(_done: int, _total: int) -> None:
        nonlocal is_first
        if is_first:
            is_first = False
            copy(large_path, folder / "copy.db", ignore)

    with pytest.raises(FileExistsError):
        copy(large_path, folder / "copy.db", begin_another)
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    assert problems_of(parse_url(f"sqlite:///{folder}/copy.db")) == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_nobody_may_read_the_copy_who_may_not_read_the_source(large_path: Path, tmp_path: Path, mode: int) -> None:
    """At no moment: it holds pending ideas, and the key that Butine seals buttons with."""
    folder = tmp_path / "copies"
    folder.mkdir()
    modes: list[int] = []

    def look(_done: int, _total: int) -> None:
        modes.extend(path.stat().st_mode & 0o777 for path in folder.iterdir())

    large_path.chmod(mode)
    copy(large_path, folder / "copy.db", look)
    assert len(modes) > 1
    assert {*modes, (folder / "copy.db").stat().st_mode & 0o777} == {mode | 0o600}


def overwrite_all(path: Path) -> None:
    path.write_text("nonsense" * 1_000)


def overwrite_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\xa5" * (len(content) - len(content) // 2)
    path.write_bytes(content)


def disagree(path: Path) -> None:
    """An index holds what its table does not."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO workspace (platform, external_id, last_number) VALUES ('web', 'room', 0)")
        connection.execute("CREATE INDEX by_name ON workspace (platform)")
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'platform', 'external_id') WHERE name = 'by_name'"
        )


def replace_with_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "harm, error",
    [
        (overwrite_all, NotSound),
        (overwrite_middle, NotSound),
        (disagree, NotSound),
        (Path.unlink, CannotRead),
        (replace_with_folder, CannotRead),
    ],
    ids=["text", "damage", "index", "missing", "folder"],
)
def test_what_is_wrong_with_the_source_is_not_blamed_on_the_copy_and_leaves_nothing_behind(
    sqlite_path: Path, tmp_path: Path, harm: Callable[[Path], object], error: type[Exception]
) -> None:
    harm(sqlite_path)
    folder = tmp_path / "copies"
    folder.mkdir()
    with pytest.raises(error):
        copy(sqlite_path, folder / "copy.db", ignore)
    assert list(folder.iterdir()) == []


@pytest.fixture
async def large_path(sqlite_path: Path, sqlite_url: str) -> Path:
    """A file of many pages."""
    database = Database.open(sqlite_url)
    await database.write(fill)
    await database.close()
    return sqlite_path


def test_damage_that_goes_into_the_copy_unseen_is_found_there(large_path: Path, tmp_path: Path) -> None:
    overwrite_end(large_path)
    with pytest.raises(NotSound):
        copy(large_path, tmp_path / "copy.db", ignore)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("copy")]


def overwrite_end(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size * 2 // 3)
        file.write(b"\xa5" * (size // 4))


def test_a_target_that_cannot_be_made_leaves_nothing_behind(sqlite_path: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        copy(sqlite_path, tmp_path / "missing" / "copy.db", ignore)
    assert not (tmp_path / "missing").exists()


def test_a_copy_for_which_there_is_no_room_is_not_blamed_on_the_source_and_leaves_nothing_behind(
    large_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    with file_size_limit(1_000_000), pytest.raises(CopyFailed):
        copy(large_path, folder / "copy.db", ignore)
    assert list(folder.iterdir()) == []


def test_a_copy_that_is_interrupted_leaves_nothing_behind(sqlite_path: Path, tmp_path: Path) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(sqlite_path, tmp_path / "copy.db", interrupt)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("copy")]
