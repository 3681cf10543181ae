"""Rows that move to new logs keep everything but their offsets, and an incomplete file is refused."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from application.partition_move.move_file import (
    FORMAT,
    FileHeader,
    MovedRecord,
    check_whole,
    new_move_file,
    read_head,
    records,
)
from application.partition_move.moved_rows import NewestLeads, NewestOrgs
from models.codec import OrgRecord, decode_org_record, decode_row, encode_org_record, encode_row
from models.errors import ConfigError
from models.lead import BEFORE_THE_LOG, DirectoryRow
from models.org_decisions import OrgRowKept, OrgStep
from models.org_rows import OrgPerson
from rules.org.org_partition import DO_NOT_CONTACT_SOURCE, OrgPartition
from tests.sink.seeded_journal import lead_of, owner_changed, row_of

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 27, tzinfo=UTC)


def directory(version: int, off: int, value: dict[str, Any] | None) -> DirectoryRow:
    return DirectoryRow(
        off=off, org="ours", kind="rep", object_id="rep-1", version=version, value=value, at=AT
    )


def test_the_newest_row_of_a_lead_moves_and_a_zombies_late_one_does_not() -> None:
    newest = NewestLeads()
    for off, seq in ((3, 1), (9, 2), (5, 1)):
        lead = lead_of("A-1", org_log_offset=77)
        newest.take(b"a", encode_row(row_of(lead, owner_changed("rep-1"), off=off, seq=seq)))
    newest.take(b"gone", encode_row(row_of(None, off=4)))
    newest.take(b"gone", None)
    ((key, value),) = newest.end()
    row = decode_row(value)
    assert key == b"a"
    assert (row.off, row.seq, row.decisions) == (BEFORE_THE_LOG, 2, ())  # type: ignore[union-attr]
    assert row.lead == lead_of("A-1", org_log_offset=-1)  # type: ignore[union-attr]


def test_an_object_of_the_directory_moves_once_in_its_newest_version() -> None:
    newest = NewestLeads()
    for partition, (version, off) in enumerate(((4, 10), (6, 2))):
        value = encode_row(directory(version, off, {"rep_id": "rep-1"}))
        newest.take(f"directory/{partition}/ours/rep/rep-1".encode(), value)
        assert list(newest.end()) == []
    assert list(newest.directory.values()) == [directory(6, BEFORE_THE_LOG, {"rep_id": "rep-1"})]


def test_an_orgs_rows_move_and_its_steps_stay_except_that_of_the_list() -> None:
    def step(source: str, mark: int, off: int) -> OrgStep:
        return OrgStep(off=off, org="ours", at=AT, cause="c", source=source, source_number=mark, decisions=())

    def person(place: int) -> OrgPerson:
        return OrgPerson(
            arrival_id="x", lead_id="y", handles=("phone/+14014194247",), more=True, resend_offset=place
        )

    journal: list[tuple[bytes, OrgRecord]] = [
        (b"ours/step/0", step("0", 900, 7)),
        (b"ours/step/do-not-contact", step(DO_NOT_CONTACT_SOURCE, 12, 8)),
        (b"ours/person/x/3", OrgRowKept(off=8, org="ours", value=person(3))),
        (b"directory/1/ours/rep/rep-1", directory(6, 9, None)),
    ]
    newest = NewestOrgs()
    for key, record in journal:
        newest.take(key, encode_org_record(record))
    moved = dict(newest.end())
    assert list(newest.directory()) == [directory(6, BEFORE_THE_LOG, None)]
    # A resend at offset 3 of the new log must not replace the person's row from offset 3 of the old one.
    assert moved.keys() == {b"ours/step/do-not-contact", b"ours/person/x/%d" % (3 + 2**40)}
    org_partition = OrgPartition(0)
    for value in moved.values():
        assert org_partition.apply(decode_org_record(value))
    assert org_partition.highest == BEFORE_THE_LOG
    assert org_partition.state("ours").persons.lead_of("x") == "y"


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "state.gz"
    head = FileHeader(format=FORMAT, at=AT, partitions=4, ends={"directory": 9})
    sent = [
        MovedRecord(topic="directory", key=b"k", value=None, headers=(("h", b"\xff"), ("n", None)), offset=3),
        MovedRecord(topic="audit", key=None, value=b"\x00\xff{", timestamp_ms=5),
    ]
    with new_move_file(path) as writer:
        writer.head(head)
        for record in sent:
            writer.add(record)
        writer.end()
    assert (read_head(path), check_whole(path), list(records(path))) == (head, 2, sent)


def test_a_file_that_is_cut_off_of_another_kind_or_there_already_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.gz"
    with new_move_file(path) as writer:
        writer.head(FileHeader(format=FORMAT, at=AT, partitions=4, ends={}))
        writer.add(MovedRecord(topic="audit", key=None, value=b"v"))
        writer.end()
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    for content, says in (
        (gzip.compress(b"".join(lines[:2])), "is incomplete"),
        (gzip.compress(b"".join([lines[0], lines[2]])), "is incomplete"),
        (path.read_bytes()[:-12], "cannot be read"),
        (b"vendor,external_id\n", "cannot be read"),
    ):
        other_file = tmp_path / "other.gz"
        other_file.write_bytes(content)
        with pytest.raises(ConfigError, match=says):
            check_whole(other_file)
    other_file.write_bytes(gzip.compress(lines[1]))
    with pytest.raises(ConfigError, match="is not a file of"):
        read_head(other_file)
    with pytest.raises(ConfigError, match="cannot be made"), new_move_file(path):
        pass


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "state.gz"

    def fail() -> None:
        with new_move_file(path) as writer:
            writer.head(FileHeader(format=FORMAT, at=AT, partitions=4, ends={}))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    assert not path.exists()
