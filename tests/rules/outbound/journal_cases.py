"""Records of the lead journal for tables of cases, and the public messages that follow from them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from models.decisions import Answered, Decision, OwnerChanged
from models.facts import Facts
from models.lead import DirectoryRow, Distribution, DistributionStatus, Lead, LeadRow, Phase
from models.offer_decisions import LeadOffered, OfferEnded
from models.offers import Outcome
from models.results import Reason, Result
from rules.outbound.public_messages import public_messages

LEAD_ID = "3f0c5a52-94b5-5f6c-a5f0-0f3f0a9a1c11"
KEY = LEAD_ID.encode()
AT = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
FACTS = Facts(
    vendor="acme",
    campaign="purchase-west",
    first_name="Jeremy",
    last_name="Jones",
    phone="+14014194247",
    state="RI",
    loan_purpose="purchase",
    loan_amount=310000,
    created_at=AT - timedelta(minutes=5),
)


def lead(**changes: Any) -> Lead:
    base = Lead(lead_id=LEAD_ID, facts=FACTS, phase=Phase.QUEUED, arrived_at=AT, updated_at=AT)
    return msgspec.structs.replace(base, **changes)


def owned_lead(**changes: Any) -> Lead:
    return lead(
        **{"phase": Phase.OWNED, "owner": "rep-7", "how": "claim", "via": "queue/aged", "assigned_at": AT}
        | changes
    )


def row(*decisions: Decision, of: Lead | None = None, off: int = 41, seq: int = 4) -> LeadRow:
    return LeadRow(off=off, seq=seq, lead=of, at=AT, cause="act-1", decisions=decisions)


UNTIL = AT + timedelta(minutes=15)


def offered_lead(*reps: str, until: datetime | None = UNTIL) -> Lead:
    rings = len(reps) > 1
    distribution = Distribution(
        group_id="west",
        epoch=3,
        stage=DistributionStatus.RINGING if rings else DistributionStatus.OFFERED,
        method="ring_all" if rings else "round_robin",
        reps=reps,
        until=until,
    )
    return lead(phase=Phase.OFFERED, open_distribution=distribution)


def offer(*reps: str) -> LeadOffered:
    method = "ring_all" if len(reps) > 1 else "round_robin"
    return LeadOffered(group_id="west", epoch=3, method=method, reps=reps, why="w", until=UNTIL)


def offer_ended(outcome: Outcome, *reps: str) -> OfferEnded:
    return OfferEnded(group_id="west", epoch=3, outcome=outcome, why="w", reps=reps, method="ring_all")


def answer(
    result: Result = Result.WON, reason: Reason | None = None, owner: str | None = "rep-7"
) -> Answered:
    return Answered(
        action_id="act-1",
        action="claim",
        rep_id="rep-7",
        result=result,
        version=4,
        decided_at=AT,
        reason=reason,
        owner=owner,
        why="first claim",
    )


def owner(rep_id: str | None, previous: str | None = None, how: str = "claim") -> OwnerChanged:
    return OwnerChanged(rep_id=rep_id, previous_rep_id=previous, how=how, via="queue/aged", why="w")


def messages_of(record: LeadRow | DirectoryRow, partition: int = 3) -> list[tuple[str, dict[str, Any]]]:
    return [(e.topic, msgspec.json.decode(e.value)) for e in public_messages(record, KEY, partition)]


def changes(record: LeadRow) -> dict[str, str]:
    """Return queue id -> change."""
    return {
        value["queue_id"]: value["change"] for topic, value in messages_of(record) if topic == "queue-changes"
    }
