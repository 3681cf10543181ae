"""Computes opening hours, pauses and quiet hours, each in its own time zone."""
