"""Every step keeps the guarantees in any order of events: one owner, one phase, the right queues.

Every event of every run is checked with `check_step`. The checks below span events or leads.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from models.decisions import Answered, ClaimReopened, InquiryAdded, OwnerChanged
from models.events import ActionRequested
from models.lead import Deadline, Lead, Phase
from models.results import Reason, Result
from tests.rules.lead import reference_queues
from tests.rules.lead.lead_story import Story
from tests.rules.lead.vocabulary import (
    ACTIONS,
    DESK,
    FACTS,
    LEADS,
    LENGTHS,
    QUEUES,
    REP_CHANGES,
    REPS,
    SETTINGS,
    WORK,
    Action,
)

CI = settings(
    max_examples=250, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
"""This takes about five seconds. Run ten times the examples once after a change of the machine."""

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
        self.story = Story()
        self.asked: list[tuple[ActionRequested, Answered]] = []
        self.seen: list[tuple[str, Deadline]] = []
        self.claimed: dict[str, str | None] = {}
        self.inquired = 0

    def lead(self, name: str) -> Lead | None:
        row = self.story.rows.get(name)
        return row.lead if row else None

    def person(self, name: str, who: str) -> str:
        lead = self.lead(name)
        if who not in ("holder", "owner", "lapsed"):
            return who
        found = lead and {"holder": lead.lock and lead.lock.rep_id, "owner": lead.owner}.get(who, lead.lapsed)
        return found or "rep-9"

    @property
    def arrived(self) -> list[Lead]:
        return [row.lead for row in self.story.rows.values() if row.lead is not None]

    # -- what happens -------------------------------------------------------------------------------------------

    @initialize(
        queues=st.sets(st.sampled_from(sorted(QUEUES)), min_size=1),
        facts=st.tuples(st.sampled_from(FACTS), st.sampled_from(FACTS)),
    )
    def begin(self, queues: set[str], facts: tuple[dict[str, Any], ...]) -> None:
        for queue_id in sorted(queues):
            self.story.publishes("queue", queue_id, QUEUES[queue_id][0])
        for name, given in zip(LEADS, facts, strict=False):
            self.story.arrives(name, **given)

    @rule(name=leads, facts=st.sampled_from(FACTS))
    def arrives(self, name: str, facts: dict[str, Any]) -> None:
        self.story.arrives(name, **facts)

    @rule(name=leads, facts=st.sampled_from(FACTS), again=st.booleans())
    def inquires(self, name: str, facts: dict[str, Any], *, again: bool) -> None:
        before = self.lead(name)
        self.story.of(name).inquires(f"{name}/{self.inquired}", again=again, **facts)
        self.inquired += 1
        after = self.lead(name)
        assert after is not None
        if before is not None:
            assert after.inquiries == before.inquiries + (not again), "R6"
        added = [said for said in self.story.said if isinstance(said, InquiryAdded)]
        if added and added[0].rep_id is None and before is not None and before.owner is not None:
            self.claimed.pop(name, None)  # the rep who had claimed it has left

    @rule(name=leads, who=people, queue_id=st.sampled_from(["new", "aged", None]))
    def claims(self, name: str, who: str, queue_id: str | None) -> None:
        self.asks(name, who, ("claim", {"queue_id": queue_id}))

    @rule(name=leads, who=people)
    def opens(self, name: str, who: str) -> None:
        self.asks(name, who, ("view", {}))

    @rule(name=leads, who=concerned, action=st.sampled_from(WORK))
    def works(self, name: str, who: str, action: Action) -> None:
        self.asks(name, who, action)

    @rule(name=leads, who=st.sampled_from(["mia", "ada"]), action=st.sampled_from(DESK))
    def manages(self, name: str, who: str, action: Action) -> None:
        self.asks(name, who, action)

    @rule(name=leads, who=people, action=st.sampled_from(ACTIONS))
    def asks(self, name: str, who: str, action: Action) -> None:
        kind, fields = action
        fields = dict(fields)
        if (length := fields.pop("in", None)) is not None:
            fields["at"] = self.story.now + length
        rep_id = self.person(name, who)
        event = ActionRequested(
            lead_id=name, cause=f"action/{len(self.asked)}", action=kind, rep_id=rep_id, **fields
        )
        answer = self.tell(event)
        self.asked.append((event, answer))
        if kind != "claim":
            return
        if name in self.claimed:
            wins = rep_id == self.claimed[name] and answer.reason not in (Reason.INVALID, Reason.UNKNOWN_REP)
            expected = {Result.WON} if wins else {Result.LOST, Result.REFUSED}
            assert answer.result in expected, "the first claim wins, and nobody after it (Q8, Q10)"
        elif answer.result is Result.WON:
            self.claimed[name] = rep_id

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def repeats(self, data: st.DataObject) -> None:
        event, answer = data.draw(st.sampled_from(self.asked[-20:]))
        before = self.lead(event.lead_id)
        if before is not None and before.erased_at is not None and event.action != "erase":
            answer = replace(answer, why=answer.why and "erased")  # the words may have named the prospect
        assert self.tell(event) == answer, "a repeat is answered word for word (X4)"
        assert self.lead(event.lead_id) == before

    @rule(data=st.data(), queue_id=st.sampled_from(sorted(QUEUES)), sweep=st.booleans())
    def publishes(self, data: st.DataObject, queue_id: str, sweep: bool) -> None:
        self.story.publishes("queue", queue_id, data.draw(st.sampled_from(QUEUES[queue_id])), sweep=sweep)

    @rule(value=st.sampled_from(SETTINGS))
    def sets(self, value: dict[str, Any] | None) -> None:
        self.story.publishes("settings", "settings", value)

    @rule(change=st.sampled_from(REP_CHANGES))
    def rep_changes(self, change: tuple[str, dict[str, Any]]) -> None:
        self.story.rep(change[0], **change[1])

    @rule()
    def sweeps(self) -> None:
        self.story.sweep()

    @rule(length=lengths)
    def time_passes_and_timers_are_late(self, length: timedelta) -> None:
        self.story.now += length

    @rule(length=lengths)
    def time_passes(self, length: timedelta) -> None:
        self.story.wait(seconds=length.total_seconds())

    @rule(length=st.sampled_from([timedelta(milliseconds=-30), timedelta(minutes=-2)]))
    def the_clock_jumps_back(self, length: timedelta) -> None:
        self.story.now += length

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def a_timer_speaks_early_late_or_twice(self, data: st.DataObject) -> None:
        name, deadline = data.draw(st.sampled_from(self.seen[-12:]))
        current = (lead := self.lead(name)) is not None and deadline in lead.deadlines
        self.story.of(name).passes(deadline)
        acted = self.lead(name) != lead
        if acted:
            assert current, "a deadline that is over changes nothing (X3)"
            assert deadline.due <= self.story.row.at, "nor one that is not due"
            assert deadline not in self.story.lead.deadlines

    @rule()
    def all_that_is_due_is_told_and_all_rules_are_swept(self) -> None:
        """From here on every list is right, and stays right as long as timers are on time (Q2)."""
        self.story.wait()
        self.story.sweep()
        rules = self.story.book.org("default")
        for lead in self.arrived:
            row = self.story.rows[lead.lead_id]
            assert set(lead.places) == reference_queues.places(lead, rules, max(self.story.now, row.at))
            assert not [deadline for deadline in lead.deadlines if deadline.due <= self.story.now]

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

    def tell(self, event: ActionRequested) -> Answered:
        """Request an action, remember the deadlines so far, and record an admin's override."""
        self.story.of(event.lead_id).log(event)
        for decision in self.story.said:
            if isinstance(decision, ClaimReopened):
                del self.claimed[event.lead_id]
            elif isinstance(decision, OwnerChanged) and event.lead_id in self.claimed:
                self.claimed[event.lead_id] = decision.rep_id  # M1: a move, and then an assignment
        if (lead := self.lead(event.lead_id)) is not None:
            seen = [(event.lead_id, deadline) for deadline in lead.deadlines]
            self.seen += [one for one in seen if one not in self.seen]
        answer = self.story.row.decisions[0]
        assert isinstance(answer, Answered)
        return answer


LeadsLive.TestCase.settings = CI


TestQ8Q10X3X4X7LeadsLive = LeadsLive.TestCase
