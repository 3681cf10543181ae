"""Gives a lead to the eligible rep whose turn it is (R7). A rep who is passed over keeps its place."""

from typing import Final

from rules.org.choice import Choice, Method, Refused
from rules.org.eligibility import Eligibility
from rules.org.turn_order import Candidate, Pick, pick, serve


def choose(eligibility: Eligibility) -> Choice:
    """Return the first eligible rep in turn order; if weights differ, the eligible rep who is due."""
    return _next_in_line(eligibility) if eligibility.group.uniform else _due(eligibility)


def _next_in_line(eligibility: Eligibility) -> Choice:
    transition, group = eligibility.transition, eligibility.group
    refused: list[Refused] = []
    for rep_id in transition.line(group):
        refusal = eligibility.refusal(rep_id)
        if refusal is None:
            turn = transition.turn(group.group_id, rep_id)
            taken = serve(rep_id, turn, turns=transition.group(group.group_id).turns)
            return Choice((rep_id,), tuple(refused), _reason(taken, "waits longest", turn.served), taken)
        refused.append((rep_id, refusal))
    return Choice((), tuple(refused))


def _due(eligibility: Eligibility) -> Choice:
    transition, group = eligibility.transition, eligibility.group
    refused: list[Refused] = []
    candidates: list[Candidate] = []
    for rep_id, weight in group.weights.items():
        refusal = eligibility.refusal(rep_id)
        if refusal is None:
            turn = transition.turn(group.group_id, rep_id)
            candidates.append(Candidate(rep_id, weight, group.places[rep_id], turn))
        else:
            refused.append((rep_id, refusal))
    if not candidates:
        return Choice((), tuple(refused))
    row = transition.group(group.group_id)
    lags = {rep_id: lag for rep_id, lag in row.lags.items() if rep_id in group.places}
    taken = pick(candidates, turns=row.turns, lags=lags)
    served = transition.turn(group.group_id, taken.rep_id).served
    due = f"is due by its weight of {group.weights[taken.rep_id]}"
    return Choice((taken.rep_id,), tuple(refused), _reason(taken, due, served), taken)


def _reason(taken: Pick, due: str, served: int) -> str:
    if taken.owed:
        return f"a voided turn of {taken.rep_id} is made up for"
    last = f"its last turn was {served}" if served else "it had none before"
    return f"turn {taken.turns}: {taken.rep_id} {due}, {last}"


ROUND_ROBIN: Final = Method("round_robin", choose)
