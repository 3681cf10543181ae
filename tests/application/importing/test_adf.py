"""An ADF prospect keeps all its data, and a resend is the same lead."""

from pathlib import Path

import pytest

from application.importing.file_reading import read_leads
from application.importing.import_rows import ImportRow
from application.importing.mapping import Mapping
from models.errors import InvalidInput

PROSPECT = """<prospect status="{status}">{id}
  <requestdate>{date}</requestdate>
  <vehicle interest="buy" status="new"><year>1999</year><make>Chevrolet</make>
    <finance><method>finance</method><amount type="downpayment">500</amount>
      <amount type="total" currency="USD">31,000</amount></finance></vehicle>
  <customer><contact>
    <name part="full">Jeremy van Jones</name><email>j@x.org</email>
    <phone type="fax">401-419-0000</phone><phone type="voice" time="day">(401) 419-4247</phone>
    <address type="home"><street line="1">1 Main</street><street line="2">Apt 2</street><city>Providence</city>
      <regioncode>RI</regioncode><postalcode>02903</postalcode></address>
  </contact><comments>Call &amp; mail</comments></customer>
  <provider><name part="full">Lead Mill</name></provider>
</prospect>
"""
DATE = "2026-11-20T09:12:00-05:00"
ID = '<id sequence="2" source="b">7</id><id sequence="1" source="web">123</id>'


def prospect(status: str = "new", own_id: str = ID, date: str = DATE) -> str:
    return PROSPECT.format(status=status, id=own_id, date=date)


def rows(
    path: Path, *prospects: str, prolog: str = '<?xml version="1.0"?>\n<?adf version="1.0"?>\n'
) -> list[ImportRow]:
    path.write_text(f"{prolog}<adf>\n{''.join(prospects)}</adf>\n")
    return [*read_leads(path, None, "mill", campaign="web")]


def test_a_prospect_is_a_message(tmp_path: Path) -> None:
    (row,) = rows(tmp_path / "a.adf", prospect())
    assert row.line == 4
    assert row.message is not None
    attributes = row.message.pop("attributes")
    assert row.message == {
        "vendor": "mill",
        "campaign": "web",
        "external_id": "web:123",
        "created_at": DATE,
        "first_name": "Jeremy",
        "last_name": "van Jones",
        "email": "j@x.org",
        "phone": "(401) 419-4247",
        "state": "RI",
        "zip": "02903",
        "loan_amount": "31,000",
    }
    assert attributes["adf"]["customer"]["comments"] == "Call & mail"
    assert attributes["adf"]["customer"]["contact"]["address"]["street"] == [
        {"line": "1", "text": "1 Main"},
        {"line": "2", "text": "Apt 2"},
    ]
    assert attributes["adf"]["vehicle"]["interest"] == "buy"


@pytest.mark.parametrize("own_id", [ID, "", "<id></id>"])
def test_r6_a_resend_is_not_a_new_lead(tmp_path: Path, own_id: str) -> None:
    """With the vendor's id, by that id; without one, by person and time, whatever else has changed."""
    first, again = rows(
        tmp_path / "a.adf",
        prospect(own_id=own_id),
        prospect("resend", own_id).replace("Call &amp; mail", "Call now!"),
    )
    assert first.lead_id == again.lead_id
    assert first.message is not None
    assert again.message is not None
    assert "status" not in first.message["attributes"]["adf"]


def test_r6_a_resend_that_cannot_be_recognised_is_refused(tmp_path: Path) -> None:
    new, again = rows(tmp_path / "a.adf", prospect(own_id="", date=""), prospect("resend", "", ""))
    assert new.message is not None
    assert again.refusal is not None
    assert again.refusal.field == "external_id"
    assert "cannot be distinguished from a new lead" in again.refusal.reason


def test_two_people_without_ids_are_two_leads(tmp_path: Path) -> None:
    first, other = rows(
        tmp_path / "a.adf", prospect(own_id=""), prospect(own_id="").replace("j@x.org", "k@x.org")
    )
    assert first.lead_id != other.lead_id


def test_the_standards_own_prolog_is_no_obstacle(tmp_path: Path) -> None:
    """The standard's example begins with a declaration that is not valid XML."""
    (row,) = rows(tmp_path / "a.adf", prospect(), prolog='<?ADF VERSION "1.0"?>\n<?XML VERSION "1.0"?>\n')
    assert row.message is not None
    assert row.line == 4


def test_the_declared_encoding_counts(tmp_path: Path) -> None:
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?><adf>' + prospect().replace("Jones", "Jonés") + "</adf>"
    )
    (tmp_path / "a.xml").write_bytes(text.encode("latin-1"))
    (row,) = read_leads(tmp_path / "a.xml", None, "mill")
    assert row.message is not None
    assert row.message["last_name"] == "van Jonés"


def test_names_in_parts_and_in_capitals(tmp_path: Path) -> None:
    text = '<PROSPECT><CUSTOMER><CONTACT><NAME PART="first">Ann</NAME><NAME PART="last">Lee</NAME>'
    (row,) = rows(tmp_path / "a.adf", text + "</CONTACT></CUSTOMER></PROSPECT>")
    assert row.message is not None
    assert (row.message["first_name"], row.message["last_name"]) == ("Ann", "Lee")


def test_a_prospect_without_a_person_is_refused(tmp_path: Path) -> None:
    bad, good = rows(tmp_path / "a.adf", "<prospect><vehicle/></prospect>\n", prospect())
    assert bad.refusal is not None
    assert bad.refusal.line == 4
    assert good.message is not None


def test_a_prospect_beyond_the_bounds_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    large = f"<prospect><customer><comments>{'x' * 300_000}</comments></customer></prospect>"
    deep = f"<prospect>{'<a>' * 100}{'</a>' * 100}</prospect>"
    import_rows = rows(tmp_path / "a.adf", large, deep, prospect())
    assert [row.refusal is None for row in import_rows] == [False, False, True]


@pytest.mark.parametrize(
    ("broken", "read"),
    [
        ("<prospect><id>1</id>", 1),
        ("<prospect><id>1</wrong></prospect>", 1),
    ],
)
def test_xml_that_breaks_off_is_a_refusal_after_what_was_whole(
    tmp_path: Path, broken: str, read: int
) -> None:
    import_rows = rows(tmp_path / "a.adf", prospect(), broken)
    assert sum(row.refusal is None for row in import_rows) == read
    assert import_rows[-1].refusal is not None
    assert import_rows[-1].refusal.reason.startswith("not XML")


def test_a_document_type_is_not_read(tmp_path: Path) -> None:
    """Entities of a DTD (the billion laughs) are undefined, because the prolog is skipped. They stay as text."""
    prolog = '<!DOCTYPE adf [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>\n'
    (row,) = rows(tmp_path / "a.adf", prospect().replace("Call", "&b;"), prolog=prolog)
    assert row.facts is not None
    assert "&b;" in str(row.facts.attributes["adf"])
    assert "ha" not in str(row.facts.attributes["adf"]).replace("what", "")
    assert "&b;" in row.facts.attributes["remarks"]["adf"]
    inner = "<adf><prospect><!DOCTYPE adf [<!ENTITY a 'ha'>]><id>1</id></prospect></adf>"
    (tmp_path / "b.adf").write_text(inner)
    (row,) = read_leads(tmp_path / "b.adf", None, "mill")
    assert row.refusal is not None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no <adf>"),
        (b"<html></html>", "no <adf>"),
        (b'<?xml encoding="x-1"?><adf/>', "encoding x-1 is unknown"),
        (b"<adf></adf>", "no <prospect> in it"),
        (b'<adf xmlns="urn:adf"><lead/></adf>', "no <prospect> in it"),
    ],
)
def test_a_file_that_is_not_adf_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.adf").write_bytes(content)
    with pytest.raises(InvalidInput, match=reason):
        [*read_leads(tmp_path / "a.adf", None, "mill")]


def test_adf_takes_no_mapping(tmp_path: Path) -> None:
    (tmp_path / "a.adf").write_text("<adf/>")
    with pytest.raises(InvalidInput, match="takes no mapping"):
        [*read_leads(tmp_path / "a.adf", Mapping({"phone": "a"}), "mill")]
