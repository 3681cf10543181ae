"""A sales floor in a test: leads and their org, each with its own log, one clock, and the messages between them.

Messages keep their order, as the relays keep it: per partition of the lead journal, and per lead's partition on the way
back. The test decides when they arrive: at once (`prompt`), late, or again, as after a relay's crash.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, Self, TypeVar

from models.codec import decode_org_event, decode_org_record, encode_org_event, encode_org_record
from models.decisions import Answered
from models.erasure import ErasureKey
from models.events import ActionRequested, DirectoryPublished
from models.facts import Facts
from models.lead import Deadline, Lead, LeadRow
from models.offers import OfferMade, RingStarted
from models.org_decisions import OrgDecision, OrgStep, PlaceDecided
from models.org_events import (
    DoNotContactPublished,
    ErasureRequested,
    OrgEvent,
    OrgWoken,
    PersonArrived,
    RepChange,
    RepChanged,
)
from models.org_rows import OrgLeadStatus
from models.persons import handle_digest
from models.public import DO_NOT_CONTACT
from rules.inbound.do_not_contact import accept_listing
from rules.lead.machine import LeadEvent
from rules.org.org_partition import OrgPartition, Record, wakeable_id
from rules.org.state import OrgState
from rules.outbound.lead_org_messages import to_leads, to_org
from rules.outbound.notifications import notifications_of
from rules.outbound.public_messages import public_messages
from tests.rules.distribution.agreement import check_agreement
from tests.rules.distribution.lane import Lane
from tests.rules.lead.lead_scenario import LEAD, Scenario
from tests.rules.org.org_driver import WAKES

T = TypeVar("T")
ORG: Final = "default"
NEWS: Final = "news"
"""The lane of publications and of reps who leave or return. They come from no lead, so they have no number."""
ARRIVALS: Final = "arrivals"
"""The lane of arrivals and of the do-not-contact list. They have no number either."""
CREW: Final[dict[str, dict[str, Any]]] = {"mia": {"role": "manager"}, "ada": {"role": "admin"}}
PARTITIONS: Final = 2
ROUNDS: Final = 5_000
"""More rounds than any scenario needs. If this many are used, leads and org never come to rest."""
_Due = tuple[datetime, int, str, tuple[str, Deadline] | OrgWoken]


KEY = ErasureKey(bytes(range(32)))


class SalesFloor(Scenario):
    """Leads by name, their org, and one clock. `prompt`: every message arrives before anything else happens."""

    def __init__(self, *reps: str, **terms: Any) -> None:
        self.orgs = OrgPartition(0)
        self.journal: list[Record] = []
        self.decided: list[OrgDecision] = []
        self.history: dict[str, list[LeadRow]] = defaultdict(list)
        self.org_messages: dict[str, Lane] = {
            source: Lane() for source in (NEWS, ARRIVALS, *map(str, range(PARTITIONS)))
        }
        self.answers: dict[str, Lane] = {source: Lane() for source in map(str, range(PARTITIONS))}
        self.prompt = True
        self._org_offsets = count()
        self._news = count()
        self._listed = count()
        super().__init__(reps=CREW | {rep_id: dict(terms) for rep_id in reps})

    # -- what is there ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> OrgState:
        """The state of the org."""
        return self.orgs.state(ORG)

    def lead_of(self, name: str) -> Lead:
        """Return a lead by its name; it must exist."""
        lead = self.rows[name].lead
        assert lead is not None
        return lead

    def has(self, name: str) -> tuple[str, ...]:
        """Return the rep who owns a lead or has an open offer of it."""
        lead = self.lead_of(name)
        return (lead.owner,) if lead.owner else lead.open_distribution.reps if lead.open_distribution else ()

    def in_hand(self, rep_id: str) -> tuple[int, int]:
        """Return how many leads a rep holds and is offered, by the org's count."""
        row = self.state.reps[rep_id]
        return row.held, row.offered

    def stage(self, name: str) -> OrgLeadStatus | None:
        """Return the stage of a lead in its org."""
        row = self.state.leads.get(name)
        return row.stage if row else None

    def offered(self, name: str) -> list[str]:
        """Return the reps to whom the org offered a lead, in order."""
        return [
            decision.rep_id
            for decision in self.decided
            if isinstance(decision, OfferMade) and decision.lead_id == name
        ]

    def offers_to(self, rep_id: str, *names: str) -> int:
        """Count the offers of the given leads to a rep."""
        return sum(
            isinstance(decision, OfferMade) and decision.rep_id == rep_id and decision.lead_id in names
            for decision in self.decided
        )

    def all_decisions(self, name: str, kind: type[T]) -> list[T]:
        """Return every decision of a type in a lead's history."""
        return [
            decision for row in self.history[name] for decision in row.decisions if isinstance(decision, kind)
        ]

    def all_notifications(self, name: str) -> list[tuple[str, str, bool]]:
        """Return template, rep and `withdrawn` of all notifications in a lead's history."""
        return [
            (notification.template, notification.rep_id, notification.withdrawn)
            for row in self.history[name]
            for notification in notifications_of(row)
        ]

    # -- what happens -----------------------------------------------------------------------------------------------

    def group(self, group_id: str, *members: str | tuple[str, int], **more: Any) -> Self:
        """Publish a group with its roster, and a campaign of the same name through which leads come."""
        roster = [
            {"rep_id": member} if isinstance(member, str) else {"rep_id": member[0], "weight": member[1]}
            for member in members
        ]
        self.publishes("group", group_id, {"method": "round_robin", "members": roster, **more})
        return self.publishes("campaign", group_id, {"name": group_id, "group_id": group_id})

    def arrives(self, name: str = LEAD, **facts: Any) -> Self:
        """Let a vendor send the lead; its org decides whose arrival it is (R6)."""
        self.name = name
        defaults = {"vendor": "acme", "external_id": name, "last_name": "Jones", "state": "RI"}
        incoming = Facts(**{**defaults, "created_at": self.now, **facts})
        self.org_messages[ARRIVALS].send(
            PersonArrived(
                lead_id=name, cause=f"arrival/{name}", facts=incoming, hashes=KEY.hashes_of(incoming)
            )
        )
        return self.if_prompt()

    def erases(
        self, *, lead: str | None = None, handle: str | None = None, by: str = "ada", preview: bool = False
    ) -> Answered:
        """Request the erasure of a person, or only its preview; return the answer to the request."""
        n = next(self._news)
        digest = None if handle is None else handle_digest(handle).hex()
        hashes = () if handle is None else (KEY.hash_of(ORG, *handle.split("/", 1)),)
        self.org_messages[NEWS].send(
            ErasureRequested(
                cause=f"erase/{n}",
                rep_id=by,
                answer_to=f"answer-{n}",
                lead_id=lead,
                digest=digest,
                hashes=hashes,
                preview=preview,
            )
        )
        self.if_prompt()
        return self.rows[f"answer-{n}"].answers[-1]

    def lists(self, handle: str, reason: str | None = "asked us not to", *, erased: bool = False) -> Self:
        """Put a handle on the do-not-contact list, or, with None, take it off (X6)."""
        version = next(self._listed)
        self.org_messages[ARRIVALS].send(
            DoNotContactPublished(
                cause=f"list/{version}",
                handle=handle,
                version=version,
                reason=reason,
                at=self.now,
                erased=erased,
            )
        )
        return self.if_prompt()

    def comes(self, *names: str, through: str = "west", **facts: Any) -> Self:
        """Let leads arrive through a group's campaign."""
        for name in names:
            self.arrives(name, campaign=through, **facts)
        return self

    def changes(self, rep_id: str, change: RepChange, until: datetime | None = None) -> None:
        """Let a rep leave, be absent or come back."""
        cause = f"change/{next(self._news)}"
        self.org_messages[NEWS].send(RepChanged(cause=cause, rep_id=rep_id, change=change, until=until))
        self.if_prompt()

    def publishes(
        self, kind: str, object_id: str, value: dict[str, Any] | None, *, sweep: bool = True
    ) -> Self:
        """Publish an object to the leads and, if the org needs it, to the org."""
        with self.messages_held():
            super().publishes(kind, object_id, value, sweep=sweep)
        if kind in ("rep", "group", "settings"):
            version = next(self._news)
            self.org_messages[NEWS].send(
                DirectoryPublished(
                    lead_id="",
                    cause=f"directory/{version}",
                    org=ORG,
                    kind=kind,
                    object_id=object_id,
                    version=version,
                    value=value,
                )
            )
        return self.if_prompt()

    def asks(self, action: str, rep_id: str, *, action_id: str | None = None, **fields: Any) -> Answered:
        """Let a person request an action; return the answer."""
        action_id = action_id or f"action-{next(self._actions)}"
        self.requests(action, rep_id, action_id=action_id, **fields)
        return self.answer_to(action_id)

    def requests(self, action: str, rep_id: str, *, action_id: str, **fields: Any) -> Self:
        """Let a person request an action, whose answer may have to wait for the org (M6)."""
        self.log(ActionRequested(lead_id=self.name, cause=action_id, action=action, rep_id=rep_id, **fields))
        return self

    def answer_to(self, action_id: str) -> Answered:
        """Return the newest answer to an action, which must have been answered."""
        answers = [
            decision
            for rows in self.history.values()
            for row in rows
            for decision in row.decisions
            if isinstance(decision, Answered) and decision.action_id == action_id
        ]
        assert answers, f"{action_id} is not answered"
        assert all(answer == answers[0] for answer in answers), "every repeat has the same answer (X4)"
        return answers[-1]

    def log(self, event: LeadEvent) -> Self:
        """Append an event to a lead's log, and send its messages to the org."""
        super().log(event)
        row = self.rows[event.lead_id]
        self.history[event.lead_id].append(row)
        lane = self.org_messages[partition_of(event.lead_id)]
        for n, org_message in enumerate(to_org(row)):
            lane.send(org_message, mark=row.off << 8 | n)
        for message in public_messages(row, event.lead_id.encode(), 0):
            if message.topic == DO_NOT_CONTACT:
                incoming = accept_listing(
                    message.key,
                    message.payload,
                    dict(message.headers),
                    version=next(self._listed),
                    at=self.now,
                )
                self.org_messages[ARRIVALS].send(incoming)
        return self.if_prompt()

    def tell(self, event: OrgEvent, source: str = "", mark: int = -1) -> None:
        """Append an event to the org's log, and send its answers to the leads."""
        event = decode_org_event(encode_org_event(event))
        decided = self.orgs.decide(
            event, off=next(self._org_offsets), at=self.now, source=source, number=mark
        )
        assert decided.failure is None
        for key, record in decided.records:
            read = record and decode_org_record(encode_org_record(record))
            assert read == record
            self.journal.append((key, read))
            assert self.orgs.apply_or_remove(key, read)
        head = decided.records[0][1]
        assert isinstance(head, OrgStep)
        self.decided += head.decisions
        self.check_caps(head)
        for news in to_leads(head):
            self.answers[partition_of(news.lead_id)].send(news)

    def check_caps(self, step: OrgStep) -> None:
        """Check every offer of a step against the caps of its rep (R9)."""
        for decision in step.decisions:
            reps = decision.reps if isinstance(decision, RingStarted) else ()
            if isinstance(decision, OfferMade) or (isinstance(decision, PlaceDecided) and decision.granted):
                reps = (decision.rep_id,)
            for rep_id in reps:
                plan = self.orgs.directory(ORG).rep(rep_id)
                most = plan.max_open if plan else 0
                has = self.state.reps[rep_id].open_leads
                assert most is None or has <= most, "neither offer nor reserved place exceeds the cap"

    # -- messages ---------------------------------------------------------------------------------------------------

    @contextmanager
    def messages_held(self) -> Iterator[None]:
        """Hold messages back until the block ends, or until the test carries them."""
        before, self.prompt = self.prompt, False
        yield
        self.prompt = before

    def if_prompt(self) -> Self:
        """Deliver everything, unless messages are held back now."""
        return self.deliver() if self.prompt else self

    def carry(self, source: str, most: int = 1) -> None:
        """Deliver the next messages of a partition, or news, to the org."""
        for event, mark in self.org_messages[source].next(most):
            self.tell(event, "" if source in (NEWS, ARRIVALS) else source, mark)

    def answer(self, partition: str, most: int = 1) -> None:
        """Deliver the org's next answers to the leads of a partition."""
        name = self.name
        with self.messages_held():
            for answered, _ in self.answers[partition].next(most):
                self.log(answered)
        self.name = name

    def deliver(self) -> Self:
        """Deliver all messages, and those that follow from them, until none is left."""
        for _ in range(ROUNDS):
            lanes = [*self.org_messages.items(), *self.answers.items()]
            waiting = [(lane.sent[lane.done][2], source, lane) for source, lane in lanes if lane.waiting]
            if not waiting:
                return self
            _, source, first = min(waiting, key=lambda entry: entry[0])
            (self.carry if first is self.org_messages.get(source) else self.answer)(source)
        raise AssertionError("leads and org do not come to rest")

    def restart_org(self, *, compacted: bool = False) -> None:
        """Discard all state of the org except its journal, and recover from that, either as it is or compacted."""
        orgs = OrgPartition(0)
        last = {key: position for position, (key, _) in enumerate(self.journal)}
        for position, (key, record) in enumerate(self.journal):
            if not compacted or last[key] == position:
                orgs.apply_or_remove(key, record)
        orgs.recovered()
        assert sorted(orgs.state(ORG).rows(), key=repr) == sorted(self.state.rows(), key=repr)
        assert orgs.state(ORG).persons == self.state.persons
        self.orgs = orgs

    # -- time -------------------------------------------------------------------------------------------------------

    def wait(self, **length: float) -> Self:
        """Let time pass with all timers on time, both of leads and of the org."""
        end, name = self.now + timedelta(**length), self.name
        for _ in range(ROUNDS):
            self.if_prompt()
            due = min((*self._deadlines(), *self._wakes()), key=lambda timer: timer[:3], default=None)
            if due is None or due[0] > end:
                self.now = end
                self.name = name
                return self
            self.now = max(self.now, due[0])
            self.tell_due(due[3])
        raise AssertionError("time does not pass")

    def tell_due(self, due: tuple[str, Deadline] | OrgWoken) -> None:
        """Append the event of a timer that is due."""
        if isinstance(due, OrgWoken):
            self.tell(due)
        else:
            name = self.name
            self.of(due[0]).passes(due[1])
            self.name = name

    def _deadlines(self) -> Iterator[_Due]:
        for name, row in self.rows.items():
            for deadline in row.lead.deadlines if row.lead else ():
                yield deadline.due, 0, name, (name, deadline)

    def _wakes(self) -> Iterator[_Due]:
        for org, row in self.orgs.wakes():
            assert row.wake is not None
            kind, object_id = WAKES[type(row)], wakeable_id(row)
            cause = f"wake/{object_id}"
            woken = OrgWoken(cause=cause, org=org, kind=kind, object_id=object_id, due=row.wake)
            yield row.wake, 1, object_id, woken

    # -- both sides -------------------------------------------------------------------------------------------------

    def agree(self) -> None:
        """Check that leads and org agree, after all messages are delivered (X7)."""
        check_agreement(self.orgs, self.state, self.rows, self.rule_book.org(ORG))


def partition_of(lead_id: str) -> str:
    """Return a partition for a lead; any function of the lead will do."""
    return str(sum(lead_id.encode()) % PARTITIONS)
