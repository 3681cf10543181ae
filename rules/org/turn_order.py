"""Decides whose turn it is (R7): the longest waiting; where weights differ, the earliest deadline among those due.

Equal weights: least recently served. Whoever is passed over stays where it is, whoever is served goes to the end; so
between two turns of a rep everybody else who was available had one, whoever came and went meanwhile.

Different weights: proportionate progress (Baruah, Cohen, Plaxton and Varvel, 1996; Tijdeman's chairmen, 1980). Each
turn is shared out by weight among those who may have it, and one of them has it: what a rep is short of is its lag. Of
those whom it would not put a whole turn ahead, the one has it who would first be a whole turn behind. So as long as the
same reps may, nobody is ever a turn from its exact share; who is away gains nothing and loses nothing.

A voided turn is owed: it is made up for first, and takes nothing from the regular order.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from models.org import NO_TURN, Turn

SCALE: Final = 720_720_000_000
"""One turn, in parts; shares by small weights are whole, and the others are not off by a thousandth in 10^8 turns."""
_FINE: Final = 1 << 32


class Candidate(msgspec.Struct, frozen=True):
    """One rep who may have the turn. `place`: its position on the roster."""

    rep_id: str
    weight: int
    place: int
    turn: Turn = NO_TURN


class Pick(msgspec.Struct, frozen=True):
    """Whose turn it is, its turn after it, and the group's count and lags after it. `owed`: a turn was made up for."""

    rep_id: str
    turn: Turn
    turns: int
    owed: bool
    lags: Mapping[str, int] = {}


def order(turn: Turn, place: int) -> tuple[bool, int, int]:
    """Return a rep's place among equal weights: the owed first, then by its last turn, then by the roster."""
    return (turn.owed == 0, turn.served, place)


def serve(rep_id: str, turn: Turn, *, turns: int, lags: Mapping[str, int] | None = None) -> Pick:
    """Give a rep the turn: an owed one is made up for, or else it is the group's next."""
    if turn.owed:
        return Pick(rep_id, Turn(turn.served, turn.owed - 1), turns, owed=True, lags=lags or {})
    return Pick(rep_id, Turn(turns + 1, 0), turns + 1, owed=False, lags=lags or {})


def pick(candidates: Sequence[Candidate], *, turns: int, lags: Mapping[str, int]) -> Pick:
    """Choose among candidates, at least one, whose weights may differ; `turns`, `lags`: the group's."""
    if any(each.turn.owed for each in candidates):
        first = min(candidates, key=lambda each: order(each.turn, each.place))
        return serve(first.rep_id, first.turn, turns=turns, lags=lags)
    total = sum(each.weight for each in candidates)
    due = [each for each in candidates if lags.get(each.rep_id, 0) * total + each.weight * SCALE > 0]
    chosen = min(
        due or candidates,
        key=lambda each: (
            (SCALE - lags.get(each.rep_id, 0)) * _FINE // each.weight,
            each.turn.served,
            each.place,
        ),
    )
    after = dict(lags)
    for each in candidates:
        after[each.rep_id] = after.get(each.rep_id, 0) + each.weight * SCALE // total
    after[chosen.rep_id] -= SCALE
    return serve(chosen.rep_id, chosen.turn, turns=turns, lags=after)
