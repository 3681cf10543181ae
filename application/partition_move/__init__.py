"""Moves a whole system to a Kafka with another number of partitions (docs/operations/partitions.md).

`export` writes what Kafka knows to a file while no process runs, and `load` writes the file to an empty Kafka. Places
in the logs begin anew there, so a row is brought as one that no event of its log made (`models.lead.BEFORE_THE_LOG`).
"""
