"""Asks again for a lead that nobody has, when something changed that may help it (M5).

The org knows the reps and tries a waiting lead again by itself (`rules.org.review`, `rules.org.refill`). This module
handles what only the lead knows: its facts changed, its campaign has another group, somebody ignored it or had it open
and no longer does, or it has become an exception without a distribution. A round of tried reps goes on (R8): only
`redistribute`, another inquiry and a reopening begin a new one.
"""

from typing import Final

from msgspec.structs import replace

from models.contact_decisions import CallbackSet
from models.corrections import FactsCorrected
from models.decisions import OutcomeRecorded
from models.lead import DistributionStatus, Lead, Phase
from rules.lead.distribution import note_campaign, request_rep
from rules.lead.transition import Transition
from rules.queues.queue_eligibility import ORPHANED
from rules.queues.rule_book import OrgRules

_WORKED: Final = (OutcomeRecorded, CallbackSet)
_FREE: Final = frozenset({Phase.QUEUED, Phase.EXCEPTION})
_SEEKS: Final = frozenset(
    {
        DistributionStatus.REQUESTED,
        DistributionStatus.PAUSED,
        DistributionStatus.IN_LINE,
        DistributionStatus.WAITING,
    }
)


def campaign_of(lead: Lead) -> str:
    """Return the campaign through which a rep is, was or would be sought; empty if the lead names none."""
    sought = (
        lead.open_distribution.campaign
        if lead.open_distribution
        else lead.round.campaign
        if lead.round
        else None
    )
    return (lead.facts.campaign or "") if sought is None else sought


def waits_at_rest(lead: Lead) -> bool:
    """Say whether a lead has nobody and waits: it is an exception, or its group offers it once somebody may have it.

    A manager decides on a lead whose owner has left (X2, Q10). A lead in a queue for which no group was ever
    asked does not wait.
    """
    if lead.owner is not None or lead.lock is not None:
        return False
    if lead.open_distribution is not None:
        return lead.open_distribution.stage in (
            DistributionStatus.PAUSED,
            DistributionStatus.IN_LINE,
            DistributionStatus.WAITING,
        )
    return lead.phase is Phase.EXCEPTION and not _orphaned(lead)


def is_to_be_asked(lead: Lead, rules: OrgRules) -> bool:
    """Say whether the campaign of a waiting lead has a group to ask that has not been asked for it."""
    if not waits_at_rest(lead):
        return False
    _, group = rules.route_by(campaign_of(lead))
    if group is None or not group.takes:
        return False
    return lead.open_distribution is None or lead.open_distribution.group_id != group.group_id


def ask_again(transition: Transition) -> None:
    """Ask a group for a lead again if the event made that useful. The lead is settled before."""
    lead, before = transition.lead, transition.before_event
    if before is None or lead.owner is not None or lead.lock is not None:
        return
    if lead.open_distribution is None:
        why = _why_now(transition, before)
        if why is not None:
            _ask(transition, why)
    elif lead.open_distribution.stage in _SEEKS:
        begun = (
            before.open_distribution is None or before.open_distribution.epoch != lead.open_distribution.epoch
        )
        corrected = any(
            isinstance(decision, FactsCorrected) for decision in transition.decisions
        )  # the org follows it
        changed = [] if begun or corrected else _changed_facts(before, lead)
        if "campaign" in changed and lead.open_distribution.campaign in (None, before.facts.campaign or ""):
            transition.update(
                open_distribution=replace(lead.open_distribution, campaign=lead.facts.campaign or "")
            )
        if changed:
            _ask(transition, f"its {', '.join(changed)} changed")
        elif is_to_be_asked(lead, transition.rules):
            _ask(transition, "its campaign has another group")


def _why_now(transition: Transition, before: Lead) -> str | None:
    """Return why a lead without a distribution is distributed again; None if it is not."""
    lead = transition.lead
    if lead.phase not in _FREE or _orphaned(lead):
        return None
    if before.phase is Phase.IGNORED:
        return "it is no longer ignored"
    worked = any(isinstance(decision, _WORKED) for decision in transition.decisions)
    if before.lock is not None and before.owner is None and not worked:
        return "nobody has it open any more"
    if lead.phase is not Phase.EXCEPTION:
        return None
    return "its campaign has a group" if before.phase is Phase.EXCEPTION else "no queue takes it"


def _changed_facts(before: Lead, lead: Lead) -> list[str]:
    """Return the names of what filters and licences may ask for and what this event changed."""
    names: list[str] = []
    if lead.facts is not before.facts:
        fields = lead.facts.__struct_fields__
        names = [name for name in fields if getattr(lead.facts, name) != getattr(before.facts, name)]
    for name in ("suppressed", "last_contacted_at", "last_outcome"):
        if getattr(lead, name) != getattr(before, name):
            names.append(name)
    return names


def _ask(transition: Transition, why: str) -> None:
    """Ask the group of the lead's campaign for the reps not yet tried in this round.

    A lead that is hidden from the queues while its group decides stays hidden.
    """
    lead = transition.lead
    distribution = lead.open_distribution
    campaign_id = campaign_of(lead)
    facts = replace(lead.facts, campaign=campaign_id or None)
    _, group = transition.rules.route_by(campaign_id)
    if distribution is not None and (group is None or not group.takes):
        group_id = distribution.group_id
    elif group is not None and group.takes:
        note_campaign(transition, facts)
        group_id = group.group_id
    else:
        return
    tried = distribution.tried if distribution else lead.round.tried if lead.round else ()
    if distribution is not None and distribution.group_id != group_id:
        transition.end_distribution(f"{why}: {group_id} is asked")
    waits = distribution is None or distribution.stage is DistributionStatus.WAITING
    request_rep(transition, group_id, f"asked again: {why}", tried, campaign=campaign_id, waits=waits)
    transition.update(updated_at=transition.at)


def _orphaned(lead: Lead) -> bool:
    return lead.failed is not None and lead.failed.reason == ORPHANED
