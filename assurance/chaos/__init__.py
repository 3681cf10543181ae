"""Everything is killed, stopped and fed with poison while people work; afterwards not one promise may be broken."""

from assurance.chaos.run import chaos

__all__ = ["chaos"]
