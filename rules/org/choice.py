"""The answer of a distribution method: who gets a lead, and why everybody before does not."""

from collections.abc import Callable

import msgspec

from rules.org.eligibility import Eligibility, Refusal
from rules.org.turn_order import Pick

Refused = tuple[str, Refusal]


class Choice(msgspec.Struct, frozen=True):
    """Of nobody `reps` is empty and `refused` has every member. `pick`: the turn it takes, if the method has turns."""

    reps: tuple[str, ...]
    refused: tuple[Refused, ...]
    why: str = ""
    pick: Pick | None = None


class Method(msgspec.Struct, frozen=True):
    """A way to distribute. `choose` reads, and changes nothing. `rings`: all at once, first to answer; else an offer.

    `takes` false: nobody is ever given a lead by it.
    """

    name: str
    choose: Callable[[Eligibility], Choice]
    rings: bool = False
    takes: bool = True
