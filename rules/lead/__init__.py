"""Implements the lead machine. One event changes one lead and yields its decisions."""
