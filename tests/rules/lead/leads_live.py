"""Several leads of one org that live through any order of events, each of them checked with `check_step`."""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from models.decisions import Answered, ClaimReopened, InquiryAdded, OwnerChanged
from models.events import (
    ActionRequested,
    CorrectionChecked,
    OrgAnswered,
    SuppressionChanged,
)
from models.lead import Deadline, Lead, Phase
from models.offers import (
    LeadOrphaned,
    NoRepAvailable,
    OfferMade,
    OfferVoided,
    OrgAnswer,
    RejectedCandidate,
    RejectionReason,
    RingStarted,
)
from models.results import Reason, Result
from tests.rules.lead import reference_queues
from tests.rules.lead.lead_scenario import REPS as CREW
from tests.rules.lead.lead_scenario import Scenario
from tests.rules.lead.vocabulary import (
    ACTIONS,
    DESK,
    FACTS,
    LEADS,
    LENGTHS,
    OFFERED,
    QUEUES,
    REP_CHANGES,
    REPS,
    SETTINGS,
    WORK,
    Action,
)

ANSWERS = ("offer", "offer", "offer", "for good", "ring", "ring", "nobody", "nobody", "void", "orphan")
"""What an org may answer."""
leads = st.sampled_from(LEADS)
concerned = st.sampled_from(["holder", "owner", "lapsed"])
"""People, named by their relation to the lead; any rep if nobody has that relation."""
people = concerned | st.sampled_from(REPS)
lengths = st.sampled_from(LENGTHS)


class LeadsLive(RuleBasedStateMachine):
    """Several leads of one org.

    `claimed`: who has each lead that was won from a claimable queue and not reopened for claims since: the winner, or
    whom a manager has given it to; None if nobody has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scenario = Scenario(reps={})
        self.answered_actions: list[tuple[ActionRequested, Answered]] = []
        self.seen: list[tuple[str, Deadline]] = []
        self.claimed: dict[str, str | None] = {}
        self.inquired = 0

    def lead(self, name: str) -> Lead | None:
        row = self.scenario.rows.get(name)
        return row.lead if row else None

    def person(self, name: str, actor: str) -> str:
        lead = self.lead(name)
        if actor not in ("holder", "owner", "lapsed"):
            return actor
        rep_id = lead and {"holder": lead.lock and lead.lock.rep_id, "owner": lead.owner}.get(
            actor, lead.lapsed
        )
        return rep_id or "rep-9"

    @property
    def arrived(self) -> list[Lead]:
        return [row.lead for row in self.scenario.rows.values() if row.lead is not None]

    # -- what happens -------------------------------------------------------------------------------------------

    @initialize(
        queues=st.sets(st.sampled_from(sorted(QUEUES)), min_size=1),
        facts=st.tuples(st.sampled_from(FACTS), st.sampled_from(FACTS)),
        crew=st.sampled_from([CREW, CREW, CREW, {}]),
    )
    def begin(
        self, queues: set[str], facts: tuple[dict[str, Any], ...], crew: dict[str, dict[str, Any]]
    ) -> None:
        """Open an org, with reps and managers or without any: in an open org everybody is an admin."""
        for rep_id, terms in crew.items():
            self.scenario.rep(rep_id, **terms)
        self.scenario.publishes("group", "west", {"method": "round_robin", "members": [{"rep_id": "mia"}]})
        self.scenario.publishes("campaign", "west", {"group_id": "west"})
        for queue_id in sorted(queues):
            self.scenario.publishes("queue", queue_id, QUEUES[queue_id][0])
        for name, lead_facts in zip(LEADS, facts, strict=False):
            self.scenario.arrives(name, **lead_facts)

    @rule(name=leads, facts=st.sampled_from(FACTS))
    def arrives(self, name: str, facts: dict[str, Any]) -> None:
        self.scenario.arrives(name, **facts)

    @rule(name=leads, facts=st.sampled_from(FACTS), again=st.booleans())
    def inquires(self, name: str, facts: dict[str, Any], *, again: bool) -> None:
        before = self.lead(name)
        self.scenario.of(name).inquires(f"{name}/{self.inquired}", again=again, **facts)
        self.inquired += 1
        after = self.lead(name)
        assert after is not None
        if before is not None:
            assert after.inquiries == before.inquiries + (not again), "R6"
        added = [decision for decision in self.scenario.decisions if isinstance(decision, InquiryAdded)]
        if added and added[0].rep_id is None and before is not None and before.owner is not None:
            self.claimed.pop(name, None)  # the rep who had claimed it has left

    @rule(name=leads, actor=people, queue_id=st.sampled_from(["new", "aged", None]))
    def claims(self, name: str, actor: str, queue_id: str | None) -> None:
        self.asks(name, actor, ("claim", {"queue_id": queue_id}))

    @rule(name=leads, actor=people)
    def opens(self, name: str, actor: str) -> None:
        self.asks(name, actor, ("view", {}))

    @rule(name=leads, actor=concerned, action=st.sampled_from(WORK))
    def works(self, name: str, actor: str, action: Action) -> None:
        self.asks(name, actor, action)

    @rule(name=leads, actor=st.sampled_from(["mia", "ada"]), action=st.sampled_from(DESK))
    def manages(self, name: str, actor: str, action: Action) -> None:
        self.asks(name, actor, action)

    @rule(name=leads, actor=people, action=st.sampled_from(ACTIONS))
    def asks(self, name: str, actor: str, action: Action) -> None:
        kind, fields = action
        fields = dict(fields)
        if (length := fields.pop("in", None)) is not None:
            fields["at"] = self.scenario.now + length
        rep_id = self.person(name, actor)
        event = ActionRequested(
            lead_id=name, cause=f"action/{len(self.answered_actions)}", action=kind, rep_id=rep_id, **fields
        )
        answer = self.tell(event)
        self.answered_actions.append((event, answer))
        if kind != "claim":
            return
        if name in self.claimed:
            wins = rep_id == self.claimed[name] and answer.reason not in (Reason.INVALID, Reason.UNKNOWN_REP)
            expected = {Result.WON} if wins else {Result.LOST, Result.REFUSED}
            assert answer.result in expected, "the first claim wins, and nobody after it (Q8, Q10)"
        elif answer.result is Result.WON and (lead := self.lead(name)) and lead.claimed_through is not None:
            self.claimed[name] = rep_id  # otherwise it was won through an offer

    @precondition(lambda self: self.answered_actions)
    @rule(data=st.data())
    def repeats(self, data: st.DataObject) -> None:
        event, answer = data.draw(st.sampled_from(self.answered_actions[-20:]))
        before = self.lead(event.lead_id)
        expected = [answer]
        if before is not None and before.erased_at is not None:
            # If it was given before the erasure, its words may have named the prospect.
            expected.append(replace(answer, why=answer.why and "erased"))
        assert self.tell(event) in expected, "a repeat is answered word for word (X4)"
        assert self.lead(event.lead_id) == before

    @rule(data=st.data(), queue_id=st.sampled_from(sorted(QUEUES)), sweep=st.booleans())
    def publishes(self, data: st.DataObject, queue_id: str, sweep: bool) -> None:
        self.scenario.publishes("queue", queue_id, data.draw(st.sampled_from(QUEUES[queue_id])), sweep=sweep)

    @rule(name=leads, data=st.data(), kind=st.sampled_from(ANSWERS), late=st.sampled_from([0, 0, 0, 1]))
    def its_org_answers(self, name: str, data: st.DataObject, kind: str, late: int) -> None:
        """Offer the lead, also to managers on the roster; find nobody; take an offer back; or report who has left.

        `late`: the answer names a request that is over.
        """
        lead = self.lead(name)
        if lead is None:
            return
        distribution = lead.open_distribution
        epoch = (distribution.epoch if distribution else lead.owned_epoch) - late
        untried = sorted(set(REPS) - set(distribution.tried if distribution else ()))
        reps = (
            tuple(data.draw(st.lists(st.sampled_from(untried), min_size=1, unique=True))) if untried else ()
        )
        offered = (
            data.draw(st.sampled_from(distribution.reps)) if distribution and distribution.reps else "rep-9"
        )
        about: dict[str, Any] = {"lead_id": name, "epoch": epoch}
        due = self.scenario.now + timedelta(minutes=5)
        answer: OrgAnswer
        if kind == "orphan" and lead.owner is not None:
            answer = LeadOrphaned(**about, rep_id=lead.owner, why="left")
        elif kind == "void":
            remaining = tuple(
                rep_id for rep_id in (distribution.reps if distribution else ()) if rep_id != offered
            )
            answer = OfferVoided(**about, rep_id=offered, why="has left", remaining=remaining)
        elif kind == "nobody" or not reps:
            waits = data.draw(st.booleans())
            why = (RejectedCandidate(None, RejectionReason.GROUP, "nobody is on the roster"),)
            reason = data.draw(st.sampled_from(["no_available_agents", "transfers_paused"]))
            answer = NoRepAvailable(**about, group_id="west", reason=reason, explanation=why, waits=waits)
        elif kind == "ring":
            answer = RingStarted(
                **about, group_id="west", reps=reps, method="ring_all", ring_seconds=300, due=due, why="all"
            )
        else:
            seconds = 300 if kind == "offer" else None
            answer = OfferMade(
                **about,
                group_id="west",
                rep_id=reps[0],
                method="round_robin",
                window_seconds=seconds,
                due=due if seconds else None,
                why="turn 1",
            )
        self.scenario.of(name).log(
            OrgAnswered(lead_id=name, cause=f"org/{len(self.answered_actions)}", answer=answer)
        )
        self.note_owners(name)

    @rule(name=leads, action=st.sampled_from(OFFERED))
    def who_has_the_offer_acts(self, name: str, action: Action) -> None:
        """Whoever has the offer takes it, works it, declines it or lets it be; sometimes that is a manager."""
        lead = self.lead(name)
        if lead is not None and lead.open_distribution is not None and lead.open_distribution.reps:
            self.asks(name, lead.open_distribution.reps[0], action)

    @rule(name=leads, actor=concerned, action=st.sampled_from(OFFERED))
    def late_answers_to_offers(self, name: str, actor: str, action: Action) -> None:
        self.asks(name, actor, action)

    @rule(name=leads, reason=st.sampled_from(["asked us", None]))
    def a_handle_is_listed_or_checked(self, name: str, reason: str | None) -> None:
        lead = self.lead(name)
        handle = "phone/+14014194247"
        if lead is not None:
            forbidden = {} if reason is None else {handle: reason}
            checked = CorrectionChecked(lead_id=name, cause="check", handles=(handle,), forbidden=forbidden)
            self.scenario.of(name).log(
                SuppressionChanged(lead_id=name, cause="list", handle=handle, reason=reason)
            )
            self.scenario.of(name).log(checked)

    @rule(value=st.sampled_from(SETTINGS))
    def sets(self, value: dict[str, Any] | None) -> None:
        self.scenario.publishes("settings", "settings", value)

    @rule(change=st.sampled_from(REP_CHANGES))
    def rep_changes(self, change: tuple[str, dict[str, Any]]) -> None:
        self.scenario.rep(change[0], **change[1])

    @rule()
    def sweeps(self) -> None:
        self.scenario.sweep()

    @rule(length=lengths)
    def time_passes_and_timers_are_late(self, length: timedelta) -> None:
        self.scenario.now += length

    @rule(length=lengths)
    def time_passes(self, length: timedelta) -> None:
        self.scenario.wait(seconds=length.total_seconds())

    @rule(length=st.sampled_from([timedelta(milliseconds=-30), timedelta(minutes=-2)]))
    def the_clock_jumps_back(self, length: timedelta) -> None:
        self.scenario.now += length

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def a_timer_speaks_early_late_or_twice(self, data: st.DataObject) -> None:
        name, deadline = data.draw(st.sampled_from(self.seen[-12:]))
        current = (lead := self.lead(name)) is not None and deadline in lead.deadlines
        self.scenario.of(name).passes(deadline)
        acted = self.lead(name) != lead
        if acted:
            assert current, "a deadline that is over changes nothing (X3)"
            assert deadline.due <= self.scenario.row.at, "nor one that is not due"
            assert deadline not in self.scenario.lead.deadlines

    @rule()
    def all_that_is_due_is_appended_and_all_rules_are_swept(self) -> None:
        """From here on every list is right, and stays right as long as timers are on time (Q2)."""
        times = [row.at for row in self.scenario.rows.values()]
        self.scenario.now = max([self.scenario.now, *times])  # a clock that jumped back catches up
        self.scenario.wait()
        self.scenario.sweep()
        rules = self.scenario.rule_book.org("default")
        for lead in self.arrived:
            row = self.scenario.rows[lead.lead_id]
            assert set(lead.placements) == reference_queues.placements(
                lead, rules, max(self.scenario.now, row.at)
            )
            assert not [deadline for deadline in lead.deadlines if deadline.due <= self.scenario.now]

    # -- what holds ---------------------------------------------------------------------------------------------

    @invariant()
    def every_lead_is_in_one_phase_and_every_claim_is_kept(self) -> None:
        """X7, Q10: every lead is in one phase, and the rep who claimed a lead has it until an admin reopens it."""
        counted = Counter(lead.phase for lead in self.arrived)
        assert sum(counted[phase] for phase in Phase) == len(self.arrived)
        for name, rep_id in self.claimed.items():
            lead = self.lead(name)
            assert lead is not None
            assert (lead.owner, lead.claimed_through is None) == (rep_id, False)

    @invariant()
    def no_fresh_assignment_is_in_a_claimable_queue(self) -> None:
        """M4: whoever got a lead has it to itself for `protect_assigned_minutes`; a claim is no assignment."""
        rules = self.scenario.rule_book.org("default")
        protection = timedelta(minutes=rules.settings.protect_assigned_minutes)
        for lead in self.arrived:
            if lead.owner is None or lead.assigned_at is None or lead.how == "claim":
                continue
            if lead.evaluated == rules.version and self.scenario.now < lead.assigned_at + protection:
                assert not [name for name in lead.placements if rules.queues[name].queue.claimable], (
                    lead.lead_id
                )

    def note_owners(self, name: str) -> None:
        """Note who has a claimed lead after a move or after its owner has left (M1, X2)."""
        for decision in self.scenario.decisions:
            if isinstance(decision, OwnerChanged) and name in self.claimed:
                self.claimed[name] = decision.rep_id

    def tell(self, event: ActionRequested) -> Answered:
        """Request an action, remember the deadlines so far, and record an admin's override."""
        self.scenario.of(event.lead_id).log(event)
        for decision in self.scenario.decisions:
            if isinstance(decision, ClaimReopened):
                del self.claimed[event.lead_id]
            elif isinstance(decision, OwnerChanged) and event.lead_id in self.claimed:
                self.claimed[event.lead_id] = decision.rep_id  # M1: a move, and then an assignment
        if (lead := self.lead(event.lead_id)) is not None:
            deadlines = [(event.lead_id, deadline) for deadline in lead.deadlines]
            self.seen += [entry for entry in deadlines if entry not in self.seen]
        answer = self.scenario.row.decisions[0]
        assert isinstance(answer, Answered)
        return answer
