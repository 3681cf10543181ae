"""What is read of vendors' files, from their bytes to the facts (V1; A1 to A17). docs/reading.md lists the cases."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from application.importing.file_reading import read_leads
from application.importing.mapping import Mapping
from application.importing.posts import read_post
from models.errors import InvalidInput
from rules.inbound.intake import accept_arrival
from tests.application.importing.file_case import FileCase
from tests.application.importing.file_cases import CASES

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.case}-{case.name}-{case.shape}")
def test_v1_every_row_of_a_file_is_a_lead_or_a_refusal(case: FileCase, tmp_path: Path) -> None:
    """The message of each row is read by intake, as it will be on the topic."""
    path = tmp_path / case.name
    path.write_bytes(case.value)
    rows = [*read_leads(path, None, "acme")]
    leads = [accept_arrival(row.value, {}, arrived_at=NOW).facts for row in rows if row.message is not None]
    assert len(leads) == len(case.leads)
    read = [
        {name: getattr(facts, name) for name in expected}
        for facts, expected in zip(leads, case.leads, strict=True)
    ]
    assert read == [*case.leads]
    assert tuple(row.line for row in rows if row.refusal) == case.refused


def test_a4_v3_a_mapping_drops_the_prefixes_of_a_social_networks_export(tmp_path: Path) -> None:
    """The lead is the same one as without a mapping, whatever its columns are called."""
    columns = {"external_id": "A", "full_name": "B", "phone": "C", "zip": "D", "campaign": "E"}
    cells = "l:123,Ann Doe,p:+14014194247,z:02903,c:99\n"
    mapped, named = tmp_path / "mapped.csv", tmp_path / "named.csv"
    mapped.write_text(f"A,B,C,D,E\n{cells}")
    named.write_text(f"id,full_name,phone_number,zip,campaign\n{cells}")
    (mapped_row,) = read_leads(mapped, Mapping(columns), "meta")
    (named_row,) = read_leads(named, None, "meta")
    posted = b'{"A":"l:123","B":"Ann Doe","C":"p:+14014194247","D":"z:02903","E":"c:99"}'
    (posted_row,) = read_post(posted, "json", Mapping(columns), vendor="meta", org="default")
    assert mapped_row.facts is not None
    assert (mapped_row.facts.external_id, mapped_row.facts.campaign) == ("123", "99")
    assert (mapped_row.facts.phone, mapped_row.facts.zip) == ("+14014194247", "02903")
    assert mapped_row.lead_id == named_row.lead_id == posted_row.lead_id


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_a4_utf16_without_its_mark_that_lost_a_byte_is_refused_by_name(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("id,last_name\n" + "1,Doe\n" * 1000).encode(codec)[:-1])
    with pytest.raises(InvalidInput, match="begins as UTF-16 and is not UTF-16 to its end"):
        [*read_leads(path, None, "acme")]
