"""Files that are made to break a reader are refused with a reason, in bounded time and memory."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from application.directory.yaml_text import MAX_BYTES, load
from application.importing import adf, import_tables, mapping
from application.importing.csv_rows import MAX_LINE, NOT_CLOSED
from application.importing.import_tables import MAX_COLUMNS
from application.rule_text import read_tree
from models.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
"""A few lines that are 1,000,000,000 values."""
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 10)}]}}\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MEGABYTES = 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB, "values with all its aliases"),
        (MERGES, "values with all its aliases"),
        ("a: &a [*a]", "an alias contains itself"),
        ("- " * 65 + "a", "nested deeper than 64"),
        ("[" * 100_000, "nested deeper than 64"),
        ("#" * (MAX_BYTES + 1), "are allowed"),
    ],
    ids=["aliases", "merges", "endless", "65 levels", "100,000 levels", "large"],
)
def test_yaml_that_grows_is_refused_before_it_has_grown(content: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=reason):
        load(content.encode())
    file = tmp_path / "given.yaml"
    file.write_text(content)
    with pytest.raises(InvalidInput, match=reason):
        mapping.load(file)
    with pytest.raises(InvalidInput, match=reason):
        read_tree(f"@{file}")


def test_yaml_with_aliases_within_bounds_is_read() -> None:
    assert load(b"a: &a {x: [1]}\nb: *a\nc: {<<: *a, y: 2}") == {
        "a": {"x": [1]},
        "b": {"x": [1]},
        "c": {"x": [1], "y": 2},
    }


@pytest.mark.parametrize(
    "encoding", ["hex", "rot13", "undefined", "base64", "zip", "idna", "punycode", "unicode_escape"]
)
def test_adf_in_what_is_no_encoding_of_text_is_refused(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "leads.xml"
    file.write_bytes(f'<?xml version="1.0" encoding="{encoding}"?><adf><prospect/></adf>'.encode())
    with pytest.raises(InvalidInput, match=f"encoding {encoding} is none that ADF files are read in"):
        list(adf.read(file))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "UTF8", "us-ascii", "ISO-8859-1", "latin1", "windows-1252", "macintosh"]
)
def test_adf_in_the_encodings_of_the_field_is_read(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "leads.xml"
    file.write_bytes(
        f'<?xml version="1.0" encoding="{encoding}"?><adf><prospect><id>1</id></prospect></adf>'.encode()
    )
    (parsed_line,) = adf.read(file)
    assert parsed_line.message
    assert parsed_line.message["external_id"] == "1"


def test_a_header_cell_that_no_cell_can_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("first_name," + "x" * 131_073 + "\nJon,y\n")
    with pytest.raises(
        InvalidInput, match=r"header: cannot be read: field larger than field limit \(131072\)"
    ):
        list(import_tables.read(file, None))


def test_a_table_of_too_many_columns_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(",".join(f"c{at}" for at in range(30_000)) + "\n")
    with pytest.raises(InvalidInput, match=f"has 30000 columns; a table has {MAX_COLUMNS} at most"):
        list(import_tables.read(file, None))


def test_a_table_of_many_columns_that_lacks_all_that_are_asked_for_names_some_of_them(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(",".join(f"c{at}" for at in range(MAX_COLUMNS)) + "\n")
    column_mapping = mapping.Mapping({"phone": "tel", "attributes": [f"none{at}" for at in range(1_000)]})
    with pytest.raises(InvalidInput) as refused:
        list(import_tables.read(file, column_mapping))
    assert len(refused.value.problems) == 1_001
    assert len(str(refused.value.problems[0])) < 1_000


def test_a_line_of_50_mb_is_refused_by_its_number_in_bounded_memory_and_the_others_are_read(
    tmp_path: Path,
) -> None:
    file = tmp_path / "leads.csv"
    with file.open("w") as written:
        written.write("external_id,first_name\n1,Jon\n2,")
        for _ in range(50):
            written.write("x" * 1_000_000)
        written.write("\n3,Ana\n")
    tracemalloc.start()
    parsed_lines = list(import_tables.read(file, None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(parsed_line.line, bool(parsed_line.message)) for parsed_line in parsed_lines] == [
        (2, True),
        (3, False),
        (4, True),
    ]
    assert parsed_lines[1].reason == f"not CSV: the line has more than {MAX_LINE} characters"
    assert peak < MEGABYTES / 4


def test_a_header_of_50_mb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("x," * 25_000_000)
    tracemalloc.start()
    with pytest.raises(InvalidInput, match="header: cannot be read: the line has more than"):
        list(import_tables.read(file, None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEGABYTES / 4


def test_a_row_whose_quoted_cells_never_end_is_refused(tmp_path: Path) -> None:
    """Each cell has a line break in quotes, so that all lines of the file are one row."""
    file = tmp_path / "leads.csv"
    with file.open("w") as written:
        written.write('external_id,first_name\n"')
        for _ in range(500):
            written.write(("y" * 98 + '\n","') * 100)
    assert any(NOT_CLOSED in parsed_line.reason for parsed_line in import_tables.read(file, None))
