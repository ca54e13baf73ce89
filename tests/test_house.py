"""The house's rules, read from the source: who imports whom, how long a module is, and that the documents are true."""

import ast
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bot import config
from bot.cli import main

ROOT = Path(__file__).parent.parent
LINES_PER_MODULE = 400
SOURCES = sorted(path for room in ("bot", "storage", "tools") for path in (ROOT / room).rglob("*.py"))
WITH_BENCH = [*SOURCES, *sorted((ROOT / "bench").rglob("*.py"))]
SETTINGS = config.keys()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PLATFORMS = sorted(folder.name for folder in (ROOT / "bot" / "chat").iterdir() if (folder / "__init__.py").exists())

CORE = {
    *("bot.chat.acts", "bot.chat.events", "bot.chat.platform", "bot.chat.showing"),
    *("bot.domain", "bot.errors", "bot.rules", "bot.usecases", "bot.views", "storage"),
}
PLATFORM = {
    *("bot.chat.clocks", "bot.chat.emoji_names", "bot.chat.events"),
    *("bot.chat.platform", "bot.chat.recent", "bot.chat.under_way"),
    *("bot.errors", "bot.views.cards", "bot.views.texts", "bot.views.wire"),
}
ROOMS = {
    "storage": {"storage"},
    "bot.errors": set[str](),
    "bot.config": {"bot.errors", "bot.values"},
    "bot.values": set[str](),
    "bot.domain": {"bot.domain", "bot.errors", "storage.tables"},
    "bot.usecases": {"bot.usecases", "bot.domain", "bot.errors", "storage"},
    "bot.views": {"bot.views", "bot.usecases", "bot.domain", "bot.errors", "storage.tables"},
    "bot.views.cards": set[str](),
    "bot.views.texts": set[str](),
    "bot.rules": {"bot.config", "bot.domain", "bot.usecases", "bot.views.texts"},
    "bot.chat.events": {"bot.errors", "bot.views.cards"},
    "bot.chat.clocks": set[str](),
    "bot.chat.emoji_names": set[str](),
    "bot.chat.recent": set[str](),
    "bot.chat.under_way": set[str](),
    "bot.chat.platform": {"bot.chat.events", "bot.errors", "bot.views.cards"},
    **dict.fromkeys((f"bot.chat.{name}" for name in ("acts", "dispatcher", "reconcile", "router", "showing")), CORE),
    **{f"bot.chat.{name}": PLATFORM | {f"bot.chat.{name}"} for name in PLATFORMS},
    "bot.schedule": CORE,
    "bot.http": {"bot.errors"},
    "bot.trial": {"storage"},
    "bot.app": {
        *(
            "bot",
            "bot.chat.dispatcher",
            "bot.chat.events",
            "bot.chat.platform",
            "bot.chat.reconcile",
            "bot.chat.router",
        ),
        *("bot.config", "bot.errors", "bot.http", "bot.platforms", "bot.rules", "bot.schedule", "bot.usecases"),
        *("bot.trial", "storage"),
    },
    "bot.platforms": {
        *("bot", "bot.chat.mattermost", "bot.chat.platform", "bot.chat.slack", "bot.chat.web"),
        *("bot.config", "bot.errors", "bot.http", "bot.views.lists"),
    },
    "bot.failures": {"bot.config", "bot.errors", "bot.views.texts", "storage.errors"},
    "bot.checking": {
        *("bot.config", "bot.domain", "bot.errors", "bot.failures", "bot.http", "bot.platforms", "bot.views.texts"),
        "storage",
    },
    "bot.operations": CORE - {"bot.chat.acts"}
    | {"bot.chat.mattermost.setup", "bot.config", "bot.failures", "bot.platforms", "bot.rules"},
    "bot.cli": {
        *("bot.app", "bot.checking", "bot.config", "bot.errors", "bot.failures", "bot.operations", "bot.platforms"),
        *("bot.views", "storage.tables"),
    },
    "bot.__main__": {"bot.cli"},
}
"""Which of our modules a room may import, by prefix. A new room has to be given its line here."""

PACKAGES = {"bot", "bot.chat"}
"""Folders of rooms: their __init__.py imports nothing, so anyone may import it (for the version)."""

LIBRARIES = {
    "alembic": "storage",
    "apscheduler": "bot.schedule",
    "cryptography": "bot.chat.mattermost",
    "mattermostdriver": "bot.chat.mattermost",
    "psycopg": "storage",
    "pydantic_settings": "bot.config",
    "slack_bolt": "bot.chat.slack",
    "slack_sdk": "bot.chat.slack",
}
"""Libraries that one room alone knows."""


def module_name(path: Path) -> str:
    """The dotted name of a source file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in SOURCES}


def is_within(module: str, room: str) -> bool:
    """Whether a module is a room or in it."""
    return module == room or module.startswith(room + ".")


def room_of(module: str) -> str | None:
    """The innermost room with a rule that holds the module."""
    return max((room for room in ROOMS if is_within(module, room)), key=len, default=None)


def imports_of(path: Path) -> Iterator[str]:
    """Everything a file imports, wherever in it, as absolute module names."""
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{origin}.{alias.name}"
                yield full if full in MODULES else origin


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("tools")])
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    ours = {
        name
        for name in imports_of(MODULES[module])
        if name.partition(".")[0] in ("bench", "bot", "storage", "tests", "tools")
    }
    if module in PACKAGES:
        assert not ours
        return
    room = room_of(module)
    assert room, f"{module} is a new room: say in ROOMS whom it may import"
    assert not {name for name in ours - PACKAGES if not any(is_within(name, allowed) for allowed in ROOMS[room])}


def test_there_is_no_code_outside_the_known_rooms() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert {name for name in folders if any((ROOT / name).rglob("*.py"))} == {
        "bench",
        "bot",
        "storage",
        "tests",
        "tools",
    }


def test_the_domain_is_pure() -> None:
    """No library but the emoji tables, and nothing that reads or writes."""
    forbidden = {"asyncio", "os", "pathlib", "random", "socket", "sqlite3", "subprocess", "threading", "urllib"}
    allowed = (set(sys.stdlib_module_names) - forbidden) | {"bot", "storage", "emoji"}
    for module, path in MODULES.items():
        if is_within(module, "bot.domain"):
            assert not {name for name in imports_of(path) if name.partition(".")[0] not in allowed}, module


def test_a_library_is_known_to_its_room_alone() -> None:
    for module, path in MODULES.items():
        for name in imports_of(path):
            room = LIBRARIES.get(name.partition(".")[0])
            assert room is None or is_within(module, room), f"{module} imports {name}"


def test_every_module_says_what_belongs_in_it() -> None:
    trees = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in WITH_BENCH}
    assert not [module for module, tree in trees.items() if tree.body and not ast.get_docstring(tree)]


def test_no_module_is_too_long() -> None:
    lengths = {module_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in WITH_BENCH}
    assert not {module: length for module, length in lengths.items() if length > LINES_PER_MODULE}


# The documents


def blocks(language: str) -> Iterator[tuple[Path, str]]:
    """The fenced blocks of one language in all documents."""
    for path in DOCUMENTS:
        for block in re.findall(rf"(?ms)^```{language}\n(.*?)^```", path.read_text(encoding="utf-8")):
            yield path, block


def shell_commands() -> Iterator[list[str]]:
    """The commands in the documents' sh blocks, as words."""
    for _, block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for command in re.split(r"&&|\|\||[|;]", line.removeprefix("$ ")):
                words = shlex.split(command, comments=True)
                yield [word for word in words if not re.match(r"[A-Z_]+=", word)]


def make_targets() -> set[str]:
    """What the Makefile makes, by name."""
    phony = re.search(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert phony
    return set(phony[1].split())


def test_the_readme_shows_commands() -> None:
    commands = [words for words in shell_commands() if words]
    assert ["make", "run"] in commands


def test_every_make_target_in_the_documents_exists() -> None:
    named = {
        word for words in shell_commands() if words[:1] == ["make"] for word in words[1:] if not word.startswith("-")
    }
    assert not named - make_targets()


def test_every_butine_command_in_the_documents_exists() -> None:
    for words in shell_commands():
        if words and words[0].rpartition("/")[2] == "butine":
            assert_is_command(main, words[1:])


def assert_is_command(command: click.Command, words: list[str]) -> None:
    """Fail unless the words name sub-commands and options that exist."""
    options = {name: option for option in command.params if isinstance(option, click.Option) for name in option.opts}
    rest = iter(words)
    for word in rest:
        name = word.partition("=")[0]
        if word.startswith("-"):
            assert name in {*options, "--help"}, f"{command.name} has no option {word}"
            if name in options and not options[name].is_flag and "=" not in word:
                next(rest, None)
        elif isinstance(command, click.Group):
            assert word in command.commands, f"{command.name} has no command {word}"
            assert_is_command(command.commands[word], list(rest))
            return


def test_every_setting_in_the_documents_exists() -> None:
    sections = {key.partition(".")[0] for key in SETTINGS if "." in key}
    files = "py|md|toml|txt|db|yml|yaml|json|css|js|html|po|mo|sh|service"
    for path in DOCUMENTS:
        for code in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", path.read_text(encoding="utf-8")):
            if code.partition(".")[0] in sections and not re.search(rf"\.({files})$", code):
                assert any(is_within(key, code) for key in SETTINGS), f"{path.name} names {code}"


def test_every_variable_in_the_documents_exists() -> None:
    known = {config.variable(key) for key in SETTINGS} | set(config.NOT_SETTINGS)
    for path in DOCUMENTS:
        named = set(re.findall(r"\bBUTINE_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
        assert not {name for name in named - known if not name.startswith("BUTINE_TESTS_")}, path.name


def test_every_toml_block_in_the_documents_is_made_of_settings() -> None:
    for path, block in blocks("toml"):
        for key in _dotted(tomllib.loads(block)):
            assert key in SETTINGS, f"{path.name} shows {key}"


def _dotted(table: dict[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name
