"""Yields an endless stream of damaged messages from a seed. Each begins as a valid message of its kind.

Damage is done where real senders do it: in single bytes (a broken transfer), in JSON tokens (a broken encoder), in
fields (a misread contract), and in the envelope. `mutated(seed, kind)` yields values.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, get_args

Kind = Literal["arrival", "action", "queue", "rep", "listing"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

VALID: Final[dict[Kind, tuple[dict[str, Any], ...]]] = {
    "arrival": (
        {
            "vendor": "acme",
            "external_id": "A-123",
            "campaign": "purchase-west",
            "org": "default",
            "first_name": "Jeremy",
            "last_name": "Jones",
            "email": "j@x.org",
            "phone": "(401) 419-4247",
            "state": "RI",
            "zip": "02903",
            "loan_purpose": "purchase",
            "loan_amount": 310000,
            "credit_score": 712,
            "property_type": "single_family",
            "created_at": "2026-11-20T09:12:00-05:00",
            "assigned_to": None,
            "silenced": False,
            "consent": True,
            "attributes": {"page": "rates", "utm": {"source": "mail", "tags": ["a", "b"]}},
        },
        {
            "vendor": "globex",
            "phone": "+1 512 555 0123",
            "loan_amount": "$250,000.50",
            "pets": [1, 2.5, None],
        },
    ),
    "action": (
        {
            "action_id": "0c4a7b60-6a0e-4d0c-9d8c-1a1b2c3d4e5f",
            "type": "claim",
            "lead_id": "6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11",
            "rep_id": "rep-7",
            "queue_id": "aged",
            "org": "default",
        },
        {
            "action_id": "a1",
            "type": "callback",
            "lead_id": "6F1C0F3E-4A53-5D0E-9D5E-6A1D3F8A7C11",
            "rep_id": "rep-8",
            "at": "2026-11-21T10:00:00Z",
            "note": "after lunch\nplease",
            "epoch": 3,
        },
    ),
    "queue": (
        {
            "queue_id": "aged",
            "name": "Aged leads",
            "description": "Claim these leads!",
            "claimable": True,
            "columns": ["state", "loan_amount"],
            "inclusion": {
                "combinator": "and",
                "not": False,
                "rules": [
                    {"field": "state", "operator": "in", "value": ["RI", "MA"]},
                    {"field": "created_at", "operator": "inLast", "value": {"amount": 30, "unit": "day"}},
                    {
                        "combinator": "or",
                        "rules": [{"field": "loan_amount", "operator": "between", "value": [100000, 500000]}],
                    },
                ],
            },
            "exclusion": {
                "combinator": "and",
                "rules": [{"field": "silenced", "operator": "=", "value": True}],
            },
            "sort": {"field": "last_contacted_at", "direction": "asc"},
            "teams": ["*"],
            "outcomes": [],
        },
    ),
    "rep": (
        {
            "rep_id": "rep-7",
            "name": "Alex Thompson",
            "email": "alex@example.org",
            "phone": "+14014194247",
            "role": "rep",
            "teams": ["west"],
            "active": True,
            "licensed_states": ["RI", "MA"],
            "hours": [{"days": ["mon", "tue"], "from": "20:00", "to": "08:00"}],
            "absences": [{"from": "2026-11-20T00:00:00Z", "to": "2026-11-22T00:00:00Z"}],
            "max_open": 40,
            "max_per_day": 10,
            "filter": None,
            "time_zone": "America/New_York",
        },
    ),
    "listing": (
        {"reason": "asked us by mail", "at": "2026-11-20T09:12:00-05:00"},
        {},
    ),
}
"""Valid messages of each kind."""

NASTY_TOKENS: Final = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-0.0",
    b"9" * 25,
    b"-" + b"9" * 400,
    b"9" * 5000,
    b"0.1e-400",
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\\u0000"',
    b'"a\\u0000b"',
    b'"\\ud83d\\ude00"',
    b'"\xed\xa0\x80"',
    b'"\xff\xfe"',
    b'"\\x"',
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"[" * 40 + b"]" * 40,
    b"[" * 5000,
    b'{"a":' * 100 + b"1" + b"}" * 100,
    b'""',
    b'" "',
    b"'single'",
    b"\xef\xbb\xbf",
    b"\x00",
    b",",
    b":",
)
NASTY_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**63,
    -(2**64),
    10**30,
    1e300,
    "",
    " ",
    "\x00",
    "a\x00b",
    "x" * 201,
    "x" * 20_000,
    "٤٢",  # digits of another script
    "²",
    "\u202eevil",
    "\U0001f600",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-02-30T00:00:00Z",
    "2026-11-20",
    "2026-11-20T09:12:00",
    "$310,000",
    "NaN",
    "Infinity",
    "yes",
    "N",
    "{6F1C0F3E-4A53-5D0E-9D5E-6A1D3F8A7C11}",
    "00000000000000000000000000000000",
    "../../etc/passwd",
    "a/b",
    "+1-800-FLOWERS",
    "tel:+14014194247;ext=12",
    "Rhode Island",
    "H3Z 2Y7",
    [],
    {},
    [[]],
    [None, {"a": [1]}],
    {"a": {"b": {"c": None}}},
    {"": ""},
    {"\x00": "\x00"},
    ["x"] * 1000,
)
_NAMES: Final = (
    "specversion",
    "data",
    "data_base64",
    "invalid",
    "attributes",
    "model_config",
    "__class__",
    "model_fields_set",
    "",
    "\x00",
    "k" * 300,
    "lead_id",
    "version",
    "rules",
)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+.\w]+|[{}\[\],:]')


def _bytes(rng: random.Random, value: bytes) -> bytes:
    """Damage bytes: flip, drop, double or cut them, or insert hostile bytes."""
    damaged = bytearray(value)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        at = rng.randrange(len(damaged) + 1)
        end = min(len(damaged), at + rng.choice((1, 1, 2, 8, 64)))
        match rng.randrange(6):
            case 0 if at < len(damaged):
                damaged[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(damaged):
                damaged[at] = rng.randrange(256)
            case 2:
                del damaged[at:end]
            case 3:
                damaged[at:at] = damaged[at:end] * rng.choice((1, 2, 3))
            case 4:
                damaged[at:at] = rng.choice(NASTY_TOKENS)
            case _:
                if rng.random() < 0.2:
                    del damaged[at:]
    return bytes(damaged)


def _tokens(rng: random.Random, value: bytes) -> bytes:
    """Damage tokens: drop, double or swap them, or replace one by something that an encoder should not write."""
    tokens = [*_TOKEN.finditer(value)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not tokens:
            break
        token, other = rng.choice(tokens), rng.choice(tokens)
        new = rng.choice((b"", token[0] * 2, other[0], rng.choice(NASTY_TOKENS), rng.choice(NASTY_TOKENS)))
        value = value[: token.start()] + new + value[token.end() :]
        tokens = [*_TOKEN.finditer(value)] if len(value) < 20_000 else []
    return value


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in [*node.values()]:
            yield from _objects(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _objects(inner)


def _fields(rng: random.Random, message: dict[str, Any]) -> dict[str, Any]:
    """Damage fields anywhere in the message: lose, rename, retype, add or move them."""
    message = json.loads(json.dumps(message))
    for _ in range(rng.choice((1, 1, 2, 4))):
        target = rng.choice([*_objects(message)])
        name = rng.choice([*target, *_NAMES]) if rng.random() < 0.1 or not target else rng.choice([*target])
        match rng.randrange(5):
            case 0:
                target.pop(name, None)
            case 1:
                target[rng.choice((*_NAMES, name.upper(), name + " "))] = target.pop(name, None)
            case 2 if target:
                target[name] = json.loads(json.dumps(target[rng.choice([*target])]))
            case _:
                target[name] = json.loads(json.dumps(rng.choice(NASTY_VALUES)))
    return message


def _in_envelope(rng: random.Random, message: dict[str, Any]) -> dict[str, Any]:
    """Put a message into a structured CloudEvents envelope, which is usually damaged as well."""
    envelope = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/vendors/acme",
        "type": "lead.arrived",
        "time": "2026-11-20T09:12:00Z",
        "datacontenttype": "application/json",
        "data": message,
    }
    return _fields(rng, envelope) if rng.random() < 0.7 else envelope


def damaged_messages(seed: int, kind: Kind) -> Iterator[bytes]:
    """Yield damaged messages of a kind, endlessly. The same seed gives the same messages; a few are still valid."""
    rng = random.Random(seed)
    levels: tuple[Callable[[random.Random, bytes], bytes], ...] = (_bytes, _tokens)
    while True:
        message = rng.choice(VALID[kind])
        level = rng.randrange(4)
        if level > 1 or rng.random() < 0.1:
            message = _fields(rng, message)
        if rng.random() < 0.05:
            message = _in_envelope(rng, message)
        value = json.dumps(message, ensure_ascii=rng.random() < 0.5).encode()
        yield value if level > 1 else levels[level](rng, value)
