"""A broker that is cut off hears nothing; one whose disk is full writes nothing; nothing is left behind."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path

import pytest

from assurance.chaos.broker_isolation import ISOLATED, BrokerIsolation
from assurance.chaos.fault_plan import FaultKind, plan
from models.errors import ConfigError
from runtime.kafka_cluster import KafkaCluster
from tests.fixtures.waiting import until

ANSWERS = """
import socket, sys
with socket.create_server((sys.argv[1], 19092)) as server:
    print("listening", flush=True)
    while True:
        connection, _ = server.accept()
        connection.sendall(b"here")
        connection.close()
"""


@pytest.fixture
def isolation(tmp_path: Path) -> Iterator[BrokerIsolation]:
    """Yield the isolation of a cluster that is never started."""
    isolation = BrokerIsolation(KafkaCluster(tmp_path / "kafka", cache=tmp_path))
    prepare(isolation)
    yield isolation
    isolation.close()


def prepare(isolation: BrokerIsolation) -> None:
    """Prepare it. Without the right to make namespaces and to mount (root's), the test is left out with the reason."""
    try:
        isolation.prepare()
    except ConfigError as error:
        pytest.skip(str(error))


def is_reachable(host: str) -> bool:
    try:
        with socket.create_connection((host, 19092), 1) as connection:
            connection.settimeout(1)
            return connection.recv(10) == b"here"
    except OSError:
        return False


def test_a_broker_is_cut_off_and_connected_again(isolation: BrokerIsolation) -> None:
    broker = isolation.broker
    assert broker.node_id == ISOLATED
    with subprocess.Popen(
        [*broker.launcher, sys.executable, "-c", ANSWERS, broker.host], stdout=subprocess.PIPE
    ) as responder:
        try:
            assert responder.stdout is not None
            assert responder.stdout.readline() == b"listening\n"
            assert until(lambda: is_reachable(broker.host))
            isolation.cut_off()
            assert not is_reachable(broker.host)
            isolation.connect_again()
            assert until(lambda: is_reachable(broker.host)), "the broker is connected again"
        finally:
            responder.kill()


def test_a_full_disk_takes_nothing_until_there_is_room(isolation: BrokerIsolation) -> None:
    file = isolation.broker.folder / "data" / "log"
    file.write_bytes(b"x" * 100_000)
    isolation.fill_disk()
    with pytest.raises(OSError, match="No space left") as raised:
        file.with_name("more").write_bytes(b"x" * 100_000)
    assert raised.value.errno == ENOSPC
    isolation.empty_disk()
    file.with_name("more").write_bytes(b"x" * 100_000)
    assert file.read_bytes() == b"x" * 100_000


def test_the_end_of_an_isolation_removes_namespace_and_mount(tmp_path: Path) -> None:
    cluster = KafkaCluster(tmp_path / "kafka", cache=tmp_path)
    isolation = BrokerIsolation(cluster)
    prepare(isolation)
    assert len({broker.host for broker in cluster.brokers}) == 2
    assert (_has_namespace(), _is_mounted(tmp_path)) == (True, True)
    isolation.close()
    assert until(lambda: (_has_namespace(), _is_mounted(tmp_path)) == (False, False))
    assert {broker.host for broker in cluster.brokers} == {"127.0.0.1"}


def test_without_the_program_or_the_right_the_reason_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="no program ip"):
        BrokerIsolation(KafkaCluster(tmp_path / "one", cache=tmp_path)).prepare()
    refusing = tmp_path / "ip"
    refusing.write_text("#!/bin/sh\necho Operation not permitted; exit 1\n")
    refusing.chmod(0o755)
    with pytest.raises(ConfigError, match=r"netns add .* is refused: Operation not permitted"):
        BrokerIsolation(KafkaCluster(tmp_path / "two", cache=tmp_path)).prepare()


@pytest.mark.parametrize("seed", range(10))
def test_the_faults_are_planned_only_where_a_broker_is_isolated(seed: int) -> None:
    isolated_faults = {FaultKind.CUT_OFF_BROKER, FaultKind.FILL_DISK}
    assert isolated_faults <= {fault.act for fault in plan(180, 2, seed, brokers=3, isolated=True)}
    assert not isolated_faults & {fault.act for fault in plan(180, 2, seed, brokers=3)}


def _has_namespace() -> bool:
    """Tell whether this process has a namespace. Another run on this machine may have one, too."""
    listing = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    return f"firstclaim-{os.getpid()}" in listing


def _is_mounted(folder: Path) -> bool:
    return str(folder) in Path("/proc/mounts").read_text()
