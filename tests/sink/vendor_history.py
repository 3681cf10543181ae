"""Makes a journal and refusals of some vendors, and adds up what they say, in code of its own."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from models.decisions import ArrivalRepeated, Decision, InquiryAdded, LeadAccepted
from models.facts import Facts
from models.lead import Lead, LeadRow, Phase
from sink.writer import JournalRecord
from tests.sink.seeded_journal import START, owner_changed, record_of

Letter = tuple[bytes, list[tuple[str, bytes]]]


def history_of(partition: int, vendors: Sequence[str], leads: int) -> list[JournalRecord]:
    """Return the records of some leads over several hours: arrivals, resends, inquiries, owners who come and go."""
    rng = random.Random(leads)
    rows: list[LeadRow] = []
    for n in range(leads):
        at = START + timedelta(seconds=3 * len(rows))
        facts = Facts(
            vendor=vendors[n % len(vendors)],
            external_id=f"{partition}-{n}",
            last_name="Doe",
            attributes={"invalid": {"phone": "x"}} if n % 5 == 0 else {},
        )
        lead = Lead(lead_id=f"{partition}-{n}", facts=facts, phase=Phase.QUEUED, arrived_at=at, updated_at=at)
        accepted = LeadAccepted(id_reused="another" if n % 7 == 0 else None)
        happened: list[tuple[Decision, ...]] = [(accepted,)]
        if n % 3 == 0:
            happened.append((ArrivalRepeated(),))
        if n % 4 == 0:
            other_vendor = vendors[(n + 1) % len(vendors)]
            other_facts = Facts(vendor=other_vendor, attributes={"remarks": {"zip": "lies elsewhere"}})
            happened.append(
                (
                    InquiryAdded(
                        inquiry_id=f"i{n}",
                        vendor=other_vendor,
                        campaign=None,
                        external_id=None,
                        rep_id=None,
                        why="phone",
                        facts=other_facts,
                    ),
                )
            )
        if n % 2 == 0:
            happened += [
                (owner_changed("rep-1"),),
                (owner_changed(None, "rep-1"),),
                (owner_changed("rep-2"),),
            ]
        for decisions in happened:
            when = at + timedelta(seconds=rng.randrange(7_200))
            rows.append(LeadRow(off=0, seq=1, lead=lead, at=when, cause="c", decisions=decisions))
    return [
        record_of(msgspec.structs.replace(row, off=off, seq=off), off - 1, partition=partition)
        for off, row in enumerate(rows, start=1)
    ]


def refusals_of(vendors: Sequence[str], count: int, partition: int = 0) -> list[Letter]:
    """Return dead letters of a partition. Their reasons differ in numbers and in what the vendor sent."""
    letters: list[Letter] = []
    for n in range(count):
        value = json.dumps({"vendor": vendors[n % len(vendors)], "org": "default", "x": n}).encode()
        reason = f"phone: 'abc{n}' has {n} digits" if n % 3 else "no field identifies the lead"
        headers = {
            "error-class": "invalid_field",
            "reason": reason,
            "source-topic": "lead-arrivals",
            "source-partition": str(partition),
            "source-offset": str(n),
            "failed-at": (START + timedelta(minutes=n)).isoformat(),
            "failed-stage": "intake",
        }
        letters.append((value, [(name, text.encode()) for name, text in headers.items()]))
    return letters


def sums_of(records: Sequence[JournalRecord], letters: Sequence[Letter]) -> Counter[tuple[str, ...]]:
    """Return (vendor, hour, field, detail) -> the sum that the topic must have."""
    sums: Counter[tuple[str, ...]] = Counter()
    owned: set[str] = set()
    for record in records:
        row: dict[str, Any] = json.loads(record.value or b"")
        facts, lead_id = row["lead"]["facts"], row["lead"]["lead_id"]
        vendor_hour = (facts["vendor"], _hour(row["lead"]["arrived_at"]))
        for decision in row["decisions"]:
            match decision["type"]:
                case "lead_accepted":
                    sums[(*vendor_hour, "accepted")] += 1
                    sums[(*vendor_hour, "reused_ids")] += "id_reused" in decision
                    if facts.get("attributes"):
                        sums[(*vendor_hour, "remarks", "unreadable phone")] += 1
                case "arrival_repeated":
                    sums[facts["vendor"], _hour(row["at"]), "resends"] += 1
                case "inquiry_added":
                    sums[decision["vendor"], _hour(row["at"]), "inquiries"] += 1
                    sums[decision["vendor"], _hour(row["at"]), "remarks", "doubtful zip"] += 1
                case "owner_changed" if decision.get("rep_id") and lead_id not in owned:
                    owned.add(lead_id)
                    sums[(*vendor_hour, "assigned")] += 1
                    sums[(*vendor_hour, "claimed")] += 1
    for value, headers in letters:
        decision = {name: text.decode() for name, text in headers}
        reason = "phone: … has N digits" if "phone" in decision["reason"] else decision["reason"]
        sums[json.loads(value)["vendor"], _hour(decision["failed-at"]), "refused", reason] += 1
    return +sums


def _hour(at: str) -> str:
    instant = datetime.fromisoformat(at).astimezone(UTC)
    return instant.strftime("%Y-%m-%dT%H:00:00Z")
