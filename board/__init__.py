"""Keeps the live lists of every queue in Valkey. They are derived from Kafka and can be rebuilt from it at any time."""
