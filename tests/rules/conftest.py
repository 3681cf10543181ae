"""Sets up property tests of the rules. There is no deadline, so a slow machine cannot fail a test."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
