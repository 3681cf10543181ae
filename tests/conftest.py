"""Fixtures every room's tests share, and how property tests choose their examples.

`make test` tries the same examples each time, so that what fails is what was changed; `make explore` tries new ones.
"""

import os
import sys

from hypothesis import settings

pytest_plugins = ["tests.fixtures.servers", "tests.fixtures.cpu_profile"]

settings.register_profile("repeat", derandomize=True, database=None)
settings.register_profile("explore", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

# Each process that a test starts would compile every module it imports: half of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
