"""Explains how to sign in to a stack that was just started, as a command for another terminal."""

import shlex
import shutil
import sys
from pathlib import Path

from sink.database_engine import connect
from streams.settings import Settings
from web.settings import WebSettings
from web.store.accounts import Accounts


def how_to_sign_in(settings: Settings, first_account_url: str) -> list[str]:
    """Return the lines that explain how to create the first account; none if an account exists.

    `first_account_url`: the console's page for it, with its key.
    """
    web = WebSettings.read(state_dir=settings.state_dir)
    store = connect(web.console_database_url)
    try:
        if Accounts(store).has_any():
            return []
    finally:
        store.dispose()
    condition = "" if "console_database_url" not in web.model_fields_set else ", with the same environment"
    return [
        "nobody can sign in yet. Make the first account in a browser; the link works until there is one:",
        f"  {first_account_url}",
        f"or in another terminal{condition}:",
        f"  {command('account', 'add', 'you@lender.example', '--rep', 'you', '--role', 'admin', settings=settings)}",
    ]


def command(*arguments: str, settings: Settings) -> str:
    """Return one of our commands as it is typed in this folder, for the stack of these settings."""
    folder = settings.state_dir.absolute()
    default = Settings.model_fields["state_dir"].default
    folder_options = () if folder == Path(default).absolute() else ("--state-dir", str(folder))
    return shlex.join((*_program(), *arguments, *folder_options))


def _program() -> tuple[str, ...]:
    """Return how this program was called, in a shorter form if the shell finds it by its name."""
    program = Path(sys.argv[0])
    if program.name != "firstclaim":
        return (sys.executable, "-m", "cli")
    path = shutil.which(program.name)
    if path is not None and Path(path).resolve() == program.resolve():
        return (program.name,)
    absolute = program.absolute()
    is_below = absolute.is_relative_to(Path.cwd())
    return (str(absolute.relative_to(Path.cwd()) if is_below else absolute),)
