"""Fixtures that the tests of every room share, and the settings for the examples of property tests.

`make test` tries the same examples each time, so that a failure comes from a change. `make explore` tries new ones.
"""

import gc
import os
import sys

from hypothesis import settings

pytest_plugins = [
    "tests.fixtures.servers",
    "tests.fixtures.cpu_profile",
    "tests.fixtures.shared_stacks",
    "tests.fixtures.sql_shape",
]

settings.register_profile("repeat", derandomize=True, database=None)
settings.register_profile("explore", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

# Tests, parameters and modules live as long as the session. With Python's thresholds, a session searches them for
# garbage again and again, which takes a quarter of its processor time.
gc.set_threshold(20_000, 10, 10)

# Without this cache, each process that a test starts compiles every module it imports, which is half of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
