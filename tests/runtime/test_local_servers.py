"""A local server keeps what it acknowledged through kill -9, and says "ready" only when it does its work."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from models.errors import ConfigError, StartFailed, StateInUse
from runtime import KafkaBroker, PostgresServer, ValkeyServer, postgres
from runtime.kafka import cache_classes, coordinator_serves
from runtime.process import free_port
from streams.ports import is_free
from tests.fixtures.servers import make_kafka, unique
from tests.fixtures.waiting import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = PATIENCE_SECONDS


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """Yield a Valkey of the test's own, running."""
    with ValkeyServer(tmp_path / "valkey") as server:
        yield server


async def produce(broker: KafkaBroker, topic: str, count: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 4, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all") as producer:
        for number in range(count):
            await producer.send_and_wait(topic, str(number).encode(), partition=number % 4)


async def read_in_group(broker: KafkaBroker, topic: str, count: int) -> set[int]:
    """Read with a group: that needs the coordinator, not only the log."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=broker.bootstrap, group_id=unique("readers"), auto_offset_reset="earliest"
    )
    async with consumer:
        return {int((await consumer.getone()).value) for _ in range(count)}


@pytest.mark.kafka
async def test_kafka_keeps_what_it_acknowledged_through_kill_9_and_a_clean_stop(tmp_path: Path) -> None:
    """One broker's whole life: started, killed, started, stopped, started, with the same data and address."""
    with make_kafka(tmp_path / "kafka") as broker:
        address, topic = broker.bootstrap, unique("kept")
        await produce(broker, topic, 200)
        broker.kill9()
        assert not broker.ready()
        broker.start()
        assert broker.bootstrap == address
        assert await read_in_group(broker, topic, 200) == set(range(200))
        assert broker.process is not None
        process = broker.process
        broker.stop()
        assert process.returncode == 128 + signal.SIGTERM  # Java's way of saying it ended in order
        broker.start()
        assert broker.bootstrap == address
        assert await read_in_group(broker, topic, 200) == set(range(200))


@pytest.mark.kafka
def test_a_broker_that_ends_without_writing_its_classes_stops_nobody(tmp_path: Path) -> None:
    broker = make_kafka(tmp_path / "kafka")
    before = broker.class_cache().exists()
    assert cache_classes(broker, lambda _: broker.kill9()) is None
    assert broker.class_cache().exists() == before, "the cache that others use is not touched"
    with broker:
        assert broker.answers()


async def test_a_group_is_served_at_once_when_the_fixture_says_ready(kafka: str) -> None:
    host, port = kafka.split(":")
    with socket.create_connection((host, int(port)), SECONDS) as connection:
        for _ in range(20):
            assert coordinator_serves(connection, unique("group"))


@pytest.mark.kafka
async def test_kafka_does_not_make_topics_of_misspelt_names(kafka: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        name = unique("misspelt")
        await producer.client.force_metadata_update()
        producer.client.add_topic(name)
        await producer.client.force_metadata_update()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        assert name not in await admin.list_topics()
    finally:
        await admin.close()


@pytest.mark.parametrize(
    ("codes", "serves"),
    [
        ([15], False),  # COORDINATOR_NOT_AVAILABLE: the offsets topic is being made
        ([0, 14], False),  # COORDINATOR_LOAD_IN_PROGRESS
        ([0, 16], False),  # NOT_COORDINATOR
        ([0, 25], True),  # UNKNOWN_MEMBER_ID: it looked, so it has loaded
    ],
)
def test_a_port_that_answers_is_not_yet_a_coordinator(codes: list[int], serves: bool) -> None:
    client, server = socket.socketpair()

    def answer() -> None:
        for code in codes:
            (length,) = struct.unpack(">i", server.recv(4, socket.MSG_WAITALL))
            server.recv(length, socket.MSG_WAITALL)
            body = struct.pack(">ih", 0, code) + bytes(12)
            # In two pieces, as a network may deliver it.
            server.sendall(struct.pack(">i", len(body)) + body[:3])
            server.sendall(body[3:])

    script = threading.Thread(target=answer)
    script.start()
    with client, server:
        assert coordinator_serves(client, "group") is serves
        script.join()


def test_valkey_keeps_its_data_through_kill_9(valkey: ValkeyServer) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.set("row", "kept")
    valkey.kill9()
    valkey.start()
    with redis.Redis.from_url(valkey.url) as client:
        assert client.get("row") == b"kept"


def test_a_suspended_server_is_not_ready_and_goes_on(valkey: ValkeyServer) -> None:
    valkey.suspend()
    assert valkey.running
    assert not valkey.ready()
    valkey.resume()
    assert until(valkey.ready, SECONDS)


def test_postgres_keeps_what_it_committed_through_kill_9_and_a_clean_stop(server_folder: Path) -> None:
    with PostgresServer(server_folder / unique("postgres")) as server:
        url = server.url.replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept SELECT generate_series(1, 100)")
        for interrupt in (server.kill9, server.stop):
            interrupt()
            server.start()
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT count(*) FROM kept").fetchone() == (100,)


def test_postgres_lets_nobody_in_without_the_password(postgres_url: str) -> None:
    address = postgres_url.rpartition("@")[2]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://postgres:wrong@{address}")


def test_postgres_started_by_root_names_the_folder_its_user_cannot_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ConfigError, match=f"FIRSTCLAIM_STATE_DIR: {closed} is closed to user nobody"):
        PostgresServer(closed / "postgres")._check_reach()


def test_postgres_runs_from_a_copy_where_its_user_cannot_reach_the_wheel(tmp_path: Path) -> None:
    """A virtual environment below a closed home: the programs find their libraries in the copy."""
    wheel = postgres._programs()
    for _ in range(2):  # the second finds the copy of the first
        copy = postgres._copy_for_others(wheel, tmp_path / "copy")
        assert copy.is_relative_to(tmp_path)
        completed = subprocess.run([copy / "bin" / "initdb", "--version"], capture_output=True, check=True)
        assert f"PostgreSQL) {postgres.MAJOR}." in completed.stdout.decode()


def test_a_folder_has_one_owner(valkey: ValkeyServer) -> None:
    with pytest.raises(StateInUse, match=f"{valkey.folder} is in use by process {os.getpid()}"):
        ValkeyServer(valkey.folder).start()
    assert valkey.ready()


def test_a_server_left_over_by_a_dead_parent_is_ended_first(tmp_path: Path) -> None:
    """Where the kernel does not end it (not Linux) the pid file does; here it is started without the tie."""
    first_server = ValkeyServer(tmp_path)
    first_server.start()
    first_server.stop()
    left_over = subprocess.Popen([first_server.program, *first_server.arguments()], stdout=subprocess.DEVNULL)
    first_server.pid_file.write_text(str(left_over.pid))
    assert until(lambda: not is_free(first_server.ports["port"]), SECONDS)
    with ValkeyServer(tmp_path) as second_server:
        assert left_over.wait(SECONDS) == 0
        assert second_server.ready()


def test_a_port_is_given_to_one_process_before_its_server_listens() -> None:
    """A server listens some time after its port was chosen: it has to start first."""
    port = free_port()
    look = (
        "import sys, runtime.process as process\n"
        "process.PORTS = range(int(sys.argv[1]), int(sys.argv[1]) + 1)\n"
        "print(process.free_port())"
    )
    completed = subprocess.run(
        [sys.executable, "-c", look, str(port)], capture_output=True, text=True, check=False
    )
    assert is_free(port)
    assert completed.returncode == 1
    assert f"no free port between {port}" in completed.stderr


def test_a_pid_file_that_names_a_stranger_harms_nobody(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()", "valkey-server"], stdin=subprocess.PIPE)
    server = ValkeyServer(tmp_path)
    server.pid_file.write_text(str(stranger.pid))
    assert not server.find_running()
    with server:
        assert stranger.poll() is None
    stranger.communicate(b"\n", SECONDS)
    assert stranger.returncode == 0


def test_a_port_taken_meanwhile_is_left_to_its_owner(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        port = owner.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({"port": port}))
        with ValkeyServer(tmp_path) as server:
            assert server.ports["port"] != port


def test_a_port_taken_between_the_look_and_the_start_is_tried_again(tmp_path: Path) -> None:
    server = ValkeyServer(tmp_path)
    with socket.create_server(("127.0.0.1", free_port())) as owner:
        port = owner.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({"port": port}))
        server.ports = {"port": port}
        with server:
            assert server.ports["port"] != port
            assert server.ready()


def test_a_server_that_exits_says_its_last_words(tmp_path: Path) -> None:
    manifest = tmp_path / "data" / "appendonlydir" / "appendonly.aof.manifest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("nonsense\n")
    with pytest.raises(StartFailed, match=r"(?s)valkey: exited with status 1; the end of .*AOF"):
        ValkeyServer(tmp_path).start()
