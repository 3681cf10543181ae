"""An XLSX workbook is read like a table (V1; A12, A13)."""

from pathlib import Path

import pytest

from application.importing.file_reading import read_leads
from application.importing.import_rows import ImportRow
from models.errors import InvalidInput
from tests.application.importing.workbooks import row, workbook


def rows(path: Path) -> list[ImportRow]:
    return [*read_leads(path, None, "acme")]


def test_a13_v1_numbers_of_a_workbook_are_exact(tmp_path: Path) -> None:
    sheet = (
        row(1, "Leads of November")
        + row(2, "ID", "Full Name", "Mobile", "Loan Amount")
        + row(3, 1.0, "Doe, Ann", 4014194247.0, 310000.5)
        + row(5, 2.0, "Bob Roe", "2.12555E+09", 250000.0)
    )
    first, second = rows(workbook(tmp_path / "a.xlsx", sheet))
    assert first.message is not None
    assert {name: first.message[name] for name in ("external_id", "last_name", "phone", "loan_amount")} == {
        "external_id": "1",
        "last_name": "Doe",
        "phone": "4014194247",
        "loan_amount": "310000.5",
    }
    assert second.message is not None
    assert (second.line, second.message["external_id"]) == (5, "2")
    assert second.doubts == ("phone",)


def test_v1_each_sheet_is_a_table(tmp_path: Path) -> None:
    first_sheet = row(1, "id", "last_name") + row(2, 1, "Doe")
    second_sheet = row(1, "id", "last_name") + row(2, 2, "Roe")
    import_rows = rows(workbook(tmp_path / "a.xlsx", first_sheet, second_sheet, ""))
    assert [import_row.message and import_row.message["external_id"] for import_row in import_rows] == [
        "1",
        "2",
    ]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", b"id,last_name\n1,Doe\n"])
def test_v1_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(InvalidInput):
        rows(tmp_path / "a.xlsx")
