"""The addresses of orgs' chats, from the environment or from files. The directory has only their names (N3, N8)."""

import os
import re
from pathlib import Path
from typing import Final, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from couriers.mail.settings import read_secret
from models.errors import ConfigError
from streams.masking import remember

_PREFIX: Final = "FIRSTCLAIM_CHAT_"
URL: Final = f"{_PREFIX}URL_"
"""The prefix of the variables with addresses: `FIRSTCLAIM_CHAT_URL_ORG__NAME`."""
_PLAIN: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""Names that give different variables. The address of another org's chat needs a file."""
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


class ChatSettings(BaseSettings):
    """How the chat courier finds addresses. Read it with `ChatSettings.read`.

    `secrets`: a folder with a file `ORG/NAME` for each address. An org finds only its own ones. `connections`: how many
    messages are sent at a time.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    secrets: Path | None = None
    connections: int = Field(default=4, ge=1, le=64)
    console_url: str | None = Field(default=None, validation_alias="FIRSTCLAIM_PUBLIC_URL")

    @classmethod
    def read(cls) -> Self:
        """Read the environment. Raises ConfigError with the name of the variable."""
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ConfigError(f"{_PREFIX}{str(first['loc'][0]).upper()}", first["msg"]) from error

    def address(self, org: str, name: str) -> str | None:
        """Return the address of an org's chat; None if the operator gave none. Raises ConfigError for a bad file."""
        if all(_PLAIN.fullmatch(part) for part in (org, name)):
            found = os.environ.get(URL + "__".join(part.upper().replace("-", "_") for part in (org, name)))
            if found:
                remember(found)
                return found
        if self.secrets is None or not all(_SAFE.fullmatch(part) for part in (org, name)):
            return None
        file = self.secrets / org / name
        return read_secret(file, f"{_PREFIX}SECRETS") if file.is_file() else None
