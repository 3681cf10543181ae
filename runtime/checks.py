"""Checks of `firstclaim doctor` on settings, libraries and Valkey's limits. Each gives a hint for a fault."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy
from aiokafka import codec

from models.errors import ConfigError
from streams.erasure_key import VARIABLE, key_file, read_key
from streams.valkey_url import hosts_of, is_encrypted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.settings import Settings

_RESTORE_KEY: Final = (
    "restore the file or its permissions; only a new installation makes one with `openssl rand -hex 32`, because "
    "another key recognises no erased person"
)
CODECS: Final = {
    "gzip": codec.has_gzip,
    "snappy": codec.has_snappy,
    "lz4": codec.has_lz4,
    "zstd": codec.has_zstd,
}
NO_EVICTION: Final = "noeviction"
FULL_SHARE: Final = 0.9
"""Share of Valkey's memory limit. Above it the board will soon have to wait."""
_ENCRYPTED_MODES: Final = frozenset({"require", "verify-ca", "verify-full"})


@dataclass(frozen=True, slots=True)
class Check:
    """One result: `ok` or not, what was found, and a hint on what to do (empty when ok)."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


def codecs() -> Check:
    """Check that every compression codec is available. A batch that cannot be read becomes a dead letter or worse."""
    missing = [name for name, is_there in CODECS.items() if not is_there()]
    if missing:
        detail = f"{', '.join(missing)} cannot be read: their library is missing"
        return Check(
            "Kafka's codecs", ok=False, detail=detail, hint="install aiokafka[all], which brings cramjam"
        )
    return Check("Kafka's codecs", ok=True, detail=", ".join(CODECS))


def plaintext(settings: Settings) -> Iterator[Check]:
    """Check for unencrypted traffic to other machines. Leads are personal data, and passwords are sent too."""
    if settings.kafka_security_protocol == "PLAINTEXT":
        others = [
            host
            for address in settings.kafka_bootstrap_servers.split(",")
            if not is_loopback(host := address.rpartition(":")[0])
        ]
        hint = "set KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL; on this machine 127.0.0.1 needs neither"
        yield from _unencrypted("Kafka encryption", others, hint)
    if not is_encrypted(settings.redis_url):
        remote_hosts = [host for host in hosts_of(settings.redis_url) if not is_loopback(host)]
        hint = "write REDIS_URL as rediss://… or rediss+sentinel://…, and give Valkey a tls-port"
        yield from _unencrypted("Valkey encryption", remote_hosts, hint)
    yield from database_encryption("CRM database encryption", "DATABASE_URL", settings.database_url)


def database_encryption(name: str, variable: str, url: str) -> Iterator[Check]:
    """Check that a Postgres on another machine is reached by TLS. `variable`: the setting with the address."""
    database = sqlalchemy.make_url(url)
    if database.get_backend_name() == "postgresql":
        modes = database.query.get("sslmode", ())
        mode = modes if isinstance(modes, str) else "".join(modes[-1:])
        if mode not in _ENCRYPTED_MODES:
            remote_hosts = [host for host in _database_hosts(database) if not is_loopback(host)]
            hint = f"add the option sslmode=verify-full to {variable} (require does not check who answers)"
            yield from _unencrypted(name, remote_hosts, hint)


def _database_hosts(database: sqlalchemy.URL) -> list[str]:
    """Return the hosts of an address. It names several as `?host=a:1&host=b:1`, or as `?host=a,b`."""
    host_option = database.query.get("host", database.host or "")
    hosts = ",".join((host_option,) if isinstance(host_option, str) else host_option).split(",")
    return [re.sub(r":\d+$", "", host) for host in hosts]


def erasure_key_of(settings: Settings) -> Check:
    """Check that the key of the erased persons' hashes is readable and, if Kafka is elsewhere, named by a setting.

    Workers on other machines would make keys of their own, and would not recognise an erased person who comes again.
    """
    try:
        key = read_key(settings)
    except ConfigError as error:
        return Check("erasure key", ok=False, detail=str(error), hint=_RESTORE_KEY)
    path = key_file(settings)
    if settings.erasure_key is not None:
        detail = f"{path} {'is a key' if key else 'does not exist'}"
        return Check("erasure key", key is not None, detail, "" if key else _RESTORE_KEY)
    is_local = all(
        is_loopback(address.rpartition(":")[0]) for address in settings.kafka_bootstrap_servers.split(",")
    )
    detail = (
        f"{path}, for this machine"
        if is_local
        else f"{VARIABLE} is not set, so each machine uses a {path} of its own"
    )
    hint = "" if is_local else f"copy one file to every machine and name it by {VARIABLE}"
    return Check("erasure key", is_local, detail, hint)


def _unencrypted(name: str, hosts: list[str], hint: str) -> Iterator[Check]:
    if hosts:
        detail = f"what goes to {', '.join(hosts)} is not encrypted"
        yield Check(name, ok=False, detail=detail, hint=hint)


def is_loopback(host: str | None) -> bool:
    """Tell whether a host name means this machine: localhost, 127.0.0.0/8, ::1, a socket's path, or an empty name."""
    if not host or host.startswith("/"):
        return True
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def valkey_memory(memory: dict[str, Any]) -> Iterator[Check]:
    """Check `INFO memory`. A Valkey that evicts would lose entries of the lists without an error."""
    policy = str(memory.get("maxmemory_policy", "unknown"))
    limit, used = int(memory.get("maxmemory", 0)), int(memory.get("used_memory", 0))
    evicts = policy != NO_EVICTION
    hint = (
        "set maxmemory-policy noeviction: at its limit it must refuse, and the board waits" if evicts else ""
    )
    yield Check("Valkey eviction", not evicts, f"maxmemory-policy is {policy}", hint)
    if not limit:
        yield Check("Valkey memory", ok=True, detail=f"{used / 1e6:,.0f} MB used, no limit")
        return
    full = used >= FULL_SHARE * limit
    detail = f"{used / 1e6:,.0f} of {limit / 1e6:,.0f} MB used"
    yield Check(
        "Valkey memory", not full, detail, "raise maxmemory: at the limit the board waits" if full else ""
    )


def valkey_role(replication: dict[str, Any]) -> Iterator[Check]:
    """Check `INFO replication`. The board writes to the primary only."""
    role = replication.get("role")
    if role == "master":
        yield Check(
            "Valkey role", ok=True, detail=f"primary of {replication.get('connected_slaves', 0)} replicas"
        )
        return
    place = f"{replication.get('master_host')}:{replication.get('master_port')}"
    hint = "let REDIS_URL name the primary, or the sentinels that know it (redis+sentinel://…)"
    yield Check("Valkey role", ok=False, detail=f"a replica of {place}, which takes no writes", hint=hint)
