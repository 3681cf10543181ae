"""What vendors send is read or remarked, from the bytes on the topic (V2, V3, K7). docs/reading.md lists the cases."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models.errors import Refused
from models.facts import Facts
from rules.inbound.intake import accept_arrival
from tests.rules.inbound.reading_case import ReadingCase
from tests.rules.inbound.reading_cases import CASES

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
REMARKS = ("invalid", "assumed", "remarks")


def read_facts(text: str, zone: str = "UTC") -> Facts:
    value = text.encode("utf-8", "surrogatepass")
    return accept_arrival(value, {}, arrived_at=NOW, zone_of_org=lambda _: zone).facts


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _case_id(case: ReadingCase) -> str:
    return f"{case.case}-{case.text[:60]}"


@pytest.mark.parametrize("case", CASES, ids=_case_id)
def test_v2_what_vendors_send_is_read_or_remarked(case: ReadingCase) -> None:
    """Cases A2 to A16, B1, B6 to B8, C2 and C3 with their neighbours."""
    facts = read_facts(case.text)
    assert {name: _shown(getattr(facts, name)) for name in case.facts} == case.facts
    attributes = facts.attributes
    assert attributes.get("invalid", {}) == case.invalid
    assert {*attributes.get("assumed", {})} == {*case.assumed}
    assert {*attributes.get("remarks", {})} == {*case.remarks}
    assert {name: attributes.get(name) for name in case.kept} == case.kept
    json.dumps(attributes, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("text", "field", "place"),
    [
        ('{"vendor":"m","root":{"row":[{"email":"a@b.c"},{"email":"d@e.f"}]}}', "external_id", "root.row"),
        (
            '{"root":{"row":[{"vendor":"m","email":"a@b.c"},{"vendor":"m","email":"d@e.f"}]}}',
            "vendor",
            "root.row",
        ),
        ('{"vendor":"m","data":[{"id":"1"}],"paging":{}}', "external_id", "data"),
        ('[{"vendor":"m","email":"a@b.c"},{}]', "", "list of 2"),
    ],
)
def test_a16_a_list_is_refused_with_its_place(text: str, field: str, place: str) -> None:
    """One message is one lead, or a reason that says where the list is."""
    with pytest.raises(Refused) as caught:
        read_facts(text)
    assert caught.value.field == field
    assert place in caught.value.reason
    assert "send each as a message of its own" in caught.value.reason


@pytest.mark.parametrize(
    ("sent", "zone", "read"),
    [
        ("2026-11-20T09:12:00", "America/New_York", "2026-11-20T14:12:00+00:00"),
        ("2026-11-19", "America/Los_Angeles", "2026-11-19T08:00:00+00:00"),
        ("07/15/2026 9:12 AM", "America/New_York", "2026-07-15T13:12:00+00:00"),
        ("2026-11-20T09:12:00Z", "America/New_York", "2026-11-20T09:12:00+00:00"),
    ],
)
def test_a15_a_time_without_an_offset_is_the_orgs(sent: str, zone: str, read: str) -> None:
    facts = read_facts(json.dumps({"vendor": "m", "last_name": "Doe", "created_at": sent}), zone)
    assert _shown(facts.created_at) == read
    assert facts.attributes == ({} if sent.endswith("Z") else {"assumed": {"created_at": zone}})


def test_a15_the_original_of_a_range_is_kept() -> None:
    facts = read_facts('{"vendor":"m","last_name":"Doe","amount":"$300,000 to $350,000"}')
    assert facts.loan_amount == 300_000
    assert facts.attributes == {"assumed": {"loan_amount": "$300,000 to $350,000"}}


def test_a10_a_suffix_is_no_part_of_the_last_name_and_is_kept() -> None:
    facts = read_facts('{"vendor":"m","full_name":"María de la Cruz Jr."}')
    assert facts.attributes == {"full_name": "María de la Cruz Jr.", "name_suffix": "Jr."}


def test_a4_v3_one_lead_by_file_and_by_post_is_one_lead() -> None:
    """A social network's export adds a prefix to the id that its API does not have."""
    ids = {
        accept_arrival(json.dumps({"vendor": "m", **id_}).encode(), {}, arrived_at=NOW).lead_id
        for id_ in ({"id": "l:15088"}, {"id": "15088"}, {"external_id": "15088"}, {"leadId": 15088})
    }
    assert len(ids) == 1
