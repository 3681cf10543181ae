"""The `firstclaim` command: each command says what happened and exits 0 only if it did.

With --json the last line is one object.

Commands load what they need when they run: `firstclaim --help` must not wait for a stream processor.
"""

import logging
import sys

import structlog
import typer

from console.cli import (
    assign,
    checks,
    desk,
    directory,
    do_not_contact,
    letters,
    measure,
    processes,
    route,
    rules,
    state_dir,
    web,
)
from models.errors import ConfigError, FirstclaimError
from streams.private import private_umask

app = typer.Typer(
    name="firstclaim",
    help="A lead distribution engine: one lead, one owner, never lost, and every decision explained.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
for module in (
    processes,
    web,
    desk,
    assign,
    route,
    directory,
    do_not_contact,
    rules,
    checks,
    letters,
    measure,
):
    module.add_to(app)
state_dir.add_to_all(app)


def main() -> None:
    """Run the command; an error of ours is one line and an exit code, not a traceback."""
    private_umask()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
            if sys.stderr.isatty()
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        app()
    except ConfigError as error:
        typer.secho(f"firstclaim: {error}", fg="red", err=True)
        sys.exit(78)
    except FirstclaimError as error:
        typer.secho(f"firstclaim: {error}", fg="red", err=True)
        sys.exit(70)
