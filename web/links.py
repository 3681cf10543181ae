"""Builds mail and phone links from values that vendors send, so that a value can only be an address."""

import re
from typing import Final
from urllib.parse import quote

_NORTH_AMERICA: Final = re.compile(r"\+1(\d{3})(\d{3})(\d{4})\Z", re.ASCII)


def mailto(address: str) -> str:
    """Return the mail link of an address (RFC 6068). Characters that would start a header or address are escaped."""
    local, at, domain = address.rpartition("@")
    return f"mailto:{quote(local, safe='')}{at}{quote(domain, safe='')}"


def tel(number: str) -> str:
    """Return the phone link of a number (RFC 3966), without parameters."""
    return f"tel:{quote(number, safe='+')}"


def phone_text(number: str) -> str:
    """Return a phone number of North America as (401) 419-4247. Any other number stays as it is."""
    return _NORTH_AMERICA.sub(r"(\1) \2-\3", number)
