"""Holds the rows of one org and indexes derived from them. Rebuilding from the rows gives the same indexes.

This module makes no decisions. A step reads the state through an `OrgTransition`; the caller that wrote the step's rows
puts them in.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Final

from models.merging import OrgMerged, OrgSplit
from models.org_rows import (
    NO_TURN,
    DoNotContactRow,
    OrgErased,
    OrgGroup,
    OrgLead,
    OrgLeadStatus,
    OrgPerson,
    OrgRep,
    OrgRow,
    Turn,
)
from models.persons import OrgCorrection
from rules.org.calendar_cache import CalendarCache
from rules.org.directory import GroupPlan
from rules.org.persons import Persons
from rules.org.turn_order import turn_sort_key

Key = tuple[bool, int, int, str]
"""A rep's key in its group's order: owed or not, last turn, position on the roster, id."""
_OF_PERSONS: Final = (OrgPerson, OrgErased, OrgCorrection, OrgMerged, OrgSplit, DoNotContactRow)
_NOBODY: Final[frozenset[str]] = frozenset()


class TurnQueue:
    """One group's members sorted by turn. The rep whose turn is next comes first."""

    __slots__ = ("keys", "plan")

    def __init__(self, plan: GroupPlan, reps: dict[str, OrgRep]) -> None:
        self.plan = plan
        self.keys: list[Key] = sorted(
            self.key(rep_id, row.turns.get(plan.group_id, NO_TURN) if row else NO_TURN)
            for rep_id, row in ((rep_id, reps.get(rep_id)) for rep_id in plan.weights)
        )

    def key(self, rep_id: str, turn: Turn) -> Key:
        """Return a member's key."""
        return (*turn_sort_key(turn, self.plan.positions[rep_id]), rep_id)

    def move(self, rep_id: str, before: Turn, after: Turn) -> None:
        """Move a member to the position of its new turn. A rep who is not a member is ignored."""
        if rep_id in self.plan.positions:
            del self.keys[bisect_left(self.keys, self.key(rep_id, before))]
            insort(self.keys, self.key(rep_id, after))


WaitingKey = tuple[int, str]
"""A waiting lead's number among those of its group, and its id."""


class WaitingForGroup:
    """The leads that wait for one group, by the prospect's state, in the order in which they began to wait.

    `ready`: leads that a rep can take once time passes or capacity is free. `parked`: leads that only a change of the
    directory or of their facts can help (M5), so that free capacity does not search among them.
    """

    __slots__ = ("parked", "ready", "size")

    def __init__(self) -> None:
        self.ready: dict[str | None, list[WaitingKey]] = {}
        self.parked: dict[str | None, list[WaitingKey]] = {}
        self.size = 0

    def add(self, row: OrgLead) -> None:
        """Add a lead. A lead that is already known keeps its position."""
        keys = (self.parked if row.parked else self.ready).setdefault(_state(row), [])
        key = (row.number, row.lead_id)
        index = bisect_left(keys, key)
        if index == len(keys) or keys[index] != key:
            keys.insert(index, key)
            self.size += 1

    def remove(self, row: OrgLead) -> None:
        """Remove a lead."""
        by_state = self.parked if row.parked else self.ready
        keys = by_state[_state(row)]
        del keys[bisect_left(keys, (row.number, row.lead_id))]
        self.size -= 1
        if not keys:
            del by_state[_state(row)]

    def ids(self, states: Collection[str | None] | None, *, after: int, parked: bool) -> Iterator[str]:
        """Yield the ids of waiting leads, the longest waiting first.

        `states`: only leads in these states; None for all. `after`: only leads with a higher number. `parked`: parked
        leads too.
        """
        lists = [
            keys
            for by_state in ((self.ready, self.parked) if parked else (self.ready,))
            for state, keys in by_state.items()
            if states is None or state in states
        ]
        tails = (islice(keys, bisect_left(keys, (after + 1, "")), None) for keys in lists)
        return (lead_id for _, lead_id in merge(*tails))


class OrgState:
    """The state of one org. Start with `OrgState()` or from the rows of a journal.

    `persons`: the known persons. Their rows are not kept in memory; `rows` contains all other rows.
    """

    def __init__(self, rows: Iterable[OrgRow] = (), persons: Persons | None = None) -> None:
        self.reps: dict[str, OrgRep] = {}
        self.groups: dict[str, OrgGroup] = {}
        self.leads: dict[str, OrgLead] = {}
        self.persons = Persons() if persons is None else persons
        self.calendar_cache = CalendarCache()
        self._leads_of: dict[str, set[str]] = {}
        self._waiting: dict[str, WaitingForGroup] = {}
        self._turn_queues: dict[str, TurnQueue] = {}
        # Waiting leads are added in the order in which they began to wait.
        self.put(sorted(rows, key=lambda row: row.number if isinstance(row, OrgLead) else 0))

    def rows(self) -> Iterator[OrgRow]:
        """Return every row except those of persons, to start another state from."""
        yield from self.reps.values()
        yield from self.groups.values()
        yield from self.leads.values()

    def put(self, rows: Iterable[OrgRow]) -> None:
        """Apply rows to the state and its indexes."""
        for row in rows:
            self.put_row(row)

    def put_row(self, row: OrgRow) -> None:
        """Apply one row to the state and its indexes."""
        if isinstance(row, OrgRep):
            self._put_rep(row)
        elif isinstance(row, OrgLead):
            self._put_lead(row)
        elif isinstance(row, _OF_PERSONS):
            self.persons.put(row)
        else:
            self.groups[row.group_id] = row

    def line(self, plan: GroupPlan) -> TurnQueue:
        """Return a group's members in the order of their turns."""
        line = self._turn_queues.get(plan.group_id)
        if line is None or line.plan is not plan:
            line = self._turn_queues[plan.group_id] = TurnQueue(plan, self.reps)
        return line

    def leads_of(self, rep_id: str) -> Iterable[str]:
        """Return the leads that take capacity of a rep, in no order."""
        return self._leads_of.get(rep_id, _NOBODY)

    def waiting(self, group_id: str) -> WaitingForGroup | None:
        """Return the leads that wait for a group; None if none does."""
        return self._waiting.get(group_id)

    def _put_rep(self, row: OrgRep) -> None:
        before = self.reps.get(row.rep_id)
        self.reps[row.rep_id] = row
        turns = before.turns if before else {}
        if row.turns is turns:
            return
        for group_id in row.turns.keys() | turns.keys():
            line = self._turn_queues.get(group_id)
            former_turn, turn = turns.get(group_id, NO_TURN), row.turns.get(group_id, NO_TURN)
            if line is not None and former_turn != turn:
                line.move(row.rep_id, former_turn, turn)

    def _put_lead(self, row: OrgLead) -> None:
        before = self.leads.pop(row.lead_id, None)
        if before is not None:
            for hold in before.holds:
                self._leads_of[hold.rep_id].discard(row.lead_id)
            if before.stage is OrgLeadStatus.WAITING and not _same_wait(before, row):
                self._waiting[before.group_id or ""].remove(before)
                if not self._waiting[before.group_id or ""].size:
                    del self._waiting[before.group_id or ""]
        if row.stage is OrgLeadStatus.GONE:
            return
        self.leads[row.lead_id] = row
        for hold in row.holds:
            leads_of_rep = self._leads_of.get(hold.rep_id)
            if leads_of_rep is None:
                leads_of_rep = self._leads_of[hold.rep_id] = set()
            leads_of_rep.add(row.lead_id)
        if row.stage is OrgLeadStatus.WAITING:
            self._waiting.setdefault(row.group_id or "", WaitingForGroup()).add(row)


def _state(row: OrgLead) -> str | None:
    return row.lead.facts.state if row.lead else None


def _same_wait(before: OrgLead, after: OrgLead) -> bool:
    return (
        after.stage is OrgLeadStatus.WAITING
        and after.group_id == before.group_id
        and after.number == before.number
        and after.parked == before.parked
        and _state(after) == _state(before)
    )
