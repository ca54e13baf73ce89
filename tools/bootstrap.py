"""Sets Butine up in .venv, from nothing but this Python and the lock file; the Makefile calls it.

Debian's python3 comes without pip and ensurepip, so pip itself may have to be fetched: the wheel that uv.lock names,
checked by its hash. With pip comes the locked uv, and uv installs the rest. Needs the standard library only.
"""

import argparse
import hashlib
import os
import ssl
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "uv.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
TIMEOUT = 60
"""Seconds that the server of the pip wheel may be silent."""


class SetUpError(Exception):
    """Set-up can't go on; the text is for the person at the terminal."""


def main() -> None:
    """Set up what `butine run` needs, or with --dev what the checks need too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also install what the checks need")
    is_for_checks = parser.parse_args().dev
    try:
        set_up(is_for_checks=is_for_checks)
    except SetUpError as error:
        sys.exit(f"Set-up failed: {error}")
    except KeyboardInterrupt:
        sys.exit("Set-up stopped; the next make goes on from here.")


def set_up(*, is_for_checks: bool) -> None:
    """Make .venv and install the locked packages. Raises SetUpError."""
    packages = {package["name"]: package for package in tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]}
    if not _runs([PYTHON, "-c", ""]):
        _say(f"Making .venv with Python {sys.version.split()[0]} ({sys.executable})")
        make_venv()
    uv = packages["uv"]
    if not _runs([UV, "--version"], expected=f"uv {uv['version']}"):
        if not _runs([PYTHON, "-m", "pip", "--version"]):
            _say(f"Fetching pip {packages['pip']['version']}, which this Python lacks")
            install_pip(packages["pip"])
        _say(f"Installing uv {uv['version']}")
        install_uv(uv)
    _say("Installing Butine and its packages" + (" and the checks" if is_for_checks else ""))
    sync(is_for_checks=is_for_checks)
    for stamp in (".installed", ".installed-dev") if is_for_checks else (".installed",):
        (VENV / stamp).touch()


def make_venv() -> None:
    """A new .venv, with pip where this Python has ensurepip."""
    try:
        import venv  # noqa: PLC0415  some distributions leave it out

        venv.EnvBuilder(clear=True, symlinks=True, with_pip=find_spec("ensurepip") is not None).create(VENV)
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        raise SetUpError(f"{sys.executable} could not make {VENV} ({error}).") from error


def install_pip(package: dict[str, Any]) -> None:
    """The locked pip, from its wheel, which can install itself."""
    wheel = package["wheels"][0]
    with tempfile.TemporaryDirectory(dir=VENV) as folder:
        file = Path(folder, wheel["url"].rpartition("/")[2])
        file.write_bytes(fetch(wheel["url"], wheel["hash"]))
        command = [PYTHON, file / "pip", "install", "--quiet", "--no-user", "--no-deps", "--no-index", file]
        _run(command, "pip could not be installed; the lines above say why.")


def fetch(url: str, expected: str) -> bytes:
    """What is at `url`, if its hash is `expected` ("sha256:…"). Raises SetUpError."""
    try:
        content = _read(url)
    except OSError as error:
        advice = "Is the network there? With Debian's python3-venv this download is not needed."
        raise SetUpError(f"pip could not be fetched ({error}). {advice}") from error
    algorithm, _, digest = expected.partition(":")
    if hashlib.new(algorithm, content).hexdigest() != digest:
        raise SetUpError("the pip that was fetched is not the one that uv.lock names.")
    return content


def requirement(package: dict[str, Any]) -> str:
    """A line for pip that admits only the locked files of a package."""
    hashes = [wheel["hash"] for wheel in package["wheels"]]
    return " ".join([f"{package['name']}=={package['version']}", *(f"--hash={value}" for value in hashes)])


def install_uv(package: dict[str, Any]) -> None:
    """The locked uv, by pip and the user's own pip configuration."""
    with tempfile.TemporaryDirectory(dir=VENV) as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text(requirement(package) + "\n", encoding="utf-8")
        options = ["--quiet", "--disable-pip-version-check", "--no-user", "--no-deps", "--require-hashes"]
        command = [PYTHON, "-m", "pip", "install", *options, "--only-binary", ":all:", "-r", requirements]
        _run(command, "uv could not be installed; the lines above say why.")


def sync(*, is_for_checks: bool) -> None:
    """The locked packages and Butine itself, editable, by uv and the user's own uv configuration."""
    # Inexact: uv itself and pip are no part of what runs, and are needed again.
    groups = ["--dev"] if is_for_checks else ["--no-dev", "--inexact"]
    command = [UV, "sync", "--quiet", "--frozen", "--python", PYTHON, *groups]
    _run(command, "uv could not install the packages; the lines above say why.")


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    environment.pop("VIRTUAL_ENV", None)
    environment |= {"UV_PROJECT_ENVIRONMENT": str(VENV), "UV_PYTHON_DOWNLOADS": "never"}
    bundled = next(VENV.glob("lib/python*/site-packages/pip/_vendor/certifi/cacert.pem"), None)
    if bundled and not _has_certificates():
        environment["SSL_CERT_FILE"] = str(bundled)
    return environment


def _run(command: Sequence[object], sentence: str) -> None:
    if subprocess.run([str(part) for part in command], cwd=ROOT, env=_environment(), check=False).returncode:
        raise SetUpError(sentence)


def _runs(command: Sequence[object], expected: str = "") -> bool:
    try:
        result = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return result.returncode == 0 and result.stdout.startswith(expected)


def _read(url: str) -> bytes:
    # A bare machine has no certificates to check the server with. The locked hash vouches for the content.
    context = ssl.create_default_context() if _has_certificates() else ssl._create_unverified_context()  # noqa: S323, SLF001
    with urllib.request.urlopen(url, timeout=TIMEOUT, context=context) as response:  # noqa: S310  the lock's own URL
        content: bytes = response.read()
        return content


def _has_certificates() -> bool:
    store = ssl.get_default_verify_paths()
    return bool(store.cafile or (store.capath and any(Path(store.capath).iterdir())))


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
