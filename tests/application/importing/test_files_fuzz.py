"""Whatever a file holds, its rows are messages or refusals, or the file is refused as a whole."""

import random
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest

from application.importing.file_reading import read_leads
from application.importing.mapping import Mapping, load
from models.errors import InvalidInput
from tests.fuzz.mutate import damaged_messages

VALID = {
    "a.csv": b'\xef\xbb\xbfexternal_id;last_name;created_at\r\nA1;"Lee;\r\nx";01-02-2018\r\nA2;Go\xc3\xb1i;\r\n',
    "b.csv": "external_id\tlast_name\tcreated_at\nA1\tLee\t01-02-2018\n".encode("utf-16"),
    "c.xml": b'<?xml version="1.0"?><adf><prospect status="resend"><id source="w">1</id><customer><contact>'
    b'<name part="full">A B</name><phone>4014194247</phone></contact></customer></prospect></adf>',
    "d.yaml": b'external_id: id\ncreated_at: {column: [day, d], format: "%d-%m-%Y", time_zone: UTC}\n'
    b"state: {column: st, default: RI, required: true}\nattributes: {a: b}\nrequired: [id]\n",
}
NASTY = (
    b"\x00",
    b"\xff",
    b'"',
    b"<",
    b">",
    b"&a;",
    b"\n",
    b"\r",
    b";",
    b",",
    b":",
    b"{",
    b"]",
    b"%",
    b"!!int ",
    b"- ",
    b"\xfe\xff",
)


def damaged_file(name: str, seed: int) -> bytes:
    """Return a valid file with a few bytes lost, doubled, changed or added."""
    rng = random.Random(seed)
    content = bytearray(VALID[name])
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(content) + 1)
        match rng.randrange(4):
            case 0:
                del content[at : at + rng.choice((1, 1, 3, 20))]
            case 1:
                content[at:at] = content[at : at + rng.choice((1, 5, 40))]
            case 2:
                content[at : at + 1] = bytes([rng.randrange(256)])
            case _:
                content[at:at] = rng.choice(NASTY)
    return bytes(content)


@pytest.mark.parametrize("name", ["a.csv", "b.csv", "c.xml"])
def test_no_damage_to_a_file_raises_anything_but_invalid_input(tmp_path: Path, name: str) -> None:
    mapping = Mapping(
        {"external_id": "external_id", "created_at": {"column": "created_at", "format": "%d-%m-%Y"}}
    )
    path = tmp_path / name
    read = 0
    for seed in range(1_500):
        path.write_bytes(damaged_file(name, seed))
        with suppress(InvalidInput):
            for row in read_leads(path, None if name.endswith("xml") else mapping, "acme"):
                assert (row.message is None) != (row.refusal is None)
                read += 1
    assert read > 50


def test_no_damage_to_json_lines_raises_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(islice(damaged_messages(3, "arrival"), 3_000)))
    rows = [*read_leads(path, None, "acme")]
    assert any(row.message for row in rows)
    assert any(row.refusal for row in rows)


def test_no_damage_to_a_mapping_raises_anything_but_invalid_input(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    accepted = 0
    for seed in range(1_500):
        path.write_bytes(damaged_file("d.yaml", seed))
        with suppress(InvalidInput):
            load(path)
            accepted += 1
    assert accepted > 20
