"""Leads are dealt evenly over those that change hands, and if wanted only to reps with a licence (D6, M1, M6)."""

from __future__ import annotations

import pytest

from application.lead_dealing import OwnerAndPhase, deal_by_licence, deal_evenly

REPS = ("rep-1", "rep-2", "rep-3")


@pytest.mark.parametrize(
    ("leads", "counts"), [(7, [3, 2, 2]), (3, [1, 1, 1]), (2, [1, 1, 0]), (0, [0, 0, 0])]
)
def test_d6_leads_are_dealt_evenly_in_order(leads: int, counts: list[int]) -> None:
    """D6: counts differ by at most one, and the first in line are the first to have one more."""
    pairs = deal_evenly([str(n) for n in range(leads)], REPS).pairs
    assert [lead for lead, _ in pairs] == [str(n) for n in range(leads)]
    assert [sum(1 for _, dealt_rep in pairs if dealt_rep == rep) for rep in REPS] == counts


def test_d6_a_split_is_even_over_the_leads_that_change_hands() -> None:
    """Of [free, owned, free, owned] two reps got 2 and 0 leads."""
    pairs = deal_evenly(["a", "b", "c", "d"], ("rep-1", "rep-2"), {"a", "c"}).pairs
    assert [lead for lead, _ in pairs] == ["a", "b", "c", "d"]
    assert dict(pairs) == {"a": "rep-1", "c": "rep-2", "b": "rep-1", "d": "rep-2"}


def test_m1_each_lead_goes_to_a_rep_with_its_licence_and_the_counts_are_even() -> None:
    states = ["RI", "RI", "TX", "RI", "MA", "TX", None]
    standings = {str(n): OwnerAndPhase("ann", state=state) for n, state in enumerate(states)}
    licences = {"bob": frozenset({"RI"}), "cyd": frozenset({"RI", "TX"}), "dee": None}
    deal = deal_by_licence(list(standings), licences, standings, "reassign")
    assert deal.unlicensed == ()
    assert [lead for lead, _ in deal.pairs] == list(standings)
    for lead, rep_id in deal.pairs:
        may = licences[rep_id]
        assert may is None or standings[lead].state in may
    counts = [sum(1 for _, dealt_rep in deal.pairs if dealt_rep == rep) for rep in licences]
    assert counts == [3, 2, 2]


def test_m1_a_lead_that_no_rep_may_have_is_named_and_an_unchanging_one_is_not_counted() -> None:
    standings = {
        "a": OwnerAndPhase("ann", state="NY"),
        "b": OwnerAndPhase(None, state="RI"),
        "c": OwnerAndPhase("ann", state="RI"),
    }
    licences = {"bob": frozenset({"RI"}), "cyd": frozenset({"RI"})}
    deal = deal_by_licence(["a", "b", "c"], licences, standings, "reassign")
    assert deal.unlicensed == ("a",)
    assert dict(deal.pairs) == {"b": "bob", "c": "bob"}, "b has no owner, so it does not change hands"
