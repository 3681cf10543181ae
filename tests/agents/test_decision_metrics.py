"""The relay's counts of decisions are those of the journal's records, and their labels are bounded."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from agents.decision_metrics import MAX_VENDORS, OTHER, DecisionMetrics
from models.codec import decode_row
from models.events import ActionRequested, DirectoryPublished, LeadArrived
from models.facts import Facts
from models.lead import LeadRow
from rules.lead.lead_partition import LeadOutcome, LeadPartition
from streams.metrics import REGISTRY

START = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
QUEUE = {"queue_id": "aged", "claimable": True, "columns": ["state"]}


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Log:
    """A partition of leads whose journal records are counted as bytes."""

    def __init__(self) -> None:
        self.leads = LeadPartition(0)
        self.metrics = DecisionMetrics()
        self.off = 0
        self.leads.accept(
            self._decided(
                b"",
                DirectoryPublished(
                    lead_id="",
                    cause="d",
                    org="default",
                    kind="queue",
                    object_id="aged",
                    version=1,
                    value=QUEUE,
                ),
            )
        )

    def takes(self, lead_id: str, event: LeadArrived | ActionRequested) -> None:
        outcome = self._decided(lead_id.encode(), event)
        self.leads.accept(outcome)
        row = decode_row(outcome.value)
        assert isinstance(row, LeadRow)
        holders = sys.getrefcount(row)
        count = self.metrics.count_later(row)
        assert sys.getrefcount(row) == holders, (
            "a record that waits for its messages is not kept for its counts"
        )
        count()

    def _decided(self, key: bytes, event: LeadArrived | ActionRequested | DirectoryPublished) -> LeadOutcome:
        self.off += 1
        outcome = self.leads.decide(key, event, off=self.off, at=START + timedelta(seconds=self.off))
        assert outcome is not None
        return outcome

    def arrives(self, lead_id: str, vendor: str) -> None:
        facts = Facts(vendor=vendor, last_name="Jones", state="RI", created_at=START)
        self.takes(lead_id, LeadArrived(lead_id=lead_id, cause=f"arrival-{lead_id}", facts=facts))

    def claims(self, lead_id: str, rep_id: str, action: str = "claim") -> None:
        self.takes(
            lead_id,
            ActionRequested(
                lead_id=lead_id,
                cause=f"{action}-{lead_id}-{rep_id}",
                action=action,
                rep_id=rep_id,
                queue_id="aged",
            ),
        )


def test_q8_a_won_and_a_lost_claim_are_counted_with_the_time_to_the_owner() -> None:
    log = Log()
    won = value("firstclaim_answers_total", action="claim", result="won", reason="")
    lost_count = value("firstclaim_answers_total", action="claim", result="lost", reason="already_claimed")
    seconds = value("firstclaim_speed_to_lead_seconds_sum")
    log.arrives("lead", "acme-counted")
    log.claims("lead", "ann")
    log.claims("lead", "bob")
    assert value("firstclaim_answers_total", action="claim", result="won", reason="") == won + 1
    assert (
        value("firstclaim_answers_total", action="claim", result="lost", reason="already_claimed")
        == lost_count + 1
    )
    assert value("firstclaim_speed_to_lead_seconds_sum") == seconds + 1
    assert value("firstclaim_arrivals_total", vendor="acme-counted", became="lead") == 1


def test_further_vendors_and_unknown_actions_share_one_label() -> None:
    log = Log()
    others = value("firstclaim_arrivals_total", vendor=OTHER, became="lead")
    for number in range(MAX_VENDORS + 3):
        log.arrives(f"lead-{number}", f"vendor-{number}")
    assert value("firstclaim_arrivals_total", vendor=OTHER, became="lead") == others + 3
    assert len(log.metrics.vendors) == MAX_VENDORS
    log.claims("lead-1", "ann", action="no such action")
    assert value("firstclaim_answers_total", action=OTHER, result="refused", reason="unknown_action") > 0
