"""Whatever any member has the real server send, or anybody sends in its place: nothing changes, and nobody learns why.

Each forgery begins with something genuine, which it changes, moves, repeats or sends as somebody else.
"""

import base64
import copy
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.mattermost.house import House
from tests.mattermost.scene import Scene

Forgery = Callable[[Scene], Awaitable[int]]
FORGERIES: dict[str, Forgery] = {}


def forgery(make: Forgery) -> Forgery:
    """Add it to the list, under its name in words."""
    FORGERIES[make.__name__.strip("_").replace("_", " ")] = make
    return make


# Commands


@forgery
async def _a_command_with_another_token(scene: Scene) -> int:
    return await scene.typed(token="x" * 26)


@forgery
async def _a_command_with_no_token(scene: Scene) -> int:
    return await scene.typed(token="")


@forgery
async def _a_command_with_the_beginning_of_the_token(scene: Scene) -> int:
    return await scene.typed(token=scene.command["token"][:-1])


@forgery
async def _a_command_of_another_team(scene: Scene) -> int:
    return await scene.typed(team_id="y" * 26)


@forgery
async def _a_command_repeated(scene: Scene) -> int:
    return await scene.send("command", form=scene.command)


@forgery
async def _a_command_as_another_member(scene: Scene) -> int:
    return await scene.typed(user_id=scene.house.moderator)


@forgery
async def _a_command_with_another_members_name_in_its_trigger(scene: Scene) -> int:
    head = base64.b64decode(scene.world.trigger(scene.house.agent)).decode()
    changed = head.replace(scene.house.agent, scene.house.moderator)
    return await scene.typed(trigger_id=base64.b64encode(changed.encode()).decode(), user_id=scene.house.moderator)


@forgery
async def _a_command_signed_with_another_key(scene: Scene) -> int:
    head = f"{'q' * 26}:{scene.house.agent}:{scene.world.now()}:"
    signature = ec.generate_private_key(ec.SECP256R1()).sign(head.encode(), ec.ECDSA(hashes.SHA256()))
    trigger = base64.b64encode(head.encode() + base64.b64encode(signature)).decode()
    return await scene.typed(trigger_id=trigger)


@forgery
async def _a_command_without_trigger(scene: Scene) -> int:
    return await scene.typed(trigger_id="")


@forgery
async def _a_command_with_a_trigger_that_is_none(scene: Scene) -> int:
    return await scene.typed(trigger_id="é§€")


@forgery
async def _a_command_of_an_hour_ago(scene: Scene) -> int:
    trigger = scene.world.trigger(scene.house.agent)
    scene.house.clock.move(hours=1)
    return await scene.typed(trigger_id=trigger)


@forgery
async def _a_command_of_tomorrow(scene: Scene) -> int:
    head = f"{'q' * 26}:{scene.house.agent}:{scene.world.now() + 86_400_000}:"
    signature = scene.world.key.sign(head.encode(), ec.ECDSA(hashes.SHA256()))
    return await scene.typed(trigger_id=base64.b64encode(head.encode() + base64.b64encode(signature)).decode())


# Clicks


@forgery
async def _a_members_own_button_with_an_invented_context(scene: Scene) -> int:
    return await scene.relayed({"do": "approve", "value": "1"}, scene.house.moderator)


@forgery
async def _a_members_own_button_with_an_invented_seal(scene: Scene) -> int:
    return await scene.relayed(scene.context() | {"mac": "0" * 64}, scene.house.moderator)


@forgery
async def _a_members_own_button_with_a_genuine_context(scene: Scene) -> int:
    return await scene.relayed(scene.context() | {"channel": scene.house.ideas}, scene.house.agent)


@forgery
async def _a_genuine_context_in_a_post_of_the_members_own(scene: Scene) -> int:
    given = {"channel_id": scene.house.review, "props": {"butine": {"key": scene.context()["key"]}}}
    _, post = await scene.house.call(scene.house.moderator, "POST", "/posts", given)
    return await scene.click(scene.context(), post_id=post["id"])


@forgery
async def _a_button_that_does_something_else(scene: Scene) -> int:
    return await scene.click(scene.context() | {"do": "withdraw"})


@forgery
async def _a_button_of_another_idea(scene: Scene) -> int:
    return await scene.click(scene.context() | {"value": "2"})


@forgery
async def _a_button_moved_to_the_card_of_another_idea(scene: Scene) -> int:
    return await scene.click(scene.context(), post_id=scene.second["id"])


@forgery
async def _a_button_in_a_post_that_does_not_exist(scene: Scene) -> int:
    return await scene.click(scene.context(), post_id="z" * 26)


@forgery
async def _a_button_clicked_in_another_channel(scene: Scene) -> int:
    return await scene.click(scene.context(), channel_id=scene.house.ideas)


@forgery
async def _a_button_clicked_in_another_team(scene: Scene) -> int:
    return await scene.click(scene.context(), team_id="y" * 26)


@forgery
async def _a_click_as_a_moderator_with_an_agents_trigger(scene: Scene) -> int:
    return await scene.click(scene.context(), trigger_id=scene.world.trigger(scene.house.agent))


@forgery
async def _a_click_without_trigger(scene: Scene) -> int:
    return await scene.click(scene.context(), trigger_id="")


@forgery
async def _a_private_answers_button_clicked_by_somebody_else(scene: Scene) -> int:
    context = scene.house.server.integrations._cookies  # noqa: SLF001  nobody is shown it
    found = next(each for each in context.values() if each["post"] == scene.private["id"])
    given = copy.deepcopy(found["integration"]["context"])
    return await scene.click(
        given, by=scene.house.other_agent, channel_id=scene.house.ideas, post_id=scene.private["id"]
    )


@forgery
async def _a_private_answers_button_clicked_months_later(scene: Scene) -> int:
    scene.house.clock.move(days=60)
    return (
        await scene.house.press(scene.house.agent, scene.private, "Compléter")
        and (scene.house.server.integrations.statuses[-1])
    )


@forgery
async def _a_posts_button_made_a_private_one(scene: Scene) -> int:
    return await scene.click(scene.context() | {"kind": "private", "until": 0}, post_id="z" * 26)


@forgery
async def _a_context_of_odd_kinds(scene: Scene) -> int:
    return await scene.click(scene.context() | {"value": {"$ne": 1}})


@forgery
async def _a_forms_seal_on_a_button(scene: Scene) -> int:
    return await scene.click(json.loads(scene.form["state"]), by=scene.house.agent, channel_id=scene.house.ideas)


# Menus


@forgery
async def _a_choice_that_the_menu_does_not_offer(scene: Scene) -> int:
    return await scene.choose(selected_option="withdrawn")


@forgery
async def _a_choice_that_is_relayed_by_the_server_itself(scene: Scene) -> int:
    await scene.house.choose_value(scene.house.moderator, scene.list, scene.menu, "withdrawn")
    return scene.house.server.integrations.statuses[-1]


@forgery
async def _a_menu_without_a_choice(scene: Scene) -> int:
    return await scene.choose(selected_option=None)


@forgery
async def _a_choice_that_is_no_text(scene: Scene) -> int:
    return await scene.choose(selected_option=["all"])


@forgery
async def _options_of_ones_own(scene: Scene) -> int:
    return await scene.choose(options='["withdrawn"]', selected_option="withdrawn")


@forgery
async def _a_menu_that_does_something_else(scene: Scene) -> int:
    return await scene.choose(do="approve")


@forgery
async def _somebody_elses_menu(scene: Scene) -> int:
    return await scene.choose(by=scene.house.agent)


@forgery
async def _a_choice_at_a_button(scene: Scene) -> int:
    return await scene.click(scene.context() | {"selected_option": "2"})


@forgery
async def _a_button_that_became_a_menu(scene: Scene) -> int:
    return await scene.click(scene.context() | {"options": '["2"]', "selected_option": "2"})


# Forms


@forgery
async def _a_form_with_an_invented_state(scene: Scene) -> int:
    return await scene.submit(json.dumps({"is": "form", "form": "propose", "context": ""}))


@forgery
async def _a_form_without_state(scene: Scene) -> int:
    return await scene.submit("")


@forgery
async def _a_form_with_a_state_that_is_no_object(scene: Scene) -> int:
    return await scene.submit("[[[[1]]]]")


@forgery
async def _a_form_with_a_state_that_is_too_deep(scene: Scene) -> int:
    return await scene.submit("[" * 5_000)


@forgery
async def _a_form_of_another_member(scene: Scene) -> int:
    return await scene.submit(scene.form["state"], user_id=scene.house.other_agent)


@forgery
async def _a_form_made_another_form(scene: Scene) -> int:
    return await scene.submit(scene.stated(form="refuse", context="1"))


@forgery
async def _a_form_for_another_idea(scene: Scene) -> int:
    return await scene.submit(scene.stated(context="2"))


@forgery
async def _a_form_with_its_end_put_off(scene: Scene) -> int:
    return await scene.submit(scene.stated(until=10**12))


@forgery
async def _a_buttons_seal_on_a_form(scene: Scene) -> int:
    return await scene.submit(
        json.dumps(scene.context() | {"is": "form", "form": "refuse"}), channel_id=scene.house.review
    )


def test_there_are_thirty_of_them_at_least() -> None:
    assert len(FORGERIES) >= 30


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_changes_nothing_and_learns_nothing(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """It gets a 403 without a word, and is logged without its text."""
    scene = Scene(house, tmp_path)
    await scene.set()
    before = scene.state()
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "bot"):
        assert await FORGERIES[name](scene) == 403
    assert scene.state() == before
    assert "refused (" in caplog.text
    assert "volée" not in caplog.text


async def test_a_form_is_taken_once(house: House, tmp_path: Path) -> None:
    scene = Scene(house, tmp_path)
    await scene.set()
    assert await scene.submit(scene.form["state"]) == 200
    assert await scene.submit(scene.form["state"]) == 403
    await house.card(house.review, "Une idée volée")
    assert len([post for post in house.posts_in(house.review) if "Une idée volée" in post["message"]]) == 1


@pytest.mark.parametrize("shown", [{"channel_id": "c" * 26}, {"team_id": "t" * 26}])
async def test_a_form_is_taken_whatever_its_client_shows_by_then(
    house: House, tmp_path: Path, shown: dict[str, str]
) -> None:
    """Clients send the channel and team that they show when a form is sent off, which says nothing about the form."""
    scene = Scene(house, tmp_path)
    await scene.set()
    assert await scene.submit(scene.form["state"], **shown) == 200
    await house.card(house.review, "Une idée volée")


async def test_a_form_that_was_open_for_too_long_stays_open_with_what_was_written(house: House, tmp_path: Path) -> None:
    """Of an answer other than 200, clients make nothing: they close the form."""
    scene = Scene(house, tmp_path)
    await scene.set()
    before = scene.state()
    house.clock.move(days=5)
    assert "Copiez ce que vous avez écrit" in (await house.fill(house.agent, title="Une idée"))["error"]
    assert scene.state() == before


async def test_a_click_is_taken_once(house: House, tmp_path: Path) -> None:
    scene = Scene(house, tmp_path)
    await scene.set()
    trigger = house.world.trigger(house.moderator)
    assert await scene.click(scene.context(), trigger_id=trigger) == 200
    assert await scene.click(scene.context(), trigger_id=trigger) == 403


async def test_a_genuine_choice_is_taken(house: House, tmp_path: Path) -> None:
    """Without this, that the forged ones are refused would say nothing."""
    scene = Scene(house, tmp_path)
    await scene.set()
    assert await scene.choose(selected_option="pending") == 200
    assert await house.told(house.moderator, "Idées en attente de modération", "Des vélos partagés")


async def test_the_role_is_asked_at_the_click(house: House, tmp_path: Path) -> None:
    """Whoever has left the review channel decides no more, though the button is genuine."""
    scene = Scene(house, tmp_path)
    await scene.set()
    del house.world.members[house.review][house.moderator]
    assert await scene.click(scene.context()) == 200
    assert house.posts_in(house.ideas) == []


@pytest.mark.parametrize("path", ["command", "action", "dialog"])
async def test_garbage_is_turned_away(house: House, path: str) -> None:
    address = f"http://127.0.0.1:{house.port}/mattermost/{path}"
    async with ClientSession() as session:
        for body, expected in ((b"\xff\xfe", 400), (b"{", 400), (b"[" * 100_000, 400), (b"x" * 300_000, 413)):
            async with session.post(address, data=body) as response:
                assert response.status in (expected, 403)
                assert await response.read() == b""
        async with session.get(address) as response:
            assert response.status == 405
