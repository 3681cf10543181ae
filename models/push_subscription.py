"""Defines a browser that receives push messages of a rep: a record of `push-subscriptions` (N3).

Its key is `subscription_id`. A later record of the same browser replaces it; an empty record removes it.
"""

import hashlib
from datetime import datetime

import msgspec


class PushSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """A browser as its push service knows it (RFC 8030, RFC 8291).

    `endpoint`: the address of the push service for this browser. `p256dh`, `auth`: the browser's public key and secret,
    for which messages are encrypted, in base64url. `at`: when the browser last asked for messages. Whoever has all of
    it cannot send: the push service accepts only the owner of the VAPID key.
    """

    org: str
    rep_id: str
    endpoint: str
    p256dh: str
    auth: str
    at: datetime

    @property
    def key(self) -> str:
        """The record's key. It names the browser, so a browser belongs to whoever signed in there last."""
        return subscription_id(self.endpoint)


def subscription_id(endpoint: str) -> str:
    """Return the id of the browser with this address."""
    return hashlib.sha256(endpoint.encode()).hexdigest()
