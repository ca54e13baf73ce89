"""Emoji: the names that the picker offers, and the glyph of a name.

What a reaction counts for is decided elsewhere.
"""

import emoji

PICKER = (
    "+1", "heart", "bulb", "tada",
    "clap", "raised_hands", "rocket", "star",
    "seedling", "bee", "muscle", "pray",
    "eyes", "thinking_face", "smile", "-1",
)  # fmt: skip


def glyph(name: str) -> str:
    """The emoji of that name, or `:name:` where there is none."""
    return emoji.emojize(f":{name}:", language="alias")


def is_known(name: str) -> bool:
    """Whether there is an emoji of that name."""
    return emoji.is_emoji(glyph(name))
