"""A mapping is checked as a whole before a row is read, and says which key is wrong and why."""

import re
from pathlib import Path
from typing import Any

import pytest

from application.importing.mapping import Mapping, UnusableCell, load
from models.errors import InvalidInput

PAGE = Path(__file__).parents[3] / "docs" / "vendors.md"
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "olist.yaml"


def refusals(mapping: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        Mapping(mapping)
    return [problem.path for problem in caught.value.problems]


def test_the_example_in_the_docs_is_a_mapping() -> None:
    mapping = load(EXAMPLE)
    assert mapping.message(
        {"mql_id": "a1", "first_contact_date": "01-02-2018", "origin": "", "landing_page_id": "p"}
    ) == {
        "external_id": "a1",
        "created_at": "2018-02-01T00:00:00-02:00",
        "attributes": {"landing_page_id": "p"},
    }


def test_the_mapping_that_the_page_for_vendors_shows_reads_a_row_as_it_says(tmp_path: Path) -> None:
    shown = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert shown is not None
    file = tmp_path / "mapping.yaml"
    file.write_text(shown[1])
    row = {
        "Ref No": "A-1",
        "Prospect": "Jeremy Jones",
        "Cell": "401-419-4247",
        "Mail 2": "jj@lender-mail.net",
    }
    row |= {
        "St": "",
        "Loan $$": "$310,000",
        "When": "11/20/2026 10:30",
        "Landing Page": "/refi",
        "Other": "x",
    }
    assert load(file).message(row) == {
        "external_id": "A-1",
        "full_name": "Jeremy Jones",
        "phone": "401-419-4247",
        "email": "jj@lender-mail.net",
        "state": "RI",
        "loan_amount": "$310,000",
        "created_at": "2026-11-20T10:30:00-05:00",
        "campaign": "spring-fair",
        "attributes": {"Landing Page": "/refi"},
    }


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        (None, ""),
        ([], ""),
        ({}, ""),
        ({"attributes": ["a"]}, ""),
        ({"shoe_size": "a"}, "shoe_size"),
        ({"phone": 7}, "phone"),
        ({"phone": {}}, "phone"),
        ({"phone": {"column": "a", "constant": "b"}}, "phone"),
        ({"phone": {"column": ""}}, "phone.column.0"),
        ({"phone": {"column": "a", "colour": "b"}}, "phone.colour"),
        ({"phone": {"constant": "b", "required": True}}, "phone"),
        ({"phone": {"column": "a", "format": "%d"}}, "phone.format"),
        ({"phone": {"column": "a", "time_zone": "UTC"}}, "phone.time_zone"),
        ({"loan_amount": {"constant": float("nan")}}, "loan_amount.constant"),
        ({"created_at": {"column": "a", "format": "%Q"}}, "created_at.format"),
        ({"created_at": {"column": "a", "time_zone": "Mars"}}, "created_at.time_zone"),
        ({"phone": "a", "attributes": 7}, "attributes"),
        ({"phone": "a", "required": [7]}, "required.0"),
    ],
)
def test_a_mapping_that_does_not_hold_is_refused_by_its_key(mapping: Any, path: str) -> None:
    assert any(refused_path.startswith(path) for refused_path in refusals(mapping))


def test_every_problem_is_named_at_once() -> None:
    assert refusals({"shoe_size": "a", "phone": {}}) == ["phone", "shoe_size"]


def test_a_row_in_the_words_of_the_contract() -> None:
    mapping = Mapping(
        {
            "external_id": "id",
            "phone": {"column": ["mobile", "home"]},
            "state": {"column": "st", "default": "RI"},
            "campaign": {"constant": "fair"},
            "attributes": {"colour": "color"},
        }
    )
    assert mapping.message({"id": 7, "mobile": " ", "home": "401", "st": "", "color": "red", "x": "y"}) == {
        "external_id": 7,
        "phone": "401",
        "state": "RI",
        "campaign": "fair",
        "attributes": {"colour": "red"},
    }


def test_what_is_not_mapped_is_kept_unless_the_mapping_says_otherwise() -> None:
    row = {"id": "1", "a": "x", "b": ""}
    assert Mapping({"external_id": "id"}).message(row) == {"external_id": "1", "attributes": {"a": "x"}}
    assert Mapping({"external_id": "id", "attributes": "*"}).message(row)["attributes"] == {"a": "x"}
    assert "attributes" not in Mapping({"external_id": "id", "attributes": []}).message(row)


@pytest.mark.parametrize(
    ("mapping", "row", "field"),
    [
        ({"phone": {"column": "tel", "required": True}}, {"tel": " "}, "phone"),
        ({"phone": "tel", "required": ["tel", "x"]}, {"tel": "1"}, "x"),
    ],
)
def test_a_cell_that_cannot_be_used_names_its_field(mapping: Any, row: dict[str, Any], field: str) -> None:
    with pytest.raises(UnusableCell) as caught:
        Mapping(mapping).message(row)
    assert caught.value.field == field
    assert str(caught.value)


@pytest.mark.parametrize(
    ("source", "cell"),
    [
        ({"column": "d", "format": "%d-%m-%Y"}, "2018-02-01"),
        ({"column": "d", "format": "epoch"}, "yesterday"),
        ({"column": "d", "time_zone": "UTC"}, "01-02-2018"),
        ({"column": "d", "time_zone": "UTC"}, "Fri, 20 Nov 2026 09:12:00 CET"),
    ],
)
def test_v2_a_time_that_is_not_in_the_format_is_kept_as_unreadable(source: dict[str, str], cell: str) -> None:
    message = Mapping({"created_at": source}).message({"d": cell})
    assert message == {"attributes": {"invalid": {"created_at": cell}}}


def test_a_time_keeps_its_own_offset() -> None:
    mapping = Mapping({"created_at": {"column": "d", "time_zone": "America/Chicago"}})
    assert mapping.message({"d": "2026-07-01T09:00:00"})["created_at"] == "2026-07-01T09:00:00-05:00"
    assert mapping.message({"d": "2026-07-01T09:00:00+02:00"})["created_at"] == "2026-07-01T09:00:00+02:00"


@pytest.mark.parametrize("cell", ["7/21/2026 9:00 PM", "July 21, 2026 at 9:00 PM", "2026-07-21 21:00"])
def test_v3_a_time_is_read_as_on_the_topic_where_the_mapping_names_only_its_zone(cell: str) -> None:
    mapping = Mapping({"created_at": {"column": "d", "time_zone": "America/Chicago"}})
    assert mapping.message({"d": cell})["created_at"] == "2026-07-21T21:00:00-05:00"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: [", "is not YAML"),
        (b"a: b: c", "line 1"),
        (b"\xff\xfe\xff", "is not YAML"),
        (b"", "must be an object"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=reason):
        load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_v2_the_first_of_several_columns_that_can_be_read_is_the_field() -> None:
    """Two numbers, of which the first cannot be read: it is kept as an attribute (A11)."""
    mapping = Mapping({"phone": {"column": ["phone_1", "phone_2"]}, "last_name": "last"})
    row = {"last": "Doe", "phone_1": "unknown", "phone_2": "401-419-4247"}
    assert mapping.message(row) == {
        "last_name": "Doe",
        "phone": "401-419-4247",
        "attributes": {"phone_1": "unknown"},
    }
    assert mapping.message({**row, "phone_2": "12"})["phone"] == "unknown"
