"""A new file has its name once it is whole, and takes no other file's."""

import errno
import os
from pathlib import Path

import pytest

from storage.files import new_file

MADE_MEANWHILE = "precious"


@pytest.fixture(params=["links", "no links"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In an empty folder, on a file system with links and on one without."""

    def refuse(_source: Path, _target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)
    return tmp_path / "new.txt"


def names(target: Path) -> list[str]:
    """All that is in the target's folder."""
    return [path.name for path in target.parent.iterdir()]


def test_a_new_file_has_its_name_once_it_is_whole(target: Path) -> None:
    with new_file(target) as part:
        part.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert names(target) == ["new.txt"]


def test_what_fails_leaves_nothing_behind(target: Path) -> None:
    def fail() -> None:
        with new_file(target) as part:
            part.write_text("half")
            Path(f"{part}-wal").write_text("as databases have it")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(target) == []


def test_what_a_killed_one_left_is_removed_by_the_next_of_that_name(target: Path) -> None:
    for name in ("new.txt.0123abcd.part", "new.txt.0123abcd.part-shm", "new.txt.notes.part", "old.txt.0123abcd.part"):
        target.with_name(name).write_text("half")
    with new_file(target) as part, new_file(target.with_name("old.txt")):
        part.write_text("whole")
    assert sorted(names(target)) == ["new.txt", "new.txt.notes.part", "old.txt"]


def test_what_another_still_writes_is_left_to_it(target: Path) -> None:
    def write_last() -> None:
        with new_file(target) as first:
            first.write_text("first")
            with new_file(target) as second:
                second.write_text("second")
            assert first.read_text() == "first"

    with pytest.raises(FileExistsError):
        write_last()
    assert target.read_text() == "second"
    assert names(target) == ["new.txt"]


def test_what_is_there_already_is_not_overwritten(target: Path) -> None:
    target.write_text(MADE_MEANWHILE)
    with pytest.raises(FileExistsError), new_file(target):
        pytest.fail("it is refused before anything is done")
    assert target.read_text() == MADE_MEANWHILE


def test_what_another_process_makes_meanwhile_is_not_overwritten(target: Path) -> None:
    def write() -> None:
        with new_file(target) as part:
            part.write_text("mine")
            target.write_text(MADE_MEANWHILE)

    with pytest.raises(FileExistsError):
        write()
    assert target.read_text() == MADE_MEANWHILE
    assert names(target) == ["new.txt"]


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_mode_holds_from_the_first_moment(target: Path, mode: int) -> None:
    with new_file(target, mode) as part:
        assert part.stat().st_mode & 0o777 == mode
    assert target.stat().st_mode & 0o777 == mode
