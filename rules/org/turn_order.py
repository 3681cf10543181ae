"""Decides whose turn it is (R7).

Equal weights: the least recently served rep is next. A rep who is passed over keeps its position, and a rep who is
served goes to the end. So between two turns of a rep, every other rep who was available has had one, even if reps came
and went in between.

Different weights: proportionate progress (Baruah, Cohen, Plaxton and Varvel, 1996; Tijdeman's chairmen, 1980). Each
turn is divided by weight among the candidates, and one of them gets it. A rep's lag is what it is short of its share. A
rep is due if the turn would not put it a whole turn ahead. Of the due reps, the turn goes to the one who would first be
a whole turn behind, that is, to the earliest deadline. So as long as the candidates stay the same, no rep is ever a
whole turn from its exact share. An absent rep gains nothing and loses nothing.

A voided turn is owed: it is made up first, and takes nothing from the regular order. Owed turns are made up one at a
time: whoever made one up rests until another rep has had a turn, and gets only its regular turns meanwhile. So a rep
gets at most one turn in a row beyond its exact share.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from models.org_rows import NO_TURN, Turn

SCALE: Final = 720_720_000_000
"""The number of parts of one turn. Shares by small weights are whole numbers of parts; the rounding error of other
shares is below a thousandth of a turn in 10^8 turns."""
_FINE: Final = 1 << 32


class Candidate(msgspec.Struct, frozen=True):
    """One rep who may have the turn. `position`: its position on the roster."""

    rep_id: str
    weight: int
    position: int
    turn: Turn = NO_TURN


class PickedTurn(msgspec.Struct, frozen=True):
    """The rep whose turn it is, with its turn and the group's count and lags afterwards.

    `owed`: the turn made up for a voided one.
    """

    rep_id: str
    turn: Turn
    turns: int
    owed: bool
    lags: Mapping[str, int] = {}


def turn_sort_key(turn: Turn, position: int) -> tuple[bool, int, int]:
    """Return a rep's sort key among equal weights: owed reps first, then by last turn, then by roster position."""
    return (turn.owed == 0, turn.served, position)


def serve(
    rep_id: str, turn: Turn, *, turns: int, lags: Mapping[str, int] | None = None, rests: bool = False
) -> PickedTurn:
    """Give a rep the turn: an owed turn is made up, unless the rep rests from it; else it is the group's next turn."""
    if turn.owed and not rests:
        return PickedTurn(rep_id, Turn(turn.served, turn.owed - 1), turns, owed=True, lags=lags or {})
    return PickedTurn(rep_id, Turn(turns + 1, turn.owed), turns + 1, owed=False, lags=lags or {})


def resting_after(pick: PickedTurn, resting: str | None) -> str | None:
    """Return the rep who rests from owed turns after a turn: who has just made one up, until another rep is served."""
    return pick.rep_id if pick.owed or pick.rep_id == resting else None


def pick(
    candidates: Sequence[Candidate], *, turns: int, lags: Mapping[str, int], resting: str | None = None
) -> PickedTurn:
    """Choose one of the candidates (at least one). Their weights may differ. `turns`, `lags`: those of the group.

    `resting`: the rep who rests from its owed turns, as long as there is another candidate.
    """
    is_alone = len(candidates) == 1
    owed = [
        candidate
        for candidate in candidates
        if candidate.turn.owed and (is_alone or candidate.rep_id != resting)
    ]
    if owed:
        first = min(owed, key=lambda candidate: turn_sort_key(candidate.turn, candidate.position))
        return serve(first.rep_id, first.turn, turns=turns, lags=lags)
    total = sum(candidate.weight for candidate in candidates)
    due = [
        candidate
        for candidate in candidates
        if lags.get(candidate.rep_id, 0) * total + candidate.weight * SCALE > 0
    ]
    chosen = min(
        due or candidates,
        key=lambda candidate: (
            (SCALE - lags.get(candidate.rep_id, 0)) * _FINE // candidate.weight,
            candidate.turn.served,
            candidate.position,
        ),
    )
    after = dict(lags)
    for candidate in candidates:
        after[candidate.rep_id] = after.get(candidate.rep_id, 0) + candidate.weight * SCALE // total
    after[chosen.rep_id] -= SCALE
    return serve(chosen.rep_id, chosen.turn, turns=turns, lags=after, rests=True)
