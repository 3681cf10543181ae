"""Checks the messages between leads and orgs: each is in the other's log, as the record that caused it says.

Each message must be there at least once, because its sender may repeat it. There must be no message that no record
caused.
"""

from datetime import datetime
from typing import Any, Final

from assurance.verify.findings import Findings
from assurance.verify.journal_summary import JournalFacts
from assurance.verify.published import ExpectedMessages, offset_and_index
from assurance.verify.records import position_of, time_of
from models.codec import encode_event
from models.org_decisions import OrgStep
from models.org_events import (
    LeadReleased,
    LeadTaken,
    OfferSettled,
    OrgLeadClosed,
    PlaceRequested,
    PlaceUnused,
    RepRequested,
)
from models.public import ORG_LOG
from rules.outbound.lead_org_messages import org_event_identity, to_leads
from rules.outbound.public_messages import journal_origin

SENT_BY_LEADS: Final = (
    RepRequested,
    OfferSettled,
    LeadTaken,
    LeadReleased,
    OrgLeadClosed,
    PlaceRequested,
    PlaceUnused,
)
"""What only a lead's record may cause."""


class CrossLogMessages:
    """Compares the messages that each journal causes with those in each log, and reports what is missing.

    `cut`: compaction may have removed the cause of a message older than this.
    """

    def __init__(self, findings: Findings, journal_facts: JournalFacts, *, cut: datetime) -> None:
        self._findings = findings
        self._journal_facts = journal_facts
        self._cut = cut
        self._expected: dict[str, ExpectedMessages] = {}
        self._received: dict[str, set[int]] = {}
        self._answers: dict[str, tuple[int, str]] = {}
        self._must: set[str] = set()

    # -- leads to their org ------------------------------------------------------------------------------------------

    def expect(self, expected: ExpectedMessages) -> None:
        """Add the messages that one partition of the lead journal causes."""
        self._expected[str(expected.partition)] = expected.only(ORG_LOG)
        self._received[str(expected.partition)] = set()

    def sent(self, record: Any, event: Any) -> None:
        """Compare one event of `org-log` with the messages that leads' records cause."""
        source, number = journal_origin(record)
        lead_id = getattr(event, "lead_id", "")
        if not source:
            if isinstance(event, SENT_BY_LEADS):
                self._unrequested(record, lead_id)
            return
        expected = self._expected.get(source)
        expected_hash = None if expected is None else expected.prints[ORG_LOG].get(number)
        if expected is None or expected_hash is None:
            # Messages of records after those we have read cannot be checked.
            if expected is None or offset_and_index(number)[0] <= expected.watermark:
                self._unrequested(record, lead_id)
            return
        self._received[source].add(number)
        if expected_hash != hash((record.key, record.value)):
            self._findings.add(
                "errand_differs",
                lead_id,
                at=position_of(record),
                id=expected.id_of(number),
                type=_name(event),
            )

    def _unrequested(self, record: Any, lead_id: str) -> None:
        if time_of(record) > self._cut:
            self._findings.add("errand_unasked", lead_id, at=position_of(record))

    # -- orgs to their leads -----------------------------------------------------------------------------------------

    def expect_answers(self, step: OrgStep, *, must: bool) -> None:
        """Add the messages that an org's step causes. `must` False: they may be missing, not sent yet or removed."""
        for message in to_leads(step):
            message_id = org_event_identity(message) or message.cause
            self._answers[message_id] = (hash(encode_event(message)), message.lead_id)
            if must:
                self._must.add(message_id)

    # -- at the end --------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Report what is missing, and answers that no org gave. Call it when everything has been read."""
        for source, expected in self._expected.items():
            for number in expected.prints[ORG_LOG].keys() - self._received[source] - expected.optional:
                off, _ = offset_and_index(number)
                lead_id, _ = self._journal_facts.decided.get((expected.partition, off), ("", 0))
                self._findings.add("errand_lost", lead_id, id=expected.id_of(number))
        heard_causes: set[str] = set()
        for (cause, print_), (lead_id, at) in self._journal_facts.heard.items():
            heard_causes.add(cause)
            answer = self._answers.get(cause)
            if answer is None:
                if at > self._cut:
                    self._findings.add("org_answer_unasked", lead_id, cause=cause)
            elif answer[0] != print_:
                self._findings.add("org_answer_differs", lead_id, cause=cause)
        for cause in sorted(self._must - heard_causes):
            self._findings.add("org_answer_lost", self._answers[cause][1], cause=cause)


def _name(event: Any) -> str:
    return str(event.__struct_config__.tag)
