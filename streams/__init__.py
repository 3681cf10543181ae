"""Kafka's edge: settings, topics, codec, journal, acker, lease, patches, timers, local servers."""
