"""Access control on Kafka: the table of principals and ACLs, its text forms, and its comparison with a cluster."""
