"""The lifecycle table is complete, its phases can be reached, and docs/lead-life.md shows it (X7)."""

import re

from models.lead import LOCKED_PHASES, OWNED_PHASES, Phase
from rules.lead.actions import ACTIONS
from rules.lead.lifecycle import LIFECYCLE, OFFER_TRIGGERS, Trigger, mermaid
from rules.lead.offer_actions import (
    ACTIONS_AFTER_OFFER,
    CLAIMING,
    DECLINING,
    OVERRULING,
    REMARKS,
    WORKING,
)
from tools import diagrams


def test_x7_the_committed_page_shows_the_table() -> None:
    """Run `python -m tools.diagrams` when this fails."""
    assert diagrams.LEAD_LIFE.read_text(encoding="utf-8") == diagrams.lead_life()


def test_x7_every_phase_says_what_is_true_in_it() -> None:
    assert list(diagrams.phases()) == list(Phase)
    assert all(text.endswith(".") for text in diagrams.phases().values())


def test_x7_every_phase_can_be_reached_and_closed_is_left_by_an_inquiry_or_a_manager_alone() -> None:
    ways = {source: set().union(*row.values()) - {source} for source, row in LIFECYCLE.items()}
    assert set(ways) == {None, *Phase}
    reached: set[Phase | None] = {None}
    while new := set().union(*(ways[phase] for phase in reached)) - reached:
        reached |= new
    assert reached == {None, *Phase}
    leaving_triggers = {
        trigger for trigger, targets in LIFECYCLE[Phase.CLOSED].items() if targets - {Phase.CLOSED}
    }
    assert leaving_triggers == {Trigger.INQUIRED, Trigger.REOPEN, Trigger.TAKEN_OUT}, "R6, M1, K5"


def test_d1_a_lock_is_only_ever_taken_by_opening() -> None:
    for source, row in LIFECYCLE.items():
        for trigger, targets in row.items():
            if source not in LOCKED_PHASES and targets & LOCKED_PHASES:
                assert trigger is Trigger.VIEW


def test_q8_x2_m1_no_event_leaves_an_owned_lead_without_owner_but_a_move_and_the_owners_leaving() -> None:
    """A claim of an aged lead (Q11) gives it to another owner, as reassign does (M1).

    A lead loses its owner when it is unassigned or redistributed, or when the owner left. Another inquiry detects that
    the owner has left, if nothing else has (R6).
    """
    loses = (Trigger.ORPHANED, Trigger.INQUIRED, Trigger.UNASSIGN, Trigger.REDISTRIBUTE)
    for source in OWNED_PHASES:
        for trigger, targets in LIFECYCLE[source].items():
            if trigger not in loses:
                assert targets <= OWNED_PHASES | {Phase.CLOSED}


def test_x4_every_action_is_a_trigger_and_every_other_trigger_is_no_action() -> None:
    others = {
        Trigger.ARRIVED,
        Trigger.INQUIRED,
        Trigger.SUPPRESSION,
        Trigger.LOCK_EXPIRED,
        Trigger.CALLBACK_DUE,
        Trigger.RULES_CHANGED,
        Trigger.OFFER_MADE,
        Trigger.NOBODY_AVAILABLE,
        Trigger.OFFER_VOIDED,
        Trigger.OFFER_EXPIRED,
        Trigger.ORPHANED,
        Trigger.RETENTION_OVER,
        Trigger.TAKEN_OUT,
    }
    assert {*ACTIONS, *ACTIONS_AFTER_OFFER, *DECLINING, Trigger.ERASE} == set(Trigger) - others
    assert set(ACTIONS_AFTER_OFFER) <= OFFER_TRIGGERS


def test_x7_the_diagram_draws_every_change_of_phase_once() -> None:
    drawn = re.findall(r"^    (\S+) --> (\S+?):", mermaid(), flags=re.MULTILINE)
    pairs = {
        (source or "[*]", target)
        for source, row in LIFECYCLE.items()
        for targets in row.values()
        for target in targets
        if source is not target
    }
    assert sorted(drawn) == sorted(pairs)


def test_r3_s3_an_offered_lead_decides_every_action_that_its_phase_lists() -> None:
    """An action in none of the sets would be refused always, even to the rep who has the offer."""
    sets = (CLAIMING, WORKING, DECLINING, OVERRULING)
    decided = frozenset[Trigger]().union(*sets)
    assert sum(map(len, sets)) == len(decided), "an action is in one set"
    assert WORKING >= REMARKS
    actions = {*ACTIONS, *ACTIONS_AFTER_OFFER, *DECLINING, Trigger.ERASE}
    before = {Trigger.VIEW, Trigger.ERASE}  # each has a branch of its own
    assert decided | before == actions & LIFECYCLE[Phase.OFFERED].keys()
