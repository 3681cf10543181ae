"""Holds the data that one pass over the journal keeps for later comparisons, small enough for every lead."""

from collections import Counter
from datetime import datetime
from typing import Final

import msgspec

from assurance.verify.activities import Activities
from assurance.verify.inquiries import JoinedIds
from models.decisions import (
    Answered,
    AnswerIgnored,
    ArrivalRepeated,
    DeadlineIgnored,
    Decision,
    ExceptionIgnored,
    ExceptionRaised,
    ExceptionResolved,
    MergedInto,
)
from models.erasure_decisions import ArrivalDropped, InquiryErased
from models.lead import Lead, LeadRow, Phase
from models.merging_decisions import MergeReturned, MergeSought
from models.org_rows import OrgLeadStatus
from rules.org.persons import Persons
from rules.queues.personal_queues import own_queues, own_sort_key

TROUBLES = (ExceptionRaised, ExceptionIgnored, ExceptionResolved)
_MAY_CHANGE_NOTHING = (
    Answered,
    AnswerIgnored,
    ArrivalDropped,
    InquiryErased,
    ArrivalRepeated,
    DeadlineIgnored,
    MergedInto,
    MergeSought,
    MergeReturned,
)
"""Decisions that a record may also have without a new version of the lead."""
_STATUS = {Phase.EXCEPTION: "open", Phase.IGNORED: "ignored"}


class LeadFacts(msgspec.Struct, kw_only=True, gc=False):
    """One lead's newest row without its answers, and its owners so far: (version, rep id or None)."""

    partition: int
    off: int
    seq: int
    at: datetime
    lead: Lead
    owners: list[tuple[int, str | None]]
    desk_version: int | None
    """The version in which the lead last was at the exceptions desk or left it, None where it never was there."""
    whole: bool
    """Whether the journal still has every record of the lead."""

    @property
    def exception(self) -> str | None:
        """The status at the exceptions desk, None where the lead never was there (E1, E4)."""
        if self.desk_version is None:
            return None
        return _STATUS.get(self.lead.phase, "resolved")

    def remember_desk(self, row: LeadRow) -> None:
        """Note the version if this record concerns the exceptions desk (E1, E4)."""
        at_desk = row.lead is not None and row.lead.phase in _STATUS
        if at_desk or any(isinstance(decision, TROUBLES) for decision in row.decisions):
            self.desk_version = row.seq

    def sort_keys(self) -> dict[str, str]:
        """Return queue id -> sort key of every list the lead must be in, reps' own included (D3, R3, S5)."""
        sort_keys = {queue_id: placement.sort_key for queue_id, placement in self.lead.placements.items()}
        if own := own_queues(self.lead):
            sort_keys |= dict.fromkeys(own, own_sort_key(self.lead, self.at))
        return sort_keys


class OrgLeadState(msgspec.Struct, frozen=True, gc=False):
    """What an org knows of one lead: its stage and epoch, and the reps whose capacity it takes."""

    stage: OrgLeadStatus
    epoch: int
    reps: frozenset[str]


class JournalFacts(msgspec.Struct, kw_only=True):
    """The data of the logs and the journals.

    `decided`: (partition, offset of the event) -> (lead id, `decisions_hash` of the decisions). `activities`: what
    reps did (M3), likewise. `joined`: the ids that belong to other leads (K4, K5).
    `published`: (org, kind, object id) -> version by partition. `causes`: hashes of the
    arrivals' causes in the log. `read`: the offset after the last journal record read, by partition. `moving`:
    leads with new journal records since the snapshot. `arrived`: the leads that came in. `heard`: (cause or offset,
    hash of the bytes) of an org's message in the log -> (lead id, when). `org_leads`: (org, lead id) -> what the
    org knows of it. `org_published`: (org, kind, object id) -> version that the org knows. `org_events`: by type,
    in `org-log`. `persons`: org -> the people it knows (R6). `inquiries`: (org, lead id) -> the number of arrivals
    that the org knows of the lead. `turned_away`: the ids of arrivals of erased persons that were not taken.
    """

    leads: dict[str, LeadFacts] = {}
    decided: dict[tuple[int, int], tuple[str, int]] = {}
    activities: Activities = {}
    joined: JoinedIds = msgspec.field(default_factory=JoinedIds)
    published: dict[tuple[str, str, str], dict[int, int]] = {}
    causes: set[int] = set()
    events: Counter[str] = msgspec.field(default_factory=Counter)
    read: dict[int, int] = {}
    moving: set[str] = set()
    arrived: set[str] = set()
    heard: dict[tuple[str, int], tuple[str, datetime]] = {}
    org_leads: dict[tuple[str, str], OrgLeadState] = {}
    org_published: dict[tuple[str, str, str], int] = {}
    org_events: Counter[str] = msgspec.field(default_factory=Counter)
    persons: dict[str, Persons] = {}
    inquiries: dict[tuple[str, str], int] = {}
    turned_away: set[str] = set()

    def lead_of(self, org: str, arrival_id: str) -> str:
        """Return the lead that an arrival is, or was added to (R6). The arrival's own id if no org knows it."""
        persons = self.persons.get(org)
        return (persons.lead_of(arrival_id) if persons else None) or arrival_id

    def was_turned_away(self, arrival_id: str, lead_id: str) -> bool:
        """Tell whether an arrival was not taken because its person was erased, or belongs to an erased lead."""
        facts = self.leads.get(lead_id)
        return arrival_id in self.turned_away or (facts is not None and facts.lead.erased_at is not None)

    def phases(self) -> dict[str, int]:
        """Return the number of leads in each phase (X7)."""
        return dict(Counter(str(facts.lead.phase) for facts in self.leads.values()))


NOTHING: Final = 0
"""The hash of a record without decisions."""


def decisions_hash(version: int, decisions: tuple[tuple[str, str | None, str | None], ...]) -> int:
    """Return a number that equal lists of decisions share. `decisions`: (type, result, rep id) of each."""
    return hash((version, decisions)) if decisions else NOTHING


def row_decisions_hash(row: LeadRow) -> int:
    """Return the hash of a row's decisions."""
    return decisions_hash(row.seq, tuple(_decision_key(decision) for decision in row.decisions))


def _decision_key(decision: Decision) -> tuple[str, str | None, str | None]:
    result = str(decision.result) if isinstance(decision, Answered) else None
    return str(decision.__struct_config__.tag), result, getattr(decision, "rep_id", None)


def follows(former: LeadRow | None, row: LeadRow, *, compactable: bool) -> bool:
    """Tell whether the journal has every record of a lead between two of its records that could name an owner.

    `former`: None if `row` is the lead's first record. `compactable`: records as old as `row` may be compacted away.
    Then the record that made the row's version may be gone, and a later one of the same version, such as a refusal or
    an ignored deadline, may be left. A record proves that it made its version only by a decision that changes the lead.
    """
    version = former.seq if former else 0
    if row.seq != version + 1:
        return row.seq <= version
    return not compactable or any(not isinstance(decision, _MAY_CHANGE_NOTHING) for decision in row.decisions)
