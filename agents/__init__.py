"""Contains the Faust agents. Each decodes events, calls the pure rules and writes the results."""

from streams.lean_imports import import_faust

import_faust()
