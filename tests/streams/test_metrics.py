"""Increments that are kept until the metrics are read are in what is read, each once."""

from prometheus_client import CollectorRegistry, Counter

from streams.metrics import Tally


def test_kept_increments_are_in_what_is_read_each_once() -> None:
    registry, tally = CollectorRegistry(), Tally()
    registry.register(tally)
    counter = Counter("kept", "Kept increments.", ["of"], registry=registry)
    for _ in range(3):
        tally.of(counter, "ann").once()
    tally.of(counter, "ben").once()
    for _ in range(2):
        assert registry.get_sample_value("kept_total", {"of": "ann"}) == 3
        assert registry.get_sample_value("kept_total", {"of": "ben"}) == 1
    tally.of(counter, "ann").by += 2
    assert registry.get_sample_value("kept_total", {"of": "ann"}) == 5
