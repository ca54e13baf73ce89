"""What a setting may be: kinds of values, brought into one shape or refused.

Which settings there are is config.py's part.
"""

import re
from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo

import emoji
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

_TONES = re.compile("[\U0001f3fb-\U0001f3ff]")


def _clock_time(value: object) -> object:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,2}:\d{2}", value.strip()):  # a number would be seconds
        raise PydanticCustomError("clock_time", "not a time of day")
    return value.strip().zfill(5)


def _zone_name(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:  # unknown, malformed, a folder of the time zone database
        raise PydanticCustomError("zone_name", "no such time zone") from error
    return value


def _channel_name(value: str) -> str:
    return value.lstrip("#~")


def _emoji_name(value: str) -> str:
    """The name, of a glyph too: platforms take nothing else. The shortest one is theirs: "+1", "-1", "fr"."""
    name = value.strip(":")
    known = emoji.EMOJI_DATA.get(_TONES.sub("", name))
    names = known.get("alias", [known["en"]]) if known else [name]
    return min(names, key=lambda each: (len(each), each)).strip(":")


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


# A description is the notation of what is allowed, as messages show it: the same in every language.
Text = Annotated[str, Field(min_length=1, description='"…"')]
Secret = Annotated[SecretStr, BeforeValidator(_stripped), Field(description='"…"')]
Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+", description="https://…, http://…")]
ServerUrl = Annotated[str, Field(pattern=r"^https?://[^/\s@]+(/|$)", description="https://…, http://…")]
"""Without a name and password, which would be sent in the place of our token, and printed with the address."""
ChannelName = Annotated[str, AfterValidator(_channel_name), Field(min_length=1, description='"…"')]
ClockTime = Annotated[time, BeforeValidator(_clock_time), Field(description="HH:MM")]
ZoneName = Annotated[str, AfterValidator(_zone_name), Field(description="Europe/Paris, UTC, …")]
EmojiName = Annotated[str, AfterValidator(_emoji_name), Field(min_length=1)]
