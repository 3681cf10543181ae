"""Defines the result of a distribution method: who gets a lead, and why the rejected reps do not."""

from collections.abc import Callable

import msgspec

from rules.org.eligibility import Eligibility, Refusal
from rules.org.turn_order import PickedTurn

Refused = tuple[str, Refusal]


class Choice(msgspec.Struct, frozen=True):
    """A method's choice. If nobody is chosen, `reps` is empty and `refused` has every member.

    `pick`: the turn that is used, if the method has turns.
    """

    reps: tuple[str, ...]
    refused: tuple[Refused, ...]
    why: str = ""
    pick: PickedTurn | None = None


class Method(msgspec.Struct, frozen=True):
    """A distribution method. `choose` only reads and changes nothing.

    `rings`: the lead is offered to all chosen reps at once and the first to answer gets it; otherwise it is offered to
    one rep. `exclusive`: one such lead rings with a rep at a time (S4); a New Lead button does not ring (M9). `takes`
    false: the method never gives a lead to anyone.
    """

    name: str
    choose: Callable[[Eligibility], Choice]
    rings: bool = False
    exclusive: bool = False
    takes: bool = True
