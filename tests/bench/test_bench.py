"""The bench works: every figure can be measured, and what it writes has all that is told of. Speeds are not judged."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import load, report
from bench.__main__ import FIGURES, main
from bench.driver import percentile
from bench.ground import Failed
from bench.load import MIXED, Run, Sample
from bench.requests import require_ideas
from bench.rows import Row
from bench.seed import Size, seeded

NAMED = {
    "slack": ["/idea text, Slack HTTP", "/idea text, Slack HTTP, p99 at half load"],
    "mattermost": ["/idea text, Mattermost callback"],
    "reactions": ["reaction_added, Slack HTTP"],
    "start": ["cold start to ready"],
    "help": ["butine --help"],
}


def test_every_figure_can_be_measured(tmp_path: Path) -> None:
    """Each line of the table has both sides' values, a target, and the machine's name beside it."""
    file = tmp_path / "bench.json"
    done = CliRunner().invoke(main, ["--quick", "--out", str(file)])
    assert done.exit_code == 0, done.output
    told = json.loads(file.read_text(encoding="utf-8"))
    assert {"processor", "cores", "python", "versions", "date", "commit"} <= told["machine"].keys()
    names = [figure["name"] for figure in told["figures"]]
    assert len(names) == len(set(names)) == 16
    assert [name for group in NAMED.values() for name in group if name not in names] == []
    for figure in told["figures"]:
        assert figure["name"] in done.output.replace("\n", " ") or figure["name"][:20] in done.output
        assert all(value > 0 for value in (*figure["ours"], *figure["peer"]))
        assert figure["is_reached"] in (True, False)
    assert set(NAMED) < set(FIGURES)
