"""Adds `--state-dir` to every command: the folder of the stack, as in `FIRSTCLAIM_STATE_DIR`.

The option is added to every command of a complete application, so that no command declares it. It sets the environment
variable while the command runs, and `Settings` reads the folder from there.
"""

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from streams.settings import environment_name

VARIABLE: Final = environment_name("state_dir")
NAME: Final = "state_dir"
StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="FOLDER",
        file_okay=False,
        help=f"Where `up` keeps its data; {VARIABLE} says the same. By default .state in this folder.",
    ),
]


def add_to_all(app: typer.Typer) -> None:
    """Add the option to every command of an application, including its groups and their commands."""
    for command in app.registered_commands:
        command.callback = _with_option(command.callback)
    if app.registered_callback is not None:
        app.registered_callback.callback = _with_option(app.registered_callback.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            add_to_all(group.typer_instance)


def _with_option(command: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Return the command with the additional option."""
    if command is None:
        return None

    @functools.wraps(command)
    def taking(*arguments: Any, **options: Any) -> Any:
        with use_state_dir(options.pop(NAME)):
            return command(*arguments, **options)

    own = inspect.signature(command, eval_str=True)
    option = inspect.Parameter(NAME, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=StateDir)
    taking.__signature__ = own.replace(parameters=[*own.parameters.values(), option])  # type: ignore[attr-defined]
    taking.__annotations__ = {**command.__annotations__, NAME: StateDir}
    return taking


@contextmanager
def use_state_dir(folder: Path | None) -> Iterator[None]:
    """Set the folder for code that reads the settings. None leaves it unchanged."""
    before = os.environ.get(VARIABLE)
    if folder is not None:
        os.environ[VARIABLE] = str(folder.expanduser().absolute())
    try:
        yield
    finally:
        if before is not None:
            os.environ[VARIABLE] = before
        else:
            os.environ.pop(VARIABLE, None)
