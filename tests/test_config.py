"""The settings: where they come from, what is refused and how that is said, and that no secret is shown."""

from collections.abc import Mapping
from datetime import time
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from bot.config import ChannelSettings, ConfigErrors, Settings, keys, load, variable
from bot.errors import ConfigError

SOCKET = '[slack]\nbot_token = "xoxb-1"\napp_token = "xapp-1"\n'
MATTERMOST = """
[mattermost]
url = "https://chat.example.org/"
token = "t"
team = "valdoise"
command_token = "c"
callback_url = "http://butine.internal:8030/"
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings_of(text: str, **environ: str) -> Settings:
    """What `load` makes of a file with this text."""
    Path("test.toml").write_text(text, encoding="utf-8")
    return load(Path("test.toml"), environ)


def problem_of(text: str, **environ: str) -> tuple[str, Mapping[str, str]]:
    """The one problem of a file with this text, as code and values."""
    with pytest.raises(ConfigError) as raised:
        settings_of(text, **environ)
    return raised.value.code, raised.value.values


# Where settings come from


def test_without_file_and_variables_everything_has_its_default() -> None:
    settings = load(environ={})
    assert settings == Settings()
    assert settings.language == "fr"
    assert settings.command == "/idea"
    assert settings.storage.url == "sqlite:///butine.db"
    assert settings.channels == ChannelSettings(ideas="idees", review="moderation", digest="idees")
    assert settings.voting.emoji == ("+1", "heart", "bulb")
    assert (settings.digest.weekday, settings.digest.at, settings.digest.zone.key) == (0, time(9), "Europe/Paris")
    assert (settings.slack, settings.mattermost) == (None, None)


def test_the_given_file_wins_over_the_variable_and_that_over_the_folder() -> None:
    for name, command in (("given", "/a"), ("named", "/b"), ("butine", "/c")):
        Path(f"{name}.toml").write_text(f'command = "{command}"', encoding="utf-8")
    named = {"BUTINE_CONFIG": "named.toml"}
    assert load(Path("given.toml"), named).command == "/a"
    assert load(None, named).command == "/b"
    assert load(None, {}).command == "/c"


def test_without_a_mapping_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUTINE_LANGUAGE", "en")
    assert load().language == "en"


def test_the_environment_wins_over_the_file_key_by_key() -> None:
    settings = settings_of("[digest]\nsize = 7\nday = 'fri'", BUTINE_DIGEST__SIZE="9")
    assert (settings.digest.size, settings.digest.day, settings.digest.weekday) == (9, "fri", 4)


def test_a_section_may_come_from_the_environment_alone() -> None:
    settings = settings_of("", BUTINE_SLACK__BOT_TOKEN=" xoxb-1\n", BUTINE_SLACK__APP_TOKEN="xapp-1")
    assert settings.slack
    assert settings.slack.bot_token.get_secret_value() == "xoxb-1"


@pytest.mark.parametrize("text", ["+1, tada", '["+1", ":tada:"]', " +1,tada "])
def test_a_list_in_the_environment_is_json_or_has_commas(text: str) -> None:
    assert settings_of("", BUTINE_VOTING__EMOJI=text).voting.emoji == ("+1", "tada")


@pytest.mark.parametrize(
    "given, name",
    [
        ("👍", "+1"),
        (" 👍🏽 ", "+1"),
        ("👎", "-1"),
        ("❤", "heart"),
        ("❤\ufe0f", "heart"),
        ("🚀", "rocket"),
        (":tada:", "tada"),
        ("thumbsup", "thumbsup"),
        ("+1::skin-tone-3", "+1::skin-tone-3"),
        ("ruche", "ruche"),
    ],
)
def test_an_emoji_may_be_given_as_itself_and_is_known_by_its_name(given: str, name: str) -> None:
    """Platforms take names alone; one that is no standard emoji's may be the workspace's own."""
    assert settings_of(f"[voting]\nemoji = ['{given}']").voting.emoji == (name,)


def test_an_empty_variable_counts_as_unset() -> None:
    assert settings_of("command = '/idee'", BUTINE_COMMAND="", BUTINE_SLACK__BOT_TOKEN="").command == "/idee"


def test_variables_that_name_no_setting_are_left_alone() -> None:
    settings_of("", BUTINE_DEBUG="1", BUTINE_TESTS_REQUIRE_ALL="1", PATH="/bin")


@pytest.mark.parametrize("written", ["'9:05'", "'09:05'", "09:05:00"])
def test_a_time_of_day_may_be_text_or_tomls_own(written: str) -> None:
    assert settings_of(f"[digest]\nat = {written}").digest.at == time(9, 5)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().language = "en"


# Channels and the room


def test_a_platform_may_name_some_channels_otherwise() -> None:
    settings = settings_of("[channels]\nideas = '#boite'\n" + SOCKET + "[slack.channels]\nreview = 'C123'")
    assert settings.channels_of("slack") == ChannelSettings(ideas="boite", review="C123", digest="idees")
    assert settings.channels_of("mattermost") == ChannelSettings(ideas="boite")
    assert settings.channels_of("web") == ChannelSettings(ideas="boite")


@pytest.mark.parametrize(
    "text, has_room",
    [
        ("", True),
        (SOCKET, False),
        (MATTERMOST, False),
        (SOCKET + "[web]\nroom = true", True),
        ("[web]\nroom = false", False),
    ],
)
def test_the_room_is_open_when_nothing_else_is_configured_unless_set(text: str, *, has_room: bool) -> None:
    assert settings_of(text).has_room is has_room


def test_urls_end_as_the_platforms_code_expects() -> None:
    settings = settings_of(SOCKET + "api_url = 'https://slack-gov.com/api'" + MATTERMOST)
    assert settings.slack
    assert settings.slack.api_url == "https://slack-gov.com/api/"
    assert settings.mattermost
    assert settings.mattermost.url == "https://chat.example.org"
    assert settings.mattermost.callback_url == "http://butine.internal:8030"


# What is refused


@pytest.mark.parametrize(
    "text, key, given, allowed",
    [
        ("language = 'de'", "language", "de", "fr, en"),
        ("command = 'idea'", "command", "idea", "/…"),
        ("[storage]\nurl = 'mysql://h/d'", "storage.url", "", "sqlite:///…, postgresql://…"),
        ("[channels]\nideas = 3", "channels.ideas", "3", '"…"'),
        ("[voting]\nemoji = '+1'", "voting.emoji", "+1", '["+1", "heart", …]'),
        ("[voting]\nown_ideas = 'maybe'", "voting.own_ideas", "maybe", "true, false"),
        ("[digest]\nday = 'monday'", "digest.day", "monday", "mon, tue, wed, thu, fri, sat, sun"),
        ("[digest]\nat = '25:00'", "digest.at", "25:00", "HH:MM"),
        ("[digest]\nat = '9h'", "digest.at", "9h", "HH:MM"),
        ("[digest]\nat = 9", "digest.at", "9", "HH:MM"),
        ("[digest]\nat = 9.5", "digest.at", "9.5", "HH:MM"),
        ("[digest]\nat = 2026-11-30T09:00:00", "digest.at", '"2026-11-30 09:00:00"', "HH:MM"),
        ("[digest]\ntimezone = 'Europe/Cergy'", "digest.timezone", "Europe/Cergy", "Europe/Paris, UTC, …"),
        ("[digest]\ntimezone = 'Europe'", "digest.timezone", "Europe", "Europe/Paris, UTC, …"),
        ("[digest]\ntimezone = '../etc'", "digest.timezone", "../etc", "Europe/Paris, UTC, …"),
        ("[digest]\nsize = 21", "digest.size", "21", "1 … 20"),
        ("[digest]\nlate_chances = -1", "digest.late_chances", "-1", "0 … 10"),
        ("[moderation]\nremind_after_days = 61", "moderation.remind_after_days", "61", "1 … 60"),
        ("[web]\nport = 65536", "web.port", "65536", "0 … 65535"),
        ("[web]\nroom = 'yes please'", "web.room", "yes please", "true, false"),
        (SOCKET + "mode = 'sockets'", "slack.mode", "sockets", "socket, http"),
        (SOCKET + "api_url = 'slack.com'", "slack.api_url", "slack.com", "https://…, http://…"),
        ("digest = 'mon'", "digest", "", "[digest]"),
        ("[voting]\nemoji = []", "voting.emoji", "[]", '["+1", "heart", …]'),
        ("[voting]\nemoji = ['+1', '::']", "voting.emoji", "::", '["+1", "heart", …]'),
        ("[channels]\nideas = ' '", "channels.ideas", " ", '"…"'),
        ("[channels]\nideas = '#'", "channels.ideas", "#", '"…"'),
        (SOCKET + "[slack.channels]\nideas = ''", "slack.channels.ideas", "", '"…"'),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_what_is_allowed(
    text: str, key: str, given: str, allowed: str
) -> None:
    expected = {"key": key, "source": "test.toml", "given": given, "allowed": allowed}
    assert problem_of(text) == ("wrong_value", expected)


@pytest.mark.parametrize("name", ["MATTERMOST__URL", "SLACK__API_URL"])
@pytest.mark.parametrize(
    "url", ["https://camille:s3cret@chat.example.org", "https://camille:s3@cret@chat.example.org/x"]
)
def test_a_servers_address_with_a_password_is_refused_and_not_told(name: str, url: str) -> None:
    """It would be sent in the place of our own token, and `butine check` printed it."""
    code, values = problem_of(SOCKET + MATTERMOST, **{f"BUTINE_{name}": url})
    assert code == "wrong_value"
    assert values["given"].startswith("…@chat.example.org")


def test_a_gap_in_a_list_is_a_wrong_value() -> None:
    code, values = problem_of("", BUTINE_VOTING__EMOJI="+1,,heart")
    assert (code, values["key"], values["source"]) == ("wrong_value", "voting.emoji", "BUTINE_VOTING__EMOJI")


@pytest.mark.parametrize(
    "text, key, other, channel",
    [
        ("[channels]\nreview = 'idees'", "channels.review", "channels.ideas", "idees"),
        ("[channels]\nreview = '#idees'\nideas = 'boite'", "channels.review", "channels.digest", "idees"),
        (SOCKET + "[slack.channels]\nreview = 'idees'", "slack.channels.review", "channels.ideas", "idees"),
        (SOCKET + "[slack.channels]\ndigest = '~moderation'", "channels.review", "slack.channels.digest", "moderation"),
        (
            MATTERMOST + "[mattermost.channels]\nideas = 'moderation'",
            "channels.review",
            "mattermost.channels.ideas",
            "moderation",
        ),
    ],
)
def test_the_review_channel_is_no_other_one(text: str, key: str, other: str, channel: str) -> None:
    assert problem_of(text) == ("same_channel", {"key": key, "other": other, "channel": channel})


def test_channels_that_no_platform_uses_may_be_the_same() -> None:
    """Where a platform has its own, and there is no other one."""
    settings_of("[channels]\nreview = 'idees'\n" + SOCKET + "[slack.channels]\nreview = 'moderation'")


def test_a_wrong_variable_is_named() -> None:
    code, values = problem_of("", BUTINE_DIGEST__SIZE="many")
    assert (code, values["key"], values["source"]) == ("wrong_value", "digest.size", "BUTINE_DIGEST__SIZE")


def test_broken_json_in_a_variable_is_a_wrong_value() -> None:
    assert problem_of("", BUTINE_VOTING__EMOJI='["+1"')[1]["given"] == '["+1"'


@pytest.mark.parametrize(
    "text, key, near",
    [
        ("langage = 'fr'", "langage", "language"),
        ("[digest]\nseize = 5", "digest.seize", "digest.size"),
        (SOCKET + "[slack.channels]\nideos = 'x'", "slack.channels.ideos", "slack.channels.ideas"),
        ("[votting]\nemoji = ['+1']", "votting", "voting"),
        (SOCKET + "[slack.chanels]\nideas = 'x'", "slack.chanels", "slack.channels"),
        ("quux = 1", "quux", ""),
    ],
)
def test_an_unknown_key_is_refused_and_the_nearest_named(text: str, key: str, near: str) -> None:
    assert problem_of(text) == ("unknown_key", {"key": key, "source": "test.toml", "near": near})


@pytest.mark.parametrize(
    "name, near",
    [
        ("BUTINE_SLACK_BOT_TOKEN", "BUTINE_SLACK__BOT_TOKEN"),
        ("BUTINE_DIGEST__SEIZE", "BUTINE_DIGEST__SIZE"),
        ("BUTINE_QUUX__QUUX", ""),
    ],
)
def test_an_unknown_variable_is_refused_and_the_nearest_named(name: str, near: str) -> None:
    assert problem_of("", **{name: "x"}) == ("unknown_key", {"key": name, "source": name, "near": near})


@pytest.mark.parametrize(
    "text, missing",
    [
        ("[slack]", ["slack.bot_token", "slack.app_token"]),
        ("[slack]\nmode = 'http'", ["slack.bot_token", "slack.signing_secret"]),
        ("[slack]\nmode = 'http'\nbot_token = 'b'\napp_token = 'a'", ["slack.signing_secret"]),
        ("[mattermost]", [f"mattermost.{name}" for name in ("url", "token", "team", "command_token", "callback_url")]),
        (MATTERMOST.replace('"t"', '""'), ["mattermost.token"]),
    ],
)
def test_each_missing_key_is_named_with_its_variable(text: str, missing: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        settings_of(text)
    problems = getattr(raised.value, "problems", (raised.value,))
    assert [(problem.code, problem.values) for problem in problems] == [
        ("missing_key", {"key": key, "variable": variable(key)}) for key in missing
    ]


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ConfigErrors) as raised:
        settings_of("language = 'de'\n[digest]\nsize = 0\nfoo = 1", BUTINE_FOO="1")
    assert (raised.value.code, raised.value.values) == ("several", {"count": "4"})
    assert [problem.values["key"] for problem in raised.value.problems] == [
        "BUTINE_FOO",
        "language",
        "digest.size",
        "digest.foo",
    ]


def test_an_unknown_variable_is_refused_even_if_all_else_is_right() -> None:
    assert problem_of("", BUTINE_LANG="fr")[0] == "unknown_key"


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError) as raised:
        load(None, {"BUTINE_CONFIG": "nowhere.toml"})
    assert (raised.value.code, raised.value.values) == ("file_missing", {"file": "nowhere.toml"})


def test_an_unreadable_file_is_named_with_the_reason() -> None:
    with pytest.raises(ConfigError) as raised:
        load(Path(), {})
    assert (raised.value.code, raised.value.values["file"]) == ("file_unreadable", ".")
    assert raised.value.values["reason"]


@pytest.mark.parametrize(
    "text, line, reason",
    [
        ("[digest]\nat = 09:00\n", "2", "Expected newline"),
        ("a = 1\nb = [1,\n", "3", "Invalid value"),
        ("[digest\n", "1", "Expected ']'"),
        ("[web]\n[digest]\n[web]\n", "3", "Cannot declare ('web',) twice"),
    ],
)
def test_broken_toml_is_refused_with_its_line_and_the_reason(text: str, line: str, reason: str) -> None:
    """The second section of a name is as good TOML as the first."""
    code, values = problem_of(text)
    assert (code, values["file"], values["line"]) == ("file_broken", "test.toml", line)
    assert values["reason"].startswith(reason)
    assert "(at" not in values["reason"]


def test_a_file_in_another_encoding_is_refused_with_its_line() -> None:
    Path("latin.toml").write_bytes("a = 1\n[channels]\nideas = 'idées'".encode("latin-1"))
    with pytest.raises(ConfigError) as raised:
        load(Path("latin.toml"), {})
    assert (raised.value.code, raised.value.values["line"]) == ("file_not_utf8", "3")


# Secrets


def test_no_repr_shows_a_secret_or_a_database_password() -> None:
    settings = settings_of(SOCKET + MATTERMOST + "[storage]\nurl = 'postgresql://u:hunter2@h/d'")
    shown = repr(settings) + str(settings) + repr(settings.storage)
    assert not [secret for secret in ("xoxb-1", "xapp-1", "hunter2") if secret in shown]


@pytest.mark.parametrize(
    "text",
    [
        "slack = 'hunter2'",
        "[slack]\nbot_token = ['hunter2']\napp_token = 'x'",
        "[slack]\nbot_tokn = 'hunter2'\nbot_token = 'x'\napp_token = 'x'",
        "[storage]\nurl = 'postgres://user:hunter2/@host/name'",
        "[storage]\nurl = 'postgres://host/name?user=u&password=hunter2'",
        "[storage]\nurl = 'host=db user=butine password=hunter2 dbname=butine'",
        SOCKET + "api_url = 'butine:hunter2@proxy.example.org'",
        "[mattermost]\ntoken = { value = 'hunter2' }",
        "hunter2 = [",
    ],
)
def test_no_message_shows_a_secret(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings_of(text)
    problems = getattr(raised.value, "problems", (raised.value,))
    assert "hunter2" not in repr([problem.values for problem in problems])
    assert raised.value.__cause__ is None


def test_secrets_are_secret_types() -> None:
    """A key named token or secret is never a plain text."""
    named = [field for key, field in keys().items() if key.endswith(("token", "secret"))]
    assert named
    assert all(field.annotation is SecretStr for field in named)
