"""Rows, events and decisions have no cycles, so Python does not search them for garbage (`gc=False` of msgspec)."""

from typing import TYPE_CHECKING, get_args

import pytest

from models.codec import OrgRecord
from models.decisions import Decision
from models.events import Event
from models.lead import Row
from models.org_decisions import OrgDecision
from models.org_events import OrgEvent
from models.org_rows import CapacityHold, OrgRow, Review, Turn

if TYPE_CHECKING:
    import msgspec


@pytest.mark.parametrize("union", [Row, Event, Decision, OrgRow, OrgEvent, OrgDecision, OrgRecord])
def test_no_search_for_garbage_looks_at_what_is_kept_for_each_lead(union: object) -> None:
    kinds: tuple[type[msgspec.Struct], ...] = (*get_args(union), CapacityHold, Review, Turn)
    assert [kind.__name__ for kind in kinds if kind.__struct_config__.gc] == []
