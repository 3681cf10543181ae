"""Manages access control on Kafka: the table of principals and ACLs, its text forms, its comparison with a cluster."""
