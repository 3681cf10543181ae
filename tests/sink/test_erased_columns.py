"""An erasure empties every column of the CRM's tables that could tell who the person was (K4).

A new column fails here until the example fills it and an erasure empties it, or it is named with a reason to stay.
"""

from typing import Any, Final

import pytest
from sqlalchemy import Engine

from models.results import Result
from sink.tables import LeadExceptionTable, LeadTable
from sink.writer import CrmWriter
from tests.rules.lead.lead_scenario import START, Scenario
from tests.sink.seeded_journal import only_row, record_of

FACTS: Final[dict[str, Any]] = {
    "campaign": "west",
    "first_name": "Ana",
    "last_name": "Silva",
    "email": "ana@example.com",
    "phone": "+14014194247",
    "phone_extension": "12",
    "state": "RI",
    "zip": "02906",
    "loan_purpose": "purchase",
    "loan_amount": 310_000,
    "credit_score": 712,
    "property_type": "condo",
    "silenced": True,
    "consent": True,
    "time_zone": "America/New_York",
    "assigned_to": "nobody",
    "attributes": {"car": "red"},
}
_ACCOUNT: Final = (
    "says what vendors, reps and the engine did and when, as reports need it; names nobody but reps"
)
KEPT_COLUMNS: Final[dict[type[Any], dict[str, str]]] = {
    LeadTable: {
        "lead_id": "the key of the lead; a digest, or the vendor's own id (docs/erasure.md)",
        "org": "whose lead it was",
        "vendor": "who sent it",
        "created_at": "when the vendor had it",
        "arrived_at": "when it came",
        "updated_at": "when it was erased",
        "version": "the number of its changes",
        "phase": "closed",
        "last_outcome": "erased",
        "asked": "what rules compare of the row as it is now",
        "facts": "vendor, org and time only",
        **dict.fromkeys(
            (
                *("owner", "how", "via", "assigned_at", "claimed_through", "in_queue_since"),
                *("last_contacted_at", "owner_last_contacted_at", "owner_left", "inquiries", "notes"),
            ),
            _ACCOUNT,
        ),
    },
    LeadExceptionTable: {
        "lead_id": "the key of the lead",
        "org": "whose lead it was",
        "vendor": "who sent it",
        "created_at": "when the vendor had it",
        "raised_at": "when no rep was found",
        "status": "resolved",
        "reason": "a class of reasons",
        "distribution": "a way of distribution",
        "version": "the number of changes of the lead",
    },
}
STATE: Final = frozenset(
    {
        *("callback_at", "deferred_at", "failed", "failure_reason", "locked_by", "locked_until"),
        *("offer_rep_ids", "offer_epoch", "offer_until", "offer_method"),
    }
)
"""Columns of the lead's state. The example need not fill all of them; an erasure ends what they say."""
EMPTY: Final = (None, False, "erased")


@pytest.mark.parametrize("table", [LeadTable, LeadExceptionTable])
def test_k4_an_erasure_empties_every_column_that_is_not_named_as_kept(
    writer: CrmWriter, engine: Engine, table: type[Any]
) -> None:
    scenario = Scenario().queue("tx", ("state", "=", "TX"))
    scenario.publishes(
        "campaign", "west", {"name": "West", "description": "who clicked an advertisement in the west"}
    )
    scenario.arrives("a-lead", **FACTS)
    writer.apply([record_of(scenario.row, 0)])
    before = only_row(engine, table)
    columns = {column.name for column in table.__table__.columns}
    kept_columns = KEPT_COLUMNS[table].keys()
    assert kept_columns <= columns
    filled = {name for name in columns if getattr(before, name) not in EMPTY}
    assert columns - kept_columns - STATE <= filled, "give the example a value"
    assert scenario.asks("erase", "ada").result is Result.DONE
    writer.apply([record_of(scenario.row, 1)])
    after = only_row(engine, table)
    not_emptied = {
        name: getattr(after, name) for name in columns - kept_columns if getattr(after, name) not in EMPTY
    }
    assert not_emptied == {}, "an erasure must empty it, or say above why it is kept"
    # What is kept repeats no value that the vendor sent of the person.
    contents = " ".join(str(getattr(after, name)) for name in kept_columns)
    personal_values = (
        "Ana",
        "Silva",
        "ana@example.com",
        "4194247",
        "02906",
        "310000",
        "712",
        "condo",
        "red",
        "west",
    )
    assert [value for value in personal_values if value in contents] == []
    assert START.isoformat()[:10] in str(after.created_at)
