"""Is imported before all else of the `firstclaim` command, so that its imports are quick (`streams.garbage`)."""

from streams.garbage import expect_imports

expect_imports()
