"""An ADF prospect that is broken costs itself alone, and a file with a namespace is read (V1; A6, A7, A10, A11)."""

from pathlib import Path

import pytest

from application.importing.file_reading import read_leads
from application.importing.import_rows import ImportRow

PERSON = '<name part="full">{}</name><phone>401-419-4247</phone>'


def prospect(number: int, name: str = "Ann Doe", more: str = "") -> str:
    person = PERSON.format(name)
    return f"<prospect><id>{number}</id><customer><contact>{person}</contact>{more}</customer></prospect>\n"


def rows(tmp_path: Path, content: bytes | str) -> list[ImportRow]:
    path = tmp_path / "a.xml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [*read_leads(path, None, "mill")]


def ids(import_rows: list[ImportRow]) -> list[str | int]:
    """Return the id of each lead, and the line of each refusal."""
    return [row.message["external_id"] if row.message else row.line for row in import_rows]


@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        ("Call & mail", "Call & mail"),
        ("AT&T", "AT&T"),
        ("a&nbsp;b", "a b"),
        ("caf&eacute; &amp; bar", "café & bar"),
        ("one\u0001 two", "one two"),
        ("<![CDATA[5 < 6 & 7]]>", "5 < 6 & 7"),
    ],
)
def test_a6_what_programs_get_wrong_is_mended(tmp_path: Path, comments: str, expected: str) -> None:
    body = prospect(1) + prospect(2, more=f"<comments>{comments}</comments>") + prospect(3)
    import_rows = rows(tmp_path, f"<adf>\n{body}</adf>")
    assert ids(import_rows) == ["1", "2", "3"]
    assert import_rows[1].message is not None
    assert import_rows[1].message["attributes"]["adf"]["customer"]["comments"] == expected


def test_a6_a_byte_of_cp1252_costs_nobody(tmp_path: Path) -> None:
    content = prospect(1, "Zoë Doe") + "<<2>>" + prospect(3)
    import_rows = rows(
        tmp_path,
        f"<adf>{content}</adf>".encode().replace(b"<<2>>", prospect(2, "Gonçalves").encode("cp1252")),
    )
    assert [row.message and row.message["last_name"] for row in import_rows] == ["Doe", "Gonçalves", "Doe"]
    assert import_rows[0].message is not None
    assert import_rows[0].message["first_name"] == "Zoë"


@pytest.mark.parametrize(
    "broken",
    [
        "<prospect><id>2</wrong></prospect>\n",
        "<prospect><id>2</id>\n",
        "<prospect><id>2</id><customer></prospect>\n",
        "<prospect <id>2</id></prospect>\n",
    ],
)
def test_a6_v1_a_broken_prospect_costs_itself_alone(tmp_path: Path, broken: str) -> None:
    import_rows = rows(tmp_path, f"<adf>\n{prospect(1)}{broken}{prospect(3)}</adf>\n")
    assert ids(import_rows) == ["1", 3, "3"]


@pytest.mark.parametrize(
    ("comments", "expected", "named"),
    [
        ("see &foo; and &foo;", "see &foo; and &foo;", ["&foo;"]),
        ("a&#0;b&#x1;c", "abc", ["&#0;", "&#x1;"]),
        ("&#9999999;&#x110000;end", "end", ["&#9999999;", "&#x110000;"]),
        (
            "&lol1;&lol2;&lol3;&lol4;&lol5;&lol6;",
            "&lol1;&lol2;&lol3;&lol4;&lol5;&lol6;",
            ["&lol1;", "&lol5;"],
        ),
    ],
)
def test_a6_v2_what_is_no_character_costs_no_prospect_and_is_named(
    tmp_path: Path, comments: str, expected: str, named: list[str]
) -> None:
    body = prospect(1, more=f"<comments>{comments}</comments>") + prospect(2)
    first, second = rows(tmp_path, f"<adf>{body}</adf>")
    assert first.facts is not None
    assert second.facts is not None
    assert first.facts.attributes["adf"]["customer"]["comments"] == expected
    assert (first.facts.first_name, first.facts.last_name) == ("Ann", "Doe")
    remark = first.facts.attributes["remarks"]["adf"]
    assert all(name in remark for name in named)
    assert "&lol6;" not in remark
    assert "remarks" not in second.facts.attributes


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("&#128512;", "\U0001f600"),
        ("&#xD83D;&#xDE00;", "\U0001f600"),
        ("&#55357;&#56832;", "\U0001f600"),
        ("&#X4A;&#0000000066;", "JB"),
        ("&#x92;&#150;", "\u2019\u2013"),
        ("&NBSP;x&Eacute;&AMP;", "x\u00c9&"),
    ],
)
def test_a6_references_are_read_as_browsers_read_them(tmp_path: Path, written: str, read: str) -> None:
    (row,) = rows(tmp_path, f"<adf>{prospect(1, more=f'<comments>{written}</comments>')}</adf>")
    assert row.facts is not None
    assert row.facts.attributes["adf"]["customer"]["comments"] == read
    assert "remarks" not in row.facts.attributes


def test_a6_a_second_document_in_a_file_is_read(tmp_path: Path) -> None:
    document = '<?xml version="1.0"?>\n<?adf version="1.0"?>\n<adf>\n{}</adf>\n'
    assert ids(rows(tmp_path, document.format(prospect(1)) + document.format(prospect(2)))) == ["1", "2"]


@pytest.mark.parametrize(
    "content",
    [
        f'<adf xmlns="urn:x">{prospect(1)}</adf>',
        f'<a:adf xmlns:a="urn:x">{prospect(1)}</a:adf>'.replace("<", "<a:")
        .replace("<a:/", "</a:")
        .replace("a:a:", "a:"),
        f"<ADF>{prospect(1).replace('prospect', 'PROSPECT')}</ADF>",
        f'<soap:Body><adf xsi:nil="0">{prospect(1)}</adf></soap:Body>',
    ],
)
def test_a7_elements_are_found_by_their_local_names(tmp_path: Path, content: str) -> None:
    (row,) = rows(tmp_path, content)
    assert row.message is not None
    assert (row.message["external_id"], row.message["last_name"]) == ("1", "Doe")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a7_a_file_with_a_mark_of_its_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    (row,) = rows(tmp_path, f"<adf>{prospect(1, 'Zoë Doé')}</adf>".encode(encoding))
    assert row.message is not None
    assert row.message["last_name"] == "Doé"


@pytest.mark.parametrize(
    ("name", "first_name", "last_name"),
    [
        ('<name part="full">Doe, Ann</name>', "Ann", "Doe"),
        ('<name part="full">María de la Cruz Jr.</name>', "María", "de la Cruz"),
        ('<name part="first">Ann</name><name part="surname">Doe</name>', "Ann", "Doe"),
        ("<name>Ann Doe</name>", "Ann", "Doe"),
    ],
)
def test_a10_names_are_split(tmp_path: Path, name: str, first_name: str, last_name: str) -> None:
    text = f"<adf><prospect><id>1</id><customer><contact>{name}</contact></customer></prospect></adf>"
    (row,) = rows(tmp_path, text)
    assert row.message is not None
    assert (row.message["first_name"], row.message["last_name"]) == (first_name, last_name)


def test_a11_the_preferred_phone_the_primary_contact_and_the_region(tmp_path: Path) -> None:
    contact = (
        "<contact><name>Eve Roe</name></contact>"
        '<contact primarycontact="1"><name>Ann Doe</name><phone type="fax">401-419-0000</phone>'
        '<phone>call me</phone><phone>212-555-1234</phone><phone preferredcontact="1">401-419-4247</phone>'
        "<address><region>RI</region></address></contact>"
    )
    (row,) = rows(tmp_path, f"<adf><prospect><id>1</id><customer>{contact}</customer></prospect></adf>")
    assert row.message is not None
    assert {name: row.message[name] for name in ("last_name", "phone", "state")} == {
        "last_name": "Doe",
        "phone": "401-419-4247",
        "state": "RI",
    }


def test_a11_an_unreadable_first_phone_gives_way_to_a_good_second_one(tmp_path: Path) -> None:
    contact = "<contact><name>Doe</name><phone>none</phone><phone>401-419-4247</phone></contact>"
    (row,) = rows(tmp_path, f"<adf><prospect><id>1</id><customer>{contact}</customer></prospect></adf>")
    assert row.message is not None
    assert row.message["phone"] == "401-419-4247"
