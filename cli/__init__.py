"""Defines the `firstclaim` command. Each subcommand prints what happened and exits 0 only if it succeeded.

With --json the last line of output is one JSON object.

Commands import their dependencies when they run, so that `firstclaim --help` does not load a stream processor.
"""

import streams.starting  # noqa: F401  # before the others, which it makes quicker

# isort: split

import gc
import logging
import os
import sys
from importlib.metadata import version
from typing import Annotated, Any, Final

import structlog
import typer

from cli import (
    access,
    assign,
    audit,
    checks,
    crm,
    daily,
    dead_letters,
    directory,
    do_not_contact,
    erase,
    locks,
    measure,
    moves,
    partitions,
    processes,
    push,
    route,
    rules,
    state_dir,
    tokens,
    vendors,
    web,
)
from models.errors import ConfigError, FirstclaimError
from streams.file_permissions import private_umask
from streams.log_repeats import RepeatFilter
from streams.masking import masked_stream

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
    push,
    web,
    tokens,
    vendors,
    audit,
    daily,
    assign,
    locks,
    moves,
    route,
    directory,
    do_not_contact,
    erase,
    rules,
    checks,
    crm,
    partitions,
    dead_letters,
    measure,
    access,
):
    module.add_to(app)
state_dir.add_to_all(app)


@app.callback(help=app.info.help)
def main_options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda requested: _print_version(requested=requested),
            help="Show the version.",
        ),
    ] = False,
) -> None:
    """Run a command."""


def _print_version(*, requested: bool) -> None:
    if requested:
        typer.echo(f"firstclaim {version('firstclaim')}")
        raise typer.Exit


def main() -> None:
    """Run the command of the arguments, and exit with its code."""
    private_umask()
    sys.stdout, sys.stderr = masked_stream(sys.stdout), masked_stream(sys.stderr)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(RepeatFilter())
    # Commands report an unreachable server in their own sentence. Long-running processes configure logging again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            _renderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    code = run()
    gc.freeze()  # Without it, Python searches all objects for garbage before it exits: 0.2 s for a console.
    sys.exit(code)


LOG_FORMAT: Final = "FIRSTCLAIM_LOG_FORMAT"


def _renderer() -> Any:
    """Return what writes a line of the log: JSON for programs, text for people (`FIRSTCLAIM_LOG_FORMAT`).

    Without the variable, a terminal gets text and everything else JSON. Another value is a wrong setting (78).
    """
    log_format = os.environ.get(LOG_FORMAT, "").lower()
    if log_format not in {"", "json", "text"}:
        sys.exit(_failed(f"{LOG_FORMAT}: is {log_format!r}; it must be json or text", 78))
    if log_format == "json" or (not log_format and not sys.stderr.isatty()):
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code. An error is one line on stderr, without a traceback.

    0 success · 1 the command ran and its answer is negative · 2 wrong arguments · 70 failure · 78 wrong setting.
    With FIRSTCLAIM_DEBUG=1 an error that this project does not define is raised with its traceback.
    """
    try:
        app(args=arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except ConfigError as error:
        return _failed(str(error), 78)
    except FirstclaimError as error:
        return _failed(str(error), 70)
    except Exception as error:
        if os.environ.get("FIRSTCLAIM_DEBUG") == "1":
            raise
        return _failed(sentence(error), 70)
    return 0


def _failed(reason: str, code: int) -> int:
    typer.secho(f"firstclaim: {reason}", fg="red", err=True)
    return code


_OF: Final = {"aiokafka": "Kafka", "redis": "Valkey", "sqlalchemy": "database"}
"""Package of an error's class -> the part that failed."""


def sentence(error: BaseException) -> str:
    """Describe in one line what failed and why."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, FirstclaimError):
        return str(error)
    name = type(error).__name__
    origin = (
        getattr(error, "orig", None) or error
    )  # the database driver's message, without statement and values
    text = next((line.strip() for line in str(origin).splitlines() if line.strip()), "") or name
    package = type(error).__module__.partition(".")[0]
    if name == "UnknownTopicOrPartitionError":
        return "Kafka: a topic does not exist. Worker, relay and sink create the topics when they start"
    if package in _OF:
        return f"{_OF[package]}: {text}"
    if isinstance(error, OSError):
        return text
    return f"{name}: {text}; that is a fault of firstclaim, FIRSTCLAIM_DEBUG=1 shows where"
