"""Reads the settings of Web Push: the VAPID key, the contact, and the push services that are trusted (N3, N8)."""

import os
import re
from base64 import urlsafe_b64encode
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from couriers.settings import CourierSettings, read_secret
from models.errors import ConfigError
from streams.masking import remember

_PREFIX: Final = "FIRSTCLAIM_PUSH_"
KNOWN_SERVICES: Final = (
    "fcm.googleapis.com,updates.push.services.mozilla.com,*.notify.windows.com,*.push.apple.com"
)
"""The push services of Chrome, Firefox, Edge and Safari."""
MAX_ENDPOINT: Final = 1_000
RAW_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}=?")
"""32 bytes in base64url."""


class PushSettings(CourierSettings):
    """How push messages are signed, and to whom they may be sent. Read it with `PushSettings.read`.

    `private_key` or `private_key_file`: the VAPID key, as PEM or as 32 bytes in base64url (`firstclaim push-key` makes
    one). The console needs only `public_key`. `contact`: a mailto or https address at which a push service may reach
    the operator. `services`: the hosts to which messages may be sent, separated by commas; `*.` allows every host below
    a name. A browser names its own push service, so without this list it could name any address of the network.
    `cafile`: the authorities that are trusted; the system's by default. `connections`: how many messages are sent at a
    time.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX)

    private_key: SecretStr | None = None
    private_key_file: Path | None = None
    public_key: str | None = None
    contact: str = Field(
        default="mailto:firstclaim@localhost", pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://\S+)$"
    )
    services: str = KNOWN_SERVICES
    cafile: Path | None = None
    connections: int = Field(default=8, ge=1, le=64)
    console_url: str | None = Field(default=None, validation_alias="FIRSTCLAIM_PUBLIC_URL")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.private_key is not None and self.private_key_file is not None:
            raise ConfigError(
                f"{_PREFIX}PRIVATE_KEY_FILE", f"is set as well as {_PREFIX}PRIVATE_KEY; set only one of them"
            )
        remember(self.private_key.get_secret_value() if self.private_key else None)
        return self

    @property
    def vapid(self) -> Vapid02 | None:
        """The VAPID key; None if none is given. Raises ConfigError for an unreadable one."""
        if self.private_key is not None:
            return _key(self.private_key.get_secret_value(), f"{_PREFIX}PRIVATE_KEY")
        if self.private_key_file is None:
            return None
        name = f"{_PREFIX}PRIVATE_KEY_FILE"
        return _key(read_secret(self.private_key_file, name), name)

    @property
    def browsers_key(self) -> str | None:
        """The public key with which browsers subscribe; None if push is not set up. Raises ConfigError."""
        if self.public_key is not None:
            return self.public_key
        key = self.vapid
        return None if key is None else public_key_of(key)

    def trusts(self, endpoint: str) -> bool:
        """Return whether messages may be sent to an address: https, at a host of `services`."""
        try:
            parts = urlsplit(endpoint)
            host = parts.hostname or ""
            port = parts.port
        except ValueError:
            return False
        if parts.scheme != "https" or parts.username is not None or len(endpoint) > MAX_ENDPOINT:
            return False
        host_and_port = host if port in {None, 443} else f"{host}:{port}"
        return any(
            fnmatchcase(host_and_port, pattern.strip())
            for pattern in self.services.split(",")
            if pattern.strip()
        )


def public_key_of(key: Vapid02) -> str:
    """Return the public key of a VAPID key as browsers take it: an uncompressed point in base64url."""
    point = key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).rstrip(b"=").decode()


def _key(text: str, name: str) -> Vapid02:
    stripped = text.strip()
    try:
        if stripped.startswith("-----"):
            return Vapid02.from_pem(stripped.encode())
        if RAW_KEY.fullmatch(stripped):
            return Vapid02.from_raw(stripped.encode())
    except (VapidException, ValueError, TypeError) as error:
        raise ConfigError(
            name, "is not an EC key of the curve P-256, as PEM or 32 bytes in base64url"
        ) from error
    raise ConfigError(name, "is not an EC key of the curve P-256, as PEM or 32 bytes in base64url")


def make_key(file: Path) -> Vapid02:
    """Make a VAPID key and write it to a new file that only its owner may read.

    Raises FileExistsError if the file exists, and OSError if it cannot be written.
    """
    key = Vapid02()
    key.generate_keys()
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        written.write(key.private_pem())
    return key
