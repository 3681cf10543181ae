"""Says whose licences matter for the rows of a queue, and why a person may not have a lead (M6, Q3)."""

from rules.queues.rule_book import OrgRules


def licensed_states(rules: OrgRules, rep_id: str) -> frozenset[str] | None:
    """Return the states in which a person may have leads; None if licences do not matter for the person."""
    rep = rules.reps.get(rep_id)
    return rep.licensed_states if rep is not None and rules.settings.enforce_licence else None


def unlicensed_text(state: str | None, *, shown: bool) -> str:
    """Return why a person may not have a lead. `shown`: the queue shows the state (Q3)."""
    return f"You are not licensed in {state if shown else 'its state'}."
