"""Keeps the live lists of every queue in Valkey. They are derived from Kafka and can be rebuilt from it at any time."""

from streams.lean_imports import import_redis

import_redis()
