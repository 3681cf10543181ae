"""Drives an org in a test: passes events to it as the stage does, and lets time pass with every wake on time."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import msgspec

from models.events import DirectoryPublished
from models.facts import Facts
from models.lead import Lead, Phase
from models.offers import NoRepAvailable, OfferMade, Outcome, RingStarted
from models.org_decisions import OrgDecision, StepResult
from models.org_events import (
    LeadReleased,
    LeadTaken,
    OfferSettled,
    OrgEvent,
    OrgLeadClosed,
    OrgWoken,
    RepChange,
    RepChanged,
    RepRequested,
    WakeKind,
)
from models.org_rows import OrgGroup, OrgLead, OrgLeadStatus, OrgRep, OrgRow
from rules.org.directory import OrgDirectory
from rules.org.machine import SLICE, step_org
from rules.org.org_partition import Wakeable
from rules.org.state import OrgState

START: Final = datetime(2026, 11, 18, 15, tzinfo=UTC)
"""A Wednesday, 10:00 in New York."""

ROWS: Final = msgspec.json.Decoder(OrgRow)
WAKES: Final[dict[type, WakeKind]] = {
    OrgRep: WakeKind.REP,
    OrgGroup: WakeKind.GROUP,
    OrgLead: WakeKind.LEAD,
}
_EVENTS: Final = msgspec.json.Decoder(OrgEvent)


def a_lead(lead_id: str, at: datetime = START, **facts: Any) -> Lead:
    """Return a lead as it requests a rep."""
    lead_facts = Facts(**{"vendor": "acme", "last_name": "Jones", "state": "RI", **facts})
    return Lead(lead_id=lead_id, facts=lead_facts, phase=Phase.QUEUED, arrived_at=at, updated_at=at)


class OrgDriver:
    """One org and its events. `slice_size`: how many leads one event may look at."""

    def __init__(self, *, slice_size: int = SLICE) -> None:
        self.slice_size = slice_size
        self.state = OrgState()
        self.directory = self.before = OrgDirectory()
        self.published: dict[tuple[str, str], dict[str, Any]] = {}
        self.open = True
        self.now = START
        self.decided: list[OrgDecision] = []
        self.events = 0
        self.largest = 0
        self.epochs: dict[str, int] = {}
        self.rep_requests: dict[str, RepRequested] = {}
        self.absent: dict[str, datetime | None] = {}
        self.left: set[str] = set()

    def tell(self, event: OrgEvent) -> list[Any]:
        """Let the machine decide one event, keep its rows, and return the decisions."""
        event = _EVENTS.decode(msgspec.json.encode(event))
        self.events += 1
        step = self.decide(event)
        self.keep(step)
        self.largest = max(self.largest, len(msgspec.json.encode(step)))
        self.decided.extend(step.decisions)
        return list(step.decisions)

    def decide(self, event: OrgEvent) -> StepResult:
        """Return the machine's decisions for an event."""
        return self.step(self.state, event)

    def keep(self, step: StepResult) -> None:
        """Put the rows of a step into the state."""
        self.state.put(step.rows)

    def step(self, state: OrgState, event: OrgEvent) -> StepResult:
        """Call the machine."""
        return step_org(
            state, event, self.now, self.directory, slice_size=self.slice_size, before=self.before
        )

    def publish(self, kind: str, object_id: str, value: dict[str, Any] | None) -> list[Any]:
        """Publish an object, or remove it."""
        event = DirectoryPublished(
            lead_id="",
            cause=self.cause(),
            org="o",
            kind=kind,
            object_id=object_id,
            version=self.events,
            value=value,
        )
        self.before, self.directory = self.directory, self.directory.publish(event)
        assert not self.directory.problems
        if value is None:
            self.published.pop((kind, object_id), None)
        else:
            self.published[kind, object_id] = value
        self.open = self.open and kind != "rep"
        if kind == "rep" and value is not None and value.get("active", True):
            self.left.discard(object_id)
        elif kind == "rep":
            self.rep_left(object_id)
        return self.tell(event)

    def rep(self, rep_id: str, **terms: Any) -> list[Any]:
        """Publish a rep."""
        return self.publish("rep", rep_id, {"time_zone": "America/New_York", **terms})

    def reps(self, *rep_ids: str, **terms: Any) -> None:
        """Publish several reps with the same fields."""
        for rep_id in rep_ids:
            self.rep(rep_id, **terms)

    def group(self, group_id: str, *members: str | tuple[str, int], **more: Any) -> list[Any]:
        """Publish a group with its roster: ids, or ids with weights."""
        roster = [
            {"rep_id": member} if isinstance(member, str) else {"rep_id": member[0], "weight": member[1]}
            for member in members
        ]
        return self.publish("group", group_id, {"method": "round_robin", "members": roster, **more})

    def ask(self, lead_id: str, group_id: str = "west", *, tried: tuple[str, ...] = (), **facts: Any) -> Any:
        """Let a lead request a rep, and return the answer."""
        self.epochs[lead_id] = self.epochs.get(lead_id, 0) + 1
        event = RepRequested(
            cause=self.cause(),
            lead_id=lead_id,
            epoch=self.epochs[lead_id],
            group_id=group_id,
            lead=a_lead(lead_id, self.now, **facts),
            tried=tried,
        )
        self.rep_requests[lead_id] = event
        decisions = self.tell(event)
        answers = (OfferMade, RingStarted, NoRepAvailable)
        return next(
            decision
            for decision in decisions
            if isinstance(decision, answers) and decision.lead_id == lead_id
        )

    def settle(self, lead_id: str, outcome: Outcome, rep_id: str | None = None) -> list[Any]:
        """Let a lead report how its offer ended."""
        epoch = self.epochs.get(lead_id, 1)
        return self.tell(
            OfferSettled(cause=self.cause(), lead_id=lead_id, epoch=epoch, outcome=outcome, rep_id=rep_id)
        )

    def claim(self, lead_id: str, rep_id: str) -> list[Any]:
        """Let an offer end in a claim."""
        return self.settle(lead_id, Outcome.CLAIMED, rep_id)

    def take(self, lead_id: str, rep_id: str) -> list[Any]:
        """Give a lead an owner in another way than by an offer."""
        self.epochs[lead_id] = self.epochs.get(lead_id, 0) + 1
        return self.tell(
            LeadTaken(cause=self.cause(), lead_id=lead_id, epoch=self.epochs[lead_id], rep_id=rep_id)
        )

    def release(self, lead_id: str) -> list[Any]:
        """Let a lead lose its owner, or withdraw its request."""
        epoch = self.epochs.get(lead_id, 1)
        return self.tell(LeadReleased(cause=self.cause(), lead_id=lead_id, epoch=epoch))

    def close(self, lead_id: str) -> list[Any]:
        """Close a lead."""
        epoch = self.epochs.get(lead_id, 1)
        return self.tell(OrgLeadClosed(cause=self.cause(), lead_id=lead_id, epoch=epoch))

    def changes(self, rep_id: str, change: RepChange, until: datetime | None = None) -> list[Any]:
        """Let a rep leave, be absent or come back."""
        if change is RepChange.LEFT:
            self.rep_left(rep_id)
        elif change is RepChange.ABSENT:
            self.absent[rep_id] = until
        else:
            self.left.discard(rep_id)
            self.absent.pop(rep_id, None)
        return self.tell(RepChanged(cause=self.cause(), rep_id=rep_id, change=change, until=until))

    def rep_left(self, rep_id: str) -> None:
        """Record that a rep has left."""
        self.left.add(rep_id)
        self.absent.pop(rep_id, None)

    def advance(self, by: timedelta) -> list[Any]:
        """Let time pass, wake the rows that become due, as the stage's timers do, and return the decisions."""
        end, already = self.now + by, len(self.decided)
        while True:
            due = [
                (row.wake, WAKES[type(row)], row_id(row))
                for row in self.state.rows()
                if isinstance(row, Wakeable) and row.wake is not None and row.wake <= end
            ]
            if not due:
                break
            wake, kind, object_id = min(due)
            self.now = max(self.now, wake)
            self.tell(OrgWoken(cause=self.cause(), kind=kind, object_id=object_id, due=wake))
        self.now = end
        return self.decided[already:]

    def restart(self, rng: Random) -> None:
        """Discard everything except the rows, and recover from them in any order, as after a crash."""
        rows = [ROWS.decode(msgspec.json.encode(row)) for row in self.state.rows()]
        rng.shuffle(rows)
        self.state = OrgState(rows)

    def cause(self) -> str:
        """Return the next id."""
        return f"event/{self.events}"

    def stage(self, lead_id: str) -> OrgLeadStatus | None:
        """Return the stage of a lead."""
        row = self.state.leads.get(lead_id)
        return row.stage if row else None


def row_id(row: OrgRow) -> str:
    """Return the id of a row's rep, lead or group."""
    if isinstance(row, OrgRep):
        return row.rep_id
    assert isinstance(row, OrgLead | OrgGroup)
    return row.lead_id if isinstance(row, OrgLead) else row.group_id
