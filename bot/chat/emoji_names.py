"""Emoji's names in what members write, as Slack and Mattermost deliver them, and the emoji that they picked.

Which emoji is a vote is decided elsewhere.
"""

import re
from functools import lru_cache

import emoji

_NAMED = re.compile(r":(?P<name>[a-z0-9_+'-]+):(?::skin-tone-(?P<tone>[2-6])(?:-[2-6])?:)?")
_TONED = re.compile(r"(?P<name>.+?)_(?P<tone>light|medium_light|medium|medium_dark|dark)_skin_tone(?:_\w+_skin_tone)?")
_TONES = ("light", "medium_light", "medium", "medium_dark", "dark")
_FLAG = re.compile(r"flag-([a-z])([a-z])")
_FIRST_TONE, _FIRST_LETTER = 0x1F3FB, 0x1F1E6
# Their names are those of https://github.com/iamcal/emoji-data. Here is where the library has none or another emoji.
_OTHERS = {
    "beetle": "🪲", "bald_person": "🧑‍🦲", "barely_sunny": "🌥️", "bride_with_veil": "👰", "curly_haired_person": "🧑‍🦱",
    "drum_with_drumsticks": "🥁", "egg": "🥚", "eject": "⏏️", "email": "✉️", "face_palm": "🤦",
    "face_with_cowboy_hat": "🤠", "female-doctor": "👩‍⚕️", "fencer": "🤺", "first_place_medal": "🥇",
    "flag-england": "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "flag-scotland": "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "flag-wales": "🏴󠁧󠁢󠁷󠁬󠁳󠁿",
    "giraffe_face": "🦒", "guardsman": "💂", "handball": "🤾", "i_love_you_hand_sign": "🤟", "keycap_star": "*️⃣",
    "kiwifruit": "🥝", "knife_fork_plate": "🍽️", "ladybug": "🐞", "lightning": "🌩️", "male-doctor": "👨‍⚕️",
    "man-heart-man": "👨‍❤️‍👨", "man-kiss-man": "👨‍❤️‍💋‍👨", "man-wrestling": "🤼‍♂️", "man_and_woman_holding_hands": "👫",
    "man_with_beard": "🧔‍♂️", "man_with_turban": "👳", "mate_drink": "🧉", "medal": "🎖️",
    "men-with-bunny-ears-partying": "👯‍♂️", "mostly_sunny": "🌤️", "octagonal_sign": "🛑", "ok_woman": "🙆",
    "partly_sunny_rain": "🌦️", "person_doing_cartwheel": "🤸", "person_with_headscarf": "🧕", "rain_cloud": "🌧️",
    "red_haired_person": "🧑‍🦰", "satellite": "🛰️", "scooter": "🛴", "second_place_medal": "🥈",
    "shopping_trolley": "🛒", "smiling_face_with_3_hearts": "🥰", "snow_cloud": "🌨️", "snowman": "☃️", "spock-hand": "🖖",
    "the_horns": "🤘", "third_place_medal": "🥉", "umbrella": "☂️", "white_haired_person": "🧑‍🦳",
    "woman-heart-man": "👩‍❤️‍👨", "woman-heart-woman": "👩‍❤️‍👩", "woman-kiss-man": "👩‍❤️‍💋‍👨",
    "woman-kiss-woman": "👩‍❤️‍💋‍👩", "woman-wrestling": "🤼‍♀️", "woman_with_beard": "🧔‍♀️", "womans_flat_shoe": "🥿",
    "women-with-bunny-ears-partying": "👯‍♀️", "wrestlers": "🤼", "zebra_face": "🦓",
}  # fmt: skip


def with_emoji(text: str) -> str:
    """The text with emoji instead of their names. A custom emoji's name stays, and so does what is within a word."""

    def read(match: re.Match[str]) -> str:
        is_within_word = (
            text[match.start() - 1 : match.start()].isalnum() and text[match.end() : match.end() + 1].isalnum()
        )
        return (not is_within_word and _glyph(match["name"], match["tone"])) or match[0]

    return _NAMED.sub(read, text)


@lru_cache(maxsize=1024)
def _glyph(name: str, tone: str | None) -> str:
    """The emoji of that name and skin tone, or none. Slack tells the tone by its number, Mattermost within the name."""
    if found := _TONED.fullmatch(name):
        return _glyph(found["name"], str(2 + _TONES.index(found["tone"])))
    glyph = _OTHERS.get(name) or _flag(name) or _of_library(name)
    if not glyph or not tone:
        return glyph
    toned = glyph[:1] + chr(_FIRST_TONE + int(tone) - 2) + glyph[1:].removeprefix("\ufe0f")
    return toned if emoji.is_emoji(toned) else glyph


def _flag(name: str) -> str:
    if not (country := _FLAG.fullmatch(name)):
        return ""
    flag = "".join(chr(_FIRST_LETTER + ord(letter) - ord("a")) for letter in country.groups())
    return flag if emoji.is_emoji(flag) else ""


def _of_library(name: str) -> str:
    """There, Slack's male-teacher, juggling and man-boy are man_teacher, person_juggling and family_man_boy."""
    word = re.sub("^(fe)?male_", lambda found: "woman_" if found[1] else "man_", name.replace("-", "_"))
    word = word.removeprefix("large_")
    for alias in (name, word, f"person_{word}", f"family_{word}"):
        glyph = emoji.emojize(f":{alias}:", language="alias")
        if emoji.is_emoji(glyph):
            return glyph
    return ""
