"""Contestants: the same claims answered without us, each in a process of its own."""
