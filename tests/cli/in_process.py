"""Runs a command in the test's process, as a terminal would: arguments in, exit code and text out.

A separate process takes a second of processor time to start. A test starts one only to test the process itself
(signals, terminals, file modes, the environment of another process).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import json
import logging
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runtime.up import RunningStack


@dataclass(frozen=True)
class CommandResult:
    """The result of a command: exit code, stdout and stderr."""

    name: str
    code: int
    out: str
    err: str

    @property
    def last_line(self) -> dict[str, Any]:
        """The JSON object that a program reads: the last line of stdout."""
        assert self.out.strip(), self.err
        summary: dict[str, Any] = json.loads(self.out.strip().splitlines()[-1])
        return summary


def call(name: str, arguments: Sequence[str]) -> CommandResult:
    """Run a command without input for its questions. Commands run an event loop, so call this outside of one."""
    out, err = io.StringIO(), io.StringIO()
    noise = logging.StreamHandler(err)
    logging.getLogger().addHandler(noise)
    aiokafka = logging.getLogger("aiokafka")
    level = aiokafka.level
    aiokafka.setLevel(logging.CRITICAL)  # like `main`
    gc.freeze()  # a later collection then covers only the objects of the command
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _no_input(),
        ):
            code = run([*arguments])
            gc.collect()  # objects that were not awaited or closed now raise their warnings
    finally:
        gc.unfreeze()
        logging.getLogger().removeHandler(noise)
        aiokafka.setLevel(level)
        asyncio.set_event_loop(None)
    return CommandResult(name, code, out.getvalue(), err.getvalue())


def firstclaim(stack: RunningStack, *arguments: str | Path) -> CommandResult:
    """Run a command on a stack, which it finds by its state folder."""
    with use_state_dir(stack.settings.state_dir):
        return call(str(arguments[0]), [*map(str, arguments)])


@contextlib.contextmanager
def use_state_dir(state_dir: Path) -> Iterator[None]:
    """Let commands use a state folder, as in another terminal."""
    before = os.environ.get("FIRSTCLAIM_STATE_DIR")
    os.environ["FIRSTCLAIM_STATE_DIR"] = str(state_dir)
    try:
        yield
    finally:
        if before is None:
            del os.environ["FIRSTCLAIM_STATE_DIR"]
        else:
            os.environ["FIRSTCLAIM_STATE_DIR"] = before


@contextlib.contextmanager
def _no_input() -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.StringIO("")
    try:
        yield
    finally:
        sys.stdin = before
