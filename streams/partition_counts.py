"""Decides how many partitions each topic may have, and explains what to do if a topic has another number.

Our own writers always name the partition. A topic with more partitions than we use is therefore harmless, if no other
program computes a partition from the key and the topic need not match another one.
"""

from collections import Counter
from collections.abc import Mapping
from enum import Enum
from typing import Final

from models.errors import ConfigError
from streams.settings import Settings


class Shape(Enum):
    """The role of a topic's number of partitions."""

    ANY = "inbound: whoever partitions how, everything is re-keyed on arrival"
    MORE = "written to the partitions of the journal; more of them stay empty"
    KEYED = "compacted by key: a key's records are found by its partition"
    ENGINE = "a lead's or an org's log: all of it is in one partition, and its journal is in step with it"
    ONE = "one order for all of its records"


Counts = Mapping[str, int]
"""Partitions by topic."""

_OWN_SHAPES: Final = (Shape.ENGINE, Shape.KEYED)
"""Topics that have exactly as many partitions as the settings give."""
_NEW: Final = (
    "Kafka takes no partitions away. If firstclaim has not run on it yet, delete the topic"
    " (kafka-topics.sh --delete --topic {name}) and start again: it is made as it must be."
)
_IN_USE: Final = (
    " If firstclaim has run on it, put it back from a copy that has {must}, or begin with all topics new."
)


def settings_of_cluster(settings: Settings, shapes: Mapping[str, Shape], present: Counts) -> Settings:
    """Return the settings with the partition counts of the cluster.

    `partitions` follows the most common count of our own topics, unless it was set explicitly. Other counts of topics
    that need not match are adopted.
    """
    count_frequency = Counter(
        present[name] for name, shape in shapes.items() if shape in _OWN_SHAPES and name in present
    )
    partitions = settings.partitions
    if count_frequency and not settings.given("partitions"):
        partitions = max(count_frequency, key=lambda count: (count_frequency[count], -count))
    adopted = {
        name: count
        for name, count in present.items()
        if shapes[name] in (Shape.ANY, Shape.MORE) and count != partitions
    }
    return settings.following(partitions, adopted)


def check_counts(
    settings: Settings, shapes: Mapping[str, Shape], present: Counts, harms: Mapping[str, str]
) -> None:
    """Raise `ConfigError` if a topic's partition count is harmful; it names the topic, the reason and the remedy.

    `harms`: topic -> the reason (`streams.topic_configs.Topic.harm`).
    """
    expected = settings.partitions
    own_counts = {
        name: present[name] for name, shape in shapes.items() if shape in _OWN_SHAPES and name in present
    }
    if own_counts and expected not in own_counts.values():
        name, count = next(iter(own_counts.items()))
        raise ConfigError(
            "FIRSTCLAIM_PARTITIONS",
            f"topic {name} has {count} partitions, the settings say {expected}: leave it out, or set it to {count}",
        )
    for name, count in present.items():
        shape = shapes[name]
        if shape is Shape.ONE and count != 1:
            raise _refusal(name, count, "1", harms[name])
        if shape in _OWN_SHAPES and count != expected:
            raise _refusal(name, count, str(expected), harms[name])
        if shape is Shape.MORE and count < expected:
            requirement = f"{expected} or more"
            remedy = f"kafka-topics.sh --alter --topic {name} --partitions {expected} gives it as many."
            raise ConfigError(
                f"topic {name}",
                f"has {count} partitions, it must have {requirement}, as many as lead-journal: {remedy}",
            )


def _refusal(name: str, count: int, must: str, why: str) -> ConfigError:
    sentence = f"has {count} partition{'s' if count != 1 else ''}, it must have {must}: each {why}."
    return ConfigError(f"topic {name}", f"{sentence} {_NEW.format(name=name)}{_IN_USE.format(must=must)}")
