"""The demo: everything on this machine, fed and worked by twelve reps, watched live, and at the end verified."""

from console.demo.run import run

__all__ = ["run"]
