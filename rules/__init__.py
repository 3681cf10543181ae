"""Contains the business rules: the rule language, verdicts, queue membership, schedules and the state machines.

Pure functions, no I/O.
"""
