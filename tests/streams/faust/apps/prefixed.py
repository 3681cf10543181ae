"""Gives every topic of this process the prefix `PREFIX`. Import it before any module that imports topic names."""

import os
from dataclasses import replace

from models import public
from streams import topics

PREFIX = os.environ["PREFIX"]


def _prefix() -> None:
    names = {topic.name for topic in topics.TOPICS}
    for module in (public, topics):
        constants = {name: value for name, value in vars(module).items() if isinstance(value, str)}
        vars(module).update(
            {name: f"{PREFIX}-{value}" for name, value in constants.items() if value in names}
        )
    renamed = tuple(replace(topic, name=f"{PREFIX}-{topic.name}") for topic in topics.TOPICS)
    vars(topics).update(TOPICS=renamed, BY_NAME={topic.name: topic for topic in renamed})


_prefix()
