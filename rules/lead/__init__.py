"""The lead machine: one event changes one lead and yields its decisions."""
