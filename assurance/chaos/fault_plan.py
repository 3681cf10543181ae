"""Plans the faults of a chaos run from a seed: which process is hit, how and when."""

import random
from enum import StrEnum
from typing import Final

import msgspec

FIRST_SECONDS: Final = 4.0
"""The first blow falls when everybody is at work."""
PAUSE_SECONDS: Final = (5.0, 10.0)
"""Between two blows; shorter than most stops, so that blows meet."""
STOP_SECONDS: Final = (8.0, 14.0)
"""Longer than a group's session of six seconds: who is resumed is a zombie."""
LOCK_SECONDS: Final = 20.0
LONG_SECONDS: Final = 60.0
"""Only a run this long has time for the broker's death and the locked database."""


class Act(StrEnum):
    """What can be done to a process."""

    KILL = "kill"
    """SIGKILL: nothing is cleaned up."""
    TERM = "term"
    """SIGTERM: it stops in order."""
    STOP = "stop"
    """SIGSTOP, and SIGCONT when the group has given its partitions to others."""
    KILL_BROKER = "kill_broker"
    LOCK_DATABASE = "lock_database"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One blow. `at`: seconds after the load began. `seconds`: how long a stop or a lock lasts."""

    at: float
    act: Act
    who: tuple[str, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        lasts = f" for {self.seconds:.0f} s" if self.seconds else ""
        return f"{self.act.replace('_', ' ')} {' and '.join(self.who)}".rstrip() + lasts


def plan(seconds: float, workers: int, seed: int) -> list[Fault]:
    """Return the blows of a run in order of time.

    A run of a minute or more has the broker killed once, the database locked once and all workers killed at once;
    between these every process is killed, terminated and stopped in turn, in an order that the seed decides.
    """
    source = random.Random(seed)  # noqa: S311  # the same seed must give the same blows
    names = [f"worker-{n}" for n in range(1, workers + 1)]
    blows = [Fault(at=seconds * 0.45, act=Act.KILL, who=tuple(names))]
    if seconds >= LONG_SECONDS:
        blows.append(
            Fault(at=seconds * source.uniform(0.2, 0.3), act=Act.LOCK_DATABASE, seconds=LOCK_SECONDS)
        )
        blows.append(Fault(at=seconds * source.uniform(0.6, 0.7), act=Act.KILL_BROKER))
    deck = _deck(names, source)
    at = FIRST_SECONDS
    while at < seconds - STOP_SECONDS[0]:
        act, who = deck.pop()
        lasts = source.uniform(*STOP_SECONDS) if act is Act.STOP else 0.0
        blows.append(Fault(at=at, act=act, who=(who,), seconds=min(lasts, seconds - at)))
        at += source.uniform(*PAUSE_SECONDS)
        deck = deck or _deck(names, source)
    return sorted(blows, key=lambda blow: blow.at)


def _deck(workers: list[str], source: random.Random) -> list[tuple[Act, str]]:
    """Return each act on each process once, shuffled; drawn from the end, where a worker's and the relay's are."""
    acts = [Act.KILL, Act.TERM, Act.STOP]
    others = [(act, who) for act in acts for who in (*workers, "relay", "sink", "board")]
    source.shuffle(others)
    first = [(Act.KILL, source.choice(workers)), (Act.STOP, source.choice(workers)), (Act.KILL, "relay")]
    source.shuffle(first)
    return [card for card in others if card not in first] + first
