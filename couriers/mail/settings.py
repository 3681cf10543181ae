"""Reads the mail settings: server, security, credentials and sender. Secrets come by environment or file (N8)."""

import ssl
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from couriers.settings import CourierSettings, read_secret
from models.errors import ConfigError
from streams.masking import remember

Security = Literal["starttls", "tls", "none"]


class MailSettings(CourierSettings):
    """How the mail courier reaches its SMTP server. Read it with `MailSettings.read`.

    `host` None: no server is set up. `security`: `starttls` upgrades a plain connection and refuses to go on without;
    `tls` connects with TLS; `none` sends in clear text, and then no credentials. `password_file` is read at the start.
    `sender`: the sender's address for orgs that set none. `connections`: how many mails are sent at a time.
    `console_url`: the console's public address, for the links of mails of orgs that set no address of their own.
    `unsubscribe_key` or its file: signs the links that end digests; console and courier need the same, and without it
    mails have no such link. `digest_minutes`: how often managers get a digest of new exceptions; 0: never.
    """

    model_config = SettingsConfigDict(env_prefix="FIRSTCLAIM_SMTP_")

    host: str | None = None
    port: int = Field(default=587, ge=1, le=65_535)
    security: Security = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    cafile: Path | None = None
    sender: str = "firstclaim@localhost"
    connections: int = Field(default=4, ge=1, le=64)
    console_url: str | None = Field(default=None, validation_alias="FIRSTCLAIM_PUBLIC_URL")
    unsubscribe_key: SecretStr | None = Field(default=None, validation_alias="FIRSTCLAIM_UNSUBSCRIBE_KEY")
    unsubscribe_key_file: Path | None = Field(
        default=None, validation_alias="FIRSTCLAIM_UNSUBSCRIBE_KEY_FILE"
    )
    digest_minutes: float = Field(default=60, ge=0, le=1_440)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        has_password = self.password is not None or self.password_file is not None
        if self.password is not None and self.password_file is not None:
            raise ConfigError(
                "FIRSTCLAIM_SMTP_PASSWORD_FILE",
                "is set as well as FIRSTCLAIM_SMTP_PASSWORD; set only one of them",
            )
        if (self.username is not None) != has_password:
            missing = "PASSWORD" if self.username is not None else "USERNAME"
            raise ConfigError(f"FIRSTCLAIM_SMTP_{missing}", "is missing; a user name needs a password")
        if has_password and self.security == "none":
            raise ConfigError(
                "FIRSTCLAIM_SMTP_SECURITY",
                "is none, which would send the password in clear text; use starttls or tls",
            )
        if "@" not in self.sender:
            raise ConfigError("FIRSTCLAIM_SMTP_SENDER", f"{self.sender!r} is not a mail address")
        for secret in (self.password, self.unsubscribe_key):
            remember(secret.get_secret_value() if secret else None)
        return self

    @property
    def secret(self) -> str | None:
        """The password; None without credentials. Raises ConfigError if its file cannot be read."""
        if self.password is not None:
            return self.password.get_secret_value()
        if self.password_file is None:
            return None
        return read_secret(self.password_file, "FIRSTCLAIM_SMTP_PASSWORD_FILE")

    @property
    def unsubscribe_secret(self) -> str | None:
        """The key of the links that end digests; None without one. Raises ConfigError if its file cannot be read."""
        if self.unsubscribe_key is not None:
            return self.unsubscribe_key.get_secret_value()
        if self.unsubscribe_key_file is None:
            return None
        return read_secret(self.unsubscribe_key_file, "FIRSTCLAIM_UNSUBSCRIBE_KEY_FILE")

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context; None without TLS. Raises ConfigError if the authorities cannot be loaded."""
        if self.security == "none":
            return None
        try:
            return ssl.create_default_context(cafile=self.cafile)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError("FIRSTCLAIM_SMTP_CAFILE", f"cannot be loaded: {error}") from error
