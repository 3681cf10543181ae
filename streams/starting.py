"""Is imported before all else in each program of ours, so that its imports are quick."""

from streams.garbage import expect_imports
from streams.lean_imports import import_structlog

expect_imports()
import_structlog()
