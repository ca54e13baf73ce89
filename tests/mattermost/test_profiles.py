"""What a member's account on the server says of them: how they are called, and their time zone."""

from typing import Any

import pytest

from bot.chat.mattermost.inbound import profile

ACCOUNT: dict[str, Any] = {"id": "u1", "username": "camille", "first_name": "", "last_name": "", "nickname": ""}


@pytest.mark.parametrize(
    "told, name",
    [
        ({"nickname": "Cam", "first_name": "Camille", "last_name": "Martin"}, "Cam"),
        ({"first_name": "Camille", "last_name": "Martin"}, "Camille Martin"),
        ({"last_name": "Martin"}, "Martin"),
        ({}, "camille"),
        ({"username": ""}, "u1"),
    ],
)
def test_a_member_is_called_by_what_they_chose_then_by_their_name_then_by_their_account(
    told: dict[str, Any], name: str
) -> None:
    assert profile(ACCOUNT | told).name == name


@pytest.mark.parametrize(
    "told, expected",
    [
        (
            {"useAutomaticTimezone": "true", "automaticTimezone": "Europe/Paris", "manualTimezone": "UTC"},
            "Europe/Paris",
        ),
        ({"useAutomaticTimezone": "false", "automaticTimezone": "Europe/Paris", "manualTimezone": "UTC"}, "UTC"),
        ({"useAutomaticTimezone": True, "automaticTimezone": "Europe/Paris", "manualTimezone": "UTC"}, "Europe/Paris"),
        ({"automaticTimezone": "Europe/Paris"}, "Europe/Paris"),
        ({"automaticTimezone": ""}, None),
        ({"automaticTimezone": "Nowhere/Atall"}, None),
        ({"automaticTimezone": "../etc/passwd"}, None),
        ({"automaticTimezone": 5}, None),
        (None, None),
    ],
)
def test_a_time_zone_is_the_one_in_force_or_none(told: object, expected: str | None) -> None:
    assert profile(ACCOUNT | {"timezone": told}).time_zone == expected
