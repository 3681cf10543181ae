"""Every command takes `--state-dir`: the folder of the stack it is about, as `FIRSTCLAIM_STATE_DIR` names it.

The option is put on every command of a finished application, so that no command declares it itself. It sets the
environment variable for as long as the command runs: whatever reads `Settings` finds the folder there.
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
    """Give every command of an application the option, those of its groups and the groups' own included."""
    for command in app.registered_commands:
        command.callback = _with_option(command.callback)
    if app.registered_callback is not None:
        app.registered_callback.callback = _with_option(app.registered_callback.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            add_to_all(group.typer_instance)


def _with_option(command: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Return a command that takes the option besides its own."""
    if command is None:
        return None

    @functools.wraps(command)
    def taking(*arguments: Any, **options: Any) -> Any:
        with used(options.pop(NAME)):
            return command(*arguments, **options)

    own = inspect.signature(command, eval_str=True)
    option = inspect.Parameter(NAME, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=StateDir)
    taking.__signature__ = own.replace(parameters=[*own.parameters.values(), option])  # type: ignore[attr-defined]
    taking.__annotations__ = {**command.__annotations__, NAME: StateDir}
    return taking


@contextmanager
def used(folder: Path | None) -> Iterator[None]:
    """Name a folder to whatever reads the settings; None leaves it as it is."""
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
