"""Calls reps about offered leads and connects them with the lead (N4-N7).

`machine` decides, `calls` carries out, `provider` is the port to a telephone system, and `ari` is its adapter for
Asterisk.
"""
