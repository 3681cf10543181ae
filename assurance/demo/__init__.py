"""Runs the demo: a stack on this machine with a lender's loan officers at work, shown live and verified at the end."""

from assurance.demo.run import run

__all__ = ["run"]
