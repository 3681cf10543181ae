"""Creates the users of a local Kafka with authentication, with passwords in a file that only its owner may read.

A state folder whose Kafka was created with users keeps them. Commands in a second terminal find them by this file too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import struct
from typing import TYPE_CHECKING, Any, Final

from models.errors import ConfigError
from streams.file_permissions import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

MECHANISM: Final = "SCRAM-SHA-512"
PROTOCOL: Final = "SASL_PLAINTEXT"
"""The broker listens on 127.0.0.1 only, so no traffic leaves the machine. A remote broker needs SASL_SSL."""
ADMIN: Final = "admin"
"""The superuser. It creates topics and ACLs, and the broker uses it for its own connections."""
CONTROLLER: Final = "controller"
"""The broker's user at its own controller. It uses PLAIN, because the controller itself stores the SCRAM users."""
_PASSWORD_BYTES: Final = 24
_HANDSHAKE, _AUTHENTICATE = 17, 36

Users = dict[str, str]
"""Passwords by user name."""


def file_of(folder: Path) -> Path:
    """Return the file with the users of the Kafka in this folder."""
    return folder / "users.json"


def read_users(folder: Path) -> Users | None:
    """Return the users of the Kafka in this folder; None if it was created without users."""
    try:
        users: Users = json.loads(file_of(folder).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(str(file_of(folder)), f"cannot be read: {error}") from error
    return users


def make_users(folder: Path, names: Iterable[str]) -> Users:
    """Return the users of a folder; create them if it has none."""
    users = read_users(folder)
    if users is None:
        users = {name: secrets.token_urlsafe(_PASSWORD_BYTES) for name in (ADMIN, CONTROLLER, *names)}
        write_private(file_of(folder), json.dumps(users, indent=1))
    return users


def properties(users: Users) -> dict[str, str | int]:
    """Return the broker's properties that require every client to sign in and deny what no ACL allows."""
    listener = f"listener.name.{PROTOCOL.lower()}"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    plain_module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    admin, controller = users[ADMIN], users[CONTROLLER]
    return {
        "listener.security.protocol.map": f"{PROTOCOL}:{PROTOCOL},CONTROLLER:{PROTOCOL}",
        "inter.broker.listener.name": PROTOCOL,
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        f"{listener}.{MECHANISM.lower()}.sasl.jaas.config": f'{scram} username="{ADMIN}" password="{admin}";',
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{plain_module} username="{CONTROLLER}" password="{controller}" user_{CONTROLLER}="{controller}";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN};User:{CONTROLLER}",
    }


def scram_arguments(users: Users) -> list[str]:
    """Return the storage tool's arguments that create the users; the controller's user is in the properties."""
    return [
        argument
        for name, password in users.items()
        if name != CONTROLLER
        for argument in ("--add-scram", f"{MECHANISM}=[name={name},password={password}]")
    ]


def client_settings(users: Users, name: str) -> dict[str, Any]:
    """Return the settings (by field name) that let a client sign in as one of the users."""
    from pydantic import SecretStr  # noqa: PLC0415  # a broker without users does not need it

    return {
        "kafka_security_protocol": PROTOCOL,
        "kafka_sasl_mechanism": MECHANISM,
        "kafka_sasl_username": name,
        "kafka_sasl_password": SecretStr(users[name]),
    }


def sign_in(ask: Callable[[int, int, bytes], bytes], users: Users) -> None:
    """Sign in on one connection as the superuser (RFC 5802). `ask` sends a versioned request and returns the response.

    Raises OSError if the broker refuses.
    """
    answer = ask(_HANDSHAKE, 1, _bytes(MECHANISM.encode(), ">h"))
    (code,) = struct.unpack_from(">h", answer)
    if code:
        raise ConnectionRefusedError(f"the broker takes no {MECHANISM} (error {code})")
    nonce = secrets.token_hex(16)
    first_bare = f"n={ADMIN},r={nonce}"
    server_first = _step(ask, f"n,,{first_bare}")
    parameters = dict(pair.split("=", 1) for pair in server_first.split(","))
    without_proof = f"c=biws,r={parameters['r']}"
    salted = hashlib.pbkdf2_hmac(
        "sha512", users[ADMIN].encode(), base64.b64decode(parameters["s"]), int(parameters["i"])
    )
    key = hmac.digest(salted, b"Client Key", "sha512")
    signature = hmac.digest(
        hashlib.sha512(key).digest(), f"{first_bare},{server_first},{without_proof}".encode(), "sha512"
    )
    proof = bytes(byte ^ other_byte for byte, other_byte in zip(key, signature, strict=True))
    _step(ask, f"{without_proof},p={base64.b64encode(proof).decode()}")


def _step(ask: Callable[[int, int, bytes], bytes], message: str) -> str:
    answer = ask(_AUTHENTICATE, 0, _bytes(message.encode(), ">i"))
    (code,) = struct.unpack_from(">h", answer)
    if code:
        raise ConnectionRefusedError(f"the broker refuses its own superuser (error {code})")
    (length,) = struct.unpack_from(">h", answer, 2)
    begin = 4 + max(0, length)
    (length,) = struct.unpack_from(">i", answer, begin)
    return answer[begin + 4 : begin + 4 + length].decode()


def _bytes(value: bytes, length: str) -> bytes:
    return struct.pack(length, len(value)) + value
