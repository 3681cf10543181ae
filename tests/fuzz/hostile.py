"""Draws hostile values and bodies for HTTP requests from a seeded source."""

import json
from random import Random
from typing import Any, Final
from urllib.parse import quote_from_bytes

NOBODY: Final = b"00000000-0000-4000-8000-000000000000"
TEXTS: Final = (
    b"",
    b"\x00",
    b"a\x00b",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    "straße İ\u202e\ufeff".encode(),
    b"' OR 1=1 --",
    b"../../etc/passwd",
    b"..\\..\\x",
    b"<script>alert(1)</script>",
    b"{{7*7}}${7*7}",
    b"a" * 300,
    b"\r\nX-Injected: 1",
    b"%00%0a",
    b"null",
    b"-1",
    b"0",
    b"NaN",
    b"Infinity",
    b"1e999",
    b"9" * 30,
    b"9" * 5000,
    b"000000001999999999",
    b"18446744073709551616",
    b"0x10",
    "١٢٣".encode(),
    "²".encode(),
    b"2026-13-45T99:99:99Z",
    b"9999-12-31T23:59:59-23:59",
    b"0001-01-01T00:00:00+23:59",
    b"true",
    b"*",
    b'"v1"',
    b'W/"v9999999999999999999"',
    b'"v' + b"1" * 40 + b'"',
    b"5-0",
    b"999999999999999999999999-1",
    b"cmFuazo5OTk5OTk5OTk5OTk5OTk5OTk5OTk=",
    b"WyJuYW1lIixmYWxzZSxbTmFOXV0",
    b"http://[::",
    b"rep-1",
    b"admin-1",
    b"new",
    b"mine",
    NOBODY,
)
"""Texts for parts of paths, queries and headers."""
NUMBERS: Final = (0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**40, 0.1, -0.0, 1e308)
JUNK: Final = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"NaN",
    b"-Infinity",
    b"{",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b'{"a":1,"a":2}',
    b'{"\\ud800":"\\udfff"}',
    b'{"__proto__":{"x":1},"constructor":1}',
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"1" * 5_000,
    b'{"note":"' + b"x" * 300_000 + b'"}',
    b"[" + b"0," * 100_000 + b"0]",
    b"a=1&a=2&email=%00&password=%ff",
    b"email=" + b"x" * 10_000 + b"&password=y",
)
"""Whole bodies."""
RAW: Final = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "9" * 5_000,
    '"\\ud800"',
    '"a\\u0000b"',
    '"\\udfff\\ud800"',
    "[" * 60 + "]" * 60,
    '{"a":' * 60 + "1" + "}" * 60,
    '{"b":1,"b":2}',
    "1.7976931348623157e309",
    "-0",
)
"""JSON values that Python's own writer would not write, for a field."""


def escape(value: bytes) -> bytes:
    """Return a text escaped for an address."""
    return quote_from_bytes(value, safe="").encode()


def body(random: Random, schema: dict[str, Any], components: dict[str, Any]) -> bytes:
    """Return a body: junk, or an object of the schema in which hostile values replace some fields."""
    if not schema or random.random() < 0.25:
        return random.choice(JUNK)
    marks: dict[str, str] = {}
    value = _value(random, schema, components, marks, 0)
    text = json.dumps(value)
    for mark, raw in marks.items():
        text = text.replace(json.dumps(mark), raw)
    return text.encode()


def _value(
    random: Random, schema: dict[str, Any], components: dict[str, Any], marks: dict[str, str], depth: int
) -> Any:
    if depth and random.random() < 0.25:
        return _hostile(random, marks)
    if "$ref" in schema:
        return _value(random, components[schema["$ref"].rpartition("/")[2]], components, marks, depth)
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return _value(random, random.choice(options), components, marks, depth)
    if "enum" in schema:
        return random.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            return _object(random, schema, components, marks, depth)
        case "array":
            items = schema.get("items") or {"type": "string"}
            return [
                _value(random, items, components, marks, depth + 1) for _ in range(random.choice((0, 1, 3)))
            ]
        case "integer" | "number":
            return random.choice(NUMBERS)
        case "boolean":
            return random.random() < 0.5
        case "null":
            return None
        case _:
            return random.choice(TEXTS).decode(errors="surrogateescape")


def _object(
    random: Random, schema: dict[str, Any], components: dict[str, Any], marks: dict[str, str], depth: int
) -> dict[str, Any]:
    required = schema.get("required", ())
    fields = {
        name: _value(random, field, components, marks, depth + 1)
        for name, field in schema.get("properties", {}).items()
        if name in required or random.random() < 0.5
    }
    if not fields or random.random() < 0.1:
        for name in random.sample(("name", "columns", "inclusion", "role", "rules", "leads", "é\u0000"), 3):
            fields[name] = _hostile(random, marks)
    return fields


def _hostile(random: Random, marks: dict[str, str]) -> Any:
    """Return a value that fits no field.

    A value that JSON cannot express is a mark, which is replaced in the text later.
    """
    if random.random() < 0.5:
        mark = f"@raw{len(marks)}@"
        marks[mark] = random.choice(RAW)
        return mark
    text = random.choice(TEXTS).decode(errors="surrogateescape")
    return random.choice((None, True, [], {}, [[]], {"": text}, [text] * 3, text, random.choice(NUMBERS)))
