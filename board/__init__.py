"""The live lists of every queue, in Valkey: derived from Kafka, and rebuilt from it at any time."""
