"""Tells the events of a lead's log in order, for tables of cases, and checks every step against the invariants.

The clock is the broker's. `at` moves it without timers; `wait` moves it and timers fire on time. Every event and every
row is encoded and decoded, so a scenario also checks that the wire format loses nothing.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from models.codec import decode_event, decode_row, encode_event, encode_row
from models.decisions import Answered, Decision
from models.events import ActionRequested, DeadlinePassed, DirectoryPublished, LeadArrived, RulesChanged
from models.facts import Facts
from models.lead import Deadline, DeadlineKind, Lead, LeadRow
from models.persons import Inquiry
from rules.lead.machine import LeadEvent, step
from rules.lead.stale_leads import is_stale
from rules.lead.waiting import is_to_be_asked
from rules.queues.rule_book import RuleBook
from tests.rules.lead.invariants import check_step
from tests.rules.lead.own_queue_follower import follow

if TYPE_CHECKING:
    from models.public import QueueChange

START = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
LEAD = "A-1"
REPS: dict[str, dict[str, Any]] = {
    "rep-3": {"teams": ["east"]},
    "rep-7": {"teams": ["west"]},
    "rep-9": {"teams": ["west"]},
    "mia": {"role": "manager"},
    "ada": {"role": "admin"},
}


def where(*conditions: tuple[str, str, Any], combinator: str = "and") -> dict[str, Any]:
    """Return a rule tree of (field, operator, value); an amount of time is written as `14 day`."""
    rules = [
        {
            "field": field,
            "operator": operator,
            "value": amount(value) if operator.endswith(("Last", "Next")) else value,
        }
        for field, operator, value in conditions
    ]
    return {"combinator": combinator, "not": False, "rules": rules}


def amount(text: str) -> dict[str, Any]:
    """Return `14 day` as rules write it."""
    number, unit = text.split()
    return {"amount": int(number), "unit": unit}


class Scenario:
    """Leads by name, the rules of their org, and one clock."""

    def __init__(self, *, reps: dict[str, dict[str, Any]] | None = None) -> None:
        self.rule_book = RuleBook()
        self.now = START
        self.rows: dict[str, LeadRow] = {}
        self.listed: defaultdict[str, dict[str, QueueChange]] = defaultdict(dict)
        self.name = LEAD
        self._offsets = count()
        self._versions = count()
        self._actions = count(1)
        self._offsets = count(1)
        for rep_id, fields in (REPS if reps is None else reps).items():
            self.rep(rep_id, **fields)

    # -- what is there ------------------------------------------------------------------------------------------

    @property
    def row(self) -> LeadRow:
        """The row of the lead that was used last."""
        return self.rows[self.name]

    @property
    def lead(self) -> Lead:
        """The lead that was used last."""
        lead = self.row.lead
        assert lead is not None
        return lead

    @property
    def decisions(self) -> list[Decision]:
        """The last event's decisions, without answers."""
        return [decision for decision in self.row.decisions if not isinstance(decision, Answered)]

    @property
    def kinds(self) -> list[str]:
        """The names of the last event's decisions, without answers."""
        return [type(decision).__name__ for decision in self.decisions]

    @property
    def queues(self) -> list[str]:
        """The queues of the lead."""
        return sorted(self.lead.placements)

    def list(self, queue_id: str) -> list[str]:
        """Return the names of the leads in a queue, in the order that everyone sees (Q7)."""
        standing = [
            (row.lead.placements[queue_id].sort_key, row.lead.lead_id, name)
            for name, row in self.rows.items()
            if row.lead is not None and queue_id in row.lead.placements
        ]
        return [name for *_, name in sorted(standing)]

    def deadline(self, kind: DeadlineKind) -> Deadline:
        """Return the lead's deadline of a kind; it must exist."""
        deadline = self.lead.deadline(kind)
        assert deadline is not None
        return deadline

    # -- time ---------------------------------------------------------------------------------------------------

    def at(self, **after_start: float) -> Self:
        """Set the clock to an instant after the scenario's start, without timers."""
        self.now = START + timedelta(**after_start)
        return self

    def wait(self, **length: float) -> Self:
        """Let time pass with timers on time: each deadline on the way is appended at its instant."""
        end = self.now + timedelta(**length)
        while True:
            due = min(
                (
                    (deadline.due, name, deadline)
                    for name, row in self.rows.items()
                    for deadline in (row.lead.deadlines if row.lead else ())
                    if deadline.due <= end
                ),
                key=lambda timer: timer[:2],
                default=None,
            )
            if due is None:
                self.now = end
                return self
            self.now = max(self.now, due[0])
            self.name = due[1]
            self.passes(due[2])
            assert due[2] not in self.lead.deadlines, "a deadline that is told when it is due is acted on"

    # -- events -------------------------------------------------------------------------------------------------

    def of(self, name: str) -> Self:
        """Switch to another lead."""
        self.name = name
        return self

    def arrives(self, name: str = LEAD, **facts: Any) -> Self:
        """Let a vendor send the lead."""
        self.name = name
        defaults = {
            "vendor": "acme",
            "external_id": name,
            "last_name": "Jones",
            "state": "RI",
            "created_at": self.now,
        }
        return self.log(
            LeadArrived(lead_id=name, cause=f"arrival/{name}", facts=Facts(**{**defaults, **facts}))
        )

    def inquires(
        self, inquiry_id: str, *, again: bool = False, place: int | None = None, **facts: Any
    ) -> Self:
        """Add another inquiry of the lead's person, as its org sends it (R6)."""
        fields = {"vendor": "globex", "external_id": inquiry_id, "created_at": self.now, **facts}
        inquiry = Inquiry(inquiry_id, f"lead {self.name} has the same phone", again)
        return self.log(
            LeadArrived(
                lead_id=self.name,
                cause=f"arrival/{inquiry_id}",
                facts=Facts(**fields),
                inquiry=inquiry,
                org_log_offset=next(self._offsets) if place is None else place,
            )
        )

    def asks(self, action: str, rep_id: str, *, action_id: str | None = None, **fields: Any) -> Answered:
        """Let a person request an action; return the answer."""
        cause = action_id or f"action-{next(self._actions)}"
        self.log(ActionRequested(lead_id=self.name, cause=cause, action=action, rep_id=rep_id, **fields))
        answer = self.row.decisions[0]
        assert isinstance(answer, Answered)
        return answer

    def claims(self, rep_id: str, queue_id: str | None = None, **fields: Any) -> Answered:
        """Let a rep press Claim this Lead."""
        return self.asks("claim", rep_id, queue_id=queue_id, **fields)

    def opens(self, rep_id: str, **fields: Any) -> Answered:
        """Let a rep open the lead."""
        return self.asks("view", rep_id, **fields)

    def passes(self, deadline: Deadline) -> Self:
        """Append the event of a timer's deadline."""
        return self.log(
            DeadlinePassed(
                lead_id=self.name,
                cause=f"deadline/{self.name}/{deadline.kind}/{deadline.epoch}",
                kind=deadline.kind,
                due=deadline.due,
                epoch=deadline.epoch,
            )
        )

    def publishes(
        self, kind: str, object_id: str, value: dict[str, Any] | None, *, sweep: bool = True
    ) -> Self:
        """Publish an object, and tell all leads that it affects, unless the sweep is to come later."""
        event = DirectoryPublished(
            lead_id="",
            cause=f"directory/{object_id}",
            org="default",
            kind=kind,
            object_id=object_id,
            version=next(self._versions),
            value=value,
        )
        self.rule_book = self.rule_book.publish(event)
        return self.sweep() if sweep else self

    def queue(
        self, queue_id: str, *conditions: tuple[str, str, Any], sweep: bool = True, **fields: Any
    ) -> Self:
        """Publish a queue of the leads that meet the conditions."""
        value = {"name": queue_id, "inclusion": where(*conditions), **fields}
        return self.publishes("queue", queue_id, value, sweep=sweep)

    def rep(self, rep_id: str, **fields: Any) -> Self:
        """Publish a rep."""
        return self.publishes("rep", rep_id, {"rep_id": rep_id, **fields})

    def settings(self, **fields: Any) -> Self:
        """Publish the org's settings."""
        return self.publishes("settings", "settings", fields)

    def sweep(self) -> Self:
        """Tell every lead whose placements may differ under the current rules (Q6)."""
        rules, touched = self.rule_book.org("default"), self.name
        for name, row in list(self.rows.items()):
            lead = row.lead
            if lead is not None and (is_stale(lead, rules, self.now) or is_to_be_asked(lead, rules)):
                cause = f"rules/{name}/{rules.version}"
                self.of(name).log(RulesChanged(lead_id=name, cause=cause, version=rules.version))
        return self.of(touched)

    def log(self, event: LeadEvent) -> Self:
        """Append an event to the lead's log, and let the machine decide."""
        read = decode_event(encode_event(event))
        assert read == event
        before = self.rows.get(event.lead_id)
        after = step(before, event, off=next(self._offsets), at=self.now, rule_book=self.rule_book)
        check_step(before, event, after, self.rule_book.org("default"))
        assert isinstance(decode_row(encode_row(after)), LeadRow)
        follow(self.listed[event.lead_id], after)
        self.rows[event.lead_id] = after
        return self
