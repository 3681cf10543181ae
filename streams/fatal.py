"""A process that cannot keep its promise ends at once; its supervisor starts it anew from the last commit.

Nothing is cleaned up on this way out, on purpose: after a lost lease another worker owns the partitions, and a
graceful stop would still write, commit or leave in this one's name.
"""

import os
import sys
from enum import IntEnum
from typing import NoReturn

import structlog

_log = structlog.get_logger(__name__)


class Exit(IntEnum):
    """Exit codes, after sysexits.h."""

    SOFTWARE = 70
    """Something failed that must not: a journal write, an agent."""
    LEASE_LOST = 75
    """The group may have given our partitions to somebody else."""
    CONFIG = 78
    """A setting or a topic is not as it must be: starting again will not help."""


def leave(code: Exit, what: str, reason: str) -> NoReturn:
    """Say what happened and end the process now."""
    _log.critical("process ends", what=what, reason=reason, exit_code=int(code))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
