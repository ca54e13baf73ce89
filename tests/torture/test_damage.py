"""A damaged database file: refused in words at the start or by `butine check`, and never a false receipt later on.

Damage is done to real files with real content: the header, something in the middle, or the end cut off.
"""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlmodel import Session

from bot import cli
from bot.app import App
from bot.config import Settings
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.failures import DATABASE, explain
from bot.schedule import Schedule, Scheduled
from bot.usecases import digesting, moderation, submission, voting
from bot.views.texts import Texts
from storage import workspaces
from storage.database import Database
from storage.errors import StorageError
from tests.chat.desk import Desk, words
from tests.ports import free_port
from tests.torture.conftest import Figures
from tests.torture.dose import dose
from tests.torture.talk import Talk, integrity
from tests.usecases.builders import NOW, RULES, SIZES

PAGE = 4096
ROUNDS = dose(20, 1)
Harm = Callable[[Path, random.Random], None]


def header(path: Path, chance: random.Random) -> None:
    """Some bytes of the first hundred, which say what the file is."""
    content = bytearray(path.read_bytes())
    start = chance.choice([0, 0, 16, 18, 28, 40, 44, 52, 56])
    for place in range(start, min(100, start + chance.randrange(4, 24))):
        content[place] = chance.randrange(256)
    path.write_bytes(content)


def middle(path: Path, chance: random.Random) -> None:
    """One to eight pages after the first."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(chance.randrange(PAGE, size - PAGE))
        file.write(chance.randbytes(chance.randrange(200, 8 * PAGE)))
        file.truncate(size)


def cut_off(path: Path, chance: random.Random) -> None:
    """The end is missing, in the middle of a page or not."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(chance.choice([chance.randrange(1, size), PAGE * chance.randrange(1, size // PAGE)]))


HARMS: list[Harm] = [header, middle, cut_off]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that has been in use: pending, published and shortlisted ideas, long texts, votes, cards on show."""
    return asyncio.run(in_use(tmp_path_factory.mktemp("used")))


async def in_use(folder: Path) -> Path:
    """Use one."""
    desk = await Desk.open(folder)

    def fill(session: Session) -> None:
        author, moderator = Caller(desk.workspace_id, "camille"), Caller(desk.workspace_id, "nadia", is_moderator=True)
        for number in range(1, 61):
            draft = Draft(f"Idée d’avant {number}", f"Besoin {number}. " * 60, "Proposition. " * 60, "Apport. " * 20)
            submission.submit(session, author, draft, NOW)
            if number % 3:
                moderation.approve(session, moderator, number, NOW)
                voter = Caller(desk.workspace_id, "sam")
                voting.cast(session, voter, number, RULES.voting, NOW, is_present=True)
        digesting.publish(session, desk.workspace_id, RULES.weekly.latest(NOW), SIZES, NOW)

    await desk.database.write(fill)
    await desk.send()
    await desk.database.close()
    return desk.path


@pytest.fixture
def used(template: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copy(template, tmp_path / "butine.db"))


@pytest.fixture
def butine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Result]:
    """The command line, in the folder of the damaged file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUTINE_WEB__PORT", str(free_port()))
    return lambda command: CliRunner().invoke(cli.main, [command], prog_name="butine")


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("harm", HARMS)
def test_a_check_says_that_a_file_is_damaged(
    harm: Harm, number: int, used: Path, butine: Callable[[str], Result]
) -> None:
    """Just where SQLite's own check finds it so, in a sentence, and without harm to what is left."""
    harm(used, random.Random(number))  # noqa: S311  the same each time
    content, is_sound = used.read_bytes(), sound(used)
    result = butine("check")
    bad = [line for line in result.stdout.splitlines() if line.startswith("✗ ")]
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit | None)
    assert (result.exit_code, len(bad)) == ((0, 0) if is_sound else (1, 1)), result.output
    assert used.read_bytes() == content


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_file_is_refused_in_words_or_never_gives_a_false_receipt(
    harm: Harm, number: int, used: Path, tmp_path: Path, figures: Figures
) -> None:
    """A start reads little of the file: what is found later is told to whoever meets it."""
    whole = used.read_bytes()
    harm(used, random.Random(number))  # noqa: S311  the same each time
    talk = asyncio.run(start_and_use(used, tmp_path))
    if talk:
        assert set(talk.saved) <= set(readable_titles(used))
        assert not set(talk.not_saved) & set(readable_titles(used))
        figures(saved=len(talk.saved), not_saved=len(talk.not_saved), unexpected=len(talk.unexpected))
    figures(started=talk is not None)

    for path in tmp_path.glob("butine.db*"):
        path.unlink()
    used.write_bytes(whole)  # the backup is put back
    asyncio.run(use_again(used))
    assert integrity(used) == "ok"


async def use_again(path: Path) -> None:
    """Ideas are saved."""
    talk = Talk(await at_desk(path))
    await talk.burst(3)
    await talk.desk.database.close()
    assert len(talk.saved) == 3


async def start_and_use(path: Path, folder: Path) -> Talk | None:
    """Start on the file, and do there what people do; None where it is refused, in words."""
    web = {"port": 0, "room_database": folder / "room.db"}
    app = App(Settings.model_validate({"storage": {"url": f"sqlite:///{path}"}, "web": web}))
    try:
        await app.start()
        await app.stop()
        desk = await at_desk(path)
    except Exception as error:  # noqa: BLE001  whatever it is, it must have its sentence
        refusal = error
    else:
        try:
            return await use(desk)
        finally:
            await desk.database.close()
    sentence, exit_code = explain(refusal, Texts("en", domain="cli"))
    assert exit_code == DATABASE, repr(refusal)
    assert sentence.endswith(".")
    return None


async def at_desk(path: Path) -> Desk:
    """The file's workspace."""
    database = Database.open(f"sqlite:///{path}")
    workspace_id = await database.write(lambda session: workspaces.ensure(session, "memory", "T1"))
    return Desk(database, path, workspace_id, RULES)


async def use(desk: Desk) -> Talk:
    """Propose, read, vote, decide, send and let a week come; each is done, or told not to be."""
    talk = Talk(desk)
    shows = (f"show {number}" for number in range(1, 61, 4))
    for text in ("list", "mine", "top", "stats", "search besoin", "shortlist", "queue", *shows):
        assert words(await desk.type("nadia", text))
    await talk.burst(4)
    await talk.fill_in()
    for number in range(1, 61, 5):
        assert words(await desk.type("sam", f"vote {number}"))
        assert words(await desk.type("nadia", f"status {number} retained"))
        await desk.click("nadia", "approve", str(number))
    await talk.burst(4, length=50)
    for work in (desk.dispatcher.send_due, week_comes(desk)):
        with suppress(StorageError):
            await work()
    return talk


def week_comes(desk: Desk) -> Callable[[], Awaitable[object]]:
    """The next digest's minute."""
    desk.now = RULES.weekly.coming(desk.now).due_at
    return Schedule(
        desk.database, [Scheduled(desk.workspace_id, RULES, lambda: None, lambda: None)], lambda: desk.now
    ).tick


def sound(path: Path) -> bool:
    """Whether SQLite's own check finds nothing, in a copy."""
    copy = Path(shutil.copy(path, path.with_name("copy.db")))
    try:
        return integrity(copy) == "ok"
    except sqlite3.DatabaseError:
        return False
    finally:
        for left in path.parent.glob("copy.db*"):
            left.unlink()


def readable_titles(path: Path) -> list[str]:
    """The newest ideas that another program can read, up to the first damage."""
    found: list[str] = []
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.DatabaseError):
        for (title,) in connection.execute("SELECT title FROM idea ORDER BY id DESC LIMIT 60"):
            found.append(title)
    return found
