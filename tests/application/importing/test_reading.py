"""Every row of a file is a message or a refusal with its line, field and reason: none is passed over."""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from application.importing.file_reading import format_of, read_leads
from application.importing.import_rows import ImportRow
from application.importing.mapping import Mapping
from models.errors import InvalidInput
from models.inbound import MAX_BYTES


def rows(path: Path, content: bytes | str, mapping: Any = None, **options: Any) -> list[ImportRow]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [*read_leads(path, Mapping(mapping) if mapping else None, "acme", **options)]


def test_a_table_whose_columns_are_named_like_fields_needs_no_mapping(tmp_path: Path) -> None:
    import_rows = rows(
        tmp_path / "a.csv",
        "External ID,First Name,Last Name,Zip Code,Phone Number,Shoe Size,\n"
        'A1,Ann,"Lee, Jr.",02903,401-419-4247,38,x\n\nA2,Bob,"two\nlines",,,,\n',
        campaign="fair",
        org="west",
    )
    assert [row.line for row in import_rows] == [2, 4]
    assert import_rows[0].message == {
        "vendor": "acme",
        "campaign": "fair",
        "org": "west",
        "external_id": "A1",
        "first_name": "Ann",
        "last_name": "Lee, Jr.",
        "zip": "02903",
        "phone": "401-419-4247",
        "attributes": {"Shoe Size": "38", "column 7": "x"},
    }
    assert import_rows[1].message is not None
    assert import_rows[1].message["last_name"] == "two\nlines"


def test_what_vendors_call_a_field_is_that_field_unless_one_has_its_own_name(tmp_path: Path) -> None:
    (row,) = rows(tmp_path / "a.csv", "Lead ID,Surname\nA1,Lee\n")
    assert row.message == {"vendor": "acme", "external_id": "A1", "last_name": "Lee"}
    (row,) = rows(tmp_path / "b.csv", "id,external_id\n7,A1\n")
    assert row.message == {"vendor": "acme", "external_id": "A1", "attributes": {"id": "7"}}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_in_any_usual_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = f"last_name{delimiter}email\r\nGonçalves{delimiter}g@x.org\r\n"
    (row,) = rows(tmp_path / "a.csv", text.encode(encoding))
    assert row.message == {"vendor": "acme", "last_name": "Gonçalves", "email": "g@x.org"}


def test_bytes_that_are_no_usual_encoding_are_latin_1(tmp_path: Path) -> None:
    (row,) = rows(tmp_path / "a.csv", b"last_name\n\x81\xe9\n")
    assert row.message is not None
    assert row.message["last_name"] == "\x81é"


def test_what_is_wrong_with_a_row_is_said_with_line_field_and_reason(tmp_path: Path) -> None:
    mapping = {"external_id": "id", "created_at": {"column": "day", "format": "%d-%m-%Y"}, "vendor": "from"}
    import_rows = rows(
        tmp_path / "a.csv",
        "id,day,from\n1,01-02-2018,\n2,2018-02-01,\n,,\n4,,a/b\n5,,,more\n6,03-02-2018,globex\n",
        mapping,
    )
    refusals = [(row.refusal.line, row.refusal.field) for row in import_rows if row.refusal]
    assert refusals == [(4, "external_id"), (5, "vendor"), (6, "")]
    assert [row.message["vendor"] for row in import_rows if row.message] == ["acme", "acme", "globex"]


def test_v2_a_time_in_another_format_than_the_mapping_names_costs_the_field_not_the_row(
    tmp_path: Path,
) -> None:
    """It is not read in any other way: 03-04 is April here, and would be March elsewhere."""
    mapping = {"external_id": "id", "created_at": {"column": "day", "format": "%d.%m.%Y"}, "vendor": "from"}
    first, second = rows(tmp_path / "a.csv", "id,day,from\n1,03-04-2018,\n2,03.04.2018,\n", mapping)
    assert first.message is not None
    assert "created_at" not in first.message
    assert first.message["attributes"] == {"invalid": {"created_at": "03-04-2018"}}
    assert set(first.doubts) == {"created_at"}
    assert second.message is not None
    assert second.message["created_at"].startswith("2018-04-03T00:00:00")
    assert not second.doubts


def test_a_field_that_cannot_be_read_is_a_doubt_not_a_refusal(tmp_path: Path) -> None:
    (row,) = rows(tmp_path / "a.csv", "last_name,phone,state\nLee,12,Bavaria\n")
    assert row.message is not None
    assert set(row.doubts) == {"phone", "state"}


@pytest.mark.parametrize(
    ("content", "mapping", "reason"),
    [
        ("", None, "header"),
        ("\n", None, "header"),
        ("a,b\n1,2\n", None, "a mapping must say"),
        ("\n\n \n", None, "header"),
        ("phone\n1\n", {"external_id": "id"}, "there is no column id; there are phone"),
        ("phone\n1\n", {"phone": "phone", "attributes": ["x"]}, "attributes.x"),
        ("phone\n1\n", {"phone": "phone", "required": ["x"]}, "required"),
    ],
)
def test_a_table_that_cannot_be_read_at_all_is_refused(
    tmp_path: Path, content: str, mapping: Any, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        rows(tmp_path / "a.csv", content, mapping)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        [*read_leads(tmp_path / "none.csv", None, "acme")]


def test_json_lines_are_the_contracts_messages(tmp_path: Path) -> None:
    import_rows = rows(
        tmp_path / "a.jsonl",
        b'\xef\xbb\xbf{"last_name":"Lee","vendor":"globex","x":[1]}\n\n{"last_name":"Roe"}\nnot json\n[]\n'
        b'{"vendor":"a"}\n' + b'{"note":"' + b"x" * (2 * MAX_BYTES) + b'"}\n{"phone":"4014194247"}',
        campaign="fair",
    )
    assert [row.line for row in import_rows] == [1, 3, 4, 5, 6, 7, 8]
    assert [row.message for row in import_rows if row.message] == [
        {"last_name": "Lee", "vendor": "globex", "x": [1], "campaign": "fair"},
        {"last_name": "Roe", "vendor": "acme", "campaign": "fair"},
        {"phone": "4014194247", "vendor": "acme", "campaign": "fair"},
    ]
    assert [row.refusal.line for row in import_rows if row.refusal] == [4, 5, 6, 7]


def test_json_lines_take_a_mapping_too(tmp_path: Path) -> None:
    (row,) = rows(
        tmp_path / "a.jsonl", b'{"mql":1,"o":"x","n":null}', {"external_id": "mql", "attributes": ["o", "n"]}
    )
    assert row.message == {"external_id": 1, "attributes": {"o": "x"}, "vendor": "acme"}


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.csv", b"{", "csv"),
        ("a.TSV", b"", "csv"),
        ("a.ndjson", b"", "jsonl"),
        ("a.xml", b"", "adf"),
        ("a", b" <adf>", "adf"),
        ("a.txt", b'\xef\xbb\xbf\n{"a"', "jsonl"),
        ("a.txt", b"a,b", "csv"),
        ("a.json", b"{", "json"),
        ("a", b" [{", "json"),
    ],
)
def test_the_format_is_told_by_the_name_or_the_first_character(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert format_of(tmp_path / name) == kind


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.xml"])
def test_a_large_file_is_read_in_constant_memory(tmp_path: Path, name: str) -> None:
    """What is held at once does not grow with the file: it is less than 300 bytes for each of its rows."""
    count = 1_000
    path = tmp_path / name
    row = {"a.csv": "A%d,Lee\n", "a.jsonl": '{"external_id":"A%d"}\n'}.get(
        name,
        '<prospect><id>A%d</id><customer><contact><name part="last">Lee</name></contact></customer></prospect>\n',
    )
    with path.open("w") as file:
        file.write({"a.csv": "external_id,last_name\n", "a.xml": "<adf>\n"}.get(name, ""))
        file.writelines(row % n for n in range(count))
        file.write("</adf>" if name == "a.xml" else "")
    read = read_leads(path, None, "acme")
    next(read)
    tracemalloc.start()
    try:
        assert sum(import_row.refusal is None for import_row in read) == count - 1
        assert tracemalloc.get_traced_memory()[1] < 300 * count
    finally:
        tracemalloc.stop()
