"""Erased persons are found and removed from databases, and the key of the hashes is checked."""

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from application.erasure.erased_data_finder import Finder
from application.erasure.request import leads_in, person_of
from application.erasure.stores import blank, compact, rows_with
from models.decisions import NoteRecorded, OwnerChanged
from models.erasure import ErasureKey
from models.erasure_decisions import LeadErased
from models.errors import ConfigError
from models.facts import Facts
from models.lead import Phase
from rules.inbound.do_not_contact import accept_listing, read_handle
from sink.database_engine import connect
from sink.migrate import upgrade
from sink.tables import AssignmentHistoryTable, AssignmentTable, DecisionTable, LeadTable
from sink.writer import CrmWriter
from streams.erasure_key import NAME, own_key, read_key
from streams.settings import Settings
from tests.sink.seeded_journal import START, fail_on_dead_letter, lead_of, record_of, row_of

KEY = ErasureKey(bytes(32))
LEAD = "6f1c0f3e-4a53-5d0e-9d5e-6a1d3f8a7c11"
PERSON = Facts(
    vendor="acme", first_name="Jeremy", last_name="Zabriskie", phone="+14014194247", email="j@x.org"
)
FINDER = Finder(KEY, {"default": frozenset(KEY.hashes_of(PERSON))}, [LEAD])


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("call (401) 419-4247 today", ("phone",)),
        ('{"phone":"+14014194247"}', ("phone",)),
        ("401.419.4247", ("phone",)),
        ("1 401 419 4247", ("phone",)),
        ("default/email/j@x.org", ("email",)),
        ('{"email":"J@X.org","phone":null}', ("email",)),
        ("401-419-4248, jj@x.org, j@x.organic", ()),
        ("2026-11-20T14:12:00.123456Z offset 34014194247", ()),
        ('{"first_name":"Jeremy","last_name":"Zabriskie"}', ()),
        (f'{{"lead_id":"{LEAD}","lead":{{"first_name":"JEREMY","last_name":" Zabriskie"}}}}', ("name",)),
        (f'7 3 9 abc{{"name":"Jeremy Zabriskie","lead":"{LEAD}"}}', ("name",)),
    ],
)
def test_a_phone_and_an_address_are_found_anywhere_and_a_name_beside_the_lead(
    text: str, matches: tuple[str, ...]
) -> None:
    assert FINDER.find(text) == matches


def test_without_the_key_and_with_another_one_nothing_is_found_and_that_is_said() -> None:
    other_finder = Finder(ErasureKey(b"1" * 32), {"default": frozenset(KEY.hashes_of(PERSON))}, [])
    assert other_finder.find("j@x.org") == ()
    assert other_finder.foreign == 3
    assert FINDER.foreign == 0
    assert Finder(None, {"default": frozenset(KEY.hashes_of(PERSON))}, []).foreign == 3


def test_a_hash_of_one_org_is_not_another_orgs() -> None:
    assert KEY.hash_of("default", "phone", "+14014194247") != KEY.hash_of("other", "phone", "+14014194247")


def test_a_person_is_named_by_lead_phone_or_address() -> None:
    assert person_of(phone="(401) 419-4247").handle == "phone/+14014194247"
    assert person_of(email="J@X.org").handle == read_handle("j@x.org")
    assert person_of(lead=LEAD).lead_id == LEAD
    with pytest.raises(ValueError, match="phone"):
        person_of(phone="twelve")


def test_an_answer_names_the_leads() -> None:
    assert leads_in(f"2 leads of the person: {LEAD}, {LEAD}") == (LEAD, LEAD)
    assert leads_in("no lead of this org has it") == ()


def test_the_list_takes_hashes_and_refuses_what_only_looks_like_one() -> None:
    hashed = KEY.hash_of("default", "phone", "+14014194247")
    event = accept_listing(f"default/hash/{hashed}".encode(), b"{}", {}, version=1, at=START)
    assert event.handle == f"hash/{hashed}"


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    settings = Settings.read(state_dir=tmp_path)
    assert read_key(settings) is None
    key = own_key(settings)
    assert own_key(settings) == read_key(settings) == key
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert key.secret.hex() not in repr(key)


def test_a_key_that_is_none_is_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    with pytest.raises(ConfigError, match="must hold 64 hex digits"):
        read_key(Settings.read(erasure_key=tmp_path / "key"))
    with pytest.raises(ConfigError, match="openssl rand"):
        own_key(Settings.read(erasure_key=tmp_path / "none"))


def test_the_sink_empties_the_rows_of_earlier_records_and_the_file_forgets_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'crm.sqlite'}"
    upgrade(url)
    engine = connect(url)
    lead = lead_of("A-1")
    lead = type(lead)(
        **{name: getattr(lead, name) for name in lead.__struct_fields__} | {"facts": PERSON, "owner": "ann"}
    )
    owner = OwnerChanged(rep_id="ann", previous_rep_id=None, how="claim", via=None, why="Zabriskie asked")
    note = NoteRecorded(rep_id="ann", note="Jeremy said no")
    empty = Facts(vendor="acme", created_at=START)
    erased = type(lead)(
        **{name: getattr(lead, name) for name in lead.__struct_fields__}
        | {"facts": empty, "phase": Phase.CLOSED, "erased_at": START, "last_outcome": "erased"}
    )
    writer = CrmWriter(engine, fail_on_dead_letter)
    writer.apply([record_of(row_of(lead, owner, note, off=1), 1)])
    assert list(rows_with(url, Finder(KEY, {"default": frozenset(KEY.hashes_of(PERSON))}, [lead.lead_id])))
    writer.apply([record_of(row_of(erased, LeadErased(rep_id="ada", why="asked"), off=2, seq=2), 2)])
    with engine.connect() as connection:
        (row,) = connection.execute(select(LeadTable)).mappings()
        assert (row["first_name"], row["phone"], row["email"]) == (None, None, None)
        decisions = connection.execute(
            select(DecisionTable.type, DecisionTable.why, DecisionTable.rep_id)
        ).all()
        assert decisions[:2] == [("owner_changed", {}, "ann"), ("note_recorded", {}, "ann")]
        for table in (AssignmentTable, AssignmentHistoryTable):
            assert connection.execute(select(table.rep_id, table.why)).all() == [("ann", "erased")]
    engine.dispose()
    compact(url, "CRM database")
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert not [
            secret for secret in (b"Jeremy", b"Zabriskie", b"4014194247", b"j@x.org") if secret in data
        ]


def test_texts_of_the_consoles_tables_that_quote_a_person_become_empty(tmp_path: Path) -> None:
    file = tmp_path / "console.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE view (view_id TEXT PRIMARY KEY, org TEXT, name TEXT, value JSON)")
        value = '{"rules":[{"field":"phone","value":"401-419-4247"},{"field":"state","value":"RI"}]}'
        connection.execute(
            "INSERT INTO view VALUES ('v', 'default', 'mine', ?), ('w', 'default', 'j@x.org', '{}'),"
            " ('x', 'other', 'j@x.org', '{}')",
            (value,),
        )
    assert blank(f"sqlite:///{file}", "default", FINDER, "console's database") == 2
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT name, value FROM view ORDER BY view_id").fetchall()
    assert rows[0] == ("mine", value.replace("401-419-4247", ""))
    assert rows[1:] == [("", "{}"), ("j@x.org", "{}")], "another org's texts stay"
