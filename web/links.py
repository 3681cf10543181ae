"""Builds mail and phone links from values that vendors send, so that a value can only be an address."""

from urllib.parse import quote


def mailto(address: str) -> str:
    """Return the mail link of an address (RFC 6068). Characters that would start a header or address are escaped."""
    local, at, domain = address.rpartition("@")
    return f"mailto:{quote(local, safe='')}{at}{quote(domain, safe='')}"


def tel(number: str) -> str:
    """Return the phone link of a number (RFC 3966), without parameters."""
    return f"tel:{quote(number, safe='+')}"
