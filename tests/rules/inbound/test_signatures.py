"""Signatures decide who may send what: keys that an org's settings name, compared with the message."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Refused
from models.events import DirectoryPublished
from rules.inbound import signatures
from rules.inbound.intake import accept_action, accept_arrival
from rules.inbound.signatures import SignatureChecker, headers_of

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
NOW = int(AT.timestamp())
KEYS = {
    "acme-1": b"a" * 40,
    "acme-2": b"b" * 40,
    "bolt-1": b"c" * 40,
    "console": b"d" * 40,
}
SETTINGS: dict[str, Any] = {
    "signed_actions": "required",
    "key_ids": ["console"],
    "vendors": {
        "acme": {"key_ids": ["acme-1", "acme-2"], "campaigns": ["west"]},
        "bolt": {"key_ids": ["bolt-1"]},
        "free": {"key_ids": ["bolt-1"], "signature": "optional"},
    },
}
Headers = dict[str, bytes]


def authority(settings: dict[str, Any] | None = SETTINGS, org: str = "default") -> SignatureChecker:
    """Return an authority with one org's settings."""
    made = SignatureChecker(KEYS)
    made.publish(published(settings, org, 1))
    return made


def published(settings: dict[str, Any] | None, org: str, version: int) -> DirectoryPublished:
    """Return the publication of an org's settings."""
    return DirectoryPublished(
        lead_id="", cause="c", org=org, kind="settings", object_id="org", version=version, value=settings
    )


def lead(vendor: str = "acme", campaign: str | None = "west", **more: Any) -> bytes:
    """Return a lead's bytes."""
    return json.dumps({"vendor": vendor, "external_id": "A-1", "campaign": campaign, **more}).encode()


ACTION = json.dumps(
    {
        "action_id": "a-1",
        "type": "claim",
        "lead_id": "6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11",
        "rep_id": "rep-1",
    }
).encode()


def signed(
    value: bytes, key: str = "acme-1", *, vendor: str = "acme", at: int = NOW, **other: Any
) -> Headers:
    """Return the headers that sign a value. `secret` and `topic` replace the right ones."""
    secret, topic = other.get("secret", KEYS.get(key, b"?")), other.get("topic", "lead-arrivals")
    return dict(headers_of(secret, topic=topic, key_id=key, timestamp=at, value=value, vendor=vendor))


def arrives(value: bytes, headers: Headers, by: SignatureChecker | None = None) -> str | None:
    """Return the error class of a lead that is refused because of its sender, or None if it is accepted."""
    event = accept_arrival(value, headers, arrived_at=AT)
    return _class(lambda: (by or authority()).check_arrival(event, "lead-arrivals", value, headers, AT))


def asks(value: bytes, headers: Headers, by: SignatureChecker | None = None) -> str | None:
    """Return the same for an action."""
    event = accept_action(value, headers)
    return _class(lambda: (by or authority()).check_action(event, "lead-actions", value, headers, AT))


def _class(check: Any) -> str | None:
    try:
        check()
    except Refused as refused:
        return refused.error_class if refused.reason else "without a reason"
    return None


def test_without_settings_nothing_is_asked_for() -> None:
    nothing: tuple[dict[str, Any] | None, ...] = (None, {})
    for settings in nothing:
        assert arrives(lead(), {}, authority(settings)) is None
        assert asks(ACTION, {}, authority(settings)) is None
    assert arrives(lead(), {}, SignatureChecker({})) is None


def test_a_bound_vendor_signs_and_either_of_its_keys_counts() -> None:
    value = lead()
    assert arrives(value, {}) == "unsigned"
    assert arrives(value, signed(value, "acme-1")) is None
    assert arrives(value, signed(value, "acme-2")) is None


def test_the_signature_is_the_one_of_the_documented_lines() -> None:
    """The signature is computed by hand, as docs/kafka-access.md says, and not by our function."""
    value = lead()
    text = f"firstclaim-v1\nlead-arrivals\nacme-1\nacme\n{NOW}\n".encode() + value
    made = hmac.new(KEYS["acme-1"], text, hashlib.sha256).hexdigest()
    headers = {
        "fc-key-id": b"acme-1",
        "fc-vendor": b"acme",
        "fc-timestamp": str(NOW).encode(),
        "fc-signature": made.upper().encode(),
    }
    assert arrives(value, headers) is None


def test_a_vendor_cannot_write_as_another_vendor() -> None:
    value = lead("bolt")
    assert arrives(value, signed(value, "acme-1", vendor="bolt")) == "foreign_key"
    assert arrives(value, signed(value, "acme-1")) == "foreign_key"
    assert arrives(value, {}) == "unsigned"
    assert arrives(value, signed(value, "bolt-1", vendor="acme")) == "foreign_vendor"


def test_a_vendor_cannot_write_to_another_campaign() -> None:
    for campaign in ("east", None):
        value = lead(campaign=campaign)
        assert arrives(value, signed(value)) == "foreign_campaign"
        by_console = signed(value, "console", vendor="")
        assert arrives(value, by_console) is None


def test_a_vendor_cannot_write_to_another_org_that_asks_for_signatures() -> None:
    both = authority()
    both.publish(published({"signed_arrivals": "required"}, "other", 2))
    value = lead(org="other")
    assert arrives(value, signed(value), both) == "foreign_key"
    assert arrives(value, {}, both) == "unsigned"


@pytest.mark.parametrize("change", ["value", "topic", "secret", "vendor", "timestamp"])
def test_what_is_changed_is_found_out(change: str) -> None:
    value = lead()
    headers = {
        "value": lambda: signed(lead(first_name="Eve")),
        "topic": lambda: signed(value, topic="lead-actions"),
        "secret": lambda: signed(value, secret=b"e" * 40),
        "vendor": lambda: {**signed(value, vendor="acme "), "fc-vendor": b"acme"},
        "timestamp": lambda: {**signed(value), "fc-timestamp": str(NOW + 1).encode()},
    }[change]()
    assert arrives(value, headers) == "bad_signature"


def test_a_signature_is_too_old_after_fifteen_minutes_and_a_repeat_before_is_taken() -> None:
    value, age = lead(), int(signatures.MAX_AGE.total_seconds())
    for seconds in (-age, 0, age):
        assert arrives(value, signed(value, at=NOW + seconds)) is None
        assert arrives(value, signed(value, at=NOW + seconds)) is None  # the same message again
    for seconds in (-age - 1, age + 1):
        assert arrives(value, signed(value, at=NOW + seconds)) == "stale_signature"
    for text in (b"", b"soon", b"-5", b"1e9", b"\xd9\xa5", b"9" * 400):
        assert arrives(value, {**signed(value), "fc-timestamp": text}) == "stale_signature"


def test_an_unknown_key_is_refused_where_signing_is_asked_for_and_else_is_none() -> None:
    value = lead()
    assert arrives(value, signed(value, "lost-1")) == "unknown_key"
    value = lead("free")
    assert arrives(value, signed(value, "lost-1", vendor="free")) is None
    assert arrives(value, {}) is None
    assert arrives(value, signed(value, "bolt-1", vendor="free")) is None
    assert arrives(value, signed(value, "bolt-1", vendor="free", secret=b"x" * 40)) == "bad_signature"


def test_actions_are_signed_by_the_orgs_own_programs() -> None:
    def by(key: str, topic: str = "lead-actions") -> Headers:
        return signed(ACTION, key, vendor="", topic=topic)

    assert asks(ACTION, {}) == "unsigned"
    assert asks(ACTION, by("console")) is None
    assert asks(ACTION, by("acme-1")) == "foreign_key"
    assert asks(ACTION, by("console", topic="lead-arrivals")) == "bad_signature"


def test_newer_settings_count_and_older_ones_do_not() -> None:
    made = authority(SETTINGS)
    made.publish(published({}, "default", 0))
    assert arrives(lead(), {}, made) == "unsigned"
    made.publish(published({}, "default", 2))
    assert arrives(lead(), {}, made) is None
    made.publish(published(SETTINGS, "default", 3))
    made.publish(published(None, "default", 4))
    assert arrives(lead(), {}, made) is None


@given(st.dictionaries(st.sampled_from(sorted(signatures.NAMES)), st.none() | st.binary(max_size=40)))
def test_no_headers_of_any_bytes_get_past_a_binding_or_raise_anything_else(headers: Headers) -> None:
    assert arrives(lead(), headers) in signatures.CLASSES
    assert asks(ACTION, headers) in signatures.CLASSES


def test_a_rotation_has_no_gap() -> None:
    value = lead()
    one = {**SETTINGS, "vendors": {"acme": {"key_ids": ["acme-1"]}}}
    both = {**SETTINGS, "vendors": {"acme": {"key_ids": ["acme-1", "acme-2"]}}}
    other = {**SETTINGS, "vendors": {"acme": {"key_ids": ["acme-2"]}}}
    found = [
        (
            arrives(value, signed(value, "acme-1"), authority(s)),
            arrives(value, signed(value, "acme-2"), authority(s)),
        )
        for s in (one, both, other)
    ]
    assert found == [(None, "foreign_key"), (None, None), ("foreign_key", None)]


def test_the_age_of_a_signature_is_a_setting() -> None:
    value = lead()
    made = SignatureChecker(KEYS, timedelta(seconds=2))
    made.publish(published(SETTINGS, "default", 1))
    assert arrives(value, signed(value, at=NOW - 2), made) is None
    assert arrives(value, signed(value, at=NOW - 3), made) == "stale_signature"
