"""Kills and stops everything and sends poison while people work. Afterwards no promise may be broken."""

from assurance.chaos.run import chaos

__all__ = ["chaos"]
