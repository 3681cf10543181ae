"""Reads the settings of every process. An incomplete configuration is refused, never completed by guessing.

The environment variables are named like the fields below (`KAFKA_…`, `REDIS_URL`, `DATABASE_URL`) or begin with
`FIRSTCLAIM_`. Kafka security is checked as a whole. A client with credentials and without TLS would send them in clear
text without a warning, so the protocol must be named, and everything it needs must be set.
"""

from __future__ import annotations

import os
import ssl
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import ConfigError
from streams.masking import is_url, masked_url, remember, remember_url
from streams.valkey_url import sentinel_address

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_HIGHEST_PORT = 65535


def _user_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "firstclaim"


def _sqlite_in(values: dict[str, Any]) -> str:
    return f"sqlite:///{Path(values.get('state_dir', '.state')).absolute() / 'crm.sqlite'}"


class Settings(BaseSettings):
    """The addresses of Kafka, Valkey and the CRM database, and the state folder. Immutable; read once per process.

    `cache_dir` keeps the downloads of the local servers. `maven_repository` is a mirror for networks without access to
    Maven Central. A process writes at most `fatal_error_limit` dead letters of records on which its own code failed
    within `fatal_error_window_seconds`; at one more it ends (`streams.brake`).

    `status_host`: the address on which each process serves `/health`, `/ready` and `/metrics`; `0.0.0.0` in a
    container.

    `audit_days`: how many days the topic `audit` and the console's index of it are kept.

    `signing_keys`: the file of secrets for signing and checking messages. `signing_key`: the id of our own key in it. A
    signature may be at most `signature_seconds` older or newer than its record (`streams.signing`).

    `erasure_key`: the file with the key of the hashes of erased persons (`streams.erasure_key`).

    Construct it with `Settings.read()`, which raises only `ConfigError`, with the name of the environment variable.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    state_dir: Path = Field(default=Path(".state"), validation_alias="FIRSTCLAIM_STATE_DIR")
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    redis_url: str = "redis://127.0.0.1:6379/0"
    database_url: str = Field(default_factory=_sqlite_in)

    cache_dir: Path = Field(default_factory=_user_cache, validation_alias="FIRSTCLAIM_CACHE_DIR")
    maven_repository: str | None = Field(default=None, validation_alias="FIRSTCLAIM_MAVEN_REPOSITORY")

    status_host: str = Field(default="127.0.0.1", validation_alias="FIRSTCLAIM_STATUS_HOST")

    partitions: int = Field(default=8, ge=1, le=1024, validation_alias="FIRSTCLAIM_PARTITIONS")
    replication_factor: int = Field(default=1, ge=1, le=32, validation_alias="FIRSTCLAIM_REPLICATION_FACTOR")

    fatal_error_limit: int = Field(
        default=20, ge=0, le=10_000, validation_alias="FIRSTCLAIM_FATAL_ERROR_LIMIT"
    )
    fatal_error_window_seconds: float = Field(
        default=60.0, ge=1, le=86_400, validation_alias="FIRSTCLAIM_FATAL_ERROR_WINDOW_SECONDS"
    )

    erasure_key: Path | None = Field(default=None, validation_alias="FIRSTCLAIM_ERASURE_KEY")
    audit_days: int = Field(default=400, ge=1, le=36_500, validation_alias="FIRSTCLAIM_AUDIT_DAYS")

    signing_keys: Path | None = Field(default=None, validation_alias="FIRSTCLAIM_SIGNING_KEYS")
    signing_key: str | None = Field(default=None, validation_alias="FIRSTCLAIM_SIGNING_KEY")
    signature_seconds: float = Field(
        default=900, ge=1, le=604_800, validation_alias="FIRSTCLAIM_SIGNATURE_SECONDS"
    )

    kafka_security_protocol: SecurityProtocol = "PLAINTEXT"
    kafka_sasl_mechanism: SaslMechanism | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: Path | None = None
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    kafka_ssl_keyfile_password: SecretStr | None = None
    kafka_ssl_check_hostname: bool = True

    _adopted: dict[str, int] = PrivateAttr(default_factory=dict)

    @property
    def adopted(self) -> dict[str, int]:
        """The partition counts of those topics whose count differs from ours and is harmless (`streams.topics`)."""
        return self._adopted

    def following(self, partitions: int, adopted: dict[str, int]) -> Self:
        """Return these settings with the partition counts of the cluster."""
        settings = self.model_copy(update={} if partitions == self.partitions else {"partitions": partitions})
        settings._adopted = adopted  # noqa: SLF001  # of our own class
        return settings

    @classmethod
    def read(cls, **values: Any) -> Self:
        """Read the environment; `values` (by field name) takes precedence. ConfigError names field and reason."""
        try:
            return cls(**{environment_name(field): value for field, value in values.items()})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field_name = str(first["loc"][0]) if first["loc"] else "settings"
            raise ConfigError(environment_name(field_name), first["msg"]) from error

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in value.split(","):
            host, _, port = address.strip().rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) <= _HIGHEST_PORT:
                reason = f"{address.strip()!r} is not host:port; several are separated by commas"
                raise ConfigError("KAFKA_BOOTSTRAP_SERVERS", reason)
        return ",".join(address.strip() for address in value.split(","))

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        remember_url(value)
        if sentinel_address(value) is not None:
            return value
        return _known_url("REDIS_URL", value)

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        scheme, separator, location = value.partition("://")
        if not separator or scheme.split("+")[0] not in {"sqlite", "postgresql", "postgres"}:
            raise ConfigError("DATABASE_URL", "must begin with sqlite:/// or postgresql://")
        _known_url("DATABASE_URL", value)
        return f"postgresql+psycopg://{location}" if scheme in {"postgres", "postgresql"} else value

    @field_validator("kafka_sasl_password", "kafka_ssl_keyfile_password")
    @classmethod
    def _secret(cls, value: SecretStr | None) -> SecretStr | None:
        remember(value.get_secret_value() if value else None)
        return value

    def __repr_args__(self) -> Any:
        """Return the content of `repr`: addresses without their passwords."""
        urls = ("redis_url", "database_url")
        return [
            (name, masked_url(value) if name in urls else value) for name, value in super().__repr_args__()
        ]

    @model_validator(mode="after")
    def _security_is_whole(self) -> Self:
        self._check_sasl()
        self._check_tls()
        return self

    def _check_sasl(self) -> None:
        credentials = {
            "KAFKA_SASL_MECHANISM": self.kafka_sasl_mechanism,
            "KAFKA_SASL_USERNAME": self.kafka_sasl_username,
            "KAFKA_SASL_PASSWORD": self.kafka_sasl_password,
        }
        present = [name for name, value in credentials.items() if value is not None]
        missing = [name for name, value in credentials.items() if value is None]
        protocol = self.kafka_security_protocol
        if present and not protocol.startswith("SASL_"):
            reason = (
                f"is {protocol}, but {present[0]} is given; with SASL it must be SASL_SSL (or SASL_PLAINTEXT)"
            )
            raise ConfigError("KAFKA_SECURITY_PROTOCOL", reason)
        if missing and protocol.startswith("SASL_"):
            raise ConfigError(missing[0], f"is missing; {protocol} needs mechanism, username and password")

    def _check_tls(self) -> None:
        files = {
            "KAFKA_SSL_CAFILE": self.kafka_ssl_cafile,
            "KAFKA_SSL_CERTFILE": self.kafka_ssl_certfile,
            "KAFKA_SSL_KEYFILE": self.kafka_ssl_keyfile,
        }
        present = [name for name, path in files.items() if path is not None]
        if self.kafka_ssl_keyfile_password is not None:
            present.append("KAFKA_SSL_KEYFILE_PASSWORD")
        protocol = self.kafka_security_protocol
        if present and not protocol.endswith("SSL"):
            reason = f"is {protocol}, which is not encrypted, but {present[0]} is given; use SSL or SASL_SSL"
            raise ConfigError("KAFKA_SECURITY_PROTOCOL", reason)
        if self.kafka_ssl_keyfile and not self.kafka_ssl_certfile:
            raise ConfigError(
                "KAFKA_SSL_CERTFILE", "is missing; KAFKA_SSL_KEYFILE is the key of a certificate"
            )
        if self.kafka_ssl_certfile and not self.kafka_ssl_keyfile:
            reason = "is missing; a client certificate needs its key (name the same file if it holds both)"
            raise ConfigError("KAFKA_SSL_KEYFILE", reason)
        if self.kafka_ssl_keyfile_password is not None and not self.kafka_ssl_keyfile:
            raise ConfigError("KAFKA_SSL_KEYFILE", "is missing; KAFKA_SSL_KEYFILE_PASSWORD opens it")
        for name, path in files.items():
            if path is not None and not path.is_file():
                raise ConfigError(name, f"there is no file {path}")

    @cached_property
    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context of the Kafka clients; None if the protocol is not encrypted.

        Without `KAFKA_SSL_CAFILE` the system's authorities are trusted. Raises ConfigError if a file cannot be loaded.
        """
        if not self.kafka_security_protocol.endswith("SSL"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.kafka_ssl_cafile)
        except (ssl.SSLError, OSError) as error:
            raise ConfigError("KAFKA_SSL_CAFILE", f"cannot be loaded: {error}") from error
        context.check_hostname = self.kafka_ssl_check_hostname
        if self.kafka_ssl_certfile and self.kafka_ssl_keyfile:
            password = self.kafka_ssl_keyfile_password
            # An empty password instead of None: for an encrypted key, OpenSSL would ask on the terminal.
            secret = password.get_secret_value() if password else ""
            try:
                context.load_cert_chain(self.kafka_ssl_certfile, self.kafka_ssl_keyfile, secret)
            except (ssl.SSLError, OSError) as error:
                reason = f"and KAFKA_SSL_KEYFILE cannot be loaded: {error}"
                raise ConfigError("KAFKA_SSL_CERTFILE", reason) from error
        return context

    def aiokafka_options(self) -> dict[str, Any]:
        """Return the keyword arguments of every aiokafka client: address and security.

        Only `streams.clients` uses them. It adds the options that all clients have in common.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.kafka_bootstrap_servers.split(","),
            "security_protocol": self.kafka_security_protocol,
        }
        if self.ssl_context is not None:
            options["ssl_context"] = self.ssl_context
        if self.kafka_sasl_password is not None:
            options["sasl_mechanism"] = self.kafka_sasl_mechanism
            options["sasl_plain_username"] = self.kafka_sasl_username
            options["sasl_plain_password"] = self.kafka_sasl_password.get_secret_value()
        return options

    def faust_credentials(self) -> Any:
        """Return `broker_credentials` of a Faust app: None, SSL, or SASL with TLS inside it."""
        if self.kafka_security_protocol == "PLAINTEXT":
            return None
        import faust  # noqa: PLC0415  # it takes half a second, and only workers on a secured cluster need it

        if self.kafka_sasl_password is None:
            return faust.SSLCredentials(self.ssl_context)
        return faust.SASLCredentials(
            username=self.kafka_sasl_username,
            password=self.kafka_sasl_password.get_secret_value(),
            mechanism=self.kafka_sasl_mechanism,
            ssl_context=self.ssl_context,
        )

    def faust_broker(self) -> str:
        """Return `broker` of a Faust app: all bootstrap addresses as one URL list."""
        return ";".join(f"kafka://{address}" for address in self.kafka_bootstrap_servers.split(","))

    def given(self, field: str) -> bool:
        """Tell whether the environment or the caller set this field."""
        return field in self.model_fields_set

    def environment(self) -> dict[str, str]:
        """Return the environment a child process needs to read the same settings. It holds secrets in clear text.

        Without a number of partitions that was given, the child follows the cluster, too (docs/decisions/0008).
        """
        variables: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is None or (name == "partitions" and not self.given(name)):
                continue
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            elif isinstance(value, Path):
                value = value.absolute()
            variables[environment_name(name)] = str(value)
        return variables


def _known_url(field: str, url: str) -> str:
    """Return an address, after registering its passwords for masking in all further output."""
    remember_url(url)
    if not is_url(url):
        raise ConfigError(
            field, "is not a URL: host or port cannot be read; is the password percent-encoded?"
        )
    return url


def environment_name(field: str) -> str:
    """Return the environment variable of a field of Settings; accepts a field or an alias."""
    declared = Settings.model_fields.get(field)
    return field.upper() if declared is None else str(declared.validation_alias or field.upper())
