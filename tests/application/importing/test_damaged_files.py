"""Whatever damage a file has, each of its rows is a new lead, a resend, an inquiry or a refusal (V1).

Each row has a token. A token that is still text in the damaged bytes is in exactly one outcome: in one lead, in the
text of one refusal, in the name of a column, or in a file that is refused as a whole.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from application.importing.file_reading import read_leads
from application.importing.forecast import KINDS, Forecast
from application.importing.import_rows import ImportRow
from application.importing.import_tables import open_table
from models.directory import OrgSettings
from models.errors import InvalidInput
from tests.application.importing.damaged_files import (
    ROWS,
    SoundFile,
    damages,
    sound_file,
    truncations,
    with_stray_quotes,
)
from tests.fixtures.processor_time import costs_at_most

pytestmark = pytest.mark.slow
FILES = 200
DAMAGED = 10
"""Damaged versions of each file, besides its truncations; and as many with quotes alone."""
PARTS = 4
CUT_EVERYWHERE = 48
"""The files that are cut off at every byte: six of each kind. The others are cut off at every `STRIDE`th byte."""
STRIDE = 5
LARGER = 8
"""How many times larger the larger of two files is."""


def write_in_place(path: Path, content: bytes) -> None:
    """Write a file. One that is there is overwritten in place, because emptying it first costs more than reading."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(content)
        file.truncate()


def rows_of(path: Path, content: bytes) -> list[ImportRow] | None:
    """Return the rows of a file; None if it is refused as a whole, which names the reason."""
    write_in_place(path, content)
    try:
        return [*read_leads(path, None, "acme")]
    except InvalidInput as error:
        problems = error.problems
    assert problems
    assert all(problem.reason for problem in problems)
    return None


def fates_of(rows: list[ImportRow]) -> Counter[str]:
    """Check that every row has one fate, and that each lead and each line has its own; return the fates."""
    forecast, fates, leads = Forecast("default", OrgSettings()), Counter[str](), set()
    for row in rows:
        assert (row.message is None) != (row.refusal is None)
        fate = forecast.fate(row)
        fates[fate.kind] += 1
        if fate.kind == "refused":
            assert fate.why
        elif fate.kind == "new":
            assert fate.lead_id not in leads
            leads.add(fate.lead_id)
        else:
            assert fate.lead_id in leads
    assert fates.total() == len(rows)
    assert set(fates) <= set(KINDS)
    return fates


def text_of(row: ImportRow) -> str:
    """Return what a row carries: its message, or the text of its refusal."""
    return row.refusal.text if row.refusal else json.dumps(row.message, ensure_ascii=False)


def check_outcomes(sound: SoundFile, path: Path, content: bytes) -> Counter[str]:
    """Check that each readable token is in exactly one outcome of some bytes; return the fates of their rows."""
    return conserve_rows(sound, path, content, rows_of(path, content))


def conserve_rows(sound: SoundFile, path: Path, content: bytes, rows: list[ImportRow] | None) -> Counter[str]:
    """Do as `conserve` with the rows that were read."""
    if rows is None:
        return Counter(file_refused=1)
    outcomes = [text_of(row) for row in rows]
    if path.suffix == ".csv":
        with open_table(path) as (header, _):
            outcomes.append(" ".join(header))
    for token in sound.readable(content):
        homes = [outcome for outcome in outcomes if token in outcome]
        assert len(homes) == 1, (sound.name, token, content, homes)
    return fates_of(rows)


def lines_of(sound: SoundFile, path: Path) -> None:
    """Check that the rows of a table have all lines after its header, each once."""
    rows = rows_of(path, sound.content)
    assert rows is not None
    assert [row.line for row in rows] == [2 + at for at in range(ROWS)]
    assert all(row.lines == 1 for row in rows)


@pytest.mark.parametrize("part", range(PARTS))
def test_v1_every_row_of_a_damaged_file_is_in_exactly_one_outcome(tmp_path: Path, part: int) -> None:
    """Truncations of 200 files, at every byte of the first ones, and damaged quotes, encodings and columns."""
    outcome_counts = Counter[str]()
    for seed in range(part, FILES, PARTS):
        sound = sound_file(seed)
        path = tmp_path / sound.name
        fates = check_outcomes(sound, path, sound.content)
        assert fates.total() == ROWS
        assert not fates["refused"] + fates["file_refused"], (seed, sound.content)
        if sound.name == "a.csv":
            lines_of(sound, path)
        step = 1 if seed < CUT_EVERYWHERE else STRIDE
        for cut in truncations(sound.content, step, seed % step):
            outcome_counts += check_outcomes(sound, path, cut)
        for damaged in damages(sound.content, seed, DAMAGED):
            outcome_counts += check_outcomes(sound, path, damaged)
    assert all(outcome_counts[kind] for kind in (*KINDS, "file_refused")), outcome_counts


@pytest.mark.parametrize("part", range(PARTS))
def test_a1_v1_no_quote_makes_a_lead_of_two_rows(tmp_path: Path, part: int) -> None:
    """A quote that is put in anywhere costs at most the rows that it touches. No lead has two rows in it."""
    refused = 0
    for seed in range(part, FILES, PARTS):
        sound = sound_file(seed)
        path = tmp_path / sound.name
        for damaged in with_stray_quotes(sound.content, seed, DAMAGED):
            rows = rows_of(path, damaged)
            conserve_rows(sound, path, damaged, rows)
            readable = sound.readable(damaged)
            for row in rows or ():
                tokens = [token for token in readable if token in text_of(row)]
                refused += row.refusal is not None
                assert row.refusal or len(tokens) <= 1, (seed, damaged, row)
    assert refused


def test_a1_v1_a_quote_over_five_rows_is_refused_with_its_line_and_the_rows_are_kept(tmp_path: Path) -> None:
    rows = [f"{n},Ann,Doe,401-419-424{n},Tok{n}" for n in range(6)]
    for closing in range(1, 6):
        spoilt = [*rows]
        spoilt[0] = '0,"Ann,Doe,401-419-4240,Tok0'
        spoilt[closing] = f'{closing},Ann",Doe,401-419-424{closing},Tok{closing}'
        content = "\n".join(("id,first_name,last_name,phone,note", *spoilt))
        import_rows = rows_of(tmp_path / "a.csv", content.encode())
        assert import_rows is not None
        assert [(row.line, row.lines) for row in import_rows] == [(2 + at, 1) for at in range(6)]
        (refusal,) = [row.refusal for row in import_rows if row.refusal]
        assert (refusal.line, refusal.text) == (2, spoilt[0])
        assert "a quote is opened on this line and not closed" in refusal.reason


def bytes_read(work: Callable[[], Any]) -> int:
    """Return how many bytes a piece of work reads from files in this thread, as the kernel counts them.

    Other threads of the process, such as those of clients that earlier tests left, read meanwhile.
    """

    def counted() -> int:
        text = Path("/proc/thread-self/io").read_text(encoding="ascii")
        return int(text.partition("rchar: ")[2].partition("\n")[0])

    began = counted()
    work()
    return counted() - began


def file_of_damaged_rows(name: str, rows: int) -> bytes:
    """Return a file of so many rows, each of them damaged."""
    cells = '"id":"{0}","last_name":"Doe","note":'
    match name:
        case "open.csv":
            return b"id,first_name,last_name,phone\n" + b'1,Ann,"Doe,4014194247\n' * rows
        case "swallowed.csv":
            return b"id,first_name,last_name,phone\n" + b'1,Ann,"Doe,1\n2,Bob,Roe,4\n3,Cy,Poe",4\n' * (
                rows // 3
            )
        case "cut.json":
            return ("[" + ",".join("{" + cells.format(n) + '"x"}' for n in range(rows)) + ',{"id":').encode()
        case "spoilt.json":
            return ("[" + ",".join("{" + cells.format(n) + '"x}' for n in range(rows)) + "]").encode()
        case "nested.json":
            return ("[" + ",".join("{" + cells.format(n) + "[" for n in range(rows))).encode()
        case "spoilt.jsonl":
            return ("\n".join("{" + cells.format(n) + '"x}' for n in range(rows))).encode()
        case "unended.xml":
            return b"<adf>" + b"<prospect><id>1</id><customer><contact>Ann & Bob" * rows
        case _:
            return b"<adf>" + b"<pros><id>1</id><comments>Ann & Bob</comments></pros>" * rows + b"<prospect/>"


@pytest.mark.parametrize(
    "name",
    [
        *("open.csv", "swallowed.csv", "cut.json", "spoilt.json", "nested.json", "spoilt.jsonl"),
        *("unended.xml", "outside.xml"),
    ],
)
def test_no_damage_makes_reading_slower_than_linear(tmp_path: Path, name: str) -> None:
    """Eight times the rows are eight times the bytes, and at most 24 times the CPU time; quadratic work is 64 times."""
    path = tmp_path / name
    few, many = (file_of_damaged_rows(name, 1_500 * times) for times in (1, LARGER))
    assert costs_at_most(lambda: rows_of(path, few), lambda: rows_of(path, many), within=3 * LARGER)
    few_read, many_read = bytes_read(lambda: rows_of(path, few)), bytes_read(lambda: rows_of(path, many))
    assert few_read >= len(few)
    assert many_read <= (LARGER + 1) * few_read + 20_000, (name, few_read, many_read)
