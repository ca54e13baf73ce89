"""What the operator decides: frozen settings from one TOML file, with the environment on top.

Reads nothing at import, opens no database and asks no platform whether a token works.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic import model_validator as validates_model
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.errors import ConfigError
from bot.values import ChannelName, ClockTime, EmojiName, Secret, ServerUrl, Text, Url, ZoneName

PREFIX = "BUTINE_"
DELIMITER = "__"
DEFAULT_FILE = Path("butine.toml")
NOT_SETTINGS = ("BUTINE_CONFIG", "BUTINE_DEBUG")
"""Variables that steer the command line and name no key; so does anything that begins with BUTINE_TESTS_."""


class ConfigErrors(ConfigError):
    """More than one problem: code "several", and `problems` has each as a ConfigError."""

    def __init__(self, problems: tuple[ConfigError, ...]) -> None:
        super().__init__("several", {"count": str(len(problems))})
        self.problems = problems


class Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


class StorageSettings(Section):
    """Where everything is kept. The URL may hold a password, so no repr shows it."""

    url: str = Field(
        default="sqlite:///butine.db",
        pattern=r"^(sqlite:///.+|postgresql://.+)$",
        description="sqlite:///…, postgresql://…",
        repr=False,
    )


class ChannelSettings(Section):
    """Names or platform ids of the channels, without "#"."""

    ideas: ChannelName = "idees"
    review: ChannelName = "moderation"
    digest: ChannelName = "idees"


class ChannelOverrides(Section):
    """What is named otherwise on one platform."""

    ideas: ChannelName | None = Field(default=None, description='"…"')
    review: ChannelName | None = Field(default=None, description='"…"')
    digest: ChannelName | None = Field(default=None, description='"…"')


class VotingSettings(Section):
    """What counts as a vote. `emoji` are short names without colons."""

    emoji: tuple[EmojiName, ...] = Field(
        default=("+1", "heart", "bulb"), min_length=1, description='["+1", "heart", …]'
    )
    own_ideas: bool = False


class DigestSettings(Section):
    """When the shortlist is posted, and how many ideas it holds."""

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"
    at: ClockTime = time(9)
    timezone: ZoneName = "Europe/Paris"
    size: int = Field(default=5, ge=1, le=20)
    late_chances: int = Field(default=3, ge=0, le=10)

    @property
    def weekday(self) -> int:
        """0 for Monday to 6 for Sunday, as `datetime.weekday()`."""
        return get_args(DigestSettings.model_fields["day"].annotation).index(self.day)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.timezone)


class ModerationSettings(Section):
    """How long an idea may wait for a decision, in days."""

    remind_after_days: int = Field(default=3, ge=1, le=60)


class SlackSettings(Section):
    """A Slack app. What it needs depends on `mode`; an unused secret is empty."""

    bot_token: Secret = SecretStr("")
    app_token: Secret = SecretStr("")
    signing_secret: Secret = SecretStr("")
    mode: Literal["socket", "http"] = "socket"
    api_url: Annotated[ServerUrl, AfterValidator(lambda url: url.rstrip("/") + "/")] = "https://slack.com/api/"
    channels: ChannelOverrides = ChannelOverrides()

    @validates_model(mode="after")
    def _is_complete(self) -> Self:
        needed = ("bot_token", "app_token") if self.mode == "socket" else ("bot_token", "signing_secret")
        missing = [name for name in needed if not getattr(self, name).get_secret_value()]
        if missing:
            raise PydanticCustomError("missing_keys", "incomplete", {"keys": missing})
        return self


class MattermostSettings(Section):
    """A Mattermost bot account and its slash command. URLs end without "/"."""

    url: Annotated[ServerUrl, AfterValidator(lambda url: url.rstrip("/"))]
    token: Annotated[Secret, Field(min_length=1)]
    team: Text
    command_token: Annotated[Secret, Field(min_length=1)]
    callback_url: Annotated[Url, AfterValidator(lambda url: url.rstrip("/"))]
    ca_file: Path | None = Field(default=None, description='"…"')
    channels: ChannelOverrides = ChannelOverrides()


class WebSettings(Section):
    """The one HTTP listener, and the web room behind it."""

    host: Text = "127.0.0.1"
    port: int = Field(default=8030, ge=0, le=65535)
    room: bool | None = None
    room_database: Path = Field(default=Path("butine-room.db"), description='"…"')


class Settings(BaseSettings):
    """Every setting. Made directly it holds the given values and defaults alone; `load` reads file and environment."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
    )

    language: Literal["fr", "en"] = "fr"
    command: str = Field(default="/idea", pattern=r"^/[^\s/]+$", description="/…")
    storage: StorageSettings = StorageSettings()
    channels: ChannelSettings = ChannelSettings()
    voting: VotingSettings = VotingSettings()
    digest: DigestSettings = DigestSettings()
    moderation: ModerationSettings = ModerationSettings()
    slack: SlackSettings | None = None
    mattermost: MattermostSettings | None = None
    web: WebSettings = WebSettings()

    @validates_model(mode="after")
    def _has_a_review_channel_of_its_own(self) -> Self:
        """On each platform that is used: otherwise whoever sees the ideas would moderate."""
        used = {"slack": self.slack, "mattermost": self.mattermost, "web": self.has_room}
        for platform in (name for name, is_used in used.items() if is_used):
            channels = self.channels_of(platform)
            for other in ("ideas", "digest"):
                if channels.review == getattr(channels, other):
                    keys = [self._channel_key(platform, name) for name in ("review", other)]
                    values = {"key": keys[0], "other": keys[1], "channel": channels.review}
                    raise PydanticCustomError("same_channel", "not its own", values)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the library passes all of these by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed: `load` reads the sources, so that it can say where a wrong value stands."""
        return (init_settings,)

    @property
    def has_room(self) -> bool:
        """Whether the web room is open: as set, else when no chat platform is configured."""
        if self.web.room is None:
            return self.slack is None and self.mattermost is None
        return self.web.room

    def channels_of(self, platform: str) -> ChannelSettings:
        """The channels on a platform ("slack", "mattermost", "web"): the common ones, but for its own overrides."""
        return self.channels.model_copy(update=self._overrides(platform))

    def _overrides(self, platform: str) -> dict[str, str]:
        section = {"slack": self.slack, "mattermost": self.mattermost}.get(platform)
        return section.channels.model_dump(exclude_none=True) if section else {}

    def _channel_key(self, platform: str, name: str) -> str:
        """The key that names a platform's channel."""
        return f"{platform}.channels.{name}" if name in self._overrides(platform) else f"channels.{name}"


class _Environment(EnvSettingsSource):
    """The variables of one mapping; a list is JSON, or its items between commas."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(Settings)
        self.env_vars = {name.lower(): value for name, value in variables.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401  the library's
        if not value.lstrip().startswith("["):
            return [item.strip() for item in value.split(",")]
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value  # which the model refuses, with the key's name


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file: `path`, else the one that BUTINE_CONFIG names, else ./butine.toml if there is one.

    `environ` is os.environ unless given; an empty variable counts as unset. Raises ConfigError:

    - "file_missing" {file}, "file_unreadable" {file, reason}, "file_broken" {file, line, column, reason},
      "file_not_utf8" {file, line};
    - "unknown_key" {key, source, near}: `near` is the most similar real key, or "";
    - "missing_key" {key, variable}: it needs a value, which may be given in that variable;
    - "wrong_value" {key, source, given, allowed}: `allowed` is a notation such as "fr, en", "1 … 20" or "HH:MM";
      of a secret and of storage.url, `given` is "";
    - "same_channel" {key, other, channel}: both keys name the channel, and the first, the review channel's, must not;
    - "several" {count}: a ConfigErrors, whose `problems` are of the kinds above.

    `source` is the file or the variable that holds the value. No value shows a secret or a URL's password.
    """
    environ = os.environ if environ is None else environ
    file = chosen_file(path, environ)
    in_file = _read(file) if file else {}
    variables, problems = _variables(environ)
    try:
        settings = Settings(**_merged(in_file, _Environment(variables)()))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            problems += _problems(detail, file, variables)
        raise _as_one(problems) from None  # the cause would print what was read, secrets included
    if problems:
        raise _as_one(problems)
    return settings


def keys() -> dict[str, FieldInfo]:
    """Every key by its dotted name ("slack.bot_token"), in the order of the models."""
    return dict(_keys(Settings, ""))


def variable(key: str) -> str:
    """The environment variable of a key: BUTINE_SLACK__BOT_TOKEN of "slack.bot_token"."""
    return PREFIX + key.replace(".", DELIMITER).upper()


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        section = _section(field)
        if section:
            yield from _keys(section, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def _section(field: FieldInfo) -> type[Section] | None:
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind
    return None


def chosen_file(path: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file that is read: the one that is named, by the variable too, or the usual one if it is there."""
    if path or environ.get("BUTINE_CONFIG"):
        return path or Path(environ["BUTINE_CONFIG"])
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _read(file: Path) -> dict[str, Any]:
    text = ""
    try:
        text = file.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigError("file_missing", {"file": str(file)}) from None
    except OSError as error:
        raise ConfigError("file_unreadable", {"file": str(file), "reason": error.strerror or ""}) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError("file_not_utf8", {"file": str(file), "line": str(line)}) from None
    except tomllib.TOMLDecodeError as error:
        # Only newer versions of Python have the place as numbers; "at end of document" has none.
        place = re.search(r"line (\d+), column (\d+)", str(error))
        line_number, column = place.groups() if place else (str(text.count("\n") + 1), "1")
        values = {"file": str(file), "line": line_number, "column": column, "reason": str(error).partition(" (at ")[0]}
        raise ConfigError("file_broken", values) from None


def _variables(environ: Mapping[str, str]) -> tuple[dict[str, str], list[ConfigError]]:
    known = [variable(key) for key in keys()]
    found = {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in NOT_SETTINGS and not name.startswith("BUTINE_TESTS_") and value
    }
    unknown = [_unknown(name, name, known) for name in found if name not in known]
    return {name: value for name, value in found.items() if name in known}, unknown


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _problems(detail: ErrorDetails, file: Path | None, variables: Iterable[str]) -> Iterator[ConfigError]:
    key = ".".join(part for part in detail["loc"] if isinstance(part, str))
    source = variable(key) if variable(key) in variables else str(file or "")
    match detail["type"]:
        case "extra_forbidden":
            sections = {known.rpartition(".")[0] for known in keys()} - {""}
            yield _unknown(key, source, [*keys(), *sections])
        case "missing_keys":
            yield from (_missing(f"{key}.{name}") for name in detail["ctx"]["keys"])
        case "missing":
            yield _missing(key)
        case "string_too_short" | "too_short" if keys()[key].is_required():  # empty is as good as absent
            yield _missing(key)
        case "same_channel":
            yield ConfigError("same_channel", detail["ctx"])
        case _:
            yield _wrong(key, source, detail["input"])


def _as_one(problems: list[ConfigError]) -> ConfigError:
    return problems[0] if len(problems) == 1 else ConfigErrors(tuple(problems))


def _unknown(key: str, source: str, known: list[str]) -> ConfigError:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.75)
    return ConfigError("unknown_key", {"key": key, "source": source, "near": near[0] if near else ""})


def _missing(key: str) -> ConfigError:
    return ConfigError("missing_key", {"key": key, "variable": variable(key)})


def _wrong(key: str, source: str, given: object) -> ConfigError:
    field = keys().get(key)
    # A whole section given as one word may be a token in the wrong place.
    is_shown = field is not None and field.annotation is not SecretStr and field.repr
    values = {"key": key, "source": source, "given": _shown(given) if is_shown else ""}
    return ConfigError("wrong_value", {**values, "allowed": _allowed(field) if field else f"[{key}]"})


def _shown(given: object) -> str:
    text = given if isinstance(given, str) else json.dumps(given, default=str, ensure_ascii=False)
    return re.sub(r".*@", "…@", text, flags=re.DOTALL)  # a password may stand before it, also without any "//"


def _allowed(field: FieldInfo) -> str:
    """What a key takes, in a notation without words."""
    if field.description:
        return field.description
    kinds = (field.annotation, *get_args(field.annotation))
    if bool in kinds:
        return "true, false"
    if int in kinds:
        least, most = (getattr(limit, end) for end in ("ge", "le") for limit in field.metadata if hasattr(limit, end))
        return f"{least} … {most}"
    return ", ".join(str(kind) for kind in kinds[1:])
