"""The same seed plans the same faults, and every plan has what a run must have."""

from collections import Counter
from itertools import pairwise

import pytest

from assurance.chaos.fault_plan import LOCK_SECONDS, STOP_SECONDS, STORE_ACTS, STORE_FAULTS, FaultKind, plan
from models.errors import ConfigError
from streams.app import SESSION_SECONDS

PROCESSES = {"worker-1", "worker-2", "relay", "sink", "board", "courier-mail"}


@pytest.mark.parametrize("seed", range(20))
def test_a_long_run_has_everything(seed: int) -> None:
    faults = plan(180, 2, seed)
    acts = Counter(fault.act for fault in faults)
    assert acts[FaultKind.KILL_BROKER] == acts[FaultKind.LOCK_DATABASE] == 1
    assert {fault.seconds for fault in faults if fault.act is FaultKind.LOCK_DATABASE} == {LOCK_SECONDS}
    assert ("worker-1", "worker-2") in {fault.who for fault in faults if fault.act is FaultKind.KILL}
    for act in (FaultKind.KILL, FaultKind.TERM, FaultKind.STOP):
        victims = {process for fault in faults if fault.act is act for process in fault.who}
        assert victims & {"worker-1", "worker-2"}
        assert victims <= PROCESSES
        assert acts[act] >= 4
    assert {process for fault in faults for process in fault.who} == PROCESSES
    stops = [fault for fault in faults if fault.act is FaultKind.STOP and fault.at < 180 - STOP_SECONDS[1]]
    assert all(fault.seconds > SESSION_SECONDS for fault in stops)
    assert all(fault.at <= next_fault.at for fault, next_fault in pairwise(faults))
    assert all(fault.at > 0 and fault.at + fault.seconds <= 180 for fault in faults)


@pytest.mark.parametrize("seed", range(20))
def test_a_short_run_kills_and_stops_a_worker_and_kills_the_relay(seed: int) -> None:
    faults = plan(35, 2, seed)
    victims_by_act = {(fault.act, process.rstrip("-12")) for fault in faults for process in fault.who}
    assert {
        (FaultKind.KILL, "worker"),
        (FaultKind.STOP, "worker"),
        (FaultKind.KILL, "relay"),
    } <= victims_by_act
    assert not {FaultKind.KILL_BROKER, FaultKind.LOCK_DATABASE} & {fault.act for fault in faults}


def test_a_seed_plans_the_same_again_and_another_one_something_else() -> None:
    assert plan(180, 2, 7) == plan(180, 2, 7)
    assert plan(180, 2, 7) != plan(180, 2, 8)


def test_more_workers_are_hit_too() -> None:
    assert {process for fault in plan(600, 4, 1) for process in fault.who} >= {
        f"worker-{n}" for n in range(1, 5)
    }


def test_a_blow_says_what_it_does() -> None:
    descriptions = {str(fault) for fault in plan(180, 2, 1)}
    assert "kill worker-1 and worker-2" in descriptions
    assert "kill broker" in descriptions
    assert "lock database for 20 s" in descriptions


@pytest.mark.parametrize("seed", range(20))
def test_with_telephones_their_courier_is_killed_first_and_hit_in_every_way(seed: int) -> None:
    faults = plan(240, 2, seed, telephone=True)
    assert {process for fault in faults for process in fault.who} == {*PROCESSES, "courier-call"}
    first_fault = next(fault for fault in faults if fault.who == ("courier-call",))
    assert first_fault.act is FaultKind.KILL
    assert first_fault is min((fault for fault in faults if len(fault.who) == 1), key=lambda fault: fault.at)
    assert plan(240, 2, seed) != faults, "without telephones a seed gives the faults that it always gave"


@pytest.mark.parametrize("seed", range(20))
def test_a_cluster_of_brokers_has_each_of_its_faults_once_in_place_of_the_brokers_death(seed: int) -> None:
    faults = plan(180, 2, seed, brokers=3)
    acts = Counter(fault.act for fault in faults)
    cluster = {
        FaultKind.KILL_LEADER,
        FaultKind.KILL_CONTROLLER,
        FaultKind.PAUSE_LEADER,
        FaultKind.MOVE_PARTITIONS,
        FaultKind.RESTART_BROKERS,
    }
    assert {acts[act] for act in cluster} == {1}
    assert acts[FaultKind.KILL_BROKER] == 0
    assert {process for fault in faults for process in fault.who} == PROCESSES
    own = [fault for fault in faults if fault.act in cluster]
    assert all(fault.at + fault.seconds < next_fault.at for fault, next_fault in pairwise(own)), (
        "one after the other"
    )
    assert not cluster & {fault.act for fault in plan(180, 2, seed)}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("brokers", [1, 3])
def test_an_hour_has_as_many_faults_as_asked_and_all_of_them_in_every_round(seed: int, brokers: int) -> None:
    faults = plan(3_600, 2, seed, faults=200, brokers=brokers)
    assert len(faults) == 200
    assert all(fault.at <= next_fault.at for fault, next_fault in pairwise(faults))
    assert all(fault.at > 0 and fault.at + fault.seconds <= 3_600 for fault in faults)
    assert max(next_fault.at - fault.at for fault, next_fault in pairwise(faults)) < 60, (
        "they are spread over the hour"
    )
    for number in range(8):
        of_round = [fault for fault in faults if 450 * number <= fault.at < 450 * (number + 1)]
        acts = Counter(fault.act for fault in of_round)
        assert len(of_round) == 25
        assert acts[FaultKind.LOCK_DATABASE] == 1
        assert acts[FaultKind.KILL_BROKER if brokers == 1 else FaultKind.KILL_LEADER] == 1
        assert ("worker-1", "worker-2") in {fault.who for fault in of_round}
    assert faults != plan(3_600, 2, seed + 1, faults=200, brokers=brokers)


def test_a_few_faults_are_few() -> None:
    assert [len(plan(60, 2, 1, faults=count)) for count in (1, 2, 5, 20)] == [1, 2, 5, 20]


def test_more_faults_than_there_is_time_for_are_refused() -> None:
    with pytest.raises(ConfigError, match="60 seconds have room for 20 at most"):
        plan(60, 2, 1, faults=21)


@pytest.mark.parametrize("seed", range(20))
def test_clocks_jump_only_if_asked_and_once_each_way(seed: int) -> None:
    faults = plan(180, 2, seed, clock_jumps=True)
    jumps = [fault for fault in faults if fault.act is FaultKind.JUMP_CLOCK]
    assert [fault.shift for fault in jumps] == [70 * 60, -70 * 60]
    assert {process for fault in jumps for process in fault.who} <= {"worker-1", "worker-2"}
    assert str(jumps[0]).endswith("by +70 minutes for 30 s")
    assert not any(fault.act is FaultKind.JUMP_CLOCK for fault in plan(180, 2, seed))


@pytest.mark.parametrize("seed", range(20))
def test_with_failover_valkey_and_postgres_are_hurt_in_every_way(seed: int) -> None:
    faults = plan(300, 2, seed, failover=True)
    acts = Counter(fault.act for fault in faults if fault.act in STORE_ACTS)
    assert acts == dict.fromkeys(STORE_ACTS, STORE_FAULTS)
    other_faults = [fault for fault in faults if fault.act not in STORE_ACTS]
    assert other_faults == plan(300, 2, seed)
    assert all(fault.at > 0 and fault.at + fault.seconds <= 300 for fault in faults)
    assert not STORE_ACTS & {fault.act for fault in plan(300, 2, seed)}
    short = Counter(fault.act for fault in plan(35, 2, seed, failover=True) if fault.act in STORE_ACTS)
    assert short == dict.fromkeys(STORE_ACTS, 1)


def test_a_fault_of_a_store_says_what_it_does() -> None:
    descriptions = {str(fault) for fault in plan(300, 2, 1, failover=True)}
    assert {"kill valkey for 8 s", "pause valkey for 8 s", "fail over postgres for 8 s"} <= descriptions
