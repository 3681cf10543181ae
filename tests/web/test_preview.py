"""A queue preview by SQL has the same leads as the engine, on SQLite and on Postgres (X5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from application.rule_preview import EXAMPLES
from models.errors import InvalidInput
from models.facts import Facts
from models.lead import Lead, LeadRow, Phase
from rules.queues.membership import CompiledQueue, QueueIndex
from sink.database_engine import connect
from sink.migrate import upgrade
from sink.rows import table_rows
from sink.tables import LeadTable
from tests.fixtures.servers import empty_database
from tests.rules.language.reference_language import NOW, instants, leads, make, trees
from web.services.queue_preview import Preview, compiled_draft, find, preview

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def crm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield an engine of a migrated database of this module's own, without leads."""
    with empty_database(request, tmp_path_factory.mktemp("preview"), "preview") as url:
        upgrade(url)
        engine = connect(url)
        yield engine
        engine.dispose()


def write_leads(connection: Connection, stored_leads: Sequence[Lead]) -> None:
    """Write the leads as the sink does."""
    rows = [
        table_rows(0, lead.lead_id, LeadRow(off=1, seq=1, lead=lead, at=NOW, cause="c")).lead
        for lead in stored_leads
    ]
    connection.execute(insert(LeadTable), [row for row in rows if row is not None])


def preview_of(
    engine: Engine, stored_leads: Sequence[Lead], draft: CompiledQueue, *more: Any, **named: Any
) -> Preview:
    """Return the preview with only these leads in the database."""
    with engine.execution_options(writes=True).connect() as connection, connection.begin() as transaction:
        write_leads(connection, stored_leads)
        result = preview(connection, "default", draft, *more, **named)
        transaction.rollback()
    return result


def with_new_ids(drawn: Sequence[Lead]) -> list[Lead]:
    """Return the leads with new ids, every fifth in another org."""
    return [
        msgspec.structs.replace(
            lead,
            lead_id=f"{7 * n % 11:x}-{n}",
            facts=msgspec.structs.replace(lead.facts, org="other" if n % 5 == 4 else "default"),
        )
        for n, lead in enumerate(drawn)
    ]


values = st.fixed_dictionaries(
    {
        "claimable": st.booleans(),
        "inclusion": trees,
        "exclusion": st.just({}) | trees,
        "columns": st.just(["state", "loan_amount", "attributes.tier"]),
        "sort": st.fixed_dictionaries(
            {
                "field": st.sampled_from(["arrived_at", "loan_amount", "last_name"]),
                "direction": st.sampled_from(["asc", "desc"]),
            }
        ),
    }
)
lives = leads([*Phase, Phase.QUEUED, Phase.QUEUED, Phase.OWNED, Phase.EXCEPTION])
lead_lists = st.lists(lives, min_size=1, max_size=16).map(with_new_ids)


@settings(max_examples=40, deadline=None)
@given(values, st.none() | values, lead_lists, instants)
def test_x5_a_preview_holds_whom_the_engine_would_put_there(
    crm: Engine, value: dict[str, Any], before: dict[str, Any] | None, drawn: list[Lead], now: datetime
) -> None:
    """X5: how many, who enters and leaves, the first in order, and why: all as in the engine's index."""
    draft = compiled_draft("q", value, 2)
    published = None if before is None else compiled_draft("q", before, 1)
    org_leads = {lead.lead_id: lead for lead in drawn if lead.facts.org == "default"}
    holds = placements(draft, org_leads, now)
    held_before = {} if published is None else placements(published, org_leads, now)
    asked_id = next(iter(org_leads))
    result = preview_of(crm, drawn, draft, published, now, lead_id=asked_id)
    assert (result.matched, result.leads) == (len(holds), len(org_leads))
    assert result.entering == len(holds.keys() - held_before.keys())
    assert result.leaving == len(held_before.keys() - holds.keys())
    expected = sorted(holds, key=lambda lead_id: (holds[lead_id], lead_id))[:EXAMPLES]
    assert [example.lead_id for example in result.examples] == expected
    for example in result.examples:
        assert list(example.columns) == ["name", "state", "loan_amount", "attributes.tier"]
        assert example.columns["state"] == org_leads[example.lead_id].facts.state
    assert result.lead is not None
    assert result.lead.matches is (asked_id in holds)
    assert result.lead.why
    assert "version" not in result.lead.why


def placements(queue: CompiledQueue, lead_by_id: dict[str, Lead], now: datetime) -> dict[str, str]:
    """Return the leads that the engine would put there, with their keys in its order."""
    index = QueueIndex([queue])
    return {
        lead_id: index.evaluate(lead, now).sort_keys["q"]
        for lead_id, lead in lead_by_id.items()
        if "q" in index.evaluate(lead, now).sort_keys
    }


def test_x5_another_orgs_lead_is_not_told_of(crm: Engine) -> None:
    """X5: it is neither counted, nor explained, nor found."""
    lead_of_other_org = make(facts=Facts(vendor="acme", org="other", first_name="Ana", last_name="Silva"))
    found_leads = preview_of(
        crm, [lead_of_other_org], compiled_draft("q", {}, 1), None, NOW, lead_id=lead_of_other_org.lead_id
    )
    assert (found_leads.matched, found_leads.leads, found_leads.examples, found_leads.lead) == (
        0,
        0,
        (),
        None,
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("silva", 2),
        ("a S", 2),
        ("1-1", 1),
        (" jones ", 3),
        ("%", None),
        ("none", None),
        ("s", 3),
        ("ünal", 4),
    ],
)
def test_x5_a_lead_is_found_by_id_or_by_a_part_of_its_name(
    crm: Engine, text: str, number: int | None
) -> None:
    """X5: the newest of several."""
    people = {1: ("Bo", "Li"), 2: ("Ana", "Silva"), 3: (None, "Jones"), 4: ("Zoe", "Ünal")}
    named_leads = [
        msgspec.structs.replace(
            make(facts=Facts(vendor="acme", first_name=first_name, last_name=last_name)),
            lead_id=f"{n}-{n}",
            arrived_at=NOW.replace(minute=n),
        )
        for n, (first_name, last_name) in people.items()
    ]
    with crm.execution_options(writes=True).connect() as connection, connection.begin() as transaction:
        write_leads(connection, named_leads)
        assert find(connection, "default", text) == (None if number is None else f"{number}-{number}")
        transaction.rollback()


def test_q6_a_draft_that_cannot_be_published_is_not_tried() -> None:
    """Q6: every problem is named, with its path."""
    value = {
        "inclusion": {"rules": [{"field": "phase", "operator": "=", "value": "queued"}]},
        "columns": ["x"],
    }
    with pytest.raises(InvalidInput) as refused:
        compiled_draft("q", value, 1)
    assert [problem.path for problem in refused.value.problems] == ["inclusion.rules[0]", "columns[0]"]
