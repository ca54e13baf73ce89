"""A terminal in an empty folder: the command line in one language, run in this process or as the real program."""

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result
from sqlmodel import Session, create_engine

import bot
from bot.domain.draft import Draft
from bot.domain.permissions import Caller
from bot.domain.voting import Voting
from bot.usecases import moderation, submission, voting
from bot.views.texts import Texts
from storage import migrations, workspaces
from storage.database import Database
from storage.writer import T, Work
from tests.contract.storage_rows import NOW
from tests.usecases.builders import new_file

PROGRAM = Path(sys.executable).parent / "butine"
LOCALES = {"fr": "fr_FR.UTF-8", "en": "en_GB.UTF-8"}
RULES = Voting.of(["+1"], own_ideas=False)


@dataclass
class Terminal:
    """Runs `butine …`; `say` gives the sentences that the operator should read."""

    language: str
    cli: ModuleType
    folder: Path

    @property
    def say(self) -> Texts:
        return Texts(self.language, domain="cli")

    @property
    def database(self) -> Path:
        return self.folder / "butine.db"

    def run(self, *words: str) -> Result:
        """What the command prints, in this process."""
        return CliRunner().invoke(self.cli.main, words, prog_name="butine")

    def succeed(self, *words: str) -> str:
        """What the command prints; it has to succeed."""
        result = self.run(*words)
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    def fail(self, code: int, sentence: str, *words: str) -> None:
        """The command has to fail with that exit code, and that sentence alone on standard error."""
        result = self.run(*words)
        assert (result.stderr, result.stdout.strip(), result.exit_code) == (sentence + "\n", "", code)

    def start(self, *words: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[str]":
        """The real program, begun; `stdout` is a file's number."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
        return subprocess.Popen(
            [PROGRAM, *words],
            cwd=self.folder,
            env={**environment, "LANG": LOCALES[self.language]},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def configure(self, text: str) -> None:
        """Write butine.toml."""
        (self.folder / "butine.toml").write_text(text, encoding="utf-8")

    def write(self, work: Work[T], url: str | None = None) -> T:
        """Keep something in the database."""
        return self._with_database(url, lambda database: database.write(work))

    def read(self, work: Work[T], url: str | None = None) -> T:
        """Look something up in the database."""
        return self._with_database(url, lambda database: database.read(work))

    def _with_database(self, url: str | None, use: Callable[[Database], Awaitable[T]]) -> T:
        async def once() -> T:
            database = Database.open(url or f"sqlite:///{new_file(self.folder)}")
            try:
                return await use(database)
            finally:
                await database.close()

        return asyncio.run(once())


def words_of(text: str) -> str:
    """A text whatever its line breaks."""
    return re.sub(r"\s+", " ", text).strip()


@pytest.fixture(scope="session")
def cli_of() -> Iterator[Callable[[str], ModuleType]]:
    """The command line as it is when it starts under a locale: it reads that once."""
    loaded: dict[str, ModuleType] = {}
    source = Path(bot.__file__).parent / "cli.py"

    def load(locale: str) -> ModuleType:
        if locale not in loaded:
            name = f"bot_cli_{locale}"
            spec = importlib.util.spec_from_file_location(name, source)
            assert spec
            assert spec.loader
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            with pytest.MonkeyPatch.context() as patch:
                for variable in ("LC_ALL", "LC_MESSAGES"):
                    patch.delenv(variable, raising=False)
                patch.setenv("LANG", locale)
                spec.loader.exec_module(module)
            loaded[locale] = module
        return loaded[locale]

    yield load
    for module in loaded.values():
        sys.modules.pop(module.__name__)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    folder = tmp_path / "butine"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(params=["fr", "en"])
def terminal(request: pytest.FixtureRequest, cli_of: Callable[[str], ModuleType], in_folder: Path) -> Terminal:
    """A terminal in each language in turn."""
    return Terminal(request.param, cli_of(LOCALES[request.param]), in_folder)


@pytest.fixture
def english(cli_of: Callable[[str], ModuleType], in_folder: Path) -> Terminal:
    """One in English, where the language changes nothing."""
    return Terminal("en", cli_of(LOCALES["en"]), in_folder)


def in_web(session: Session) -> int:
    """The web room's workspace."""
    return workspaces.ensure(session, "web", "room")


def older_database(terminal: Terminal) -> bytes:
    """A database of the first version; returns the file's content."""
    engine = create_engine(f"sqlite:///{terminal.database}")
    migrations.upgrade(engine, "0001")
    engine.dispose()
    return terminal.database.read_bytes()


def fill(session: Session) -> None:
    """Ideas in most statuses, with authors, supporters and history."""
    workspace_id = in_web(session)
    for member, name in (("camille", "Camille Martin"), ("sam", "Sam Petit"), ("nadia", "Nadia Roy")):
        workspaces.saw(session, workspace_id, member, name, "fr")
    camille, sam = Caller(workspace_id, "camille"), Caller(workspace_id, "sam")
    nadia = Caller(workspace_id, "nadia", is_moderator=True)
    drafts = [
        Draft("Des vélos entre les sites", "Douze minutes contre vingt-cinq", "En acheter dix", "Du temps"),
        Draft("[bold]x[/bold] :heart: [red]"),
        Draft("À l’étude", "A\nB\n\nC"),
        Draft("Refusée"),
        Draft("Retirée"),
    ]
    for draft in drafts:
        submission.submit(session, camille, draft, NOW)
    for number in (1, 2):
        moderation.approve(session, nadia, number, NOW)
    for caller in (sam, nadia):
        voting.cast(session, caller, 1, RULES, NOW, is_present=True)
    moderation.refuse(session, nadia, 4, "Déjà faite", NOW)
    submission.withdraw(session, camille, 5, NOW)


@pytest.fixture
def filled(terminal: Terminal) -> Terminal:
    """A terminal where ideas are kept."""
    terminal.write(fill)
    return terminal


@pytest.fixture
def filled_english(english: Terminal) -> Terminal:
    """The same, in English alone."""
    english.write(fill)
    return english
