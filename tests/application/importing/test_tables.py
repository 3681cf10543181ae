"""In = leads + refusals for every CSV file, whatever its quotes and header are (V1; A1, A2, A4, A12, A17)."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from application.importing.file_reading import read_leads
from application.importing.import_rows import ImportRow
from tests.fixtures.processor_time import costs_at_most

HEADER = "id,last_name,phone,note\n"


def rows(tmp_path: Path, content: bytes | str, name: str = "a.csv") -> list[ImportRow]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [*read_leads(path, None, "acme")]


def ids(import_rows: list[ImportRow]) -> list[str | int]:
    """Return the id of each lead, and the line of each refusal."""
    return [row.message["external_id"] if row.message else row.line for row in import_rows]


def test_a1_v1_a_quote_that_is_never_closed_costs_its_own_row(tmp_path: Path) -> None:
    import_rows = rows(
        tmp_path,
        HEADER + '1,Doe,4014194247,"never closed\n2,Roe,4014194248,fine\n3,Poe,4014194249,fine\n',
    )
    assert ids(import_rows) == [2, "2", "3"]
    assert import_rows[0].refusal is not None
    assert "a quote is opened on this line and not closed" in import_rows[0].refusal.reason


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('1,Doe,,"never closed\n2,"Roe, Jr",,x\n3,Poe,,x\n', [2, "2", "3"]),
        ('1,Doe,,"never closed\n2,Roe,,"closed"\n3,Poe,,x\n', [2, "2", "3"]),
        ('1,Doe,,"open\n2,Roe,,x\n3,Poe,,closed by another"\n', [2, "2", "3"]),
        ('1,Doe,,x\n2,Roe,,"open at the end', ["1", 3]),
        ('1,Doe,,"a ""quoted"" word"\n2,Roe,,x\n', ["1", "2"]),
        ('1,Doe,,"two\nlines"\n2,Roe,,"three\n\nlines"\n', ["1", "2"]),
        ("1,Doe,,5'10\" tall\n2,Roe,,x\n", ["1", "2"]),
        ('1,Doe,,"x"y\n2,Roe,,x\n', [2, "2"]),
        ('1, "Doe, Jr.",,x\n2,Roe,,x\n', ["1", "2"]),
        ('1,Doe,,"a, b\n2,Roe,,"c, d\n3,Poe,,"e, f\n', [2, 3, 4]),
        ("1,Doe,,x,,,\n2,Roe\n3,Poe,,x,more\n", ["1", "2", 4]),
    ],
)
def test_a1_v1_every_row_is_a_lead_or_a_refusal(tmp_path: Path, body: str, expected: list[str | int]) -> None:
    assert ids(rows(tmp_path, HEADER + body)) == expected


def test_a1_v1_of_5000_rows_with_one_open_quote_none_is_lost(tmp_path: Path) -> None:
    lines = [f'{n},Doe,,"ok, {n}"' if n % 2 else f"{n},Doe,,x" for n in range(5_000)]
    lines[2_500] = '2500,Doe,,"never closed'
    import_rows = rows(tmp_path, HEADER + "\n".join(lines))
    assert len(import_rows) == 5_000
    assert [row.line for row in import_rows if row.refusal] == [2_502]


def test_a1_rows_whose_quotes_are_all_open_take_linear_time(tmp_path: Path) -> None:
    """Eight times the rows take at most 24 times the processor time; quadratic work would take 64 times."""
    few, many = (HEADER + "".join(f'{n},Doe,,"open\n' for n in range(count)) for count in (1_000, 8_000))
    assert len(rows(tmp_path, few)) == 1_000
    assert len(rows(tmp_path, many)) == 8_000
    assert costs_at_most(partial(rows, tmp_path, few), partial(rows, tmp_path, many), within=24)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("sep=;\nid;last_name\n1;Doe\n", ["1"]),
        ('"sep=;"\r\nid;last_name\r\n1;Doe\r\n', ["1"]),
        ("Leads of November\n\nid,last_name\n1,Doe\n", ["1"]),
        ("Leads of November,,\nid,last_name,\n1,Doe,\n", ["1"]),
        ("\nid,last_name\n1,Doe\n", ["1"]),
        ("\n \n\nid,last_name\n1,Doe\n", ["1"]),
        ("id,last_name\r1,Doe\r2,Roe\r", ["1", "2"]),
        ("id,last_name\r\n1,Doe\r\n\r\n2,Roe", ["1", "2"]),
        ("id,last_name\n1.0,Doe\n2.0,Roe\n", ["1", "2"]),
        ('id,last_name\n="0001",Doe\n', ["0001"]),
        ("ID,Lead ID,last_name\n1,B-7,Doe\n", ["B-7"]),
    ],
)
def test_a12_a2_a_table_is_read_from_its_header(tmp_path: Path, content: str, expected: list[str]) -> None:
    assert ids(rows(tmp_path, content)) == expected


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("phone,phone", ",4014194247", {"phone": "4014194247"}),
        (
            "phone,phone",
            "none,4014194247",
            {"phone": "4014194247", "attributes": {"invalid": {"phone": "none"}}},
        ),
        (
            "phone,phone",
            "4014194247,2125551234",
            {"phone": "4014194247", "attributes": {"phone (2)": "2125551234"}},
        ),
        (
            "Name,Mobile,E-mail,ZIP",
            '"Doe, Ann",4014194247.0,ann@x.org;,="02903"',
            {
                "first_name": "Ann",
                "last_name": "Doe",
                "phone": "4014194247.0",
                "email": "ann@x.org;",
                "zip": "02903",
                "attributes": {"Name": "Doe, Ann"},
            },
        ),
        (
            "FirstName,LastName,HomePhone,PostalCode",
            "Ann,Doe,4014194247,02903",
            {"first_name": "Ann", "last_name": "Doe", "phone": "4014194247", "zip": "02903"},
        ),
    ],
)
def test_a12_a17_columns_become_fields(
    tmp_path: Path, header: str, cells: str, expected: dict[str, Any]
) -> None:
    (row,) = rows(tmp_path, f"{header}\n{cells}\n")
    assert row.message == {"vendor": "acme", **expected}


def test_a4_a_social_networks_export(tmp_path: Path) -> None:
    text = (
        "id\tcreated_time\tad_id\tfull_name\tphone_number\n"
        "l:15088\t2026-11-20T09:12:00-05:00\tag:12\tMaría de la Cruz\tp:+14014194247\n"
    )
    (row,) = rows(tmp_path, text.encode("utf-16"))
    assert row.message == {
        "vendor": "acme",
        "external_id": "15088",
        "created_at": "2026-11-20T09:12:00-05:00",
        "first_name": "María",
        "last_name": "de la Cruz",
        "phone": "p:+14014194247",
        "attributes": {"ad_id": "ag:12", "full_name": "María de la Cruz"},
    }
    assert row.doubts == ()
