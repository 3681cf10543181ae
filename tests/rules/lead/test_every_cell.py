"""The leads of the property tests are brought into each phase, and each trigger of the phase happens (X7)."""

from datetime import timedelta
from typing import Any

from models.events import (
    ActionRequested,
    LeadArrived,
    OrgAnswered,
    RulesChanged,
    SuppressionChanged,
)
from models.facts import Facts
from models.lead import Distribution, Phase
from models.merging import MergeAnswer, SplitFrom
from models.merging_decisions import LeadSplit
from models.offers import (
    LeadOrphaned,
    NoRepAvailable,
    OfferMade,
    OfferVoided,
    OrgAnswer,
    RejectedCandidate,
    RejectionReason,
)
from rules.lead.lifecycle import LIFECYCLE, Trigger
from tests.rules.lead.invariants import REACHED
from tests.rules.lead.lead_scenario import REPS as CREW
from tests.rules.lead.leads_live import LeadsLive
from tests.rules.lead.vocabulary import (
    QUEUES,
    REPS,
    Action,
)

CELLS = sorted((phase, trigger) for phase, row in LIFECYCLE.items() if phase is not None for trigger in row)
ORG_ANSWERS = frozenset({Trigger.OFFER_MADE, Trigger.NOBODY_AVAILABLE})
BRINGS: dict[Phase, tuple[Action, ...]] = {
    Phase.LOCKED: (("view", {}),),
    Phase.WORKING: (("view", {}),),
    Phase.IGNORED: (("ignore", {}),),
    Phase.CLOSED: (("outcome", {"outcome": "closed_won"}),),
    Phase.OFFERED: (("update", {"facts": {"campaign": "west"}}), ("redistribute", {})),
}
"""What an admin or the owner does last to bring a lead into a phase."""


class EveryCell(LeadsLive):
    """Several leads of one org, of which each cell of the life cycle is tried."""

    def try_cell(self, name: str, cell: tuple[Phase, Trigger]) -> None:
        """Bring a lead into a phase by an admin, and let the cell's trigger happen."""
        phase, trigger = cell
        if self.lead(name) is None:
            self.scenario.arrives(name)
        self.bring(name, phase, called=trigger is Trigger.CALLBACK_DUE)
        answers = trigger in ORG_ANSWERS
        if answers and phase in (Phase.QUEUED, Phase.EXCEPTION):
            for action in BRINGS[Phase.OFFERED]:
                self.asks(name, "ada", action)
        lead = self.lead(name)
        distribution = lead.open_distribution if lead is not None else None
        if distribution is not None and phase is Phase.OFFERED and not answers:
            self.offer(name, distribution)
        elif distribution is not None and answers and phase is not Phase.OFFERED:
            self.answer(nobody_available(name, distribution.epoch, "nobody is on the roster"))
        self.pull(name, trigger)

    def bring(self, name: str, phase: Phase, *, called: bool) -> None:
        """Bring a lead into a phase as far as its rules allow it. `called`: with a promised call."""
        self.asks(name, "ada", ("reopen", {"why": "again"}))
        self.asks(name, "ada", ("unignore", {}))
        if called:
            self.asks(name, "ada", ("assign", {"to_rep_id": "rep-9"}))
            self.asks(name, "owner", ("callback", {"in": timedelta(minutes=1)}))
        owned = phase in (Phase.OWNED, Phase.WORKING, Phase.CLOSED)
        self.asks(name, "ada", ("assign", {"to_rep_id": "rep-9"}) if owned else ("unassign", {"why": "back"}))
        if phase in (Phase.EXCEPTION, Phase.IGNORED):
            for queue_id in QUEUES:
                self.scenario.publishes("queue", queue_id, None)
        elif phase in (Phase.QUEUED, Phase.LOCKED):
            self.scenario.publishes("queue", "new", None).publishes("queue", "aged", None)
            self.scenario.publishes("queue", "all", {})
        for action in BRINGS.get(phase, ()):
            self.asks(name, "owner" if owned else "ada", action)

    def offer(self, name: str, distribution: Distribution) -> None:
        """Offer a lead to a rep who has not been tried."""
        untried = sorted(set(REPS) - set(distribution.tried))
        if untried:
            due = self.scenario.now + timedelta(minutes=5)
            about: dict[str, Any] = {"lead_id": name, "epoch": distribution.epoch, "group_id": "west"}
            self.answer(
                OfferMade(
                    **about,
                    rep_id=untried[0],
                    method="round_robin",
                    window_seconds=300,
                    due=due,
                    why="turn 1",
                )
            )

    def answer(self, answer: OrgAnswer) -> None:
        """Let the org answer."""
        self.scenario.of(answer.lead_id).log(
            OrgAnswered(lead_id=answer.lead_id, cause=f"org/{len(self.answered_actions)}", answer=answer)
        )
        self.note_owners(answer.lead_id)

    def pull(self, name: str, trigger: Trigger) -> None:
        """Let a trigger happen to a lead."""
        lead, scenario = self.lead(name), self.scenario.of(name)
        if lead is None:
            return
        distribution = lead.open_distribution
        about: dict[str, Any] = {
            "lead_id": name,
            "epoch": distribution.epoch if distribution else lead.owned_epoch,
        }
        handle = "phone/+14014194247"
        match trigger:
            case Trigger.ARRIVED:
                scenario.arrives(name)
            case Trigger.INQUIRED:
                self.inquires(name, {}, again=False)
            case Trigger.SUPPRESSION:
                reason = None if handle in lead.suppressed else "asked us"
                scenario.log(SuppressionChanged(lead_id=name, cause="list", handle=handle, reason=reason))
            case Trigger.RULES_CHANGED:
                scenario.log(RulesChanged(lead_id=name, cause="rules", version=0))
            case Trigger.CALLBACK_DUE | Trigger.LOCK_EXPIRED | Trigger.OFFER_EXPIRED:
                length = {Trigger.CALLBACK_DUE: 2, Trigger.OFFER_EXPIRED: 6}.get(trigger, 100)
                scenario.wait(minutes=length)
            case Trigger.RETENTION_OVER:
                scenario.publishes("settings", "settings", {"retention_days": 1})
                scenario.wait(days=2)
            case Trigger.ORPHANED if lead.owner is not None:
                self.answer(LeadOrphaned(**about, rep_id=lead.owner, why="left"))
            case Trigger.OFFER_MADE if distribution is not None and not distribution.reps:
                self.offer(name, distribution)
            case Trigger.NOBODY_AVAILABLE:
                self.answer(nobody_available(name, about["epoch"], "nobody has a licence"))
            case Trigger.OFFER_VOIDED if distribution is not None and distribution.reps:
                self.answer(OfferVoided(**about, rep_id=distribution.reps[0], why="has left"))
            case _:
                lock = lead.lock.rep_id if lead.lock else None
                actor = (
                    lock
                    or lead.owner
                    or (distribution.reps[0] if distribution and distribution.reps else "ada")
                )
                fields = {"to_rep_id": "rep-7", "why": "w", "note": "n", "kind": "call", "outcome": "talked"}
                self.asks(name, actor, (trigger.value, {**fields, "facts": {"state": "TX"}}))


def nobody_available(name: str, epoch: int, why: str) -> NoRepAvailable:
    """Return the answer of an org that has nobody for a lead now, and lets it wait."""
    return NoRepAvailable(
        lead_id=name,
        epoch=epoch,
        group_id="west",
        reason="no_available_agents",
        explanation=(RejectedCandidate(None, RejectionReason.GROUP, why),),
        waits=True,
    )


def take_out(machine: LeadsLive, name: str) -> None:
    """Let the org take a lead or an inquiry out of another lead (K5)."""
    offset = max(row.lead.org_log_offset for row in machine.scenario.rows.values() if row.lead) + 1
    split = SplitFrom(lead_id="A-2", rep_id="ada", why="another person")
    facts = Facts(vendor="acme", last_name="Roe")
    event = LeadArrived(
        lead_id=name, cause=f"split/{offset}", facts=facts, split=split, org_log_offset=offset
    )
    machine.scenario.log(event)


def merge_and_take_out(machine: LeadsLive, name: str) -> None:
    """Let an admin merge a lead as its org grants, and take it out again."""
    grant = MergeAnswer(message="org/default/1/0", into="A-2", granted=True, why="it takes it in")
    machine.scenario.log(
        ActionRequested(
            lead_id=name, cause="merge", action="merge", rep_id="ada", into_lead_id="A-2", merge=grant
        )
    )
    take_out(machine, name)
    assert any(isinstance(decision, LeadSplit) for decision in machine.scenario.of(name).decisions)


def test_x7_every_cell_of_the_lifecycle_is_reached() -> None:
    """The machine of the property test brings a lead into each phase, and each trigger of the phase happens."""
    REACHED.clear()
    for phase, trigger in CELLS:
        machine = EveryCell()
        machine.begin({"all"}, ({}, {}), CREW)
        machine.try_cell("A-1", (phase, trigger))
        machine.every_lead_is_in_one_phase_and_every_claim_is_kept()
    machine.inquires("A-3", {}, again=False)
    take_out(machine, "A-9")
    merge_and_take_out(machine, "A-9")
    cells = {(phase, trigger) for phase, row in LIFECYCLE.items() for trigger in row}
    unreached = sorted(f"{phase} --{trigger}-->" for phase, trigger in cells - REACHED)
    assert not unreached, (
        f"{len(REACHED & cells)} of {len(cells)} cells are reached; these are not: {unreached}"
    )
