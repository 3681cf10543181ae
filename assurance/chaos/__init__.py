"""Kills and stops processes and sends poison under load. Afterwards every guarantee must still hold."""

from assurance.chaos.run import chaos

__all__ = ["chaos"]
