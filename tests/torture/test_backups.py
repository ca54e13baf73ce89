"""A backup made while Butine writes, put back in another folder: sound, whole, and able to serve.

What the copy itself promises is in tests/storage/test_backup.py.
"""

import asyncio
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from bot.app import App
from bot.config import Settings
from storage.database import Database
from storage.opening import parse_url, problems_of
from tests.chat.desk import Desk, words
from tests.torture.conftest import Figures
from tests.torture.dose import dose
from tests.torture.talk import SAVED, Talk
from tests.usecases.builders import RULES

ROUNDS = dose(20, 1)
TYPISTS = 2
ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_a_backup_made_while_writing_holds_all_that_was_acknowledged_before(
    number: int, tmp_path: Path, figures: Figures
) -> None:
    """`butine backup`, as a program of its own beside the one that writes."""
    (tmp_path / "here").mkdir()
    desk = await Desk.open(tmp_path / "here")
    talk, is_copied = Talk(desk), asyncio.Event()
    await talk.burst(10 * (number + 1), length=20)

    async def type_on() -> None:
        while not is_copied.is_set():
            await talk.propose(length=5)

    typing = [asyncio.create_task(type_on()) for _ in range(TYPISTS)]
    await talk.burst(TYPISTS)
    acknowledged = list(talk.saved)
    await back_up(tmp_path / "here")
    after = len(talk.saved)
    is_copied.set()
    await asyncio.gather(*typing)
    await desk.database.close()
    assert talk.not_saved == talk.unexpected == []
    assert after > len(acknowledged), "it was written to all the while"

    elsewhere = tmp_path / "another machine"
    elsewhere.mkdir()
    restored = Path(shutil.copy(tmp_path / "here" / "copy.db", elsewhere / "butine.db"))
    assert problems_of(parse_url(f"sqlite:///{restored}")) == []
    found = all_titles(restored)
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found) <= set(talk.saved)
    await assert_it_serves(restored, desk.workspace_id, found)
    figures(
        ideas_in_the_copy=len(found), acknowledged_before=len(acknowledged), written_meanwhile=after - len(acknowledged)
    )


async def back_up(folder: Path) -> None:
    """Run `butine backup copy.db` there."""
    environment = {**os.environ, "BUTINE_STORAGE__URL": "sqlite:///butine.db", "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "backup", "copy.db"),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()


async def assert_it_serves(path: Path, workspace_id: int, titles: list[str]) -> None:
    """Butine starts on it, answers, finds the ideas there, and takes a new one in under the next number."""
    web = {"port": 0, "room_database": path.with_name("room.db")}
    app = App(Settings.model_validate({"storage": {"url": f"sqlite:///{path}"}, "web": web}))
    await app.start()
    async with aiohttp.ClientSession() as client, client.get(f"{app.address}health") as answer:
        assert answer.status == 200
    await app.stop()
    desk = Desk(Database.open(f"sqlite:///{path}"), path, workspace_id, RULES)
    assert titles[-1].rstrip(".") in str((await desk.type("camille", "mine")).card)
    assert SAVED in words(await desk.router(desk.typed("camille", "Une idée d’après", "another-event")))
    await desk.database.close()
    assert len(all_titles(path)) == len(titles) + 1


def all_titles(path: Path) -> list[str]:
    """Every idea in the file, oldest first; the full-text index and the numbers have to agree."""
    with closing(sqlite3.connect(path)) as connection:
        found = list(connection.execute("SELECT number, title FROM idea ORDER BY number"))
        (indexed,) = connection.execute("SELECT count(*) FROM idea_search").fetchone()
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    assert indexed == len(found)
    return [title for _, title in found]
