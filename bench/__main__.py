"""`python -m bench`: measures, prints the table, and writes bench.json. What is measured is said in its modules."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click

from bench import report, requests, running, sizes
from bench.ground import QUICK, WHOLE, Ground
from bench.processes import Process
from bench.rows import Row
from bench.seed import FOLDER
from bench.traffic import Chat

FIGURES: dict[str, Callable[[Ground], Iterator[Row]]] = {
    "slack": requests.slack,
    "mattermost": requests.mattermost,
    "reactions": requests.reactions,
    "sizes": sizes.sizes,
    "start": running.starts,
    "help": running.helps,
    "memory": running.memory,
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(FIGURES)), help="Measure this; may be repeated.")
@click.option("--rounds", type=click.IntRange(1), help="How often each side has its turn.")
@click.option("--quick", is_flag=True, help="See that everything can be measured; the figures mean nothing.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench.json"), help="Where to write.")
def main(only: tuple[str, ...], rounds: int | None, quick: bool, out: Path) -> None:  # noqa: FBT001  click passes flags by name
    """Measure Butine beside bare peers; exits with 1 where a target is not reached."""
    dose = QUICK if quick else WHOLE
    if rounds:
        dose = replace(dose, rounds=rounds)
    rows: list[Row] = []
    FOLDER.mkdir(exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        with (
            Process(["-m", "bench.chat"], folder) as process,
            Ground(Chat(**json.loads(process.first_line)), folder, dose) as ground,
        ):
            for figure in only or FIGURES:
                for row in FIGURES[figure](ground):
                    rows.append(row)
                    click.echo(f"{row.name}: {row.value:.2f}", err=True)
    report.show(report.table(rows))
    report.save(report.written(rows, dose), out)
    sys.exit(0 if quick or all(row.is_reached for row in rows) else 1)


if __name__ == "__main__":
    main()
