"""Tables of people, as spreadsheets save them, become objects with the lines of a directory file (Q6, R9)."""

from __future__ import annotations

import pytest

from application.directory.directory_file import read_directory
from application.directory.people_table import MAX_PEOPLE, PeopleErrors, read_people
from application.directory.yaml_lines import line_of_error, lines_of
from models.errors import PublicationErrors

BEFORE = {("rep", "bob-ray"): {"name": "Bob Ray", "email": "bob@x.org", "teams": ["north"], "max_open": 9}}


@pytest.mark.parametrize(
    "table",
    [
        'Name,Email,States\nJosé Núñez,jose@x.org,"RI, MA"\n'.encode(),
        "\ufeffNAME;E-mail;Licensed states\r\nJosé Núñez;jose@x.org;Rhode Island/MA\r\n".encode(),
        "sep=|\nname|mail|state\nJosé Núñez|jose@x.org|RI;Mass.\n".encode("cp1252"),
        "Name\tEmail\tStates\nJosé Núñez\tjose@x.org\tRI|MA\n".encode("utf-16"),
        b'name,email,states\n\n"Jos\xc3\xa9\x20N\xc3\xba\xc3\xb1ez","jose@x.org","RI\nMA"\n',
    ],
)
def test_r9_every_usual_spreadsheet_is_read_alike(table: bytes) -> None:
    people = read_people("x", table, {})
    expected = {
        "rep_id": "jose",
        "name": "José Núñez",
        "email": "jose@x.org",
        "licensed_states": ["RI", "MA"],
    }
    assert people.objects == {("rep", "jose"): expected}
    assert people.unread == ()


def test_r9_a_row_keeps_what_it_does_not_say() -> None:
    table = b"Email,Teams,Most open leads,Active\nBOB@x.org,,12,no\n"
    people = read_people("x", table, BEFORE)
    expected = {
        "rep_id": "bob-ray",
        "name": "Bob Ray",
        "email": "BOB@x.org",
        "teams": ["north"],
        "max_open": 12,
    }
    assert people.objects == {("rep", "bob-ray"): {**expected, "active": False}}


def test_r9_two_people_with_one_name_get_ids_of_their_own() -> None:
    people = read_people("x", b"Name\nBob Ray\nBob Ray\n", BEFORE)
    assert [key[1] for key in people.objects] == ["bob-ray-2", "bob-ray-3"]


@pytest.mark.parametrize(
    ("table", "line", "path", "reason"),
    [
        (b"", 1, "", "must name the columns"),
        (b"a,b\n1,2\n", 1, "", "must name the columns"),
        (b"Name,Role\nKim,chief\n", 2, "role", "must be"),
        (b"Name,Most open leads\n\nKim,1.5\n", 3, "max_open", "without a fraction"),
        (b"Name,Active\nKim,perhaps\n", 2, "active", "yes or no"),
        (b"Name,States\nKim,Narnia\n", 2, "licensed_states", "Narnia is not a US state"),
        (b"Id,Name\nkim,Kim\nkim,Kim\n", 3, "", "the same person as line 2"),
        (b"Name,Phone\n,401-419-4247\n", 2, "", "no name, no email and no id"),
        (b"Name\nKim,7\n", 2, "", "has 2 cells, and the first line 1"),
        (b'Name\nKim\n"Lou\n', 3, "", "cannot be read"),
    ],
)
def test_r9_what_is_wrong_is_said_by_line_and_field(table: bytes, line: int, path: str, reason: str) -> None:
    with pytest.raises(PeopleErrors) as refused:
        read_people("x", table, {})
    problem = refused.value.problems[0]
    assert (refused.value.lines, problem.path) == ((line,), path)
    assert reason in problem.reason


def test_r9_a_table_has_a_bound() -> None:
    rows = "".join(f"rep {n}\n" for n in range(MAX_PEOPLE + 1))
    with pytest.raises(PeopleErrors, match="more than 5,000 people"):
        read_people("x", f"Name\n{rows}".encode(), {})


def test_q6_a_path_has_the_line_of_its_place_or_of_the_object_around_it() -> None:
    text = b"""# people
reps:
  a.b: {name: Ann}
  ann:
    name: Ann
    hours:
      - {days: [mon], from: "09:00", to: "17:00"}
      - days: [tue]
        from: "25:00"
"""
    line_by_path = {
        "reps": 2,
        "reps.a.b.name": 3,
        "reps.ann.name": 5,
        "reps.ann.role": 4,
        "reps.ann.hours[1].from": 9,
        "reps.ann.hours[1].to": 8,
        "reps.ann.hours[7]": 6,
        "queues.new": 2,
    }
    assert lines_of(text, line_by_path) == line_by_path
    assert lines_of(b"[]", line_by_path) == {}


def test_q6_a_file_that_is_no_yaml_has_the_line_where_it_ends_to_be_some() -> None:
    with pytest.raises(PublicationErrors) as refused:
        read_directory(b"reps:\n  ann: [1\n  bob: 2\n", "a.yaml")
    error_line = line_of_error(refused.value)
    assert error_line is not None
    assert error_line[0] == 3


@pytest.mark.parametrize(
    "content", [b"\x00", b"\xff\xfe\xff", b"\xed\xa0\x80", b"a: \x07", b"reps: {a: !!int seven}"]
)
def test_q6_bytes_that_are_no_text_are_refused_without_a_line(content: bytes) -> None:
    with pytest.raises(PublicationErrors) as refused:
        read_directory(content, "a.yaml", org="acme")
    paths = [problem.path for problem in refused.value.problems]
    assert line_of_error(refused.value) or lines_of(content, paths).keys() <= set(paths)


def test_q6_a_file_of_another_org_is_refused_and_one_without_an_org_is_ours() -> None:
    assert read_directory(b"reps: {}", "a.yaml", org="acme") == ("acme", {})
    with pytest.raises(PublicationErrors, match="org: is other; only a file of acme"):
        read_directory(b"org: other", "a.yaml", org="acme")
