"""Setting up: what the Makefile does and leaves out, which Python it takes, and that only locked files get in."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
PACKAGES: dict[str, dict[str, Any]] = {package["name"]: package for package in LOCK["package"]}

STAND_IN = """
import pathlib, sys
folder = pathlib.Path(".venv/bin")
folder.mkdir(parents=True, exist_ok=True)
print("set-up", *sys.argv[1:])
for stamp in [".installed"] + [".installed-dev"] * ("--dev" in sys.argv):
    (folder.parent / stamp).touch()
for name in ("butine", "ruff", "mypy", "pytest"):
    (folder / name).write_text('#!/bin/sh\\necho "' + name + ' $@"\\n')
    (folder / name).chmod(0o755)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with our Makefile, and a stand-in for the set-up that only says that it ran."""
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "bootstrap.py").write_text(STAND_IN)
    return tmp_path


def make(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make as if from a shell."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))}
    return subprocess.run(["make", *words], cwd=tree, env=environ, capture_output=True, text=True, check=False)


def test_make_run_sets_up_once_and_then_only_starts_butine(tree: Path) -> None:
    assert make(tree, "run").stdout.splitlines() == ["set-up", "butine run"]
    assert make(tree, "run").stdout.splitlines() == ["butine run"]


def test_a_changed_lock_is_set_up_again(tree: Path) -> None:
    make(tree, "install")
    stamp = (tree / ".venv" / ".installed").stat().st_mtime
    os.utime(tree / "uv.lock", (stamp + 1, stamp + 1))
    assert "set-up" in make(tree, "install").stdout


def test_what_is_set_up_for_the_checks_serves_for_running_too(tree: Path) -> None:
    assert "set-up --dev" in make(tree, "test").stdout
    assert make(tree, "run").stdout.splitlines() == ["butine run"]


def test_make_test_runs_every_check(tree: Path) -> None:
    said = make(tree, "test").stdout
    for check in ("ruff check .", "ruff format --check .", "mypy ", "pytest "):
        assert f"\n{check}" in said


def test_the_operator_may_choose_the_python(tree: Path) -> None:
    chosen = tree / "chosen"
    chosen.write_text(f'#!/bin/sh\necho chosen\nexec {sys.executable} "$@"\n')
    chosen.chmod(0o755)
    assert "chosen" in make(tree, "install", f"PYTHON={chosen}").stdout


def test_without_a_fitting_python_one_sentence_says_which_fit(tree: Path) -> None:
    result = make(tree, "install", "PYTHON=false")
    assert result.returncode
    assert result.stderr.startswith("Butine needs Python 3.11, 3.12, 3.13 or 3.14, and found none as: false.")


def test_make_alone_explains_every_target(tree: Path) -> None:
    phony = re.search(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert phony
    explained = set(re.findall(r"(?m)^make (\w+)", make(tree).stdout))
    assert explained == set(phony[1].split()) - {"help"}


# The set-up script


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def wheel_url() -> Iterator[str]:
    """Where a server on this machine serves the content b"wheel"."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"wheel")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/pip.whl"
        server.shutdown()


def test_what_is_fetched_has_the_locked_hash(bootstrap: ModuleType, wheel_url: str) -> None:
    assert bootstrap.fetch(wheel_url, "sha256:" + hashlib.sha256(b"wheel").hexdigest()) == b"wheel"


def test_anything_else_that_is_fetched_is_refused(bootstrap: ModuleType, wheel_url: str) -> None:
    with pytest.raises(bootstrap.SetUpError, match=r"not the one that uv\.lock names"):
        bootstrap.fetch(wheel_url, "sha256:" + hashlib.sha256(b"other").hexdigest())


def test_without_a_network_one_sentence_says_what_helps(bootstrap: ModuleType, unused_port: int) -> None:
    with pytest.raises(bootstrap.SetUpError, match="python3-venv"):
        bootstrap.fetch(f"http://127.0.0.1:{unused_port}/pip.whl", "sha256:0")


@pytest.fixture
def unused_port() -> int:
    """A loopback port where nothing listens."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port


def test_only_the_locked_files_of_uv_are_admitted(bootstrap: ModuleType) -> None:
    name, *hashes = bootstrap.requirement(PACKAGES["uv"]).split()
    assert name == f"uv=={PACKAGES['uv']['version']}"
    assert hashes == [f"--hash={wheel['hash']}" for wheel in PACKAGES["uv"]["wheels"]]


def test_the_lock_names_one_wheel_of_pip_for_every_machine() -> None:
    assert [wheel["url"].rpartition("-py3-")[2] for wheel in PACKAGES["pip"]["wheels"]] == ["none-any.whl"]


# The project's own papers


def test_the_version_of_the_lock_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert PACKAGES["butine"]["version"] == project["version"]


def test_the_licence_is_the_one_that_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith(f"{project['license']} License")


def test_ci_runs_the_same_checks_as_anyone() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    told = script.read_text(encoding="utf-8")
    assert "\nmake test\n" in told
    assert "\nexport BUTINE_TESTS_COVERAGE=1" in told
    assert "BUTINE_TESTS_COVERAGE" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_no_file_but_the_lock_names_a_registry() -> None:
    """People set up from their own mirror."""
    papers = [
        *ROOT.glob("*.md"),
        *ROOT.glob("*.toml"),
        ROOT / "Makefile",
        ROOT / ".ci" / "run",
        *ROOT.glob("tools/*.py"),
    ]
    hosts = set(re.findall(r"https://([^/\"]+)", (ROOT / "uv.lock").read_text(encoding="utf-8")))
    assert hosts
    assert not [path.name for path in papers if any(host in path.read_text(encoding="utf-8") for host in hosts)]
