"""Starts a program that ends when the process that started it ends.

Run as `python -I -S parent_watch.py PARENT SIGNAL UID PROGRAM ARGUMENTS…`. On Linux the kernel sends SIGNAL to PROGRAM
when PARENT dies for any reason; on other systems PROGRAM is only started. UID -1 keeps the user; another number
switches from root to it (user and group). The files of PROGRAM are private to its user, whatever our umask is. This is
a separate program because Python code between fork and exec would share the locks of a parent with threads.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the death signal, then execute the program."""
    parent, death_signal, uid = (int(argument) for argument in sys.argv[1:4])
    program = sys.argv[4:]
    os.umask(os.umask(0o077) | 0o077)
    if uid >= 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, because setuid clears the death signal.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(f"process {parent} is gone, {program[0]} is not started")
    os.execv(program[0], program)  # noqa: S606  # deliberately without a shell


if __name__ == "__main__":
    main()
