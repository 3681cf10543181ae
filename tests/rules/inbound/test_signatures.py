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
    checker = SignatureChecker(KEYS)
    checker.publish(settings_publication(settings, org, 1))
    return checker


def settings_publication(settings: dict[str, Any] | None, org: str, version: int) -> DirectoryPublished:
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


def signature_headers(
    value: bytes, key: str = "acme-1", *, vendor: str = "acme", at: int = NOW, **other: Any
) -> Headers:
    """Return the headers that sign a value. `secret` and `topic` replace the right ones."""
    secret, topic = other.get("secret", KEYS.get(key, b"?")), other.get("topic", "lead-arrivals")
    return dict(headers_of(secret, topic=topic, key_id=key, timestamp=at, value=value, vendor=vendor))


def lead_refusal(value: bytes, headers: Headers, by: SignatureChecker | None = None) -> str | None:
    """Return the error class of a lead that is refused because of its sender, or None if it is accepted."""
    event = accept_arrival(value, headers, arrived_at=AT)
    return _class(lambda: (by or authority()).check_arrival(event, "lead-arrivals", value, headers, AT))


def action_refusal(value: bytes, headers: Headers, by: SignatureChecker | None = None) -> str | None:
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
        assert lead_refusal(lead(), {}, authority(settings)) is None
        assert action_refusal(ACTION, {}, authority(settings)) is None
    assert lead_refusal(lead(), {}, SignatureChecker({})) is None


def test_a_bound_vendor_signs_and_either_of_its_keys_counts() -> None:
    value = lead()
    assert lead_refusal(value, {}) == "unsigned"
    assert lead_refusal(value, signature_headers(value, "acme-1")) is None
    assert lead_refusal(value, signature_headers(value, "acme-2")) is None


def test_the_signature_is_the_one_of_the_documented_lines() -> None:
    """The signature is computed by hand, as docs/kafka-access.md says, and not by our function."""
    value = lead()
    text = f"firstclaim-v1\nlead-arrivals\nacme-1\nacme\n{NOW}\n".encode() + value
    digest = hmac.new(KEYS["acme-1"], text, hashlib.sha256).hexdigest()
    headers = {
        "fc-key-id": b"acme-1",
        "fc-vendor": b"acme",
        "fc-timestamp": str(NOW).encode(),
        "fc-signature": digest.upper().encode(),
    }
    assert lead_refusal(value, headers) is None


def test_a_vendor_cannot_write_as_another_vendor() -> None:
    value = lead("bolt")
    assert lead_refusal(value, signature_headers(value, "acme-1", vendor="bolt")) == "foreign_key"
    assert lead_refusal(value, signature_headers(value, "acme-1")) == "foreign_key"
    assert lead_refusal(value, {}) == "unsigned"
    assert lead_refusal(value, signature_headers(value, "bolt-1", vendor="acme")) == "foreign_vendor"


def test_a_vendor_cannot_write_to_another_campaign() -> None:
    for campaign in ("east", None):
        value = lead(campaign=campaign)
        assert lead_refusal(value, signature_headers(value)) == "foreign_campaign"
        by_console = signature_headers(value, "console", vendor="")
        assert lead_refusal(value, by_console) is None


def test_a_vendor_cannot_write_to_another_org_that_asks_for_signatures() -> None:
    both = authority()
    both.publish(settings_publication({"signed_arrivals": "required"}, "other", 2))
    value = lead(org="other")
    assert lead_refusal(value, signature_headers(value), both) == "foreign_key"
    assert lead_refusal(value, {}, both) == "unsigned"


@pytest.mark.parametrize("change", ["value", "topic", "secret", "vendor", "timestamp"])
def test_what_is_changed_is_found_out(change: str) -> None:
    value = lead()
    headers = {
        "value": lambda: signature_headers(lead(first_name="Eve")),
        "topic": lambda: signature_headers(value, topic="lead-actions"),
        "secret": lambda: signature_headers(value, secret=b"e" * 40),
        "vendor": lambda: {**signature_headers(value, vendor="acme "), "fc-vendor": b"acme"},
        "timestamp": lambda: {**signature_headers(value), "fc-timestamp": str(NOW + 1).encode()},
    }[change]()
    assert lead_refusal(value, headers) == "bad_signature"


def test_a_signature_is_too_old_after_fifteen_minutes_and_a_repeat_before_is_taken() -> None:
    value, age = lead(), int(signatures.MAX_AGE.total_seconds())
    for seconds in (-age, 0, age):
        assert lead_refusal(value, signature_headers(value, at=NOW + seconds)) is None
        assert (
            lead_refusal(value, signature_headers(value, at=NOW + seconds)) is None
        )  # the same message again
    for seconds in (-age - 1, age + 1):
        assert lead_refusal(value, signature_headers(value, at=NOW + seconds)) == "stale_signature"
    for text in (b"", b"soon", b"-5", b"1e9", b"\xd9\xa5", b"9" * 400):
        assert lead_refusal(value, {**signature_headers(value), "fc-timestamp": text}) == "stale_signature"


def test_an_unknown_key_is_refused_where_signing_is_asked_for_and_else_is_none() -> None:
    value = lead()
    assert lead_refusal(value, signature_headers(value, "lost-1")) == "unknown_key"
    value = lead("free")
    assert lead_refusal(value, signature_headers(value, "lost-1", vendor="free")) is None
    assert lead_refusal(value, {}) is None
    assert lead_refusal(value, signature_headers(value, "bolt-1", vendor="free")) is None
    assert (
        lead_refusal(value, signature_headers(value, "bolt-1", vendor="free", secret=b"x" * 40))
        == "bad_signature"
    )


def test_actions_are_signed_by_the_orgs_own_programs() -> None:
    def signed_by(key: str, topic: str = "lead-actions") -> Headers:
        return signature_headers(ACTION, key, vendor="", topic=topic)

    assert action_refusal(ACTION, {}) == "unsigned"
    assert action_refusal(ACTION, signed_by("console")) is None
    assert action_refusal(ACTION, signed_by("acme-1")) == "foreign_key"
    assert action_refusal(ACTION, signed_by("console", topic="lead-arrivals")) == "bad_signature"


def test_newer_settings_count_and_older_ones_do_not() -> None:
    checker = authority(SETTINGS)
    checker.publish(settings_publication({}, "default", 0))
    assert lead_refusal(lead(), {}, checker) == "unsigned"
    checker.publish(settings_publication({}, "default", 2))
    assert lead_refusal(lead(), {}, checker) is None
    checker.publish(settings_publication(SETTINGS, "default", 3))
    checker.publish(settings_publication(None, "default", 4))
    assert lead_refusal(lead(), {}, checker) is None


@given(st.dictionaries(st.sampled_from(sorted(signatures.NAMES)), st.none() | st.binary(max_size=40)))
def test_no_headers_of_any_bytes_get_past_a_binding_or_raise_anything_else(headers: Headers) -> None:
    assert lead_refusal(lead(), headers) in signatures.CLASSES
    assert action_refusal(ACTION, headers) in signatures.CLASSES


def test_a_rotation_has_no_gap() -> None:
    value = lead()
    with_old_key = {**SETTINGS, "vendors": {"acme": {"key_ids": ["acme-1"]}}}
    with_two_keys = {**SETTINGS, "vendors": {"acme": {"key_ids": ["acme-1", "acme-2"]}}}
    other = {**SETTINGS, "vendors": {"acme": {"key_ids": ["acme-2"]}}}
    refusals = [
        (
            lead_refusal(value, signature_headers(value, "acme-1"), authority(s)),
            lead_refusal(value, signature_headers(value, "acme-2"), authority(s)),
        )
        for s in (with_old_key, with_two_keys, other)
    ]
    assert refusals == [(None, "foreign_key"), (None, None), ("foreign_key", None)]


def test_the_age_of_a_signature_is_a_setting() -> None:
    value = lead()
    checker = SignatureChecker(KEYS, timedelta(seconds=2))
    checker.publish(settings_publication(SETTINGS, "default", 1))
    assert lead_refusal(value, signature_headers(value, at=NOW - 2), checker) is None
    assert lead_refusal(value, signature_headers(value, at=NOW - 3), checker) == "stale_signature"
