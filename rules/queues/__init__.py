"""Computes queue membership: published rules, the predicate index, order and columns."""
