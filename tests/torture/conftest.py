"""What the torture tests share: the figures that they saw, printed as a table at the end."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from secrets import randbits

import pytest

from tests.torture.dose import IS_WHOLE

FIGURE = "figure"

Figures = Callable[..., None]


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """`figures(kills=200, acknowledged=9_417)` has what a test saw printed at the end of the run."""

    def seen(**values: object) -> None:
        for name, value in values.items():
            record_property(FIGURE, (name, str(value)))

    return seen


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where processes keep their compiled modules."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def random() -> Random:
    """Chance, whose seed is printed where the test fails."""
    seed = randbits(32)
    print(f"seed {seed}")  # noqa: T201
    return Random(seed)  # noqa: S311


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was seen, a line for each test."""
    lines = []
    for report in terminalreporter.stats.get("passed", []):
        seen = [value for name, value in report.user_properties if name == FIGURE]
        if seen:
            told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in seen)
            lines.append(f"{report.nodeid.partition('::')[2]} ({report.duration:.0f} s): {told}")
    if lines and IS_WHOLE:
        terminalreporter.section("What was seen")
        for line in lines:
            terminalreporter.line(line)
