"""The bench works: every figure can be measured, and nothing acknowledged may be missing. Speeds are not judged."""

import json
import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession
from click.testing import CliRunner

from bench import load, report
from bench.__main__ import FIGURES, main
from bench.chat import any_answer, mattermost_team, slack_workspace
from bench.crowd import Day, MattermostCrowd, SlackCrowd
from bench.ground import Failed
from bench.lines import OTHER, as_fast_as_it_goes
from bench.load import MIXED, MOMENTS, Run, Sample
from bench.requests import published_cards, require_ideas, require_votes
from bench.rows import Row
from bench.seed import Size, seeded
from bench.sizes import SEARCHED, searched
from bench.traffic import FORM, request, voter
from bot.config import Settings
from bot.domain.lifecycle import PUBLIC
from bot.rules import rules_of
from bot.usecases import voting
from storage import notes, search, workspaces
from storage.database import Database
from storage.search import Visible
from tests.fakes.slack.state import TEAM

SIZE = Size(40, 200)
ROWS = 16


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A small database as use would have left it."""
    shutil.copy(seeded(SIZE), tmp_path / "butine.db")
    return tmp_path / "butine.db"


def test_every_figure_can_be_measured(tmp_path: Path) -> None:
    """Each line of the table has both sides' values and a target, and the machine's name stands beside them."""
    file = tmp_path / "bench.json"
    done = CliRunner().invoke(main, ["--quick", "--out", str(file)])
    assert done.exit_code == 0, done.output
    told = json.loads(file.read_text(encoding="utf-8"))
    assert {"processor", "cores", "python", "versions", "date", "commit"} <= told["machine"].keys()
    assert len({figure["name"] for figure in told["figures"]}) == len(told["figures"]) == ROWS
    assert len(FIGURES) == len(set(FIGURES))
    for figure in told["figures"]:
        assert figure["name"].split(",")[0] in done.output
        assert all(value > 0 for value in (*figure["ours"], *figure["peer"], figure["value"]))
        assert figure["is_reached"] in (True, False)


def test_a_day_can_be_lived_and_is_compared_with_what_is_kept(tmp_path: Path) -> None:
    """Events of every kind, acknowledged; samples of Butine; ideas and votes the same on both sides."""
    file = tmp_path / "load.json"
    done = CliRunner().invoke(load.main, ["--mixed", "2", "--ideas", "0.2", "--out", str(file)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    day, ideas = json.loads(file.read_text(encoding="utf-8"))["runs"]
    assert sum(day["events"].values()) == 16
    assert sum(ideas["events"].values()) == ideas["acknowledged"] == 4
    assert ideas["ideas_acknowledged_and_in_the_database_exactly_once"] == 4
    assert [day["errors"], day["lost"], ideas["errors"], ideas["lost"]] == [{}, [], {}, []]
    assert day["memory_mib"]["start"] > 0
    assert day["descriptors"]["start"] > 0


def test_an_acknowledged_idea_that_is_missing_fails_the_bench(database: Path) -> None:
    """As does one that is there twice."""
    _tell(database, "UPDATE idea SET proposal = 'Oui (réf. 0000007).' WHERE number = 1")
    require_ideas(database, [7])
    with pytest.raises(Failed, match="1 acknowledged"):
        require_ideas(database, [7, 8])
    _tell(database, "UPDATE idea SET proposal = 'Oui (réf. 0000007).' WHERE number = 2")
    with pytest.raises(Failed, match="1 acknowledged"):
        require_ideas(database, [7])


def test_an_acknowledged_vote_that_is_missing_fails_the_bench(database: Path) -> None:
    """As does one at another idea."""
    cards = published_cards(database)
    ideas = list(cards.values())
    for number, idea in ((0, ideas[0]), (1, ideas[0])):
        values = (idea, voter(number), "👍", 1, 1, "2026-11-24 09:00:00.000000")
        _tell(database, "INSERT INTO gesture VALUES (?, ?, ?, ?, ?, ?)", values)
    require_votes(database, [0], cards)
    with pytest.raises(Failed, match="1 acknowledged"):
        require_votes(database, [0, 1], cards)


@pytest.mark.parametrize("expected, statuses", [(b"ok", {200: 3}), (b"found", {OTHER: 3})])
async def test_another_answer_than_the_one_that_is_measured_is_an_error(
    expected: bytes, statuses: dict[int, int]
) -> None:
    """A refusal would come faster."""
    url = await any_answer()
    asked = [(number, request(url, b"text=top", FORM, {})) for number in range(3)]
    seen = await as_fast_as_it_goes(url, asked, 60.0, 1, expected)
    assert (dict(seen.statuses), seen.acknowledged) == (statuses, [0, 1, 2] if expected == b"ok" else [])


async def test_each_search_that_is_measured_finds_something(database: Path) -> None:
    butine = Database.open(f"sqlite:///{database}")
    workspace = await butine.write(lambda session: workspaces.ensure(session, "slack", TEAM))
    texts = list(searched(database))
    assert len(set(texts)) == 2 * SEARCHED
    for text in texts:
        find = partial(search.find, workspace_id=workspace, words=text, visible=Visible(PUBLIC), limit=1)
        assert await butine.read(find), text
    await butine.close()


async def test_only_ideas_that_were_acknowledged_are_said_to_be() -> None:
    """They must be there in a run with errors, too."""

    class Failing(SlackCrowd):
        async def propose(self, number: int) -> bool:
            if number == 2:
                raise TimeoutError
            return number != 0

    class Taking(MattermostCrowd):
        async def propose(self, number: int) -> bool:
            return True

    chance = random.Random(0)  # noqa: S311  no secret
    slack, here = slack_workspace(1)
    mattermost, command, there = mattermost_team(1)
    async with ClientSession() as session:
        day = Day(Failing(slack, here, chance), Taking(mattermost, command, there, chance, session), chance)
        for _ in range(6):
            with suppress(TimeoutError):
                await day.proposing()[1]()
    assert day.acknowledged == [1, 3, 4, 5]


async def test_a_seeded_database_is_one_that_butine_agrees_with(database: Path) -> None:
    """Votes counted anew are the same, each published idea has its card, and each idea can be found."""
    with closing(sqlite3.connect(database)) as connection:
        ask = partial(connection.execute)
        assert ask("SELECT count(*), sum(supporters) FROM idea").fetchone() == (SIZE.ideas, SIZE.votes)
        assert ask("SELECT count(*) FROM idea_search").fetchone() == (SIZE.ideas,)
        published = ask("SELECT count(*) FROM idea WHERE published_at IS NOT NULL").fetchone()
        assert ask("SELECT count(*) FROM outbox WHERE view = 'idea_card' AND message != ''").fetchone() == published
        assert ask("SELECT count(*) FROM outbox WHERE shown < wanted").fetchone() == (0,)
        assert ask("PRAGMA foreign_key_check").fetchall() == []
    butine = Database.open(f"sqlite:///{database}")
    workspace = await butine.write(lambda session: workspaces.ensure(session, "slack", TEAM))
    await butine.write(lambda session: notes.put(session, f"{voting.RULES_NOTE}:{workspace}", "other rules"))
    recount = partial(
        voting.recount_if_rules_changed,
        workspace_id=workspace,
        voting=rules_of(Settings()).voting,
        now=datetime.now(UTC),
    )
    assert await butine.write(recount) == 0
    await butine.close()


def test_the_readme_shows_what_the_bench_wrote() -> None:
    told = json.loads(report.FIGURES.read_text(encoding="utf-8"))
    shown = report.README.read_text(encoding="utf-8").partition(report.BEGIN)[2].partition(report.END)[0]
    assert shown.strip() == report.markdown(told)


def test_the_median_of_the_rounds_decides() -> None:
    """One slow round on either side changes nothing."""
    row = Row("x", "ms", "y", [10.0, 90.0, 11.0], [10.0, 10.0, 1.0], 1.2, "at_most")
    assert row.value == pytest.approx(1.1)
    assert row.is_reached
    assert not Row("x", "1/s", "y", [9.0], [10.0], 1.0, "at_least").is_reached


@pytest.mark.parametrize(
    "changed",
    [
        {"times": [0.1, 2.6]},
        {"times": [1.1] * 100},
        {"errors": Counter({"x": 1})},
        {"lost": ["vote"]},
        {"samples": [Sample(60.0, 100.0, 20), Sample(90.0, 131.0, 20)]},
        {"samples": [Sample(60.0 + n, 100.0, 20) for n in range(MOMENTS)] + [Sample(90.0, 100.0, 40)] * MOMENTS},
    ],
)
def test_a_run_with_a_fault_is_not_accepted(changed: dict[str, object]) -> None:
    """Late answers, errors, losses, growing memory and descriptors, after the warm-up."""
    good = [Sample(0.0, 10.0, 5), Sample(60.0, 100.0, 20), Sample(90.0, 101.0, 21)]
    values: dict[str, object] = {"times": [0.1], "samples": good}
    assert _told(values)["is_accepted"] is True
    assert _told(values | changed)["is_accepted"] is False


def _tell(database: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, values)


def _told(values: dict[str, object]) -> dict[str, object]:
    run = Run(MIXED, 100.0)
    for name, value in values.items():
        setattr(run, name, value)
    return run.told()
