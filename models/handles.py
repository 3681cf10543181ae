"""Reads a phone number or mail address that a person typed as a handle (R6, X6, K1)."""

from models import contacts
from models.persons import EMAIL, PHONE, with_extension


def read_joining_handle(text: str) -> str:
    """Return a typed phone number or mail address as a joining handle; raises ValueError with the reason."""
    if "@" in text:
        address = contacts.email(text)
        if address is None:
            raise ValueError("is empty")
        return f"{EMAIL}/{address}"
    parts = contacts.phone_parts(text)
    if parts is None:
        raise ValueError("is empty")
    return with_extension(f"{PHONE}/{parts.number}", parts.extension)
