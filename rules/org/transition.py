"""Collects the changed rows and decisions of one event of an org.

A changed row takes precedence over the state's row.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from heapq import merge
from typing import Any, Final

import msgspec

from models.merging import OrgMerged, OrgSplit
from models.org_decisions import OrgDecision, StepResult
from models.org_rows import (
    NO_TURN,
    DoNotContactRow,
    OrgErased,
    OrgGroup,
    OrgLead,
    OrgLeadStatus,
    OrgPerson,
    OrgRep,
    Turn,
)
from models.persons import OrgCorrection
from rules.org.directory import GroupPlan, OrgDirectory
from rules.org.state import OrgState

NAMES: Final = 10
"""This many named candidates count as one more lead, because a step must fit into a batch of the journal."""


PersonRow = OrgPerson | OrgErased | OrgCorrection | OrgMerged | OrgSplit | DoNotContactRow
"""The rows of the index of persons."""
LOOKS: Final = 10
"""How many waiting leads an event may look at for each lead that it may try. A look is one comparison."""


class OrgTransition:
    """One event's changes to an org. The state is only read.

    `freed`: the reps that have gained capacity. `available`: the reps that may have leads again for another reason, and
    the reason. `before`: the directory before a publication; None for any other event. `slice`: the number of leads
    that the event may release, or of waiting leads that it may try. `budget`: how many of the waiting leads are left.
    `looks`: how many waiting leads may still be looked at.
    """

    def __init__(
        self,
        state: OrgState,
        directory: OrgDirectory,
        at: datetime,
        slice_size: int,
        before: OrgDirectory | None = None,
    ) -> None:
        self.state = state
        self.directory = directory
        self.before = before
        self.at = at
        self.slice = slice_size
        self.budget = slice_size
        self.looks = slice_size * LOOKS
        self.calendar_cache = state.calendar_cache
        self.freed: set[str] = set()
        self.available: dict[str, str] = {}
        self.reviewed: set[str] = set()
        self._reps: dict[str, OrgRep] = {}
        self._groups: dict[str, OrgGroup] = {}
        self._leads: dict[str, OrgLead] = {}
        self._persons: list[PersonRow] = []
        self._decisions: list[OrgDecision] = []

    def step(self) -> StepResult:
        """Return the changed rows and the decisions."""
        rows = (*self._reps.values(), *self._groups.values(), *self._leads.values(), *self._persons)
        return StepResult(rows, tuple(self._decisions))

    def spend_budget(self, names: int = 0) -> None:
        """Count one lead that was tried. Named candidates make the step larger, so they count too."""
        self.budget -= 1 + names // NAMES

    def emit(self, decision: OrgDecision) -> None:
        """Record a decision."""
        self._decisions.append(decision)

    # -- rows -------------------------------------------------------------------------------------------------------

    def rep(self, rep_id: str) -> OrgRep:
        """Return a rep's row; an empty one if the rep has none yet."""
        return self._reps.get(rep_id) or self.state.reps.get(rep_id) or OrgRep(rep_id=rep_id)

    def change_rep(self, rep_id: str, **changes: Any) -> OrgRep:
        """Replace fields of a rep's row."""
        return self.put_rep(msgspec.structs.replace(self.rep(rep_id), **changes))

    def put_rep(self, row: OrgRep) -> OrgRep:
        """Replace a rep's row."""
        self._reps[row.rep_id] = row
        return row

    def turn(self, group_id: str, rep_id: str) -> Turn:
        """Return a rep's turn in a group."""
        return self.rep(rep_id).turns.get(group_id, NO_TURN)

    def change_turn(self, group_id: str, rep_id: str, turn: Turn) -> None:
        """Replace a rep's turn in a group."""
        self.change_rep(rep_id, turns={**self.rep(rep_id).turns, group_id: turn})

    def group(self, group_id: str) -> OrgGroup:
        """Return a group's row; an empty one if the group has none yet."""
        return self._groups.get(group_id) or self.state.groups.get(group_id) or OrgGroup(group_id=group_id)

    def change_group(self, group_id: str, **changes: Any) -> OrgGroup:
        """Replace fields of a group's row."""
        row = self._groups[group_id] = msgspec.structs.replace(self.group(group_id), **changes)
        return row

    def lead(self, lead_id: str) -> OrgLead | None:
        """Return a lead's row; None if the org has none."""
        row = self._leads.get(lead_id) or self.state.leads.get(lead_id)
        return None if row is None or row.stage is OrgLeadStatus.GONE else row

    def put_lead(self, row: OrgLead) -> None:
        """Replace a lead's row."""
        self._leads[row.lead_id] = row

    def forget_lead(self, row: OrgLead) -> None:
        """Remove a lead's row."""
        self._leads[row.lead_id] = OrgLead(
            lead_id=row.lead_id, epoch=row.epoch, stage=OrgLeadStatus.GONE, since=self.at
        )

    def put_person(self, row: PersonRow) -> None:
        """Add a row of a person. The event reads the state before it."""
        self._persons.append(row)

    # -- indexes ----------------------------------------------------------------------------------------------------

    def line(self, plan: GroupPlan) -> Iterator[str]:
        """Return a group's members in turn order, the next one first."""
        line = self.state.line(plan)
        moved = [rep_id for rep_id in self._reps if rep_id in plan.positions]
        if not moved:
            return (key[3] for key in line.keys)
        keys = sorted(line.key(rep_id, self.turn(plan.group_id, rep_id)) for rep_id in moved)
        unmoved = (key for key in line.keys if key[3] not in self._reps)
        return (key[3] for key in merge(unmoved, keys))

    def leads_of(self, rep_id: str) -> list[str]:
        """Return the leads that take capacity of a rep, by id, from the state and this event's changes."""
        return sorted(
            lead_id
            for lead_id in self.state.leads_of(rep_id)
            if (row := self.lead(lead_id)) and any(hold.rep_id == rep_id for hold in row.holds)
        )

    def waiting(
        self,
        group_id: str,
        states: Collection[str | None] | None = None,
        *,
        after: int = 0,
        parked: bool = False,
    ) -> Iterator[OrgLead]:
        """Return the leads that wait for a group, the longest waiting first.

        `states`: only leads in these states; None for all. `after`: only leads with a higher number. `parked`: also
        leads that neither time nor capacity can help.
        """
        waiting = self.state.waiting(group_id)
        if waiting is None:
            return
        for lead_id in waiting.ids(states, after=after, parked=parked):
            row = self.lead(lead_id)
            if row is not None and row.stage is OrgLeadStatus.WAITING and row.group_id == group_id:
                yield row
