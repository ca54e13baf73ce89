"""What loading the settings' module costs, and does not do."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_importing_reads_neither_file_nor_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("butine.toml").write_text("broken", encoding="utf-8")
    environ = {"PYTHONPATH": str(ROOT), "BUTINE_LANGUAGE": "de"}
    subprocess.run([sys.executable, "-c", "import bot.config"], env=environ, check=True)


def test_the_command_line_starts_without_pydantic() -> None:
    """It would cost more time than everything else that `butine --help` does."""
    program = "import sys, bot.cli; sys.exit('pydantic' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT)}, check=True)
