"""Setting up with an administrator's token, and the check that has the server call Butine."""

import tomllib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bot import checking, operations
from bot.config import Settings, load
from bot.domain.command import Capture, Help, parse
from bot.errors import ConfigError
from bot.failures import Refused, explain
from bot.views.texts import LANGUAGES, Texts
from tests.mattermost.house import House
from tests.ports import free_port

TEXTS = Texts("fr", domain="cli")


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[House]:
    """A server with a team and its people, where nobody has prepared anything for Butine, which doesn't run."""
    house = House(tmp_path)
    house.world.commands.clear()
    for name in (house.ideas, house.review):
        del house.world.channels[name], house.world.members[name]
    del house.world.users[house.bot], house.world.tokens["butine-token"]
    house.world.config = {"ServiceSettings": {"AllowedUntrustedInternalConnections": "10.0.0.1"}}
    await house.server.start()
    yield house
    await house.close()


async def set_up(house: House, settings: Settings | None = None, token: str = "admin-token") -> None:
    """Run the command."""
    back = f"http://127.0.0.1:{house.port}"
    await operations.set_up_mattermost(settings or load(environ={}), house.server.url, token, "valdoise", back, TEXTS)


def printed(out: str, folder: Path) -> Settings:
    """The settings that the command printed, as the operator copies them."""
    file = folder / "butine.toml"
    storage = f'[storage]\nurl = "sqlite:///{folder / "butine.db"}"\n'
    port = tomllib.loads(out[out.index("[mattermost]") :])["mattermost"]["callback_url"].rpartition(":")[2]
    file.write_text(out[out.index("[mattermost]") :] + storage + f"[web]\nport = {port}\n", encoding="utf-8")
    return load(file, {})


async def test_one_command_prepares_all_and_the_check_is_content(
    bare: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await set_up(bare)
    settings = printed(capsys.readouterr().out, tmp_path)
    allowed = bare.world.config["ServiceSettings"]["AllowedUntrustedInternalConnections"]
    assert allowed == "10.0.0.1 127.0.0.1"
    (command,) = bare.world.commands.values()
    assert (command["trigger"], command["auto_complete"]) == ("idea", True)
    assert command["url"] == f"http://127.0.0.1:{bare.port}/mattermost/command"
    assert "aide" in command["auto_complete_hint"]
    kinds = {channel["name"]: channel["type"] for channel in bare.world.channels.values()}
    assert kinds == {"idees": "O", "moderation": "P"}
    await checking.check(settings, TEXTS, "butine.toml", bare.clock)
    out = capsys.readouterr().out
    assert "✗" not in out
    assert "Mattermost joint Butine" in out
    assert "La commande /idea mène à Butine" in out


async def test_an_authority_of_ones_own_goes_into_the_section_as_well(
    bare: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it the check and the start would not trust what the set-up did."""
    back = f"http://127.0.0.1:{bare.port}"
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    settings = load(environ={})
    await operations.set_up_mattermost(settings, bare.server.url, "admin-token", "valdoise", back, TEXTS, authority)
    section = printed(capsys.readouterr().out, tmp_path).mattermost
    assert section
    assert section.ca_file == authority


async def test_repeating_it_changes_nothing_and_keeps_the_tokens(
    bare: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await set_up(bare)
    first = capsys.readouterr().out
    before = (len(bare.world.users), len(bare.world.channels), dict(bare.world.commands), dict(bare.world.tokens))
    await set_up(bare, printed(first, tmp_path))
    second = capsys.readouterr().out
    assert (len(bare.world.users), len(bare.world.channels), bare.world.commands, bare.world.tokens) == before
    assert first[first.index("[mattermost]") :] == second[second.index("[mattermost]") :]
    assert "admin-token" not in first + second


@pytest.mark.parametrize(
    "break_it, reason",
    [
        ("token", "admin_token"),
        ("member", "no_admin"),
        ("team", "no_team"),
        ("person", "name_taken"),
        ("command", "command_taken"),
        ("review", "review_open"),
        ("archived", "channel_archived"),
    ],
)
async def test_what_stands_in_the_way_is_named(bare: House, break_it: str, reason: str) -> None:
    token = "admin-token"
    if break_it in ("member", "token"):
        token = "camille-token" if break_it == "member" else "x"
    elif break_it == "team":
        bare.world.teams[bare.team]["name"] = "autre"
    elif break_it == "person":
        bare.world.add_user("butine")
    elif break_it == "review":
        bare.world.add_channel(bare.team, "moderation", "O", bare.admin)
    elif break_it == "archived":
        bare.world.channels[bare.world.add_channel(bare.team, "idees", "O", bare.admin)]["delete_at"] = 1
    else:
        bare.server.integrations.add_command({"team_id": bare.team, "trigger": "idea", "url": "http://other/"})
    with pytest.raises(Refused) as refused:
        await set_up(bare, token=token)
    assert refused.value.code == reason
    assert explain(refused.value, TEXTS)[0]


async def test_a_bot_that_was_disabled_with_its_owner_is_enabled_again(
    bare: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server disables bots together with the administrator who made them, and refuses their tokens from then on."""
    await set_up(bare)
    settings = printed(capsys.readouterr().out, tmp_path)
    (bot,) = (user for user in bare.world.users.values() if user.get("is_bot"))
    bot["delete_at"] = bare.world.now()
    with pytest.raises(Refused):
        await checking.check(settings, TEXTS, "butine.toml", bare.clock)
    assert "butine mattermost setup" in capsys.readouterr().out
    await set_up(bare, settings)
    assert "réactivé" in capsys.readouterr().out
    await checking.check(settings, TEXTS, "butine.toml", bare.clock)


async def test_channels_may_be_given_by_id(bare: House, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [bare.world.add_channel(bare.team, name, kind, bare.admin) for name, kind in (("boite", "O"), ("tri", "P"))]
    given = {"BUTINE_CHANNELS__IDEAS": ids[0], "BUTINE_CHANNELS__DIGEST": ids[0], "BUTINE_CHANNELS__REVIEW": ids[1]}
    await set_up(bare, load(environ=given))
    assert set(bare.world.channels) == set(ids)
    with pytest.raises(Refused) as refused:
        await set_up(bare, load(environ=given | {"BUTINE_CHANNELS__IDEAS": "z" * 26}))
    assert refused.value.code == "no_such_channel"
    assert "admin" not in capsys.readouterr().out


async def test_the_check_is_content_beside_a_butine_that_runs(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    settings = house.settings()
    await house.stop()
    await house.start()
    posts = len(house.world.posts)
    findings = checking.Findings(TEXTS)
    await checking._check_platforms(settings, findings, house.clock)  # noqa: SLF001  the database is in use
    assert findings.problems == 0
    assert len(house.world.posts) == posts


@pytest.mark.parametrize(
    "break_it, words",
    [
        ("blocked", "AllowedUntrustedInternalConnections"),
        ("token", "mattermost.command_token"),
        ("command", "Il n’y a pas de commande /idea"),
        ("channel", "moderation"),
        ("review", "quiconque y entre"),
        ("edit_limit", "300 secondes"),
        ("bot_token", "mattermost.token"),
        ("team", "mattermost.team"),
        ("person", "n’est pas un compte de bot"),
    ],
)
async def test_the_check_names_what_is_wrong(
    house: House, capsys: pytest.CaptureFixture[str], break_it: str, words: str
) -> None:
    await house.stop()
    changed: dict[str, str] = {}
    match break_it:
        case "blocked":
            house.server.integrations.is_blocked = True
        case "token":
            changed["BUTINE_MATTERMOST__COMMAND_TOKEN"] = "x"
        case "command":
            house.world.commands.clear()
        case "channel":
            del house.world.members[house.review][house.bot]
        case "review":
            house.world.channels[house.review]["type"] = "O"
        case "edit_limit":
            house.world.edit_seconds = 300
        case "bot_token":
            changed["BUTINE_MATTERMOST__TOKEN"] = "x"
        case "team":
            changed["BUTINE_MATTERMOST__TEAM"] = "autre"
        case "person":
            changed["BUTINE_MATTERMOST__TOKEN"] = "nadia-token"
    with pytest.raises(Refused):
        await checking.check(house.settings(**changed), TEXTS, "butine.toml", house.clock)
    assert any(line.startswith("✗") and words in line for line in capsys.readouterr().out.splitlines())


async def test_the_check_believes_no_command_that_butine_would_refuse(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as those of a server that signs otherwise than any known one: all was called well."""
    await house.stop()
    house.world.shown_key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(Refused):
        await checking.check(house.settings(), TEXTS, "butine.toml", house.clock)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("✗"))
    assert "trop récent pour cette version de Butine" in line


@pytest.mark.parametrize("house", ["current"], indirect=True)
async def test_the_check_says_that_a_server_without_an_address_of_its_own_refuses_commands(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the command's address nor its token is to blame."""
    await house.stop()
    house.world.has_site_url = False
    with pytest.raises(Refused):
        await checking.check(house.settings(), TEXTS, "butine.toml", house.clock)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("✗"))
    assert "SiteURL" in line
    assert "command_token" not in line


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_commands_hint_is_in_the_workspaces_language_and_true(bare: House, language: str) -> None:
    """Mattermost shows one hint, before the first space; what it names is what Butine understands."""
    await set_up(bare, load(environ={"BUTINE_LANGUAGE": language}))
    (command,) = bare.world.commands.values()
    idea, _, rest = command["auto_complete_hint"].partition({"fr": " ou ", "en": " or "}[language])
    assert idea == {"fr": "[votre idée]", "en": "[your idea]"}[language]
    assert len(rest.split(", ")) == 7
    assert not [each for each in rest.split(", ") if isinstance(parse(each), Capture)]
    named = command["auto_complete_desc"].split({"fr": "«\u00a0", "en": "“"}[language])[1]
    assert isinstance(parse(named.split({"fr": "\u00a0»", "en": "”"}[language])[0]), Help)
    # The server counts bytes (model/command.go), and a column of 1,024 characters refuses more with a 500.
    assert len(command["description"].encode()) <= 128
    assert len(command["auto_complete_hint"]) <= 1024


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
async def test_the_check_tells_by_how_much_the_clocks_differ(
    house: House, capsys: pytest.CaptureFixture[str], minutes: int
) -> None:
    """Beyond five minutes every command is refused, and nobody but the log would say so."""
    await house.stop()
    with pytest.raises(Refused):
        await checking.check(house.settings(), TEXTS, "butine.toml", lambda: house.clock() + timedelta(minutes=minutes))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✗")]
    assert {-6: " 0:06:0", 6: " 0:0", 60 * 24: "1 day, 0:00:00"}[minutes] in line
    assert "Mattermost (2026-11-24 09:00:" in line
    assert "NTP" in line


async def test_clocks_that_nearly_agree_are_well(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    await house.stop()
    await checking.check(house.settings(), TEXTS, "butine.toml", lambda: house.clock() + timedelta(seconds=50))
    assert "✓ Les horloges de Mattermost et de cette machine concordent." in capsys.readouterr().out


@pytest.mark.parametrize(
    "where, reason",
    [("nowhere", "Connection refused"), ("other", "HTTP 404"), ("redirected", "HTTP 301"), ("page", "no JSON")],
)
async def test_an_address_at_which_no_mattermost_answers_is_named_with_the_reason(
    house: House, capsys: pytest.CaptureFixture[str], where: str, reason: str
) -> None:
    """By the check and by setting up: neither sends its reader to the other, or to itself."""
    await house.stop()
    url = f"http://127.0.0.1:{free_port()}" if where == "nowhere" else house.server.url
    house.server.meets = lambda *_: {"other": "page:404", "redirected": "page:301", "page": "page:200"}.get(where, "")
    with pytest.raises(Refused):
        await checking.check(house.settings(BUTINE_MATTERMOST__URL=url), TEXTS, "butine.toml", house.clock)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✗")]
    with pytest.raises(ConfigError) as wrong:
        await operations.set_up_mattermost(load(environ={}), url, "x", "valdoise", "http://127.0.0.1:1", TEXTS)
    assert line == f"✗ {explain(wrong.value, TEXTS)[0]}"
    assert all(words in line for words in (url, reason, "mattermost.url", "https://"))
    assert "butine check" not in line


async def test_the_check_names_a_proxy_that_lets_no_websocket_through(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.stop()
    house.server.sockets.is_cut_off = True
    with pytest.raises(Refused):
        await checking.check(house.settings(), TEXTS, "butine.toml", house.clock)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✗")]
    assert all(words in line for words in ("/api/v4/websocket", "(400 ", "Upgrade"))


async def test_the_check_leaves_no_websocket_behind(house: House) -> None:
    await house.stop()
    await checking.check(house.settings(), TEXTS, "butine.toml", house.clock)
    assert house.server.sockets.opened == 2, "Butine's own and the check's"
    assert all(each.socket is None or each.socket.closed for each in house.server.sockets.connections.values())
