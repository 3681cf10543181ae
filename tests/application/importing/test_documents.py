"""A JSON file is one lead a row, wherever its list is, and a file without a lead is no success (V1; A7, A16, B8)."""

from pathlib import Path

import pytest

from application.importing.file_reading import read_leads
from application.importing.import_rows import ImportRow
from models.errors import InvalidInput


def rows(tmp_path: Path, content: bytes | str, name: str = "a.json") -> list[ImportRow]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [*read_leads(path, None, "acme")]


@pytest.mark.parametrize(
    "content",
    [
        '[{"id":1,"name":"Ann Doe"},{"id":2,"name":"Bob Roe"}]',
        '{"root":{"row":[{"id":1,"name":"Ann Doe"},{"id":2,"name":"Bob Roe"}]}}',
        '{"data":[{"id":1,"name":"Ann Doe"},{"id":2,"name":"Bob Roe"}],"paging":{"next":null}}',
        '\ufeff[\n {"id":1,"name":"Ann Doe"},\n {"id":2,"name":"Bob Roe"}\n]\n',
        '{"id":1,"name":"Ann Doe"}\n{"id":2,"name":"Bob Roe"}\n',
        '[{"id":1,"field_data":[{"name":"full_name","values":["Ann Doe"]}]},{"id":2,"name":"Bob Roe"}]',
    ],
)
def test_a16_v1_one_lead_a_row(tmp_path: Path, content: str) -> None:
    import_rows = rows(tmp_path, content)
    assert [row.message and row.message["id"] for row in import_rows] == [1, 2]
    assert [row.line for row in import_rows] == [1, 2]


def test_a16_what_is_no_object_is_refused_with_its_place(tmp_path: Path) -> None:
    import_rows = rows(tmp_path, '[{"id":1}, 7, {"name":""}, null, {"id":5}]')
    assert [row.line for row in import_rows if row.refusal] == [2, 3, 4]
    assert [row.line for row in import_rows if row.message] == [1, 5]


def test_b8_a_value_that_cannot_be_kept_is_remarked(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, '[{"id":1,"first_name":"Jo\\ud83d","income":1e400,"last_name":"Doe"}]')
    assert row.message is not None
    assert row.message["attributes"] == {"invalid": {"first_name": "Jo\ufffd", "income": "1e400"}}
    assert row.message["last_name"] == "Doe"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "[]"),
        ("a.jsonl", "\n\n"),
        ("a.csv", "id,last_name\n"),
        ("a.csv", "id,last_name\n\n\n"),
        ("a.xml", "<adf></adf>"),
        ("a.xml", '<adf xmlns="urn:x"/>'),
    ],
)
def test_a7_v1_a_file_from_which_nothing_was_read_is_no_success(
    tmp_path: Path, name: str, content: str
) -> None:
    with pytest.raises(InvalidInput):
        rows(tmp_path, content, name)
