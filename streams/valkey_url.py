"""Reads the address of Valkey, which is one server, or the sentinels that know which of its servers is the primary."""

from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import msgspec

from models.errors import ConfigError
from streams.masking import masked_url

FIELD: Final = "REDIS_URL"
SENTINEL_PORT: Final = 26379
MAX_SENTINELS: Final = 16
_SCHEMES: Final = ("redis://", "rediss://", "unix://")
_SENTINEL_SCHEMES: Final = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
_EXAMPLE: Final = "redis+sentinel://host1:26379,host2:26379/mymaster/0"
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")
_HIGHEST_PORT: Final = 65535


class SentinelAddress(msgspec.Struct, frozen=True):
    """Sentinels, and the name by which they know the primary.

    `server`: the URL of a server without host and port: scheme, user, database and options. `sentinel`: likewise of the
    sentinels, which have no database and may have a user of their own.
    """

    hosts: tuple[tuple[str, int], ...]
    primary: str
    server: str
    sentinel: str

    def __repr__(self) -> str:
        """Return where the sentinels are, without passwords."""
        return f"{self.primary} of the sentinels {','.join(f'{host}:{port}' for host, port in self.hosts)}"


def sentinel_address(url: str) -> SentinelAddress | None:
    """Return the sentinels that a URL names; None for the URL of one server. Raises ConfigError with the reason."""
    if url.startswith(_SCHEMES):
        return None
    scheme, separator, location_and_query = url.partition("://")
    if not separator or scheme not in _SENTINEL_SCHEMES:
        reason = (
            "must begin with redis://, rediss:// (TLS) or unix://,"
            " or with redis+sentinel:// or rediss+sentinel:// (TLS)"
        )
        raise ConfigError(FIELD, reason)
    location, _, query = location_and_query.partition("?")
    location, _, path = location.partition("/")
    credentials, at, addresses = location.rpartition("@")
    if "#" in location or "@" in path or (not path and "@" in query):
        raise ConfigError(FIELD, "has /, ? or # in the user or the password: write them percent-encoded")
    primary, _, database = path.partition("/")
    if not primary:
        raise ConfigError(FIELD, f"names no primary after the sentinels; an example is {_EXAMPLE}")
    if database and not database.isdecimal():
        raise ConfigError(FIELD, f"has the database {database!r}, which must be a number, as in {_EXAMPLE}")
    options, sentinel_credentials = _options(query)
    plain_scheme = _SENTINEL_SCHEMES[scheme]
    return SentinelAddress(
        hosts=_hosts(addresses),
        primary=unquote(primary),
        server=f"{plain_scheme}://{credentials}{at}/{database or 0}{options}",
        sentinel=f"{plain_scheme}://{sentinel_credentials}{'@' if sentinel_credentials else ''}/{options}",
    )


def hosts_of(url: str) -> list[str]:
    """Return the host names of an address. Raises ConfigError."""
    address = sentinel_address(url)
    return [urlsplit(url).hostname or ""] if address is None else [host for host, _ in address.hosts]


def is_encrypted(url: str) -> bool:
    """Tell whether an address is one of TLS, or of a socket file."""
    return url.startswith(("rediss", "unix"))


def url_without_secrets(url: str) -> str:
    """Return an address without user name, password and options."""
    address = sentinel_address(url)
    if address is not None:
        return f"{url.partition('://')[0]}: {address!r}"
    scheme, separator, location = masked_url(url).partition("://")
    return f"{scheme}{separator}{location.rpartition('@')[2]}"


def _hosts(addresses: str) -> tuple[tuple[str, int], ...]:
    hosts = []
    for address in addresses.split(","):
        try:
            parts = urlsplit(f"//{address.strip()}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or port == 0:
            reason = f"has {address.strip()!r}, which is not host:port of a sentinel, in place of one, as in {_EXAMPLE}"
            raise ConfigError(FIELD, reason)
        hosts.append((host, port or SENTINEL_PORT))
    if len(hosts) > MAX_SENTINELS:
        raise ConfigError(FIELD, f"names {len(hosts)} sentinels; {MAX_SENTINELS} are enough")
    return tuple(hosts)


def _options(query: str) -> tuple[str, str]:
    """Return the options of every connection as a query, and the sentinels' user as the credentials of a URL."""
    options = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    user, password = (quote(options.pop(name, ""), safe="") for name in _SENTINEL_OPTIONS)
    if user and not password:
        raise ConfigError(FIELD, "has sentinel_username and no sentinel_password")
    unknown: list[Any] = [name for name in options if name.startswith("sentinel_")]
    if unknown:
        allowed = " and ".join(_SENTINEL_OPTIONS)
        raise ConfigError(FIELD, f"has the option {unknown[0]}; the options of sentinels are {allowed}")
    return f"?{urlencode(options)}" if options else "", f"{user}:{password}" if password else ""
