"""Contains the business rules: the rule language, results, queue membership, schedules and the state machines.

Pure functions, no I/O.
"""
