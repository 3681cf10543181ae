"""Reads settings of all channels, and secrets' files, in the same way (N8)."""

from pathlib import Path
from typing import Final, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import ConfigError
from streams.masking import remember

SHARED: Final = "FIRSTCLAIM_"
"""How the whole name of a variable begins that several channels share, such as `FIRSTCLAIM_PUBLIC_URL`."""


class CourierSettings(BaseSettings):
    """The settings of a channel. A subclass gives its `env_prefix`. Read it with `read`.

    An empty variable counts as none. An error never shows a value, because it may be a secret.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    @classmethod
    def read(cls) -> Self:
        """Read the environment. Raises ConfigError with the name of the variable."""
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            if not name.startswith(SHARED):
                name = f"{cls.model_config['env_prefix']}{name.upper()}"
            raise ConfigError(name, first["msg"]) from error


def read_secret(file: Path, name: str) -> str:
    """Return the secret in a file. `name`: the variable that names it. Raises ConfigError with it."""
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(name, f"cannot be read: {error}") from error
    if not secret:
        raise ConfigError(name, f"{file} is empty")
    remember(secret)
    return secret
