"""Chaos sends by librdkafka: it says so where that is missing, and header names may be any bytes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from assurance.chaos.poison import UNREADABLE_KEY, poison_in
from assurance.chaos.vendor_producers import AnyHeaders, consumer, producer
from models.errors import ConfigError
from streams.settings import Settings
from tests.fixtures.servers import unique
from tests.fixtures.waiting import PATIENCE_SECONDS


@pytest.mark.parametrize("make", [producer, consumer, AnyHeaders])
def test_without_librdkafka_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, make: type) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(ConfigError, match=r"confluent-kafka: is missing.*firstclaim\[bench\]"):
        make(Settings.read())


def test_the_commands_do_not_need_librdkafka() -> None:
    """It is of an extra: what is not chaos must run without it."""
    code = "import sys; sys.modules['confluent_kafka'] = None; import assurance.chaos, cli"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr


@pytest.mark.kafka
def test_poison_is_counted_whatever_its_headers_are(settings: Settings) -> None:
    """What was aborted is no poison; what nobody can read is."""
    topic = unique("poison")
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for creation in admin.create_topics([NewTopic(topic, 1, 1)], operation_timeout=PATIENCE_SECONDS).values():
        creation.result(60)
    poison = [("chaos", b"poison")]
    by = producer(settings, compression_type="zstd")
    by.produce(topic, value=b"x", headers=poison, partition=0)
    by.produce(topic, value=b"x", headers=[("h", None), *poison, ("h", None)], partition=0)
    by.produce(topic, value=b"a good lead", partition=0)
    by.produce(topic, value=b"another", headers=[("h", None)], partition=0)
    assert by.flush(PATIENCE_SECONDS) == 0
    transaction = producer(settings, transactional_id=topic)
    transaction.init_transactions(60)
    for end in (transaction.abort_transaction, transaction.commit_transaction):
        transaction.begin_transaction()
        transaction.produce(topic, value=b"x", headers=poison, partition=0)
        transaction.flush(PATIENCE_SECONDS)
        end(60)
    any_headers = AnyHeaders(settings)
    any_headers.send(topic, b"x", key=UNREADABLE_KEY, headers=[(b"\xff\xfe", b"1")])
    assert any_headers.flush()
    any_headers.close()
    assert poison_in(settings, topic) == 4
