"""A forecast of a file's rows is what the org decides when they arrive (R6)."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from application.importing.forecast import Forecast, KnownArrival
from application.importing.import_rows import ImportRow, ParsedLine, row
from models.directory import OrgSettings
from models.org_decisions import OrgStep
from models.org_events import PersonArrived
from models.persons import ArrivalPlaced
from rules.org.org_partition import OrgPartition

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)
PEOPLE = st.fixed_dictionaries(
    {"vendor": st.just("acme"), "external_id": st.sampled_from(["1", "2", "3", "4", "5"])},
    optional={
        "last_name": st.sampled_from(["Doe", "Roe", "Poe"]),
        "phone": st.sampled_from(["401-419-4247", "401-419-4248", "401-419-4247 x12", "800-555-1212"]),
        "email": st.sampled_from(["a@x.org", "b@x.org"]),
    },
)


def arrival_of(org_partition: OrgPartition, import_row: ImportRow, off: int) -> ArrivalPlaced:
    """Let the org decide a row, and return its decision."""
    assert import_row.facts is not None
    event = PersonArrived(cause=str(off), lead_id=import_row.lead_id, facts=import_row.facts)
    decided = org_partition.decide(event, off=off, at=AT)
    for key, value in decided.records:
        org_partition.apply_or_remove(key, value)
    head = decided.records[0][1]
    assert isinstance(head, OrgStep)
    return next(decision for decision in head.decisions if isinstance(decision, ArrivalPlaced))


@given(before=st.lists(PEOPLE, max_size=4), file=st.lists(PEOPLE, min_size=1, max_size=6))
def test_r6_a_forecast_names_the_lead_that_the_org_names(
    before: list[dict[str, str]], file: list[dict[str, str]]
) -> None:
    """Leads that came before are known by the CRM database; their rows have the facts of their own arrivals."""
    org_partition, forecast = OrgPartition(0), Forecast("default", OrgSettings())
    leads: dict[str, KnownArrival] = {}
    for off, message in enumerate(before):
        import_row = row(ParsedLine(line=off + 1, message=dict(message)), {})
        published = arrival_of(org_partition, import_row, off)
        arrival = (
            import_row.lead_id
            if published.inquiry is None and published.id_reused is None
            else published.lead_id
        )
        if published.inquiry is not None:
            arrival = published.inquiry.inquiry_id
        if arrival not in leads:
            leads[arrival] = KnownArrival(
                arrival, published.lead_id, msgspec.structs.replace(published.facts)
            )
        elif import_row.facts is not None and import_row.facts != leads[arrival].facts:
            return  # a resend completes facts, which the lead's log decides
    forecast.put(leads.values())
    for off, message in enumerate(file, start=len(before)):
        import_row = row(ParsedLine(line=off + 1, message=dict(message)), {})
        published = arrival_of(org_partition, import_row, off)
        fate = forecast.fate(import_row)
        assert (fate.lead_id, fate.why) == (published.lead_id, published.why)
        if published.inquiry is not None:
            assert fate.kind == ("resend" if published.inquiry.again else "inquiry")
        else:
            assert fate.kind in ("new", "resend")


def test_a_refused_row_has_its_reason() -> None:
    fate = Forecast("default", OrgSettings()).fate(row(ParsedLine(line=2, message={"vendor": "acme"}), {}))
    assert (fate.kind, fate.lead_id) == ("refused", None)
    assert "external_id" in fate.why
