"""Ends a process that cannot continue safely. Its supervisor restarts it from the last commit.

This exit deliberately skips all cleanup. After a lost lease another worker owns the partitions, and a graceful stop
would still write, commit or leave the group in this worker's name.
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
"""The environment variable with the file to which a process writes the reason for its end, for its supervisor."""
MAX_REASON: Final = 2_000


class ExitCode(IntEnum):
    """Exit codes, after sysexits.h."""

    SOFTWARE = 70
    """A journal write or an agent failed."""
    LEASE_LOST = 75
    """The group may have assigned our partitions to another worker."""
    BRAKE = 79
    """Our own code failed on too many records. A restart helps only after a fix (`streams.brake`)."""
    CONFIG = 78
    """A setting or a topic is wrong. A restart does not help."""


def leave(code: ExitCode, subject: str, reason: str) -> NoReturn:
    """Log the reason and end the process immediately."""
    _log.critical("process ends", what=subject, reason=reason, exit_code=int(code))
    _write(code, subject, reason)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _write(code: ExitCode, subject: str, reason: str) -> None:
    """Write the reason to the supervisor's file, if one is set. A failure to write must not keep the process alive."""
    path = os.environ.get(EXIT_FILE)
    if not path:
        return
    note = {
        "pid": os.getpid(),
        "exit_code": int(code),
        "what": subject[:MAX_REASON],
        "reason": reason[:MAX_REASON],
        "at": datetime.now(UTC).isoformat(),
    }
    with contextlib.suppress(OSError):
        Path(path).write_bytes(json.dumps(note).encode())
