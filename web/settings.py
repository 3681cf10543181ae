"""What the console needs beside the engine's settings: its own database, its address, how long a sign-in lasts."""

from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import ConfigError
from streams.masking import is_url, masked, remember, remember_url


def _sqlite_in(values: dict[str, Any]) -> str:
    return f"sqlite:///{Path(values.get('state_dir', '.state')).absolute() / 'console.sqlite'}"


class WebSettings(BaseSettings):
    """The console's settings, `FIRSTCLAIM_…` in the environment; read with `WebSettings.read()`.

    `console_database_url`: accounts, sessions, tokens, drafts and preferences; nothing of a lead.
    `public_url`: how browsers
    reach the console; with https cookies are marked secure. `session_hours`: how long a sign-in lasts. The three of
    OIDC belong together.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    state_dir: Path = Field(default=Path(".state"), validation_alias="FIRSTCLAIM_STATE_DIR")
    console_database_url: str = Field(
        default_factory=_sqlite_in, validation_alias="FIRSTCLAIM_CONSOLE_DATABASE_URL"
    )
    public_url: str = Field(default="http://127.0.0.1", validation_alias="FIRSTCLAIM_PUBLIC_URL")
    session_hours: float = Field(default=12, gt=0, validation_alias="FIRSTCLAIM_SESSION_HOURS")
    oidc_issuer: str | None = Field(default=None, validation_alias="FIRSTCLAIM_OIDC_ISSUER")
    oidc_client_id: str | None = Field(default=None, validation_alias="FIRSTCLAIM_OIDC_CLIENT_ID")
    oidc_client_secret: SecretStr | None = Field(
        default=None, validation_alias="FIRSTCLAIM_OIDC_CLIENT_SECRET"
    )

    @classmethod
    def read(cls, **given: Any) -> Self:
        """Read the environment, `given` (by field name) going first; `ConfigError` names the variable."""
        try:
            return cls(
                **{str(cls.model_fields[field].validation_alias): value for field, value in given.items()}
            )
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = str(first["loc"][0]) if first["loc"] else "settings"
            raise ConfigError(place, first["msg"]) from error

    @model_validator(mode="after")
    def _secrets_are_known(self) -> Self:
        remember_url(self.console_database_url)
        if not is_url(self.console_database_url):
            raise ConfigError("FIRSTCLAIM_CONSOLE_DATABASE_URL", "is no URL: host or port cannot be read")
        remember(self.oidc_client_secret.get_secret_value() if self.oidc_client_secret else None)
        return self

    def __repr_args__(self) -> Any:
        """Return what `repr` shows: addresses without their passwords."""
        shown = super().__repr_args__()
        return [(name, masked(value) if name == "console_database_url" else value) for name, value in shown]

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        given = {
            "FIRSTCLAIM_OIDC_ISSUER": self.oidc_issuer,
            "FIRSTCLAIM_OIDC_CLIENT_ID": self.oidc_client_id,
            "FIRSTCLAIM_OIDC_CLIENT_SECRET": self.oidc_client_secret,
        }
        missing = [name for name, value in given.items() if value is None]
        if missing and len(missing) < len(given):
            raise ConfigError(missing[0], "is missing; OIDC needs issuer, client id and client secret")
        return self

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console by https."""
        return self.public_url.startswith("https://")
