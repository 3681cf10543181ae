"""Runs the Quix Streams peer: a stateful function over the claims that sends its answers to a topic.

`python -m bench.peers.quix CLAIMS DECISIONS STATE_DIR` runs until SIGTERM. It is at-least-once, with an idempotent
producer and acks=all (librdkafka, in C), and has its state in RocksDB with a changelog topic. It writes the changelog
at its checkpoints, here every second, as often as we commit. So its answers are sent before its state is durable. Its
rate is still measured by the answers.
"""

import json
import signal
import sys
from typing import Any

from quixstreams import Application
from quixstreams.state import State

from bench.peers.answer import answer_to_claim
from streams.settings import Settings


def answer(value: bytes, state: State[Any, Any]) -> bytes:
    """Answer one claim."""
    event: dict[str, Any] = json.loads(value)
    owner = state.get("owner")
    if owner is None:
        owner = event["rep_id"]
        state.set("owner", owner)
    return answer_to_claim(event, owner)


def main() -> None:
    """Run until stopped."""
    claims, decisions, folder = sys.argv[1:]
    app = Application(
        Settings.read().kafka_bootstrap_servers,
        consumer_group=f"quix-{claims}",
        auto_offset_reset="earliest",
        processing_guarantee="at-least-once",
        commit_interval=1.0,
        state_dir=folder,
        loglevel="ERROR",
        producer_extra_config={
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
        },
    )
    source = app.topic(claims, value_deserializer="bytes", key_deserializer="bytes")
    target = app.topic(decisions, value_serializer="bytes", key_serializer="bytes")
    app.dataframe(source).apply(answer, stateful=True).to_topic(target)
    signal.signal(signal.SIGTERM, lambda *_: app.stop())
    app.run()


if __name__ == "__main__":
    main()
