"""Checks before the start that a port can be listened on. The error names the option that changes the port."""

from __future__ import annotations

import errno
import socket

from models.errors import ConfigError


def is_free(port: int) -> bool:
    """Tell whether this port of 127.0.0.1 is free."""
    return _cannot_listen("127.0.0.1", port) is None


def check_port(port: int, option: str, host: str = "127.0.0.1") -> None:
    """Raise ConfigError, with the option's name, if a port cannot be listened on. Port 0 is always valid."""
    error = _cannot_listen(host, port)
    if error is None:
        return
    if error.errno == errno.EADDRINUSE:
        reason = (
            f"port {port} of {host} is in use by another program; name another port, or 0 for any free one"
        )
    elif isinstance(error, PermissionError):
        reason = f"port {port} of {host} needs rights this user does not have; name another port"
    else:
        why = error.strerror or error
        reason = f"{host}:{port} is no address to listen on here: {why}; the host must be one of this machine"
    raise ConfigError(option, reason)


def _cannot_listen(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None
