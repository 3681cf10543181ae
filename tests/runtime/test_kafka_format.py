"""A broker whose folder was formatted from what Kafka's tool wrote once is a broker of its own cluster."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runtime import kafka_format
from runtime.kafka import KafkaBroker, new_id
from streams import clients
from streams.settings import Settings
from tests.fixtures.servers import make_kafka

if TYPE_CHECKING:
    from pathlib import Path

IDS = {"cluster_id": "a-cluster", "node_id": 2, "directory_id": "a-folder"}


@pytest.fixture
def kept_output(tmp_path: Path) -> Path:
    """Return the folder of what a tool wrote."""
    data = tmp_path / "data"
    data.mkdir()
    (data / kafka_format.META).write_text("#\n#Sat\ncluster.id=c\ndirectory.id=d\nnode.id=1\nversion=1\n")
    (data / kafka_format.CHECKPOINT).write_bytes(b"features")
    kafka_format.keep(data, tmp_path / "kept")
    return tmp_path / "kept"


def test_a_folder_gets_its_own_ids_and_the_same_features(kept_output: Path, tmp_path: Path) -> None:
    assert kafka_format.fill(tmp_path / "new", kept_output, **IDS)  # type: ignore[arg-type]  # the values fit
    meta = (tmp_path / "new" / kafka_format.META).read_text().splitlines()
    assert sorted(meta) == ["cluster.id=a-cluster", "directory.id=a-folder", "node.id=2", "version=1"]
    assert (tmp_path / "new" / kafka_format.CHECKPOINT).read_bytes() == b"features"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (kafka_format.META, "cluster.id=c\nnode.id=1\nversion=1\n"),
        (kafka_format.META, "cluster.id=c\ndirectory.id=d\nnode.id=1\nversion=2\n"),
        (kafka_format.META, "cluster.id=c\ndirectory.id=d\nnode.id=1\nversion=1\nmore=1\n"),
        (kafka_format.CHECKPOINT, ""),
    ],
)
def test_what_another_kafka_wrote_is_not_used(
    kept_output: Path, tmp_path: Path, name: str, content: str
) -> None:
    (kept_output / name).write_text(content)
    assert not kafka_format.fill(tmp_path / "new", kept_output, **IDS)  # type: ignore[arg-type]  # as above
    assert not (tmp_path / "new").exists()


def test_nothing_is_used_where_nothing_was_kept_and_what_was_kept_stays(
    kept_output: Path, tmp_path: Path
) -> None:
    assert not kafka_format.fill(tmp_path / "new", tmp_path / "nothing", **IDS)  # type: ignore[arg-type]  # as above
    (tmp_path / "data" / kafka_format.CHECKPOINT).write_bytes(b"others")
    kafka_format.keep(tmp_path / "data", kept_output)
    assert (kept_output / kafka_format.CHECKPOINT).read_bytes() == b"features"
    assert {path.name for path in tmp_path.iterdir()} == {"data", "kept"}


@pytest.mark.kafka
async def test_the_second_broker_of_a_machine_starts_without_the_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one keeps what the tool wrote; the second one has other ids, and works."""
    runs: list[Any] = []
    tool = subprocess.run

    def run(*arguments: Any, **options: Any) -> Any:
        runs.append(arguments)
        return tool(*arguments, **options)

    monkeypatch.setattr("runtime.kafka.subprocess.run", run)
    monkeypatch.setattr(
        KafkaBroker,
        "class_cache",
        lambda broker, class_cache=KafkaBroker.class_cache: _in(broker, class_cache),
    )
    first, second = make_kafka(tmp_path / "first"), make_kafka(tmp_path / "second")
    for broker in (first, second):
        broker.folder.mkdir()
        broker.launch()
        broker.stop()
    assert len(runs) == 1
    with second:
        async with clients.started_client(
            clients.admin(Settings.read(kafka_bootstrap_servers=second.bootstrap))
        ) as admin:
            described = await admin.describe_cluster()
    assert described["cluster_id"] == second.cluster_id != first.cluster_id


def _in(broker: KafkaBroker, class_cache: Any) -> Path:
    """Return the path of a class cache beside the broker's folder, where nothing is kept yet."""
    path: Path = class_cache(broker)
    return broker.folder.parent / path.name


def test_new_ids_of_kafka_have_no_dash() -> None:
    assert not any("-" in new_id() for _ in range(200))
