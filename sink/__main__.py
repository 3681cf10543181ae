"""Runs the sink with the settings of the environment: `python -m sink [PORT]`."""

import sys

from sink.service import run
from streams.settings import Settings

run(Settings.read(), port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
