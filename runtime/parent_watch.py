"""Starts a program that does not outlive the process that started it.

Run as `python -I -S parent_watch.py PARENT SIGNAL UID PROGRAM ARGUMENTS…`. On Linux the kernel is asked to send
SIGNAL to PROGRAM when PARENT dies, whatever it dies of; elsewhere PROGRAM is simply started. UID -1 keeps it,
another number gives up root for it (user and group). What PROGRAM makes is its user's alone, whatever our umask.
A program of its own because Python code between fork and exec would share the locks of a parent with threads.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie, then become the program."""
    parent, death_signal, uid = (int(argument) for argument in sys.argv[1:4])
    program = sys.argv[4:]
    os.umask(os.umask(0o077) | 0o077)
    if uid >= 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(f"process {parent} is gone, {program[0]} is not started")
    os.execv(program[0], program)  # noqa: S606  # no shell is the point


if __name__ == "__main__":
    main()
