"""Reads the console's settings beyond the engine's: its own database, its address, how long a sign-in lasts."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import ConfigError
from streams.masking import is_url, masked_url, remember, remember_url

ROLES: Final = ("rep", "manager", "admin")
"""The roles in ascending order of rights."""


def _sqlite_in(values: dict[str, Any]) -> str:
    return f"sqlite:///{Path(values.get('state_dir', '.state')).absolute() / 'console.sqlite'}"


def _key_in(values: dict[str, Any]) -> Path:
    return Path(values.get("state_dir", ".state")).absolute() / "console.key"


def _items(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


def safe_address(address: str) -> bool:
    """Say whether nobody on the network can answer in a provider's name: the address is https or this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")


class WebSettings(BaseSettings):
    """The console's settings, `FIRSTCLAIM_…` in the environment. Read them with `WebSettings.read()`.

    `console_database_url`: the database of accounts, sessions, tokens, drafts and preferences, without data of leads.
    `public_url`: the address by which browsers reach the console; with https, cookies are marked secure.
    `mailbox_url`: where all mails can be read, in a demo; each page links to it.
    `session_hours`: how long a sign-in lasts at most; `idle_minutes`: how long without a request; `prove_minutes`:
    after how long tokens, invitations, exports and changes of the second factor require the password again.
    `invitation_hours`: how long the password of an invitation is valid. `token_days`: how long a token is valid if
    nobody says how long; `token_most_days`: how long one may be valid at most. `vendor_posts_per_second`,
    `vendor_posts_burst`: how many posts a vendor's key may send on average, and at once, to one console.
    `console_keys`: the keys that encrypt secrets in the database, separated by commas (`web/store/sealing.py`);
    without it they are in `console_key_file`, by default console.key in the state folder, which is created if it is
    missing.
    `second_factor_roles`: the roles that must have a second factor, separated by commas. `trusted_proxies`: networks
    whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted, separated by commas. The three settings of OIDC must be
    set together. `oidc_only`: nobody signs in by password. `oidc_role_claim`, `oidc_teams_claim`: the claims whose
    values a sign-in publishes as the rep's role and teams; `oidc_roles`: `value=role` pairs, separated by commas, for
    values of the role claim that are not roles themselves. `telephone`: call buttons ring the rep's telephone (N7), in
    orgs that say nothing about it; otherwise numbers are `tel:` links.
    `first_account_key`: with this key the page `/first-account?key=…` makes an admin's account while nobody has one;
    without it there is no such page.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    state_dir: Path = Field(default=Path(".state"), validation_alias="FIRSTCLAIM_STATE_DIR")
    console_database_url: str = Field(
        default_factory=_sqlite_in, validation_alias="FIRSTCLAIM_CONSOLE_DATABASE_URL"
    )
    public_url: str = Field(default="http://127.0.0.1", validation_alias="FIRSTCLAIM_PUBLIC_URL")
    mailbox_url: str | None = Field(
        default=None, pattern=r"^https?://[^\s\"<>]+$", validation_alias="FIRSTCLAIM_MAILBOX_URL"
    )
    session_hours: float = Field(default=12, gt=0, validation_alias="FIRSTCLAIM_SESSION_HOURS")
    idle_minutes: float = Field(default=60, gt=0, validation_alias="FIRSTCLAIM_IDLE_MINUTES")
    prove_minutes: float = Field(default=15, gt=0, validation_alias="FIRSTCLAIM_PROVE_MINUTES")
    invitation_hours: float = Field(
        default=72, gt=0, le=24 * 90, validation_alias="FIRSTCLAIM_INVITATION_HOURS"
    )
    token_days: float = Field(default=90, gt=0, validation_alias="FIRSTCLAIM_TOKEN_DAYS")
    token_most_days: float = Field(default=365, gt=0, le=3_650, validation_alias="FIRSTCLAIM_TOKEN_MOST_DAYS")
    vendor_posts_per_second: float = Field(
        default=20, gt=0, validation_alias="FIRSTCLAIM_VENDOR_POSTS_PER_SECOND"
    )
    vendor_posts_burst: int = Field(default=100, gt=0, validation_alias="FIRSTCLAIM_VENDOR_POSTS_BURST")
    console_keys: SecretStr | None = Field(default=None, validation_alias="FIRSTCLAIM_CONSOLE_KEYS")
    console_key_file: Path = Field(default_factory=_key_in, validation_alias="FIRSTCLAIM_CONSOLE_KEY_FILE")
    second_factor_roles: str = Field(default="", validation_alias="FIRSTCLAIM_SECOND_FACTOR_ROLES")
    trusted_proxies: str = Field(default="", validation_alias="FIRSTCLAIM_TRUSTED_PROXIES")
    oidc_issuer: str | None = Field(default=None, validation_alias="FIRSTCLAIM_OIDC_ISSUER")
    oidc_client_id: str | None = Field(default=None, validation_alias="FIRSTCLAIM_OIDC_CLIENT_ID")
    oidc_client_secret: SecretStr | None = Field(
        default=None, validation_alias="FIRSTCLAIM_OIDC_CLIENT_SECRET"
    )
    oidc_only: bool = Field(default=False, validation_alias="FIRSTCLAIM_OIDC_ONLY")
    oidc_role_claim: str | None = Field(default=None, validation_alias="FIRSTCLAIM_OIDC_ROLE_CLAIM")
    oidc_teams_claim: str | None = Field(default=None, validation_alias="FIRSTCLAIM_OIDC_TEAMS_CLAIM")
    oidc_roles: str = Field(default="", validation_alias="FIRSTCLAIM_OIDC_ROLES")
    telephone: bool = Field(default=False, validation_alias="FIRSTCLAIM_CONSOLE_TELEPHONE")
    first_account_key: SecretStr | None = Field(
        default=None, min_length=32, max_length=200, validation_alias="FIRSTCLAIM_FIRST_ACCOUNT_KEY"
    )

    @classmethod
    def read(cls, **overrides: Any) -> Self:
        """Read the environment. `overrides` (by field name) takes precedence. `ConfigError` names the variable."""
        try:
            return cls(
                **{str(cls.model_fields[field].validation_alias): value for field, value in overrides.items()}
            )
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field_name = str(first["loc"][0]) if first["loc"] else "settings"
            raise ConfigError(field_name, first["msg"]) from error

    @model_validator(mode="after")
    def _secrets_are_known(self) -> Self:
        remember_url(self.console_database_url)
        if not is_url(self.console_database_url):
            raise ConfigError("FIRSTCLAIM_CONSOLE_DATABASE_URL", "is not a URL: host or port cannot be read")
        remember(self.oidc_client_secret.get_secret_value() if self.oidc_client_secret else None)
        remember(self.first_account_key.get_secret_value() if self.first_account_key else None)
        for key in _items(self.console_keys.get_secret_value() if self.console_keys else ""):
            remember(key)
        if self.token_days > self.token_most_days:
            raise ConfigError("FIRSTCLAIM_TOKEN_DAYS", "is more than FIRSTCLAIM_TOKEN_MOST_DAYS")
        return self

    def __repr_args__(self) -> Any:
        """Return the values that `repr` shows: addresses without their passwords."""
        shown = super().__repr_args__()
        return [
            (name, masked_url(value) if name == "console_database_url" else value) for name, value in shown
        ]

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        options = {
            "FIRSTCLAIM_OIDC_ISSUER": self.oidc_issuer,
            "FIRSTCLAIM_OIDC_CLIENT_ID": self.oidc_client_id,
            "FIRSTCLAIM_OIDC_CLIENT_SECRET": self.oidc_client_secret,
        }
        missing = [name for name, value in options.items() if value is None]
        if missing and len(missing) < len(options):
            raise ConfigError(missing[0], "is missing; OIDC needs issuer, client id and client secret")
        if self.oidc_only and missing:
            raise ConfigError("FIRSTCLAIM_OIDC_ONLY", "needs a provider: FIRSTCLAIM_OIDC_ISSUER is missing")
        if self.oidc_issuer is not None and not safe_address(self.oidc_issuer):
            raise ConfigError("FIRSTCLAIM_OIDC_ISSUER", "must be an https address; http only on this machine")
        return self

    @model_validator(mode="after")
    def _lists_are_readable(self) -> Self:
        for role in self.second_factor_for:
            if role not in ROLES:
                raise ConfigError(
                    "FIRSTCLAIM_SECOND_FACTOR_ROLES", f"{role} is not one of {', '.join(ROLES)}"
                )
        for value, role in self.roles_of_claims.items():
            if role not in ROLES:
                raise ConfigError(
                    "FIRSTCLAIM_OIDC_ROLES", f"{value}={role}: the role must be one of {', '.join(ROLES)}"
                )
        try:
            _ = self.proxies
        except ValueError as error:
            raise ConfigError("FIRSTCLAIM_TRUSTED_PROXIES", str(error)) from error
        return self

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of the trusted proxies."""
        return tuple(ip_network(text) for text in _items(self.trusted_proxies))

    @property
    def second_factor_for(self) -> frozenset[str]:
        """The roles that must have a second factor."""
        return frozenset(_items(self.second_factor_roles))

    @property
    def roles_of_claims(self) -> dict[str, str]:
        """The role that each value of the role claim means. A role's own name means that role."""
        pairs = [entry.rpartition("=") for entry in _items(self.oidc_roles)]
        return {role: role for role in ROLES} | {value: role for value, _, role in pairs}

    @property
    def session_cookie(self) -> str:
        """The name of the session's cookie. With https its prefix makes browsers bind it to this host and to https."""
        return f"{self._cookie_prefix}firstclaim_session"

    @property
    def step_cookie(self) -> str:
        """The name of the cookie of a person who has entered the right password and must still enter a code."""
        return f"{self._cookie_prefix}firstclaim_step"

    @property
    def oidc_cookie(self) -> str:
        """The name of the cookie that a browser keeps while the person is at the provider."""
        return f"{self._cookie_prefix}firstclaim_oidc"

    @property
    def _cookie_prefix(self) -> str:
        return "__Host-" if self.secure else ""

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console by https."""
        return self.public_url.startswith("https://")
