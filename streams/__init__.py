"""The edge to Kafka: settings, topics, clients, journal, acknowledgements, lease, tables, timers, patches."""
