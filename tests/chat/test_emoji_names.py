"""Emoji's names become emoji, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.emoji_names import with_emoji


@pytest.mark.parametrize(
    "name, glyph",
    [
        (":coffee:", "☕"),
        (":thumbsup_dark_skin_tone:", "👍🏿"),
        (":+1_light_skin_tone:", "👍🏻"),
        (":wave_medium_light_skin_tone:", "👋🏼"),
        (":raised_hand_with_fingers_splayed_medium_skin_tone:", "🖐🏽"),
        (":female-doctor_medium_dark_skin_tone:", "👩🏾\u200d⚕️"),
        (":handshake_light_skin_tone_dark_skin_tone:", "🤝🏻"),
        (":flag-fr: :fr: :flag-scotland:", "🇫🇷 🇫🇷 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"),
        (":slightly_smiling_face: :woman-running: :hankey:", "🙂 🏃\u200d♀️ 💩"),
    ],
)
def test_mattermosts_names_are_known_with_their_skin_tones(name: str, glyph: str) -> None:
    assert with_emoji(name) == glyph


@pytest.mark.parametrize(
    "text",
    [
        ":butine:",
        ":flag-zz:",
        "de 12:100:30 à 13:00",
        "a:b:c",
        "voir : bike :",
        ":bike",
        "::",
        ":Bike:",
        ":skin-tone-3:",
        ":butine_dark_skin_tone:",
        ":butine::skin-tone-2:",
        "12:30:45",
        "tu viens :p ou :-) ?",
    ],
)
def test_custom_emoji_and_other_colons_stay_as_they_are(text: str) -> None:
    assert with_emoji(text) == text


@given(st.text(alphabet="ab1:+-_ é👍"))
def test_a_text_without_a_known_name_stays_as_it_is(text: str) -> None:
    shown = with_emoji(text)
    assert shown == text or len(shown) < len(text)
    assert with_emoji(shown.replace(":", "")) == shown.replace(":", "")
