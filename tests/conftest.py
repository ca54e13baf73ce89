"""What all tests share: programs they may need, a clean environment, and saying which tests were left out."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator

import hypothesis
import pytest

from tests.postgresql import Cluster, programs

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRES_ALL = bool(os.environ.get("BUTINE_TESTS_REQUIRE_ALL"))

# A loaded machine is slow at times; that is no failure. Where a change is judged (CI is set), it is judged by the same
# examples each time; everywhere else new ones are looked for.
hypothesis.settings.register_profile("butine", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("butine")


def chromium_program() -> str | None:
    """The browser's program, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are processors: tests wait for browsers, servers and disks."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a program that is not on this machine."""
    missing = {}
    if not chromium_program():
        missing["browser"] = "Chromium is not installed (package chromium)"
    if not programs():
        missing["postgresql"] = "PostgreSQL's server is not installed (package postgresql)"
    fixtures = {"chromium": "browser", "postgresql_cluster": "postgresql"}
    for item in items:
        needed = {mark.name for mark in item.iter_markers()}
        needed |= {fixtures[name] for name in getattr(item, "fixturenames", ()) if name in fixtures}
        for name in sorted(needed & missing.keys()):
            item.add_marker(pytest.mark.skip(reason=missing[name]))
    coverage = config.pluginmanager.get_plugin("_cov")
    if missing and coverage and not REQUIRES_ALL:
        coverage.options.cov_fail_under = 0  # what these tests would cover is no one's fault


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end which tests were left out, and why."""
    skipped = _skipped(terminalreporter)
    if not skipped:
        return
    terminalreporter.section("Left out")
    for reason, number in Counter(reason for _, reason in skipped).items():
        terminalreporter.line(f"{number} test{'s' if number > 1 else ''}: {reason}")
        for name in sorted({name for name, why in skipped if why == reason}):
            terminalreporter.line(f"    {name}")
    if REQUIRES_ALL:
        terminalreporter.line("BUTINE_TESTS_REQUIRE_ALL is set: that is a failure.")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With BUTINE_TESTS_REQUIRE_ALL, a test left out fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if REQUIRES_ALL and reporter and _skipped(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped(reporter: pytest.TerminalReporter) -> list[tuple[str, str]]:
    reports = reporter.stats.get("skipped", [])
    return [(report.nodeid, report.longrepr[2].removeprefix("Skipped: ")) for report in reports]


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees no BUTINE_ variable but its own."""
    for name in list(os.environ):
        if name.startswith("BUTINE_") and not name.startswith("BUTINE_TESTS_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    program = chromium_program()
    assert program
    return program


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    """One running PostgreSQL for all tests."""
    folder = programs()
    assert folder
    cluster = Cluster(folder)
    yield cluster
    cluster.stop()


@pytest.fixture
def postgresql_url(postgresql_cluster: Cluster) -> str:
    """A fresh and empty database for one test, as `storage.url` takes it."""
    return postgresql_cluster.url(postgresql_cluster.new_database())
