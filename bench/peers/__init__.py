"""Peers that answer the same claims without firstclaim, each in a separate process."""
