"""Runs the sink with the settings of the environment: `python -m sink [PORT]`."""

import streams.starting  # noqa: F401  # before the others, which it makes quicker

# isort: split

import gc
import sys

from sink.service import run
from streams.settings import Settings

run(Settings.read(), port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
gc.freeze()  # as `cli.main` does
