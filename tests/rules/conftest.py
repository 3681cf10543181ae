"""No property here is a measurement: a slow machine must not fail a true one."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
