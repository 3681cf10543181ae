"""A writer without Kafka reports that in a clear error. The process then ends with a code that allows a restart."""

import pytest

from models.errors import RetryableError
from runtime.process import free_port
from streams.journal import JournalWriter
from streams.settings import Settings


async def test_a_writer_without_kafka_says_later() -> None:
    writer = JournalWriter(Settings.read(kafka_bootstrap_servers=f"127.0.0.1:{free_port()}"))
    with pytest.raises(RetryableError, match="Kafka: KafkaConnectionError"):
        await writer.start()
