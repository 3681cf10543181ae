"""Measures (`bench reading`) how many vendors' messages, and rows of a CSV file, one process reads a second.

Pure computing, no broker. A message is read as intake reads it (`accept_arrival`), a row as `firstclaim send` reads it,
from the file to the checked message. Every lead has another phone, mail address and id, so no cache knows it before.
The figures count processor time, because other processes may run on the machine.
"""

import csv
import json
import random
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Final

from application.importing.file_reading import read_leads
from rules.inbound.intake import accept_arrival

NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)
SEED: Final = 20_261_122
PLACES: Final = (
    *(("RI", "401", "02903"), ("MA", "617", "02139"), ("CA", "415", "94105"), ("NY", "212", "10001")),
    *(("TX", "512", "78704"), ("FL", "850", "32501"), ("WA", "206", "98101"), ("IL", "312", "60601")),
)
"""State, area code and zip."""
OTHER_NAMES: Final = {
    "external_id": "Lead ID",
    "email": "Email Address",
    "phone": "Phone Number",
    "zip": "Zip Code",
}
"""How a vendor names these fields; it writes the others with capitals and spaces."""


def a_lead(chance: random.Random, number: int) -> dict[str, Any]:
    """Return a lead as a vendor sends it, in the contract's names and two of the vendor's own."""
    first, last = (
        chance.choice(("Jeremy", "Ana", "Wei", "Fatima")),
        chance.choice(("Jones", "Silva", "O'Brien")),
    )
    state, area, zip_code = chance.choice(PLACES)
    return {
        "external_id": f"A-{number}",
        "campaign": "purchase-west",
        "first_name": first,
        "last_name": last,
        "email": f"{first}.{number}@example.org",
        "phone": f"({area}) {chance.randrange(200, 999)}-{chance.randrange(10_000):04}",
        "state": state,
        "zip": zip_code,
        "loan_purpose": chance.choice(("Purchase", "Cash-Out Refinance")),
        "loan_amount": chance.randrange(80_000, 900_000, 1000),
        "credit_score": chance.randrange(580, 820),
        "property_type": "single_family",
        "created_at": (NOW - timedelta(seconds=chance.randrange(86_400))).isoformat(),
        "consent": True,
        "landing_page": "/spring",
        "utm_source": "search",
    }


def other_name(name: str) -> str:
    """Return a field's name as a vendor writes it in a file."""
    return OTHER_NAMES.get(name, name.replace("_", " ").title())


def messages_per_s(leads: list[dict[str, Any]]) -> float:
    """Return how many of these leads are read a second as messages of `lead-arrivals`."""
    values = [json.dumps({"vendor": "acme", **lead}).encode() for lead in leads]
    start = process_time()
    for value in values:
        accept_arrival(value, {}, arrived_at=NOW)
    return len(values) / (process_time() - start)


def rows_per_s(leads: list[dict[str, Any]], folder: Path) -> float:
    """Return how many of these leads are read a second as rows of a CSV file."""
    path = folder / "leads.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(leads[0])
        writer.writerows(lead.values() for lead in leads)
    start = process_time()
    sent = sum(row.refusal is None for row in read_leads(path, None, "acme"))
    seconds = process_time() - start
    if sent != len(leads):
        raise ValueError(f"only {sent} of {len(leads)} rows were read")
    return sent / seconds


def run(
    *, progress: Callable[[str], None] | None = None, leads: int = 10_000, repeats: int = 5
) -> dict[str, Any]:
    """Return `messages_per_s` and `rows_per_s`, medians of `repeats` runs over `leads` new leads each.

    `messages_other_names_per_s`, `rows_other_names_per_s`: the same with a vendor's own names of the fields.
    """
    chance = random.Random(SEED)
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(repeats):
            own = [a_lead(chance, repeat * leads + n) for n in range(leads)]
            other = [{other_name(name): value for name, value in lead.items()} for lead in own]
            rates.setdefault("messages_per_s", []).append(messages_per_s(own))
            rates.setdefault("messages_other_names_per_s", []).append(messages_per_s(other))
            rates.setdefault("rows_per_s", []).append(rows_per_s(own, Path(folder)))
            rates.setdefault("rows_other_names_per_s", []).append(rows_per_s(other, Path(folder)))
    figures = {name: round(median(samples)) for name, samples in rates.items()}
    if progress is not None:
        for name, figure in figures.items():
            progress(f"{name}: {figure:,}")
    return {"leads": leads, **figures}


if __name__ == "__main__":
    print(run(progress=print))
