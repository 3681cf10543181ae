"""An XLSX workbook is read like a table (V1; A12, A13)."""

import zipfile
from pathlib import Path

import pytest

from application.importing.reading import read_leads
from application.importing.rows import Row
from models.errors import InvalidInput

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def workbook(path: Path, *sheets: str) -> Path:
    """Write a workbook; each sheet is given by its rows in XML."""
    numbers = range(1, len(sheets) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{TYPES}.worksheet+xml"/>'
        for n in numbers
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
        f'PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>'
        + "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        + "</Relationships>",
    }
    for n, rows in zip(numbers, sheets, strict=True):
        parts[f"xl/worksheets/sheet{n}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    with zipfile.ZipFile(path, "w") as file:
        for name, text in parts.items():
            file.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def row(number: int, *cells: str | float) -> str:
    """Return a row of a sheet in XML."""
    found = "".join(
        f'<c r="{chr(65 + at)}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
        if isinstance(cell, str)
        else f'<c r="{chr(65 + at)}{number}"><v>{cell!r}</v></c>'
        for at, cell in enumerate(cells)
    )
    return f'<row r="{number}">{found}</row>'


def rows(path: Path) -> list[Row]:
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
    one = row(1, "id", "last_name") + row(2, 1, "Doe")
    two = row(1, "id", "last_name") + row(2, 2, "Roe")
    found = rows(workbook(tmp_path / "a.xlsx", one, two, ""))
    assert [each.message and each.message["external_id"] for each in found] == ["1", "2"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", b"id,last_name\n1,Doe\n"])
def test_v1_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(InvalidInput):
        rows(tmp_path / "a.xlsx")
