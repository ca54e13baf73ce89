"""From settings to rules: every one arrives, and without any they are those of the documents."""

from datetime import time, timedelta

from bot.config import Settings
from bot.rules import rules_of


def test_every_setting_reaches_the_rules() -> None:
    rules = rules_of(
        Settings.model_validate(
            {
                "language": "en",
                "command": "/idee",
                "voting": {"emoji": [":bulb:", "thumbsup"], "own_ideas": True},
                "digest": {"day": "thu", "at": "7:05", "timezone": "Asia/Kolkata", "size": 7, "late_chances": 1},
                "moderation": {"remind_after_days": 9},
            }
        )
    )
    assert (rules.language, rules.command, rules.reaction) == ("en", "/idee", "bulb")
    assert rules.voting.own_ideas
    assert rules.voting.counts("+1")
    assert rules.voting.counts("bulb")
    assert not rules.voting.counts("heart")
    assert (rules.weekly.day, rules.weekly.at, rules.weekly.time_zone.key) == ("thu", time(7, 5), "Asia/Kolkata")
    assert (rules.sizes.shortlist, rules.sizes.late_chances) == (7, 1)
    assert rules.remind_after == timedelta(days=9)


def test_the_rules_without_any_setting_are_those_of_the_documents() -> None:
    rules = rules_of(Settings())
    assert (rules.language, rules.command, rules.reaction) == ("fr", "/idea", "+1")
    assert not rules.voting.own_ideas
    assert all(map(rules.voting.counts, ("+1", "heart", "bulb")))
    assert (rules.weekly.day, rules.weekly.at, rules.weekly.time_zone.key) == ("mon", time(9), "Europe/Paris")
    assert (rules.sizes.shortlist, rules.sizes.late_chances, rules.remind_after) == (5, 3, timedelta(days=3))


def test_the_words_are_those_of_the_member_or_else_of_the_workspace() -> None:
    rules = rules_of(Settings())
    assert (rules.texts().language, rules.texts().time_zone.key) == ("fr", "Europe/Paris")
    assert (rules.texts("en-GB", "Europe/London").language, rules.texts("en-GB", "Europe/London").time_zone.key) == (
        "en",
        "Europe/London",
    )
    assert rules.texts("de", "Mars/Olympus").time_zone.key == "Europe/Paris"
