"""Says what the engine would make of the rows of a file: a new lead, a resend, another inquiry, or a refusal (R6).

The org's own code decides (`rules.org.arrivals`), on the persons that the rows name. Nothing is sent.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from application.importing.import_rows import ImportRow
from models.directory import OrgSettings
from models.facts import Facts
from models.handles import read_joining_handle
from models.org_events import PersonArrived
from models.org_rows import OrgPerson
from models.persons import ArrivalPlaced, joining_handles, name_digest
from rules.org.arrivals import place_arrival
from rules.org.directory import OrgDirectory
from rules.org.machine import SLICE
from rules.org.persons import Persons
from rules.org.state import OrgState
from rules.org.transition import OrgTransition

Kind = Literal["new", "resend", "inquiry", "refused"]
KINDS: Final[tuple[Kind, ...]] = ("new", "resend", "inquiry", "refused")
_CAUSE: Final = "forecast"


class KnownArrival(msgspec.Struct, frozen=True):
    """An arrival that the org has: the lead's own one (`arrival_id` is the lead id), or an inquiry of the lead."""

    arrival_id: str
    lead_id: str
    facts: Facts


class RowFate(msgspec.Struct, frozen=True):
    """What would become of a row. `lead_id`: the lead it belongs to, None for a refusal. `why`: the engine's words."""

    kind: Kind
    lead_id: str | None
    why: str


class Forecast:
    """The fates of a file's rows in order. Each row is decided after those before it, as in the org's log.

    `put` the known arrivals that may concern a row before asking for its fate. Erased persons are not known here, so
    a row that the org turns away counts as a new lead.
    """

    def __init__(self, org: str, settings: OrgSettings) -> None:
        shared = frozenset(map(read_joining_handle, settings.shared_handles))
        self._org = org
        self._directory = OrgDirectory(settings=settings, shared_handles=shared)
        self._state = OrgState()

    @property
    def _persons(self) -> Persons:
        return self._state.persons

    def put(self, arrivals: Iterable[KnownArrival]) -> None:
        """Add arrivals that the org has, the oldest first. An arrival that is already known is left out."""
        for arrival in arrivals:
            if self._persons.lead_of(arrival.arrival_id) is not None:
                continue
            joining = joining_handles(arrival.facts, self._directory.shared_handles)
            fresh = tuple(handle for handle in joining if not self._persons.is_held(handle))
            shared = tuple(
                handle
                for handle in joining
                if handle not in fresh and not self._persons.joins(arrival.lead_id, handle)
            )
            name = name_digest(arrival.facts)
            of_inquiry = arrival.arrival_id != arrival.lead_id and name is not None
            self._persons.put(
                OrgPerson(
                    arrival_id=arrival.arrival_id,
                    lead_id=arrival.lead_id,
                    handles=fresh,
                    shared=shared,
                    name=name,
                    met=dict.fromkeys(joining, (name,)) if of_inquiry and name else {},
                )
            )

    def fate(self, row: ImportRow) -> RowFate:
        """Return what would become of a row, and remember its person for the rows after it."""
        if row.refusal is not None:
            return RowFate("refused", None, row.refusal.sentence)
        if row.facts is None:
            raise TypeError("a row that is not refused has facts")
        event = PersonArrived(cause=_CAUSE, org=self._org, lead_id=row.lead_id, facts=row.facts)
        transition = OrgTransition(self._state, self._directory, datetime.now(UTC), SLICE)
        place_arrival(transition, event)
        step = transition.step()
        placed = next((decision for decision in step.decisions if isinstance(decision, ArrivalPlaced)), None)
        is_known = placed is not None and self._persons.lead_of(placed.lead_id) is not None
        self._state.put(step.rows)
        if placed is None:
            return RowFate("refused", None, "the person was erased")
        if placed.inquiry is not None:
            return RowFate("resend" if placed.inquiry.again else "inquiry", placed.lead_id, placed.why)
        return RowFate("resend" if is_known else "new", placed.lead_id, placed.why)
