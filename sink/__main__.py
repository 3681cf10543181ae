"""Runs the sink with the settings of the environment: `python -m sink [PORT]`."""

import gc
import sys

from streams.garbage import expect_imports

expect_imports()

from sink.service import run  # noqa: E402
from streams.settings import Settings  # noqa: E402

run(Settings.read(), port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
gc.freeze()  # as `cli.main` does
