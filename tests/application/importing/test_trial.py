"""What a file's columns become is said before anything is sent (V4)."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from application.importing.mapping import Mapping
from application.importing.trial import MAX_COLUMNS, require_read, try_file
from cli import run, vendors
from models.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

CSV = 'ID,Full Name,Cell,Zip,Budget\n1,"Doe, Ann",(401) 419-4247,02903,"$300,000"\n2,Bob Roe,12,,\n3,,,,\n'


def write_file(tmp_path: Path, name: str, content: str) -> Path:
    path = tmp_path / name
    path.write_text(content)
    return path


def mapped_columns(path: Path, mapping: dict[str, Any] | None = None) -> dict[str, tuple[str, str | None]]:
    trial = try_file(path, Mapping(mapping) if mapping else None, "acme")
    return {name: (column.becomes, column.field) for name, column in trial.columns.items()}


def test_v4_columns_become_fields_by_their_names_and_others_are_kept(tmp_path: Path) -> None:
    path = write_file(tmp_path, "leads.csv", CSV)
    assert mapped_columns(path) == {
        "ID": ("field", "external_id"),
        "Full Name": ("field", "first_name, last_name"),
        "Cell": ("field", "phone"),
        "Zip": ("field", "zip"),
        "Budget": ("attribute", None),
    }
    trial = try_file(path, None, "acme", leads=1)
    cell = trial.columns["Cell"]
    assert (cell.rows, cell.unreadable) == (2, 1)
    assert [(sample.sent, sample.read) for sample in cell.samples] == [
        ("(401) 419-4247", "+14014194247"),
        ("12", None),
    ]
    assert (trial.accepted, trial.refused) == (3, 0)
    (lead,) = trial.leads
    assert (lead["first_name"], lead["last_name"], lead["state"]) == ("Ann", "Doe", "RI")


def test_v4_a_column_that_the_mapping_leaves_out_is_unread(tmp_path: Path) -> None:
    path = write_file(tmp_path, "leads.csv", CSV)
    mapping = {"external_id": "ID", "phone": {"column": ["Cell", "Zip"]}, "attributes": ["Budget"]}
    columns = mapped_columns(path, mapping)
    assert columns["Full Name"] == ("unread", None)
    assert columns["Zip"] == ("attribute", None), "it is the phone's alternative"
    with pytest.raises(InvalidInput, match="Full Name: the mapping leaves it out"):
        require_read(path, Mapping(mapping), "acme")
    require_read(path, Mapping({**mapping, "attributes": "*"}), "acme")


def test_v4_a_column_of_which_no_value_can_be_read_is_unread(tmp_path: Path) -> None:
    path = write_file(tmp_path, "leads.csv", "ID,Phone,Email\n1,home,a@x.org\n2,work,\n")
    assert mapped_columns(path)["Phone"] == ("unread", "phone")
    with pytest.raises(InvalidInput, match=r"Phone: no value can be read as phone, such as 'home'"):
        require_read(path, None, "acme")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("leads.json", '{"rows": [{"id": 7, "mobile": "401-419-4247", "note": {"a": 1}}]}'),
        ("leads.jsonl", '{"id": 7, "mobile": "401-419-4247", "note": {"a": 1}}\n'),
        (
            "meta.json",
            (
                '[{"id": 7, "field_data": [{"name": "mobile", "values": ["401-419-4247"]},'
                ' {"name": "note", "values": ["x"]}]}]'
            ),
        ),
    ],
)
def test_v4_json_says_the_same(tmp_path: Path, name: str, content: str) -> None:
    assert mapped_columns(write_file(tmp_path, name, content)) == {
        "id": ("field", "external_id"),
        "mobile": ("field", "phone"),
        "note": ("attribute", None),
    }


def test_v4_the_leads_of_a_document_are_where_the_mapping_says(tmp_path: Path) -> None:
    content = {
        "entry": [
            {"id": 1, "changes": [{"value": {"leadgen_id": 5, "contact": {"mail": "a@x.org"}}}]},
            {"id": 2, "changes": [{"value": {"leadgen_id": 6}}, {"value": 7}]},
        ]
    }
    path = write_file(tmp_path, "hook.json", json.dumps(content))
    mapping = Mapping({"leads": "entry.changes.value", "external_id": "leadgen_id", "email": "contact.mail"})
    trial = try_file(path, mapping, "meta")
    assert [lead.get("email") for lead in trial.leads] == ["a@x.org", None]
    assert [(refused.line, refused.reason) for refused in trial.refusals] == [
        (3, "must be a JSON object, not a number")
    ]
    (refusal,) = try_file(path, Mapping({"leads": "entry.x", "phone": "p"}), "meta").refusals
    assert refusal.sentence == "entry.x: is missing: the mapping says that leads are there"


def test_v4_columns_without_end_are_counted(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"id": n, f"x{n}": 1}) + "\n" for n in range(MAX_COLUMNS + 10))
    trial = try_file(write_file(tmp_path, "leads.jsonl", lines), None, "acme")
    assert len(trial.columns) == MAX_COLUMNS
    assert trial.more_columns == 11


def test_v4_the_command_says_it_and_sends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    path = write_file(tmp_path, "leads.csv", CSV)
    assert run(["vendor", "try", str(path), "--vendor", "acme", "--json"]) == 0
    text = capsys.readouterr().out
    assert "Cell -> phone  (2 rows, 1 unreadable)" in text
    assert "'(401) 419-4247' is read as '+14014194247'" in text
    assert "'12' cannot be read" in text
    assert "Would be accepted: 3. Would be refused: 0. Nothing was sent." in text
    report = json.loads(text.splitlines()[-1])
    assert (report["accepted"], report["unread"], len(report["leads"])) == (3, [], 3)
    mapping = write_file(tmp_path, "m.yaml", "external_id: ID\nattributes: []\n")
    assert run(["vendor", "try", str(path), "--mapping", str(mapping)]) == 1
    assert "Unread:" in capsys.readouterr().out
    assert run(["vendor", "try", str(tmp_path / "none.csv")]) == 2


def test_v4_the_command_reads_stdin_within_a_bound(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = b'{"id": 7, "mobile": "401-419-4247"}'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lead)))
    assert run(["vendor", "try", "-"]) == 0
    assert "mobile -> phone  (1 row)" in capsys.readouterr().out
    monkeypatch.setattr(vendors, "MAX_STDIN_BYTES", 10)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lead)))
    assert run(["vendor", "try", "-"]) == 2
    assert "stdin has more than 10 bytes" in capsys.readouterr().err
