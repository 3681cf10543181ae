"""A list is read line by line. Each lead counts once; a line without a lead is named with the reason."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from application.lead_selection import (
    LeadSelection,
    Segment,
    UnusableEntry,
    select_by_ids,
    select_from_file,
    select_portfolio,
)
from models.errors import InvalidInput, RuleErrors
from models.facts import Facts
from models.ids import lead_id
from models.lead import Lead, Phase
from models.open_exception import OpenException

A, B = (lead_id("default", "acme", external_id, {}) for external_id in "ab")
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
RHODE_ISLAND = {"combinator": "and", "rules": [{"field": "state", "operator": "=", "value": "RI"}]}


def a_list(folder: Path, text: str) -> Path:
    """Return a file with this content."""
    path = folder / "list.csv"
    path.write_text(text)
    return path


def a_lead(name: str, minutes: int = 0, *, org: str = "default", state: str = "RI", **more: Any) -> Lead:
    """Return a queued lead that arrived the given number of minutes ago."""
    at = NOW - timedelta(minutes=minutes)
    fields = {"phase": Phase.QUEUED, "arrived_at": at, "updated_at": at, **more}
    return Lead(lead_id=name, facts=Facts(vendor="acme", org=org, state=state), **fields)


def test_d6_a_list_names_leads_by_their_ids(tmp_path: Path) -> None:
    """D6: in any case, each once; a bad line is named and the rest goes on."""
    path = a_list(
        tmp_path, f"name;lead_id\nAnn;{A.upper()}\nBob;nonsense\nCid;\n;{B};x;y\nDee;{B}\nEve;{A}\n"
    )
    chosen = select_from_file(path, "default")
    assert chosen.leads == (A, B)
    assert chosen.repeated == 1
    assert [entry.place for entry in chosen.unusable] == ["line 3", "line 4", "line 5"]
    assert chosen.unusable[0].reason.startswith("lead_id must be a UUID")
    assert chosen.unusable[1].reason == "lead_id is missing"
    assert chosen.unusable[2].reason == "has 4 cells, the header 2"


def test_d6_a_list_may_name_the_column(tmp_path: Path) -> None:
    """D6: the manager may name another column than lead_id.

    If it does not exist, the error lists the existing columns.
    """
    path = a_list(tmp_path, f"lead_id,Our lead\n{B},{A}\n")
    assert select_from_file(path, "default", "Our lead").leads == (A,)
    with pytest.raises(InvalidInput, match="no column theirs; there are lead_id, Our lead"):
        select_from_file(path, "default", "theirs")


def test_d6_a_vendors_list_names_leads_by_the_vendors_own_ids(tmp_path: Path) -> None:
    """D6: vendor and external_id give the id that the lead has had since it arrived, in the given org."""
    path = a_list(tmp_path, "vendor,external_id\nacme,a\nacme,\n,b\nac/me,b\nacme,b\n")
    chosen = select_from_file(path, "default")
    assert chosen.leads == (A, B)
    assert chosen.unusable == (
        UnusableEntry("line 3", "external_id is missing"),
        UnusableEntry("line 4", "vendor is missing"),
        UnusableEntry("line 5", "vendor must not contain a slash"),
    )
    assert select_from_file(path, "west").leads[0] == lead_id("west", "acme", "a", {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("vendor,name\nacme,Ann\n", "no column lead_id, nor vendor and external_id; there are vendor, name"),
        ("", "the file is empty"),
    ],
)
def test_d6_a_list_that_names_no_leads_is_refused_whole(tmp_path: Path, text: str, reason: str) -> None:
    """D6: before anything is assigned."""
    with pytest.raises(InvalidInput, match=reason):
        select_from_file(a_list(tmp_path, text), "default")


def test_d6_a_selection_is_taken_once_each() -> None:
    """D6: in the order given."""
    assert select_by_ids([B, A, B, "7"]) == LeadSelection(
        (B, A), (UnusableEntry("7", "lead_id must be a UUID like 0f8fad5b-d9cb-469f-a165-70867728950e"),), 1
    )


def test_d6_a_segment_is_every_unowned_lead_that_meets_the_rule_now() -> None:
    """D6: leads of the org, the oldest first, without leads that somebody owns and closed ones."""
    open_exception = OpenException(reason="orphaned", explanation=(), raised_at=NOW)
    leads = [
        a_lead("new", 1),
        a_lead("old", 9),
        a_lead("texan", 5, state="TX"),
        a_lead("owned", 5, owner="rep-1", phase=Phase.OWNED),
        a_lead("closed", 5, phase=Phase.CLOSED),
        a_lead("elsewhere", 5, org="west"),
        a_lead("orphan", 4, phase=Phase.EXCEPTION, open_exception=open_exception),
    ]
    assert Segment(RHODE_ISLAND).select(leads, "default", NOW).leads == ("old", "orphan", "new")
    failed = {"rules": [{"field": "failure_reason", "operator": "=", "value": "orphaned"}]}
    assert Segment(failed).select(leads, "default", NOW).leads == ("orphan",)
    free = {"rules": [{"field": "phase", "operator": "in", "value": ["queued"]}]}
    assert Segment(free).select(leads, "default", NOW).leads == ("old", "texan", "new")
    recent = {
        "rules": [{"field": "arrived_at", "operator": "inLast", "value": {"amount": 2, "unit": "minute"}}]
    }
    assert Segment(recent).select(leads, "default", NOW).leads == ("new",)
    assert Segment(recent).select(leads, "default", NOW + timedelta(hours=1)).leads == ()


def test_d6_a_segment_is_read_from_a_line_or_a_file(tmp_path: Path) -> None:
    """D6: JSON as the builder writes it, or YAML as people do."""
    leads = [a_lead("one"), a_lead("two", state="TX")]
    (tmp_path / "s.yaml").write_text("rules:\n- {field: state, operator: in, value: [RI]}\n")
    (tmp_path / "s.json").write_text(json.dumps(RHODE_ISLAND, indent="\t"))
    for text in (json.dumps(RHODE_ISLAND), f"@{tmp_path / 's.yaml'}", f"@{tmp_path / 's.json'}"):
        assert Segment.read(text).select(leads, "default", NOW).leads == ("one",)
    assert len(Segment.read("{}").select(leads, "default", NOW).leads) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"rules": [{"field": "sate", "operator": "=", "value": 1}]}', r"segment.rules\[0\]: sate"),
        ("state = RI", "segment: expected a group with combinator and rules"),
        ("", "segment: is empty; the rule that every lead meets is {}"),
        ("{[", "neither JSON nor YAML"),
        ("@nowhere.json", "nowhere.json: cannot be read"),
    ],
)
def test_d6_a_segment_that_cannot_be_asked_is_refused(text: str, reason: str) -> None:
    """D6: with the path and the reason, before anything is assigned."""
    with pytest.raises(RuleErrors, match=reason):
        Segment.read(text)


def test_m1_a_segment_and_a_portfolio_are_the_leads_that_a_move_can_change() -> None:
    leads = [
        a_lead("free", 1),
        a_lead("anns", 9, owner="ann", phase=Phase.OWNED),
        a_lead("bobs", 8, owner="bob", phase=Phase.WORKING),
        a_lead("done", 7, owner="ann", phase=Phase.CLOSED),
    ]
    every = Segment({})
    assert every.select(leads, "default", NOW, "reassign").leads == ("anns", "bobs")
    assert every.select(leads, "default", NOW, "reopen").leads == ("done",)
    assert every.select(leads, "default", NOW, "redistribute").leads == ("anns", "bobs", "free")
    assert select_portfolio(leads, "default", "ann").leads == ("anns",)
    assert select_portfolio(leads, "west", "ann").leads == ()
