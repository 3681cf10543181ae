"""A command imports nothing that only colours tracebacks, and its log and its help are as before."""

from __future__ import annotations

import subprocess
import sys

LOG = """
import os, sys
import cli, structlog
print("rich.console" in sys.modules)
structlog.configure(processors=[structlog.processors.format_exc_info, cli._renderer()])
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger().info("divided", exc_info=True)
import rich.console
"""


def output_of(*arguments: str, **environment: str) -> str:
    """Return what a new interpreter prints."""
    completed = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment or None
    )
    return completed.stdout


def test_a_log_with_a_traceback_needs_no_rich_and_rich_can_be_imported() -> None:
    has_rich, *log = output_of("-c", LOG, FIRSTCLAIM_LOG_FORMAT="text").splitlines()
    assert has_rich == "False"
    assert "divided" in log[0]
    assert log[-1] == "ZeroDivisionError: division by zero"


def test_the_help_is_still_set_in_boxes() -> None:
    assert "╭─ Commands" in output_of("-m", "cli", "--help", PYTHONIOENCODING="utf-8", TERM="xterm")
