"""The interface to Kafka: settings, topics, clients, journal, acknowledgements, lease, tables, timers, patches."""
