"""Keeps secrets out of output: addresses are shown without their passwords, and known secrets are masked.

`masked` is for addresses that are shown on purpose. `MaskedStream` is the second safeguard: other output of a process
(logs, tracebacks, messages of libraries) goes through it, and secrets from the settings become `***`.
"""

import json
import re
from typing import Any, Final, TextIO, cast
from urllib.parse import quote, unquote, urlsplit

HIDDEN: Final = "***"
SHORTEST: Final = 4
"""Characters. A shorter secret is not masked in texts, because it would match parts of many words."""
_IN_QUERY: Final = re.compile(r"(?i)([?&;][^=&]*(?:password|passwd|secret|token)[^=&]*=)[^&#]*")
_SECRET_NAMES: Final = re.compile(r"(?i)[?&;][^=&]*(?:password|passwd|secret|token)[^=&]*=([^&#]*)")
_secrets: set[str] = set()
"""Every known secret in each form it can be written: as many as settings were read, with a dozen forms each."""


def masked_url(url: str) -> str:
    """Return an address without its password; the user name stays."""
    scheme, separator, location = _IN_QUERY.sub(rf"\g<1>{HIDDEN}", url).partition("://")
    user, at, host = location.rpartition("@")
    name, colon, _ = user.partition(":")
    return f"{scheme}{separator}{name}{colon}{HIDDEN if colon else ''}{at}{host}"


def remember(secret: str | None) -> None:
    """Mask this secret in all further output."""
    if secret is None or len(secret) < SHORTEST:
        return
    decoded = unquote(secret)
    for form in {secret, decoded}:
        _secrets.update({form, quote(form), quote(form, safe=""), json.dumps(form)[1:-1], repr(form)[1:-1]})


def remember_url(url: str) -> None:
    """Mask the passwords of an address in all further output."""
    for secret in _SECRET_NAMES.findall(url):
        remember(secret)
    user, _, _ = _IN_QUERY.sub(r"\1", url).partition("://")[2].rpartition("@")
    remember(user.partition(":")[2])


def is_url(url: str) -> bool:
    """Tell whether an address can be parsed. Some library would quote an invalid one together with its password."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    # SQLAlchemy ends a password at the first @ and takes the rest as the port; Valkey's client ends it at the last @.
    location = url.partition("?")[0].partition("://")[2]
    return not url.startswith("postgres") or location.count("@") <= 1


def without_secrets(text: str) -> str:
    """Return a text in which each known secret is masked, the longest first."""
    for secret in sorted(_secrets, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def masked_stream(stream: TextIO) -> TextIO:
    """Return a stream that writes to this one and masks secrets."""
    return cast("TextIO", MaskedStream(stream))


class MaskedStream:
    """A text stream that masks known secrets in what is written; otherwise it behaves as the stream it wraps."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text with secrets masked; return the length of the original."""
        self._stream.write(without_secrets(text) if _secrets else text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write texts with secrets masked."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
