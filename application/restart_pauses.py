"""Computes how long a supervisor waits before it restarts a process."""

from typing import Final

from streams.process_exit import ExitCode

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 10.0
FIRST_BRAKE_PAUSE_SECONDS: Final = 60.0
LONGEST_BRAKE_PAUSE_SECONDS: Final = 900.0
MENDED_SECONDS: Final = 1800.0  # after a run of this length the brake's pauses start over
HEALTHY_SECONDS: Final = 30.0  # after a run of this length there is no long pause


class RestartPauses:
    """The pause before each restart. It doubles with each one, from 0.2 to 10 s.

    After the code 79 (our own code failed on too many records) it doubles from 60 to 900 s.
    """

    def __init__(self) -> None:
        self._next = FIRST_PAUSE_SECONDS
        self._next_brake = FIRST_BRAKE_PAUSE_SECONDS

    def after(self, status: int, lived_seconds: float) -> float:
        """Return the pause after an exit, in seconds."""
        if lived_seconds > HEALTHY_SECONDS:
            self._next = FIRST_PAUSE_SECONDS
        if lived_seconds > MENDED_SECONDS:
            self._next_brake = FIRST_BRAKE_PAUSE_SECONDS
        if status == ExitCode.BRAKE:
            pause = self._next_brake
            self._next_brake = min(pause * 2, LONGEST_BRAKE_PAUSE_SECONDS)
        else:
            pause = self._next
            self._next = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return pause
