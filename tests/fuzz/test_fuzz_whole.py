"""Whatever comes in on any topic, the system goes on and accounts for every message."""

import pytest

from tests.fuzz.whole import fuzz


@pytest.mark.slow
def test_damaged_messages_on_every_inbound_topic_stop_nothing() -> None:
    """X4, X7: each message is answered, known or a dead letter; no process exits; everything still agrees."""
    result = fuzz(2_000, seed=3)
    assert result["restarts"] == {}
    assert result["findings"] == {}
    assert result["ok"]
    assert all(0 < count < 2_000 for count in result["dead_letters"].values())
