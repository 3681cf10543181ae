"""A writer whose Kafka is away says so in our own words: the process then ends as one that may be started again."""

import pytest

from models.errors import RetryableError
from runtime.process import free_port
from streams.journal import JournalWriter
from streams.settings import Settings


async def test_a_writer_without_kafka_says_later() -> None:
    writer = JournalWriter(Settings.read(kafka_bootstrap_servers=f"127.0.0.1:{free_port()}"))
    with pytest.raises(RetryableError, match="Kafka: KafkaConnectionError"):
        await writer.start()
