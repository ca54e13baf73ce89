"""What `/health` tells a monitoring probe of the database: whether an idea would be kept now."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.app import App
from bot.trial import EVERY_SECONDS, KEY, Trial
from storage import notes
from storage.database import Database
from tests.test_app import answer, settings_in
from tests.usecases.builders import NOW, new_file


async def health(app: App) -> tuple[int, str]:
    """The answer's code, and the word in it."""
    code, told = await answer(app.address + "health")
    return code, json.loads(told)["status"]


async def test_it_is_well_while_ideas_are_kept(tmp_path: Path) -> None:
    app = App(settings_in(tmp_path, web={"port": 0, "room": False}))
    await app.start()
    assert await health(app) == (200, "ok")
    await app.stop()


async def test_a_database_that_takes_nothing_is_seen_by_a_probe_that_looks_at_the_code_alone(tmp_path: Path) -> None:
    """Another program holds it."""
    app = App(settings_in(tmp_path, web={"port": 0, "room": False}))
    await app.start()
    with closing(sqlite3.connect(new_file(tmp_path), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert await health(app) == (503, "failing")
    await app.stop()


async def test_whoever_asks_often_has_the_last_answer_for_a_while(tmp_path: Path) -> None:
    """Each trial is synced to the disk, and anybody who reaches the address may ask."""
    database, seconds = Database.open(f"sqlite:///{new_file(tmp_path)}"), [100.0]
    trial = Trial(database, lambda: NOW, lambda: seconds[0])
    assert await trial.succeeds()
    await database.write(lambda s: notes.put(s, KEY, "earlier"))
    assert await trial.succeeds()
    assert await database.read(lambda s: notes.get(s, KEY)) == "earlier"
    seconds[0] += EVERY_SECONDS
    assert await trial.succeeds()
    assert await database.read(lambda s: notes.get(s, KEY)) == NOW.isoformat()
    await database.close()


async def test_it_fails_once_the_database_does_and_no_longer(tmp_path: Path) -> None:
    database, seconds = Database.open(f"sqlite:///{new_file(tmp_path)}"), [100.0]
    trial, told = Trial(database, lambda: NOW, lambda: seconds[0]), []
    with closing(sqlite3.connect(new_file(tmp_path), isolation_level=None)) as holder:
        for statement in ("SELECT 1", "BEGIN IMMEDIATE", "ROLLBACK"):
            holder.execute(statement)
            told.append(await trial.succeeds())
            seconds[0] += EVERY_SECONDS
    assert told == [True, False, True]
    await database.close()
