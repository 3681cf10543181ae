"""Puts the compiled core into the wheel if `FIRSTCLAIM_COMPILE` is 1. Everything else is in pyproject.toml.

Without the variable the wheel is the same on every platform. With it, the wheel is for this Python and platform.
"""

import os
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).parent))
COMPILE = os.environ.get("FIRSTCLAIM_COMPILE") == "1"


class BuildWithCore(build_py):
    """Compiles the core from the sources that go into the wheel."""

    def run(self) -> None:
        """Copy the sources, then compile them."""
        super().run()
        if COMPILE and not self.editable_mode:
            from tools import compiled_core  # noqa: PLC0415  # only where it is wanted

            built = Path(self.build_lib)
            compiled_core.build(built / compiled_core.FOLDER.relative_to(compiled_core.ROOT), root=built)


class CompiledDistribution(Distribution):
    """A distribution for one platform."""

    def has_ext_modules(self) -> bool:
        """Say that there are extensions, so that the wheel's name has Python's version and the platform."""
        return True


setup(
    cmdclass={"build_py": BuildWithCore},
    distclass=CompiledDistribution if COMPILE else Distribution,
    # What `tools.compiled_core` runs and imports.
    setup_requires=["cython>=3.3.1", "msgspec>=0.22.0"] if COMPILE else [],
)
