"""Computes a second time who may have a lead, and compares that with the machine after each event.

The second computation uses only the machine's decisions. It works out who may have a lead from the published objects,
in the simplest way.
"""

from collections import Counter
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from models.offers import LeadOrphaned, NoRepAvailable, OfferMade, OfferVoided, RingStarted
from models.org_decisions import OrgDecision, StepResult
from models.org_events import OrgEvent, RepRequested
from models.org_rows import OrgLeadStatus, OrgRow
from rules.org.machine import SLICE
from rules.org.org_partition import Wakeable
from rules.org.state import OrgState
from tests.rules.calendar.test_schedule import naive_open
from tests.rules.org.conditions import meets
from tests.rules.org.counts import Counts
from tests.rules.org.org_driver import ROWS, OrgDriver, row_id

_DECISIONS: Final = msgspec.json.Decoder(OrgDecision)


class ReferenceAllocator(OrgDriver):
    """One org. `checked`: compare every step with the second computation, which is slow with many leads."""

    def __init__(self, *, checked: bool = True, slice_size: int = SLICE) -> None:
        super().__init__(slice_size=slice_size)
        self.checked = checked
        self.last_turn: dict[tuple[str, str], int] = {}
        self.owed: Counter[tuple[str, str]] = Counter()
        self.made_up: dict[str, str] = {}
        self.turns = 0
        self.offers: dict[str, tuple[str, str]] = {}
        self.had_last: set[str] = set()

    def publish(self, kind: str, object_id: str, value: dict[str, Any] | None) -> list[Any]:
        """Publish an object. A rep's new choice of availability begins anew."""
        old = self.published.get((kind, object_id))
        if kind == "rep" and _choice(old) != _choice(value):
            self.had_last.discard(object_id)
        return super().publish(kind, object_id, value)

    def decide(self, event: OrgEvent) -> StepResult:
        """Return the machine's decisions, checked against the rules before the rows are kept."""
        if not self.checked:
            return super().decide(event)
        before = list(self.state.rows())
        step = super().decide(event)
        assert list(self.state.rows()) == before, "a step reads the state and changes nothing of it"
        assert self.step(OrgState(before), event) == step, "rows are all it needs"
        self.judge(list(step.decisions))
        return step

    def keep(self, step: StepResult) -> None:
        """Put the rows of a step into the state, and check them."""
        super().keep(step)
        if self.checked:
            self.check(step.rows, step.decisions)

    def rep_left(self, rep_id: str) -> None:
        """Record that a rep has left, and forget the turns it was owed."""
        super().rep_left(rep_id)
        for key in [key for key in self.owed if key[1] == rep_id]:
            del self.owed[key]

    def judge(self, decisions: list[OrgDecision]) -> None:
        """Check each offer against the rules, before the rows are kept."""
        counts = Counts(self.state.rows())
        for decision in decisions:
            kind = type(decision).__name__
            if isinstance(decision, OfferMade | RingStarted):
                reps = (decision.rep_id,) if isinstance(decision, OfferMade) else decision.reps
                lead = self.rep_requests[decision.lead_id]
                assert decision.epoch == lead.epoch, "an offer answers the request that is open (X3)"
                rings = isinstance(decision, RingStarted) and decision.method == "ring_all"
                may = self.candidates(decision.group_id, lead, counts, rings=rings)
                if isinstance(decision, RingStarted):
                    assert set(reps) == may, "all who may are called, nobody else (S1, S4)"
                else:
                    assert reps[0] in may, "only who may is given a lead (R8, R9)"
                    self.judge_turn(decision, may)
                for rep_id in reps:
                    day = self.today(rep_id)
                    counts.offer(decision.lead_id, rep_id, day, rings=rings)
            elif isinstance(decision, OfferVoided):
                counts.end(decision.lead_id, decision.rep_id)
                if decision.rep_id not in self.left:
                    self.owe(decision.lead_id, decision.rep_id)
            elif kind == "CapacityReturned":
                turn = getattr(decision, "turn", None)
                rep_id, lead_id = getattr(decision, "rep_id", ""), getattr(decision, "lead_id", "")
                counts.end(lead_id, rep_id)
                if turn == "owed":
                    self.owe(lead_id, rep_id)
            elif kind == "CapacityTaken":
                rep_id = getattr(decision, "rep_id", "")
                counts.add_owned(getattr(decision, "lead_id", ""), rep_id)
                if _choice(self.published.get(("rep", rep_id)))[0] == "last_lead":
                    self.had_last.add(rep_id)
            elif isinstance(decision, NoRepAvailable):
                self.judge_nobody(decision, counts)
            elif isinstance(decision, LeadOrphaned):
                active = self.published.get(("rep", decision.rep_id), {}).get("active", True)
                assert decision.rep_id in self.left or not active, "only who has left loses its leads (X2)"

    def owe(self, lead_id: str, rep_id: str) -> None:
        """Record that a voided turn must be made up for."""
        offer = self.offers.pop(lead_id, None)
        if offer is not None and offer[1] == rep_id and rep_id not in self.left:
            self.owed[offer] += 1

    def judge_turn(self, offer: OfferMade, may: set[str]) -> None:
        """Check the turn among equal weights (R7).

        A rep with an owed turn goes first, unless it made one up and nobody else was served since. Then the one whose
        last turn is oldest goes first.
        """
        group = self.published["group", offer.group_id]
        key = (offer.group_id, offer.rep_id)
        roster = [member["rep_id"] for member in group["members"]]
        if offer.method == "roster":
            assert offer.rep_id == next(rep_id for rep_id in roster if rep_id in may), "number one first (R1)"
            return
        self.offers[offer.lead_id] = key
        last = self.made_up.get(offer.group_id)
        owed = {
            rep_id
            for rep_id in may
            if self.owed[offer.group_id, rep_id] and (rep_id != last or len(may) == 1)
        }
        if len({member.get("weight", 1) for member in group["members"]}) == 1:
            first = min(
                may,
                key=lambda rep_id: (
                    rep_id not in owed,
                    self.last_turn.get((offer.group_id, rep_id), 0),
                    roster.index(rep_id),
                ),
            )
            assert offer.rep_id == first, "it is the turn of whoever waits longest (R7)"
        elif owed:
            assert offer.rep_id in owed, "a voided turn is made up for first (R7)"
        if offer.rep_id in owed:
            self.owed[key] -= 1
            self.made_up[offer.group_id] = offer.rep_id
            return
        self.turns += 1
        self.last_turn[key] = self.turns
        if offer.rep_id != last:
            self.made_up.pop(offer.group_id, None)

    def judge_nobody(self, answer: NoRepAvailable, counts: Counts) -> None:
        """Check that nobody is available when the machine says so, and that every candidate has its reason (R9)."""
        lead = self.rep_requests[answer.lead_id]
        group = self.published.get(("group", answer.group_id))
        if group is None or group["method"] == "queue" or answer.reason == "transfers_paused":
            return
        rings = group["method"] == "ring_all"
        assert not self.candidates(answer.group_id, lead, counts, rings=rings)
        is_busy = rings and bool(self.candidates(answer.group_id, lead, counts, rings=False))
        assert is_busy or answer.reason != "all_agents_ringing", "only a ring waits for its turn (M9)"
        explained = {candidate.rep_id for candidate in answer.explanation}
        assert explained == {None} or explained == {member["rep_id"] for member in group["members"]}

    def candidates(self, group_id: str, ask: RepRequested, counts: Counts, *, rings: bool) -> set[str]:
        """Return the reps who may have a lead."""
        group = self.published["group", group_id]
        if "filter" in group and not meets(group["filter"], ask.lead):
            return set()
        return {
            member["rep_id"]
            for member in group["members"]
            if self.may(member["rep_id"], ask, counts, rings=rings)
        }

    def may(self, rep_id: str, ask: RepRequested, counts: Counts, *, rings: bool) -> bool:
        """Return whether a rep may have a lead, from the published objects (R9)."""
        terms = self.published.get(("rep", rep_id), {} if self.open else None)
        if terms is None or not terms.get("active", True) or rep_id in self.left or rep_id in ask.tried:
            return False
        choice, _ = _choice(terms)
        if choice == "paused" or (
            choice == "last_lead" and (rep_id in self.had_last or counts.has_offer(rep_id))
        ):
            return False
        zone, until = terms.get("time_zone", "UTC"), self.absent.get(rep_id, self.now)
        if until is None or self.now < until:
            return False
        for absence in terms.get("absences", ()):
            if datetime.fromisoformat(absence["from"]) <= self.now < datetime.fromisoformat(absence["to"]):
                return False
        hours, states = terms.get("hours"), terms.get("licensed_states")
        if hours is not None and not naive_open(hours, self.now.astimezone(ZoneInfo(zone))):
            return False
        if states is not None and ask.lead.facts.state not in states:
            return False
        if "filter" in terms and not meets(terms["filter"], ask.lead):
            return False
        if counts.open[rep_id] >= terms.get("max_open", 1_000_000):
            return False
        if counts.days[rep_id, self.today(rep_id)] >= terms.get("max_per_day", 1_000_000):
            return False
        return not (rings and counts.rings[rep_id])

    def today(self, rep_id: str) -> date:
        """Return the date on a rep's calendar."""
        zone = self.published.get(("rep", rep_id), {}).get("time_zone", "UTC")
        return self.now.astimezone(ZoneInfo(zone)).date()

    def check(self, rows: tuple[OrgRow, ...], decisions: tuple[OrgDecision, ...]) -> None:
        """Check the rows against each other (X7, S4), and against the journal's copy of them."""
        keys = [(type(row), row_id(row)) for row in rows]
        assert len(keys) == len(set(keys)), "a step has each row once"
        for row in rows:
            assert ROWS.decode(msgspec.json.encode(row)) == row
        for decision in decisions:
            assert _DECISIONS.decode(msgspec.json.encode(decision)) == decision
        counts = Counts(self.state.rows())
        for rep_id, rep in self.state.reps.items():
            assert rep.held == counts.held[rep_id], "what a rep holds is what leads it holds (X7)"
            assert rep.held + rep.offered == counts.open[rep_id], "what it is offered, too (X7)"
            assert counts.rings[rep_id] == (rep.ring is not None), "one lead rings with a rep, or none (S4)"
        for lead in self.state.leads.values():
            assert (lead.stage is OrgLeadStatus.WAITING) == (not lead.holds), (
                "waiting takes nothing, all else does"
            )
            if lead.stage in (OrgLeadStatus.OFFERED, OrgLeadStatus.HELD):
                assert len(lead.holds) == 1, "one lead, one rep (R5)"

    def stuck(self) -> list[str]:
        """Return the leads that wait although a rep may have them and no timer is due that would offer them."""
        counts = Counts(self.state.rows())
        if any(isinstance(row, Wakeable) and row.wake and row.wake <= self.now for row in self.state.rows()):
            return []
        lead_ids = []
        for lead in self.state.leads.values():
            group = self.published.get(("group", lead.group_id or ""))
            if lead.stage is not OrgLeadStatus.WAITING or group is None or group["method"] == "queue":
                continue
            ask = self.rep_requests[lead.lead_id]
            zone = ZoneInfo(group.get("time_zone", "UTC"))
            if ask.tried and naive_open(group.get("pause", []), self.now.astimezone(zone)):
                continue
            rings = group["method"] == "ring_all"
            if self.candidates(lead.group_id or "", ask, counts, rings=rings):
                lead_ids.append(lead.lead_id)
        return lead_ids


def _choice(terms: dict[str, Any] | None) -> tuple[str, str | None]:
    """Return what a rep chose, and when."""
    terms = terms or {}
    return terms.get("availability", "available"), terms.get("availability_at")
