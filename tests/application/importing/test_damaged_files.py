"""Whatever damage a file has, each of its rows is a new lead, a resend, an inquiry or a refusal (V1)."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from application.importing.forecast import KINDS, Forecast
from application.importing.reading import read_leads
from application.importing.rows import Row
from models.directory import OrgSettings
from models.errors import InvalidInput
from tests.application.importing.damaged_files import damages, sound_file, truncations

pytestmark = pytest.mark.slow
FILES = 200
DAMAGED = 10
"""Damaged versions of each file, besides its truncations."""


def lines_run(work: Callable[[], Any]) -> int:
    """Return how many lines of our readers a piece of work runs. It measures work, not time."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "importing" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def read(path: Path, content: bytes) -> list[Row]:
    """Return the rows of a file; none if it is refused as a whole, which names the reason."""
    path.write_bytes(content)
    try:
        return [*read_leads(path, None, "acme")]
    except InvalidInput as error:
        problems = error.problems
    assert problems
    assert all(problem.reason for problem in problems)
    return []


def conserve(rows: list[Row]) -> Counter[str]:
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


@pytest.mark.parametrize("part", range(4))
def test_v1_leads_in_are_leads_inquiries_and_refusals_for_every_damage(tmp_path: Path, part: int) -> None:
    """Truncations at every byte of 200 files, and damaged quotes, encodings and columns."""
    seen = Counter[str]()
    for seed in range(part, FILES, 4):
        name, content = sound_file(seed)
        sound = conserve(read(tmp_path / name, content))
        assert sound.total() == 2
        assert not sound["refused"], (seed, content)
        for cut in truncations(content):
            rows = read(tmp_path / name, cut)
            assert len(rows) <= 2 + 1, (seed, cut)
            seen += conserve(rows)
        for damaged in damages(content, seed, DAMAGED):
            seen += conserve(read(tmp_path / name, damaged))
    assert all(seen[kind] for kind in KINDS), seen


@pytest.mark.parametrize("seed", range(15))
def test_no_damage_makes_reading_slower_than_linear(tmp_path: Path, seed: int) -> None:
    """Eight times the rows run at most some eight times the lines of code: 12, because blocks of rows are not equal."""
    name, content = sound_file(seed)
    if name == "a.csv":
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
        text = content.decode(encoding)
        head, *body = text.splitlines(keepends=True)
        body[0] = body[0].replace(body[0].strip()[-4:], f'"{body[0].strip()[-4:]}')  # never closed
        small, large = (f"{head}{''.join(body) * n}".encode(encoding) for n in (40, 320))
    elif name == "a.xml":
        inner = content[len(b"<adf>") : -len(b"</adf>")].replace(b"</id>", b"</wrong>", 1)
        small, large = (b"<adf>" + inner * n + b"</adf>" for n in (40, 320))
    elif name == "a.json":
        small, large = (b"[" + b",".join([content[1:-1]] * n) + b',{"id":' for n in (40, 320))
    else:
        small, large = ((content + b'\n{"id":\n') * n for n in (40, 320))
    few = lines_run(lambda: read(tmp_path / name, small))
    many = lines_run(lambda: read(tmp_path / name, large))
    assert many <= 12 * few, (name, few, many)
