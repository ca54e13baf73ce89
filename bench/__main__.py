"""`python -m bench`: measures, prints the table, and writes bench.json and the README's figures.

What is measured is said in the modules of its figures.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click

from bench import report, requests, running, sizes
from bench.ground import QUICK, WHOLE, Dose, Failed, Ground
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
@click.option("--out", type=click.Path(path_type=Path), help="Where to write; a part or a quick run goes nowhere else.")
def main(only: tuple[str, ...], rounds: int | None, quick: bool, out: Path | None) -> None:  # noqa: FBT001  click passes flags by name
    """Measure Butine beside bare peers; exits with 1 where a target is not reached."""
    dose = QUICK if quick else WHOLE
    if rounds:
        dose = replace(dose, rounds=rounds)
    try:
        rows = _measured(only or tuple(FIGURES), dose)
    except Failed as failed:
        raise click.ClickException(str(failed)) from failed
    report.show(report.table(rows))
    told = report.written(rows, dose)
    if out:
        report.save(told, out)
    elif not (only or quick):
        report.save(told, report.FIGURES)
        report.into_readme(told)
    sys.exit(0 if quick or all(row.is_reached for row in rows) else 1)


def _measured(figures: tuple[str, ...], dose: Dose) -> list[Row]:
    rows: list[Row] = []
    FOLDER.mkdir(exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        with (
            Process(["-m", "bench.chat"], folder) as process,
            Ground(Chat(**json.loads(process.first_line)), folder, dose) as ground,
        ):
            for figure in figures:
                for row in FIGURES[figure](ground):
                    rows.append(row)
                    click.echo(f"{row.name}: {row.value:.2f}", err=True)
    return rows


if __name__ == "__main__":
    main()
