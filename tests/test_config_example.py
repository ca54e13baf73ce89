"""config.example.toml shows every key that there is, its default, and why one would change it."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from bot.config import Settings, SlackSettings, keys, load

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"


def uncommented() -> str:
    """The example with every commented key and section in force."""
    return re.sub(r"(?m)^# (\[|\w+ = )", r"\1", EXAMPLE.read_text(encoding="utf-8"))


def leaves(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """The values of a TOML document by dotted key."""
    found: dict[str, object] = {}
    for name, value in table.items():
        found |= leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def test_the_example_as_it_stands_is_the_defaults() -> None:
    assert load(EXAMPLE, {}) == Settings()


def test_the_example_with_all_in_force_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "all.toml").write_text(uncommented(), encoding="utf-8")
    settings = load(tmp_path / "all.toml", {})
    assert settings.slack
    assert settings.mattermost


def test_the_example_has_exactly_the_keys_that_there_are() -> None:
    assert leaves(tomllib.loads(uncommented())).keys() == keys().keys()


def test_the_example_shows_every_default() -> None:
    shown = leaves(tomllib.loads(uncommented()))
    defaults = leaves(Settings().model_dump(mode="json", exclude={"slack", "mattermost"}))
    defaults |= {"digest.at": "09:00", "slack.mode": "socket", "slack.api_url": SlackSettings.model_construct().api_url}
    del defaults["web.room"]  # has none: it depends on the platforms
    assert {key: shown[key] for key in defaults} == defaults


def test_each_key_of_the_example_follows_a_comment_of_its_section() -> None:
    """Every key says why one would change it; the platforms' channels share the one above them."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    keyed = [number for number, line in enumerate(lines) if re.match(r"(# )?\w+ = ", line)]
    bare = [
        lines[number]
        for number in keyed
        if not re.match(r"# [^\[]", lines[number - 1]) or re.match(r"# \w+ = ", lines[number - 1])
    ]
    channels = {"ideas", "review", "digest"}
    assert {line.removeprefix("# ").partition(" ")[0] for line in bare} <= channels
