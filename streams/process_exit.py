"""Ends a process that cannot keep its promise. Its supervisor starts it again from the last commit.

Nothing is cleaned up on this way out, on purpose: after a lost lease another worker owns the partitions, and a
graceful stop would still write, commit or leave in this one's name.
"""

import contextlib
import json
import os
import sys
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Final, NoReturn

import structlog

_log = structlog.get_logger(__name__)


EXIT_FILE: Final = "FIRSTCLAIM_EXIT_FILE"
"""The environment variable by which a supervisor says where a process is to write why it ends."""
MOST_REASON: Final = 2_000


class Exit(IntEnum):
    """Exit codes, after sysexits.h."""

    SOFTWARE = 70
    """Something failed that must not: a journal write, an agent."""
    LEASE_LOST = 75
    """The group may have given our partitions to somebody else."""
    BRAKE = 79
    """Our own code failed on too many records: starting again helps once it is mended (`streams.brake`)."""
    CONFIG = 78
    """A setting or a topic is not as it must be: starting again will not help."""


def leave(code: Exit, what: str, reason: str) -> NoReturn:
    """Say what happened and end the process now."""
    _log.critical("process ends", what=what, reason=reason, exit_code=int(code))
    _write(code, what, reason)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _write(code: Exit, what: str, reason: str) -> None:
    """Write why this process ends where its supervisor asked for it; nothing may keep it from ending."""
    path = os.environ.get(EXIT_FILE)
    if not path:
        return
    said = {
        "pid": os.getpid(),
        "exit_code": int(code),
        "what": what[:MOST_REASON],
        "reason": reason[:MOST_REASON],
        "at": datetime.now(UTC).isoformat(),
    }
    with contextlib.suppress(OSError):
        Path(path).write_bytes(json.dumps(said).encode())
