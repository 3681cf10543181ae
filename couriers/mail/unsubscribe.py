"""Signs the links by which a reader ends digests with one click (RFC 8058), so that nobody ends another's (N2)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from email.message import EmailMessage
from typing import Final

import msgspec

from couriers.mail.settings import MailSettings

PATH: Final = "/unsubscribe"
MAX_TOKEN: Final = 1_000


def add_unsubscribe(mail: EmailMessage, console: str, settings: MailSettings, org: str, rep_id: str) -> None:
    """Add the headers of RFC 8058, if there is a key and the console is reached by https."""
    key = settings.unsubscribe_secret
    if key is not None and console.startswith("https://"):
        mail["List-Unsubscribe"] = f"<{console}{PATH}/{token_of(key, org, rep_id)}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def token_of(key: str, org: str, rep_id: str) -> str:
    """Return the token that ends the digests of a rep."""
    payload = msgspec.json.encode([org, rep_id])
    return f"{_text(payload)}.{_text(_signature(key, payload))}"


def reader_of(key: str, token: str) -> tuple[str, str] | None:
    """Return the org and the rep of a token; None if it is not ours."""
    payload, _, signature = token[:MAX_TOKEN].partition(".")
    try:
        content = _bytes(payload)
        if not hmac.compare_digest(_bytes(signature), _signature(key, content)):
            return None
        return msgspec.json.decode(content, type=tuple[str, str])
    except (Base64Error, ValueError, msgspec.MsgspecError):
        return None


def _signature(key: str, payload: bytes) -> bytes:
    return hmac.digest(key.encode(), b"unsubscribe\n" + payload, "sha256")


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
