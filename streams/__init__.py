"""Contains the interface to Kafka: settings, topics, clients, journal, acknowledgements, lease, tables, patches."""
