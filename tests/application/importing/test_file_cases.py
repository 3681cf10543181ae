"""What is read of vendors' files, from their bytes to the facts (V1; A1 to A17). docs/reading.md lists the cases."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from application.importing.reading import read_leads
from rules.inbound.intake import accept_arrival
from tests.application.importing.file_cases import CASES, FileCase

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
