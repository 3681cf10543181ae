"""Gives a lead to the eligible rep whose turn it is (R7). A rep who is passed over keeps its position."""

from typing import Final

from rules.org.choice import Choice, Method, Refused
from rules.org.eligibility import Eligibility
from rules.org.turn_order import Candidate, PickedTurn, pick, serve


def choose(eligibility: Eligibility) -> Choice:
    """Return the first eligible rep in turn order; if weights differ, the eligible rep who is due."""
    return _next_in_line(eligibility) if eligibility.group.uniform else _due(eligibility)


def _next_in_line(eligibility: Eligibility) -> Choice:
    transition, group = eligibility.transition, eligibility.group
    row = transition.group(group.group_id)
    refused: list[Refused] = []
    rests: str | None = None
    for rep_id in transition.line(group):
        refusal = eligibility.refusal(rep_id)
        turn = transition.turn(group.group_id, rep_id)
        if refusal is not None:
            refused.append((rep_id, refusal))
        elif turn.owed and rep_id == row.resting:
            rests = rep_id  # it has its position in the regular order, behind the other owed turns
        elif rests is not None and not turn.owed and _is_before(eligibility, rests, rep_id):
            return _next_turn(eligibility, rests, refused, rests=True)
        else:
            return _next_turn(eligibility, rep_id, refused)
    return Choice((), tuple(refused)) if rests is None else _next_turn(eligibility, rests, refused)


def _is_before(eligibility: Eligibility, rep_id: str, other: str) -> bool:
    """Say whether a rep's regular turn comes before another's."""
    transition, group = eligibility.transition, eligibility.group
    own_turn, other_turn = (
        transition.turn(group.group_id, candidate).served for candidate in (rep_id, other)
    )
    return (own_turn, group.positions[rep_id]) < (other_turn, group.positions[other])


def _next_turn(
    eligibility: Eligibility, rep_id: str, refused: list[Refused], *, rests: bool = False
) -> Choice:
    transition, group = eligibility.transition, eligibility.group
    turn = transition.turn(group.group_id, rep_id)
    picked = serve(rep_id, turn, turns=transition.group(group.group_id).turns, rests=rests)
    return Choice((rep_id,), tuple(refused), _reason(picked, "waits longest", turn.served), picked)


def _due(eligibility: Eligibility) -> Choice:
    transition, group = eligibility.transition, eligibility.group
    refused: list[Refused] = []
    candidates: list[Candidate] = []
    for rep_id, weight in group.weights.items():
        refusal = eligibility.refusal(rep_id)
        if refusal is None:
            turn = transition.turn(group.group_id, rep_id)
            candidates.append(Candidate(rep_id, weight, group.positions[rep_id], turn))
        else:
            refused.append((rep_id, refusal))
    if not candidates:
        return Choice((), tuple(refused))
    row = transition.group(group.group_id)
    lags = {rep_id: lag for rep_id, lag in row.lags.items() if rep_id in group.positions}
    picked = pick(candidates, turns=row.turns, lags=lags, resting=row.resting)
    served = transition.turn(group.group_id, picked.rep_id).served
    due = f"is due by its weight of {group.weights[picked.rep_id]}"
    return Choice((picked.rep_id,), tuple(refused), _reason(picked, due, served), picked)


def _reason(picked: PickedTurn, due: str, served: int) -> str:
    if picked.owed:
        return f"a voided turn of {picked.rep_id} is made up for"
    last = f"its last turn was {served}" if served else "it had none before"
    return f"turn {picked.turns}: {picked.rep_id} {due}, {last}"


ROUND_ROBIN: Final = Method("round_robin", choose)
