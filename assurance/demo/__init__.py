"""The demo: everything on this machine, a lender's loan officers at work, watched live, and in the end verified."""

from assurance.demo.run import run

__all__ = ["run"]
