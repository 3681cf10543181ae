"""Peers that answer the same claims without firstclaim, each in a process of its own."""
