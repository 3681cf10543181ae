"""What should happen: the rule language, verdicts, queue membership, schedules, the machines.

Pure functions, no I/O.
"""
