"""Plans the faults of a chaos run from a seed: which process is hit, how and when."""

import random
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from typing import Final

import msgspec

from models.errors import ConfigError

FIRST_SECONDS: Final = 4.0
"""The time of the first fault, when all processes are working."""
PAUSE_SECONDS: Final = (5.0, 10.0)
"""The time between two faults. It is shorter than most stops, so that faults overlap."""
STOP_SECONDS: Final = (8.0, 14.0)
"""How long a process is stopped. It is longer than a group's session timeout of six seconds, so a resumed process is
a zombie."""
LOCK_SECONDS: Final = 20.0
AWAY_SECONDS: Final = 10.0
"""How long a killed broker of a cluster is away."""
CUT_OFF_SECONDS: Final = 20.0
"""How long a broker is cut off, or its disk is full, at most a tenth of the run."""
STORE_AWAY_SECONDS: Final = 8.0
"""How long a killed Valkey or Postgres is away, and how long a standby is read-only, at most a thirtieth of the run."""
STORE_FAULTS: Final = 2
"""How often each fault of Valkey and Postgres comes in a round of at least `LONG_SECONDS`; in a shorter one once."""
PAUSED_SECONDS: Final = 60.0
"""How long a broker is paused, at most a tenth of the run."""
ROUND_FAULTS: Final = 25
"""About how many faults a round of a run with a given number of faults has."""
MIN_APART_SECONDS: Final = 3.0
"""A run may have at most one fault in so many seconds."""
JUMP_SECONDS: Final = 70 * 60
"""How far a clock jumps: over an hour's change of clocks, and over every window and lock of the run."""
JUMPED_SECONDS: Final = 60.0
"""How long a clock is wrong, at most a sixth of a round."""
LONG_SECONDS: Final = 60.0
"""Only a run of at least this length includes the broker's death and the locked database."""


class FaultKind(StrEnum):
    """What can be done to a process."""

    KILL = "kill"
    """SIGKILL: nothing is cleaned up."""
    TERM = "term"
    """SIGTERM: an orderly stop."""
    STOP = "stop"
    """SIGSTOP, and SIGCONT when the group has given its partitions to others."""
    KILL_BROKER = "kill_broker"
    LOCK_DATABASE = "lock_database"
    JUMP_CLOCK = "jump_clock"
    """The wall clock of a process jumps by `shift`, and back after `seconds`."""
    # Only in a cluster of three brokers.
    KILL_LEADER = "kill_leader"
    """SIGKILL to the broker that leads the first partition of the actions. It comes back after `seconds`."""
    KILL_CONTROLLER = "kill_controller"
    """SIGKILL to the broker that is the active controller. It comes back after `seconds`."""
    PAUSE_LEADER = "pause_leader"
    """SIGSTOP to the broker that leads the first partition of the actions, for `seconds`: it is a zombie afterwards."""
    MOVE_PARTITIONS = "move_partitions"
    """Every partition leaves one broker and comes back."""
    RESTART_BROKERS = "restart_brokers"
    """An orderly stop and start of one broker after the other."""
    CUT_OFF_BROKER = "cut_off_broker"
    """No packet reaches one broker or leaves it, for `seconds`."""
    FILL_DISK = "fill_disk"
    """The disk of one broker is full for `seconds`. Then there is room, and the broker is restarted."""
    # Only with stores that fail over.
    KILL_VALKEY = "kill_valkey"
    """SIGKILL to Valkey's primary. The replica is promoted, and the former primary comes back after `seconds`."""
    PAUSE_VALKEY = "pause_valkey"
    """SIGSTOP to Valkey's primary until `seconds` after the promotion of the replica: there are two primaries then."""
    KILL_POSTGRES = "kill_postgres"
    """SIGKILL to Postgres, which is started again after `seconds`."""
    STOP_POSTGRES = "stop_postgres"
    """Postgres stops in the mode "immediate", and is started again after `seconds`."""
    FAIL_OVER_POSTGRES = "fail_over_postgres"
    """SIGKILL to Postgres. Its standby gets its address, is read-only for `seconds`, and is promoted."""


STORE_ACTS: Final = frozenset(
    {
        FaultKind.KILL_VALKEY,
        FaultKind.PAUSE_VALKEY,
        FaultKind.KILL_POSTGRES,
        FaultKind.STOP_POSTGRES,
        FaultKind.FAIL_OVER_POSTGRES,
    }
)
"""The acts on Valkey and Postgres."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault. `at`: seconds after the load began. `seconds`: how long it lasts. `shift`: of a clock, in seconds."""

    at: float
    act: FaultKind
    who: tuple[str, ...] = ()
    seconds: float = 0.0
    shift: int = 0

    def __str__(self) -> str:
        lasts = f" for {self.seconds:.0f} s" if self.seconds else ""
        shift = f" by {self.shift / 60:+.0f} minutes" if self.shift else ""
        return f"{self.act.replace('_', ' ')} {' and '.join(self.who)}".rstrip() + shift + lasts


def plan(
    seconds: float,
    workers: int,
    seed: int,
    *,
    telephone: bool = False,
    brokers: int = 1,
    faults: int | None = None,
    clock_jumps: bool = False,
    isolated: bool = False,
    failover: bool = False,
) -> list[Fault]:
    """Return the faults of a run in order of time.

    `faults`: their number; None: one every 5 to 10 s. A run with a given number has rounds of about `ROUND_FAULTS`, and
    each round has what a run without one has. `clock_jumps`: a worker's clock jumps ahead, and later one's clock jumps
    back. `isolated`: one broker of the cluster can be cut off, and its disk can be full. `failover`: Valkey and
    Postgres fail over. Raises ConfigError if there are more faults than one in `MIN_APART_SECONDS`.
    """
    one_round = partial(
        _round,
        workers=workers,
        telephone=telephone,
        brokers=brokers,
        clock_jumps=clock_jumps,
        isolated=isolated,
        failover=failover,
    )
    if faults is None:
        return one_round(seconds, seed=seed)
    if faults > seconds / MIN_APART_SECONDS:
        most = int(seconds / MIN_APART_SECONDS)
        raise ConfigError("--faults", f"is {faults}; {seconds:g} seconds have room for {most} at most")
    rounds = max(1, round(faults / ROUND_FAULTS))
    planned: list[Fault] = []
    for number in range(rounds):
        count = faults * (number + 1) // rounds - faults * number // rounds
        of_round = one_round(seconds / rounds, seed=f"{seed}/{number}", count=count)
        begin = seconds * number / rounds
        planned += [msgspec.structs.replace(fault, at=begin + fault.at) for fault in of_round]
    return planned


def _round(
    seconds: float,
    workers: int,
    seed: int | str,
    *,
    telephone: bool,
    brokers: int,
    clock_jumps: bool,
    isolated: bool,
    failover: bool,
    count: int | None = None,
) -> list[Fault]:
    """Return the faults of one round. `count`: their number, spread evenly; None: one every `PAUSE_SECONDS`.

    In a run of a minute or more the broker is killed once, the database is locked once, and all workers are killed at
    once. Between these faults every process is killed, terminated and stopped in turn, in an order that the seed
    decides. `telephone`: the telephone courier is one of them, and is killed first. `brokers`: if there is more than
    one, the cluster's faults come in place of the broker's death.
    """
    source = random.Random(seed)  # noqa: S311  # the same seed must give the same faults
    names = [f"worker-{n}" for n in range(1, workers + 1)]
    faults = [Fault(at=seconds * 0.45, act=FaultKind.KILL, who=tuple(names))]
    if seconds >= LONG_SECONDS:
        faults.append(
            Fault(at=seconds * source.uniform(0.2, 0.3), act=FaultKind.LOCK_DATABASE, seconds=LOCK_SECONDS)
        )
        if brokers == 1:
            faults.append(Fault(at=seconds * source.uniform(0.6, 0.7), act=FaultKind.KILL_BROKER))
    if clock_jumps:
        faults += [
            Fault(
                at=seconds * share,
                act=FaultKind.JUMP_CLOCK,
                who=(source.choice(names),),
                seconds=min(JUMPED_SECONDS, seconds / 6),
                shift=shift,
            )
            for share, shift in ((0.1, JUMP_SECONDS), (0.55, -JUMP_SECONDS))
        ]
    if brokers > 1:
        faults += _cluster_faults(seconds, source, isolated=isolated)
    if failover:
        faults += _store_faults(seconds, random.Random(f"{seed}/stores"))  # noqa: S311  # the others stay the same
    deck = _shuffled_faults(names, source, telephone=telephone)
    for at in _moments(seconds, source, None if count is None else count - len(faults)):
        deck = deck or _shuffled_faults(names, source, telephone=telephone)
        act, process_name = deck.pop()
        lasts = source.uniform(*STOP_SECONDS) if act is FaultKind.STOP else 0.0
        faults.append(Fault(at=at, act=act, who=(process_name,), seconds=min(lasts, seconds - at)))
    return sorted(faults, key=lambda fault: fault.at)[:count]


def _moments(seconds: float, source: random.Random, count: int | None) -> Iterator[float]:
    """Yield when the processes are hit. `count`: how often, over the whole time; None: every `PAUSE_SECONDS`."""
    at, end = FIRST_SECONDS, seconds - STOP_SECONDS[0]
    if count is None:
        while at < end:
            yield at
            at += source.uniform(*PAUSE_SECONDS)
        return
    pauses = [source.uniform(*PAUSE_SECONDS) for _ in range(count)]
    for pause in pauses:
        yield at
        at += pause * (end - FIRST_SECONDS) / sum(pauses)


def _cluster_faults(seconds: float, source: random.Random, *, isolated: bool) -> list[Fault]:
    """Return the faults of the brokers, in an order that the seed decides. They share the time of the run evenly.

    Each waits until the brokers have recovered from the one before, so two brokers are never away at once.
    """
    acts = [
        FaultKind.KILL_LEADER,
        FaultKind.KILL_CONTROLLER,
        FaultKind.PAUSE_LEADER,
        FaultKind.MOVE_PARTITIONS,
        FaultKind.RESTART_BROKERS,
    ]
    if isolated:
        acts += [FaultKind.CUT_OFF_BROKER, FaultKind.FILL_DISK]
    source.shuffle(acts)
    lasts = {
        FaultKind.CUT_OFF_BROKER: min(CUT_OFF_SECONDS, seconds / 10),
        FaultKind.FILL_DISK: min(CUT_OFF_SECONDS, seconds / 10),
        FaultKind.KILL_LEADER: AWAY_SECONDS,
        FaultKind.KILL_CONTROLLER: AWAY_SECONDS,
        FaultKind.PAUSE_LEADER: min(PAUSED_SECONDS, seconds / 10),
    }
    return [
        Fault(at=seconds * (0.08 + 0.85 / len(acts) * index), act=act, seconds=lasts.get(act, 0.0))
        for index, act in enumerate(acts)
    ]


def _store_faults(seconds: float, source: random.Random) -> list[Fault]:
    """Return the faults of Valkey and of Postgres over the time of the run, in an order that the seed decides.

    Each waits until its store has recovered from the one before. Those of Valkey and of Postgres overlap.
    """
    faults, times = [], STORE_FAULTS if seconds >= LONG_SECONDS else 1
    for acts in (
        [FaultKind.KILL_VALKEY, FaultKind.PAUSE_VALKEY] * times,
        [FaultKind.KILL_POSTGRES, FaultKind.STOP_POSTGRES, FaultKind.FAIL_OVER_POSTGRES] * times,
    ):
        source.shuffle(acts)
        faults += [
            Fault(
                at=seconds * (0.06 + 0.84 * (index + source.uniform(0.0, 0.3)) / len(acts)),
                act=act,
                seconds=min(STORE_AWAY_SECONDS, seconds / 30),
            )
            for index, act in enumerate(acts)
        ]
    return faults


def _shuffled_faults(
    workers: list[str], source: random.Random, *, telephone: bool
) -> list[tuple[FaultKind, str]]:
    """Return each act on each process once, shuffled. It is used from the end, which has a worker and the relay."""
    acts = [FaultKind.KILL, FaultKind.TERM, FaultKind.STOP]
    couriers = ("courier-mail", "courier-call") if telephone else ("courier-mail",)
    others = [
        (act, process_name)
        for act in acts
        for process_name in (*workers, "relay", "sink", "board", *couriers)
    ]
    source.shuffle(others)
    first = [
        (FaultKind.KILL, source.choice(workers)),
        (FaultKind.STOP, source.choice(workers)),
        (FaultKind.KILL, "relay"),
    ]
    source.shuffle(first)
    if telephone:
        first.append((FaultKind.KILL, "courier-call"))
    return [card for card in others if card not in first] + first
