"""Holds the orgs of one partition of `org-log`, and turns each event into the records of `org-journal`.

Applied in the journal's order, live or after a crash, the records give the same orgs. A record older than the known
state was written late by a zombie and is ignored.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Final

import msgspec

from models.codec import OrgRecord, directory_key
from models.events import DirectoryPublished
from models.lead import DirectoryRow
from models.merging import OrgMerged, OrgSplit
from models.offers import NoRepAvailable, RejectedCandidate, RejectionReason
from models.org_decisions import MergeDecided, OrgDecision, OrgEventIgnored, OrgRowKept, OrgStep, PlaceDecided
from models.org_events import (
    DoNotContactPublished,
    LeadForgotten,
    MergeRequested,
    OrgEvent,
    OrgWoken,
    PersonArrived,
    PlaceRequested,
    RepRequested,
    WakeKind,
)
from models.org_rows import DoNotContactRow, OrgErased, OrgGroup, OrgLead, OrgPerson, OrgRep, OrgRow
from models.persons import OrgCorrection
from rules.deadlines import MAX_AT_ONCE, DueHeap, Entry, fires_at
from rules.org import arrivals
from rules.org.directory import OrgDirectory
from rules.org.machine import step_org
from rules.org.persons import Persons
from rules.org.state import OrgState

FATAL_ERROR: Final = "fatal_error"
DO_NOT_CONTACT_KIND: Final = "barred"
DO_NOT_CONTACT_SOURCE: Final = "do-not-contact"
"""The source name for events of the do-not-contact list. Their number is the record's offset."""
_BEGINNING: Final = datetime.fromtimestamp(0, UTC)
_UNPUBLISHED: Final = OrgDirectory()

Wakeable = OrgRep | OrgGroup | OrgLead
"""The rows that may have a wake time."""
_WAKEABLE: Final = (OrgRep, OrgGroup, OrgLead)
Record = tuple[bytes, OrgRecord | None]
"""Key and value of one record of `org-journal`. None: a tombstone, which removes an entry of the do-not-contact
list, or the newest step of arrivals."""


class OrgOutcome(msgspec.Struct, frozen=True):
    """The result of one event: the records to write. `failure`: why the event also goes to the dead letters.

    `woken`: the event, if it was the wake of a row.
    """

    records: tuple[Record, ...]
    failure: Exception | None = None
    woken: OrgWoken | None = None


class OrgPartition:
    """The state of all orgs of one partition. `highest`: the offset of the last applied event."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.highest = -1
        self.at = _BEGINNING
        self.states: dict[str, OrgState] = {}
        self._directories: dict[str, OrgDirectory] = {}
        self._unapplied: dict[str, list[DirectoryPublished]] = {}
        self.deadlines = DueHeap()
        self._watermarks: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return sum(
            len(state.reps) + len(state.groups) + len(state.leads) + len(state.persons)
            for state in self.states.values()
        )

    def state(self, org: str) -> OrgState:
        """Return the rows of an org, for reading."""
        state = self.states.get(org)
        if state is None:
            state = self.states[org] = OrgState()
        return state

    def directory(self, org: str) -> OrgDirectory:
        """Return the published directory of an org."""
        directory = self._directories.get(org, _UNPUBLISHED)
        if unread := self._unapplied.pop(org, None):
            directory = self._directories[org] = directory.publish(*unread)
        return directory

    def decide(
        self,
        event: OrgEvent,
        *,
        off: int,
        at: datetime,
        source: str = "",
        number: int = -1,
        again: bool = False,
    ) -> OrgOutcome:
        """Decide one event and return its records. Nothing changes until they are accepted.

        An event whose number does not exceed its source's watermark is a repeat and decides nothing. The exception is
        an event that could not be decided then and is sent again from the dead letters (`again`). If the machine fails,
        a lead that requested a rep is answered so (E1), an arrival is processed as sent (R6), and the org is unchanged.
        """
        org = event.org
        source, number = _numbered(event, source, number)
        known = self._watermarks.get((org, source), -1)
        decisions: tuple[OrgDecision, ...]
        rows: list[Record] = []
        failure: Exception | None = None
        at = max(at, self.at)
        if not again and 0 <= number <= known:
            decisions = (OrgEventIgnored(object_id=source, why=f"number {number} was told before"),)
        else:
            directory = self.directory(org)
            former: OrgDirectory | None = None
            if isinstance(event, DirectoryPublished):
                former, directory = directory, directory.publish(event)
                # An older publication is not recorded, because compaction would keep it instead of the newer one.
                if directory is not former:
                    rows.append(self._published(event, off, at))
            try:
                step = step_org(self.state(org), event, at, directory, before=former)
            except Exception as error:  # noqa: BLE001  # one event must not stop those behind it, whatever the error
                failure, decisions, rows = error, _failed(event, error, self.state(org).persons), []
            else:
                decisions = step.decisions
                rows += [_kept_record(org, off, row) for row in step.rows]
                if isinstance(event, LeadForgotten) and source:
                    # The newest step of arrivals, which have no source and so no watermark, may hold facts.
                    rows.append((f"{org}/step/".encode(), None))
        woken = event if isinstance(event, OrgWoken) else None
        # A repeat keeps the highest number, because compaction may leave only this record of the source.
        head = _head(event, off, at, source, max(number, known), decisions)
        return OrgOutcome((head, *rows), failure, woken)

    def refuse(
        self, event: OrgEvent, error: Exception, *, off: int, at: datetime, source: str = "", number: int = -1
    ) -> OrgOutcome:
        """Return the records of an event whose decision cannot be written.

        The org is unchanged; the lead is informed.
        """
        decisions = _failed(event, error, self.state(event.org).persons)
        source, number = _numbered(event, source, number)
        number = max(number, self._watermarks.get((event.org, source), -1))
        head = _head(event, off, max(at, self.at), source, number, decisions)
        return OrgOutcome((head,), error)

    def apply(self, record: OrgRecord) -> bool:
        """Apply one record; say whether it counted. Rows of persons count whenever they were written."""
        if record.off >= self.highest:
            self.highest = record.off
        elif not (isinstance(record, OrgRowKept) and isinstance(record.value, OrgPerson)):
            return False
        match record:
            case OrgRowKept():
                self.state(record.org).put_row(record.value)
            case OrgStep():
                self._apply_step(record)
            case DirectoryRow():
                self.at = max(self.at, record.at)
                self._unapplied.setdefault(record.org, []).append(_publication(record))
        return True

    def _apply_step(self, step: OrgStep) -> None:
        self.at = max(self.at, step.at)
        source = (step.org, step.source)
        if step.source_number > self._watermarks.get(source, -1):
            self._watermarks[source] = step.source_number

    def apply_or_remove(self, key: bytes, record: OrgRecord | None) -> bool:
        """Apply one record or tombstone; say whether it counted."""
        if record is not None:
            return self.apply(record)
        self.remove(key)
        return True

    def remove(self, key: bytes) -> None:
        """Apply a tombstone. One of an entry of the do-not-contact list removes the entry; others change nothing."""
        org, kind, handle = (*key.decode(errors="replace").split("/", 2), "", "")[:3]
        if kind == DO_NOT_CONTACT_KIND:
            self.state(org).put_row(DoNotContactRow(handle=handle))

    def accept(self, outcome: OrgOutcome) -> None:
        """Apply the records of a decided event, once they have been sent to the journal.

        A row gets an entry in the heap when its wake time changes, so each wake has one entry however often its row is
        written. It also gets one if its own wake set the same time again. That happens while the broker's clock has not
        reached the newest time of the partition, for example after it was set back.
        """
        for key, record in outcome.records:
            if isinstance(record, OrgRowKept):
                row = record.value
                if isinstance(row, _WAKEABLE) and row.wake is not None:
                    self._arm(record.org, row, row.wake, outcome.woken)
            self.apply_or_remove(key, record)

    def _arm(self, org: str, row: Wakeable, wake: datetime, woken: OrgWoken | None) -> None:
        before = self._wakeable(org, *_kind_and_id(row))
        entry = _wake_entry(org, row, wake)
        if before is None or before.wake != wake:
            self.deadlines.push(entry)
        elif woken is not None and entry[1:] == _woken_entry(woken)[1:]:
            self.deadlines.push_again(entry)

    def recovered(self) -> None:
        """Derive order and deadlines from the rows, once the journal is read.

        Waiting leads are put in the order in which they began to wait.
        """
        self.states = {org: OrgState(state.rows(), state.persons) for org, state in self.states.items()}
        self.deadlines.rebuild(
            _wake_entry(org, row, row.wake) for org, row in self.wakes() if row.wake is not None
        )

    def due(self, now: float, limit: int = MAX_AT_ONCE) -> list[OrgWoken]:
        """Return an event for each row that is to be woken at `now` (POSIX seconds), at most `limit`.

        A row that still has the same wake time after `RETRY_SECONDS` is woken again.
        """
        return self.deadlines.take(now, self._wake_event, limit)

    def _wakeable(self, org: str, kind: WakeKind, object_id: str) -> Wakeable | None:
        """Return the row that has a wake time, or None."""
        state = self.state(org)
        rows: dict[WakeKind, Mapping[str, Wakeable]] = {
            WakeKind.REP: state.reps,
            WakeKind.GROUP: state.groups,
            WakeKind.LEAD: state.leads,
        }
        return rows[kind].get(object_id)

    def _wake_event(self, entry: Entry) -> OrgWoken | None:
        _, org, kind, object_id, wakes_at = entry
        row = self._wakeable(org, WakeKind(kind), object_id)
        if row is None or row.wake is None or fires_at(row.wake) != wakes_at:
            return None  # another entry points at the row's new wake time, if it has one
        cause = f"wake/{kind}/{object_id}/{row.wake.isoformat()}"
        return OrgWoken(cause=cause, org=org, kind=WakeKind(kind), object_id=object_id, due=row.wake)

    def wakes(self) -> Iterable[tuple[str, Wakeable]]:
        """Yield the rows that have a wake time, with their org."""
        for org, state in self.states.items():
            rows: Iterable[Wakeable] = chain(state.reps.values(), state.groups.values(), state.leads.values())
            yield from ((org, row) for row in rows if row.wake is not None)

    def _published(self, event: DirectoryPublished, off: int, at: datetime) -> Record:
        row = DirectoryRow(
            off=off,
            org=event.org,
            kind=event.kind,
            object_id=event.object_id,
            version=event.version,
            value=event.value,
            at=at,
        )
        return directory_key(self.partition, event.org, event.kind, event.object_id), row


def _head(
    event: OrgEvent, off: int, at: datetime, source: str, number: int, decisions: tuple[OrgDecision, ...]
) -> Record:
    step = OrgStep(
        off=off,
        org=event.org,
        at=at,
        cause=event.cause,
        source=source,
        source_number=number,
        decisions=decisions,
    )
    return f"{event.org}/step/{source}".encode(), step


def _wake_entry(org: str, row: Wakeable, wake: datetime) -> Entry:
    """Return the heap's entry of a wake. Its last field still names the wake after the entry was taken and put back."""
    return fires_at(wake), org, *_kind_and_id(row), fires_at(wake)


def _woken_entry(event: OrgWoken) -> Entry:
    """Return the heap's entry of the wake that an event is about."""
    return fires_at(event.due), event.org, event.kind, event.object_id, fires_at(event.due)


def _kind_and_id(row: Wakeable) -> tuple[WakeKind, str]:
    return kind_of(row), wakeable_id(row)


def kind_of(row: Wakeable) -> WakeKind:
    """Return the kind of a row that may have a wake time."""
    kinds = {OrgRep: WakeKind.REP, OrgGroup: WakeKind.GROUP, OrgLead: WakeKind.LEAD}
    return kinds[type(row)]


def wakeable_id(row: Wakeable) -> str:
    """Return the id of a row's rep, group or lead."""
    if isinstance(row, OrgRep):
        return row.rep_id
    return row.group_id if isinstance(row, OrgGroup) else row.lead_id


def _kept_record(org: str, off: int, row: OrgRow) -> Record:
    """Return the record of a changed row. No key names a phone or mail address, except on the do-not-contact list.

    That list's entries are removed with a tombstone, which in time removes their keys as well.
    """
    match row:
        case OrgRep():
            key = f"{org}/rep/{row.rep_id}"
        case OrgGroup():
            key = f"{org}/group/{row.group_id}"
        case OrgLead():
            key = f"{org}/lead/{row.lead_id}"
        case OrgPerson(more=False):
            key = f"{org}/person/{row.arrival_id}"
        case OrgPerson():
            if row.resend_offset < 0:
                row = msgspec.structs.replace(row, resend_offset=off)
            key = f"{org}/person/{row.arrival_id}/{row.resend_offset}"
        case OrgErased():
            key = f"{org}/erased/{row.hash}"
        case OrgCorrection():
            key = f"{org}/correction/{row.lead_id}"
        case OrgMerged():
            key = f"{org}/merged/{row.lead_id}"
        case OrgSplit():
            key = f"{org}/split/{row.inquiry_id}"
        case DoNotContactRow():
            key = f"{org}/{DO_NOT_CONTACT_KIND}/{row.handle}"
            if row.erased:
                return key.encode(), None
    return key.encode(), OrgRowKept(off=off, org=org, value=row)


def _numbered(event: OrgEvent, source: str, number: int) -> tuple[str, int]:
    return (
        (DO_NOT_CONTACT_SOURCE, event.version)
        if isinstance(event, DoNotContactPublished)
        else (source, number)
    )


def _failed(event: OrgEvent, error: Exception, persons: Persons) -> tuple[OrgDecision, ...]:
    if isinstance(event, PersonArrived):
        return (arrivals.placed_undecided(event, persons),)
    if isinstance(event, PlaceRequested):
        return (
            PlaceDecided(
                lead_id=event.lead_id,
                rep_id=event.rep_id,
                granted=False,
                action=event.action,
                error=repr(error),
            ),
        )
    if isinstance(event, MergeRequested):
        why = "the org could not decide it because of a fault of firstclaim"
        into = event.action.into_lead_id or ""
        return (MergeDecided(lead_id=event.lead_id, into=into, granted=False, action=event.action, why=why),)
    if not isinstance(event, RepRequested):
        return ()
    return (
        NoRepAvailable(
            lead_id=event.lead_id,
            epoch=event.epoch,
            group_id=event.group_id,
            reason=FATAL_ERROR,
            waits=True,  # the request is in the dead letters and may be decided later
            explanation=(RejectedCandidate(None, RejectionReason.GROUP, repr(error)),),
        ),
    )


def _publication(row: DirectoryRow) -> DirectoryPublished:
    return DirectoryPublished(
        lead_id="",
        cause="",
        org=row.org,
        kind=row.kind,
        object_id=row.object_id,
        version=row.version,
        value=row.value,
    )
