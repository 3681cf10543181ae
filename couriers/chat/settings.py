"""Reads the addresses of orgs' chats from the environment or files. The directory has only their names (N3, N8)."""

import os
import re
from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from couriers.settings import CourierSettings, read_secret
from streams.masking import remember

_PREFIX: Final = "FIRSTCLAIM_CHAT_"
URL: Final = f"{_PREFIX}URL_"
"""The prefix of the variables with addresses: `FIRSTCLAIM_CHAT_URL_ORG__NAME`."""
_PLAIN: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""Names that give different variables. The address of another org's chat needs a file."""
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


class ChatSettings(CourierSettings):
    """How the chat courier finds addresses. Read it with `ChatSettings.read`.

    `secrets`: a folder with a file `ORG/NAME` for each address. An org finds only its own ones. `connections`: how many
    messages are sent at a time.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX)

    secrets: Path | None = None
    connections: int = Field(default=4, ge=1, le=64)
    console_url: str | None = Field(default=None, validation_alias="FIRSTCLAIM_PUBLIC_URL")

    def address(self, org: str, name: str) -> str | None:
        """Return the address of an org's chat; None if the operator gave none. Raises ConfigError for a bad file."""
        if all(_PLAIN.fullmatch(part) for part in (org, name)):
            address = os.environ.get(URL + "__".join(part.upper().replace("-", "_") for part in (org, name)))
            if address:
                remember(address)
                return address
        if self.secrets is None or not all(_SAFE.fullmatch(part) for part in (org, name)):
            return None
        file = self.secrets / org / name
        return read_secret(file, f"{_PREFIX}SECRETS") if file.is_file() else None
