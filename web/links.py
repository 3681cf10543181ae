"""Links to write to and to call somebody, from values that vendors send: an address is only ever an address."""

from urllib.parse import quote


def mailto(address: str) -> str:
    """Return the link that writes to an address (RFC 6068); what would begin a header or another address is escaped."""
    local, at, domain = address.rpartition("@")
    return f"mailto:{quote(local, safe='')}{at}{quote(domain, safe='')}"


def tel(number: str) -> str:
    """Return the link that calls a number (RFC 3966), without parameters."""
    return f"tel:{quote(number, safe='+')}"
