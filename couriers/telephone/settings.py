"""Reads the telephone's settings: system, credentials, numbers and sounds. Secrets come by environment or file."""

from base64 import b64encode
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from couriers.settings import CourierSettings, read_secret
from models.errors import ConfigError
from streams.masking import remember

_PREFIX = "FIRSTCLAIM_TELEPHONE_"


class TelephoneSettings(CourierSettings):
    """How the telephone courier reaches the telephone system. Read it with `TelephoneSettings.read`.

    `provider`: the adapter. `caller_id`: shown to reps and leads of orgs that set none. `ring_seconds`: how long a
    telephone rings where the request has no end. `inbound_seconds`: how long a lead that calls in waits for a rep.
    `system`: the name of the telephone system on `calls`, by which a courier finds what its dead predecessor left open;
    by default its address.

    For Asterisk: `ari_url` None: no telephone is set up. `user`, `password` or `password_file`: of `ari.conf`. `trunk`:
    the PJSIP endpoint through which all other calls go. `registrar`: the host of SIP addresses whose users are
    telephones that register at this Asterisk. `number_uri`: the SIP URI of a number, with `{number}`; without it a
    number is dialled as `PJSIP/number@trunk`. `sounds`: a folder that this process writes and Asterisk reads under the
    same path. `espeak`: the program that speaks; several words are a command line. `voice`: its voice.

    For Twilio: `user` is the account's SID, `password` its auth token, `say_voice` a voice of <Say>. `webhook_url`: the
    address by which Twilio reaches this process, without a slash at the end; it listens at `webhook_host` and
    `webhook_port`. `recordings_url`: where an org's recordings are, each as NAME.mp3. `ring_tone_url`: what a rep hears
    while the lead's telephone rings; without it, silence. `api_url`: of another region or of a test.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX)

    provider: Literal["asterisk", "twilio"] = "asterisk"
    ari_url: str | None = None
    api_url: str = Field(default="https://api.twilio.com", pattern=r"^https?://[^\s?#]+$")
    webhook_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+[^/\s?#]$")
    webhook_host: str = "127.0.0.1"
    webhook_port: int = Field(default=0, ge=0, le=65_535)
    recordings_url: str | None = Field(default=None, pattern=r"^https?://[^\s?#]+[^/\s?#]$")
    ring_tone_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    user: str = "firstclaim"
    password: SecretStr | None = None
    password_file: Path | None = None
    trunk: str = Field(default="trunk", pattern=r"^[A-Za-z0-9_.-]{1,80}$")
    registrar: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.:_-]{1,200}$")
    number_uri: str | None = Field(default=None, pattern=r"^sips?:[^\s<>@]*\{number\}[^\s<>@]*@[^\s<>@]+$")
    caller_id: str | None = None
    system: str | None = Field(default=None, min_length=1, max_length=200)
    sounds: Path | None = None
    espeak: str = "espeak-ng"
    say_voice: str = Field(default="Polly.Joanna", pattern=r"^[A-Za-z0-9._-]{1,60}$")
    voice: str = Field(default="en-us", pattern=r"^[A-Za-z0-9+_-]{1,40}$")
    ring_seconds: float = Field(default=25, ge=5, le=120)
    digit_seconds: float = Field(default=8, ge=1, le=60)
    late_seconds: float = Field(default=5, ge=0.1, le=60)
    lead_ring_seconds: float = Field(default=30, ge=5, le=120)
    inbound_seconds: float = Field(default=60, ge=5, le=600)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ConfigError(
                f"{_PREFIX}PASSWORD_FILE", f"is set as well as {_PREFIX}PASSWORD; set only one of them"
            )
        if self.ari_url is not None and not self.ari_url.startswith(("http://", "https://")):
            raise ConfigError(f"{_PREFIX}ARI_URL", "is not an address like http://asterisk:8088/ari")
        for name, url in (("ARI_URL", self.ari_url), ("API_URL", self.api_url)):
            if url is not None and "@" in url.partition("://")[2].partition("/")[0]:
                raise ConfigError(
                    f"{_PREFIX}{name}", f"has a user or a password; set {_PREFIX}USER and {_PREFIX}PASSWORD"
                )
        remember(self.password.get_secret_value() if self.password else None)
        return self

    @property
    def secret(self) -> str:
        """The password. Raises ConfigError if it is missing or its file cannot be read."""
        if self.password is not None:
            return self.password.get_secret_value()
        if self.password_file is None:
            raise ConfigError(f"{_PREFIX}PASSWORD", "is missing; the telephone system needs a password")
        return read_secret(self.password_file, f"{_PREFIX}PASSWORD_FILE")

    @property
    def system_name(self) -> str:
        """The name of the telephone system on `calls`."""
        address = self.ari_url if self.provider == "asterisk" else f"{self.api_url}/{self.user}"
        return self.system or address or self.provider

    def check(self) -> None:
        """Raise ConfigError for a setting that the provider needs and that is missing."""
        needed = {"asterisk": ("ari_url",), "twilio": ("webhook_url", "caller_id")}[self.provider]
        for name in needed:
            if getattr(self, name) is None:
                reason = f"is missing; the telephone courier needs it for {self.provider.capitalize()}"
                raise ConfigError(f"{_PREFIX}{name.upper()}", reason)
        _ = self.secret

    def authorization(self) -> dict[str, str]:
        """Return the header with user and password. Raises ConfigError without a password."""
        pair = b64encode(f"{self.user}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def endpoint(self, address: str) -> str:
        """Return Asterisk's endpoint for a number in E.164 or a SIP URI."""
        if address.startswith(("sip:", "sips:")):
            user, _, host = address.partition(":")[2].partition("@")
            if host == self.registrar:
                return f"PJSIP/{user}"
            return f"PJSIP/{self.trunk}/{address}"
        if self.number_uri is not None:
            return f"PJSIP/{self.trunk}/{self.number_uri.replace('{number}', address)}"
        return f"PJSIP/{address}@{self.trunk}"
