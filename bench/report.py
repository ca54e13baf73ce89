"""The table that people read, and the JSON that the README's figures come from, with the machine named."""

import json
import os
import platform
import sqlite3
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.ground import Dose
from bench.processes import ROOT
from bench.rows import Row

README, FIGURES = ROOT / "README.md", ROOT / "bench.json"
BEGIN, END = "<!-- figures: make bench -->", "<!-- end of figures -->"
WHOLE_FROM = 100
LIBRARIES = ("aiohttp", "slack-bolt", "slack-sdk", "sqlalchemy", "sqlmodel", "pydantic")


def table(rows: Sequence[Row]) -> Table:
    """A line for each figure."""
    made = Table("figure", "ours", "peer", "ratio", "target", "reached")
    for row in rows:
        sign = "≥" if row.bound == "at_least" else "≤"
        made.add_row(
            row.name,
            f"{statistics.median(row.ours):,.4g} {row.unit}",
            f"{statistics.median(row.peer):,.4g} {row.unit} ({row.against})" if row.peer else row.against,
            f"{row.value:.2f}" if row.peer else "",
            f"{sign} {row.target:g}" + (" ×" if row.peer else f" {row.unit}"),
            "yes" if row.is_reached else "NO",
        )
    return made


def show(told: Table) -> None:
    """Print a table, wide enough to be read also where there is no terminal."""
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(told)


def written(rows: Sequence[Row], dose: Dose) -> dict[str, Any]:
    """Everything that was seen."""
    return {
        "machine": machine(),
        "dose": asdict(dose),
        "figures": [
            {
                **asdict(row),
                "median": {
                    "ours": statistics.median(row.ours),
                    "peer": statistics.median(row.peer) if row.peer else None,
                },
                "value": row.value,
                "is_ratio": bool(row.peer),
                "is_reached": row.is_reached,
            }
            for row in rows
        ],
    }


def machine() -> dict[str, Any]:
    """What it was measured on, and of which state of the code."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {name: version(name) for name in LIBRARIES},
    }


def markdown(told: Mapping[str, Any]) -> str:
    """What the README shows of what was written: the machine, and a line for each figure."""
    on = told["machine"]
    lines = [
        f"{on['processor']}, {on['cores']} cores, Python {on['python']}, SQLite {on['sqlite']}, {on['date'][:10]}:",
        "",
        "| figure | Butine | beside | ratio | aim |",
        "|---|---|---|---|---|",
    ]
    for row in told["figures"]:
        sign = "≥" if row["bound"] == "at_least" else "≤"
        ours, peer = row["median"]["ours"], row["median"]["peer"]
        beside = f"{_short(peer)} {row['unit']} ({row['against']})" if row["is_ratio"] else row["against"]
        ratio = f"{row['value']:.2f}" if row["is_ratio"] else ""
        aim = f"{sign} {row['target']:g}" + ("" if row["is_ratio"] else f" {row['unit']}")
        lines.append(f"| {row['name']} | {_short(ours)} {row['unit']} | {beside} | {ratio} | {aim} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= WHOLE_FROM else f"{value:.3g}"


def into_readme(told: Mapping[str, Any]) -> None:
    """Have the README show these figures."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{markdown(told)}\n{END}{after}", encoding="utf-8")


def save(told: dict[str, Any], file: Path) -> None:
    """Write it down."""
    file.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _commit() -> str:
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],  # noqa: S607  whichever git there is
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
